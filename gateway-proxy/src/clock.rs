//! The time of day as text.

use http::HeaderValue;
use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time of day as fields of HTTP have it, which is written once a second.
pub(crate) struct Dates(RefCell<(u64, HeaderValue)>);

impl Default for Dates {
    fn default() -> Self {
        Self(RefCell::new((0, HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))))
    }
}

impl Dates {
    /// Reads the present one.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&HeaderValue) -> T) -> T {
        let now = Moment::now();
        let second = now.since_epoch.as_secs();
        let mut known = self.0.borrow_mut();
        if known.0 != second
            && let Ok(date) = HeaderValue::try_from(now.http_date())
        {
            *known = (second, date);
        }
        read(&known.1)
    }
}

/// A moment, in UTC.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    since_epoch: Duration,
}

impl Moment {
    pub(crate) fn now() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self { since_epoch }
    }

    /// So long after the beginning of 1970.
    pub(crate) fn after_epoch(since_epoch: Duration) -> Self {
        Self { since_epoch }
    }

    /// How long after the beginning of 1970 it is.
    pub(crate) fn since_epoch(self) -> Duration {
        self.since_epoch
    }

    /// RFC 3339 with milliseconds.
    pub(crate) fn timestamp(self) -> String {
        let millis = self.since_epoch.subsec_millis();
        format!("{}T{}.{millis:03}Z", self.date(), self.time())
    }

    /// ISO 8601 as NGINX prints it: `2024-03-01T00:00:00+00:00`.
    pub(crate) fn iso8601(self) -> String {
        format!("{}T{}+00:00", self.date(), self.time())
    }

    /// As access logs have it: `01/Mar/2024:00:00:00 +0000`.
    pub(crate) fn common(self) -> String {
        let (year, month, day) = civil(self.since_epoch.as_secs() / DAY);
        let month = MONTHS[month as usize - 1];
        format!("{day:02}/{month}/{year:04}:{} +0000", self.time())
    }

    /// As fields of HTTP have it (RFC 9110, section 5.6.7): `Fri, 01 Mar 2024 00:00:00 GMT`.
    pub(crate) fn http_date(self) -> String {
        /// 1970 began with a Thursday.
        const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        let days = self.since_epoch.as_secs() / DAY;
        let (year, month, day) = civil(days);
        let (weekday, month) = (DAYS[(days % 7) as usize], MONTHS[month as usize - 1]);
        format!("{weekday}, {day:02} {month} {year:04} {} GMT", self.time())
    }

    fn date(self) -> String {
        let (year, month, day) = civil(self.since_epoch.as_secs() / DAY);
        format!("{year:04}-{month:02}-{day:02}")
    }

    fn time(self) -> String {
        let second = self.since_epoch.as_secs() % DAY;
        format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Year, month and day of a day since 1970-01-01, by counting from 0000-03-01, where leap days are
/// at the end of a year.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_in_utc() {
        for (seconds, timestamp, common, weekday) in [
            (0, "1970-01-01T00:00:00", "01/Jan/1970:00:00:00", "Thu"),
            (951_782_399, "2000-02-28T23:59:59", "28/Feb/2000:23:59:59", "Mon"),
            (951_782_400, "2000-02-29T00:00:00", "29/Feb/2000:00:00:00", "Tue"),
            (1_709_251_200, "2024-03-01T00:00:00", "01/Mar/2024:00:00:00", "Fri"),
            (4_102_444_799, "2099-12-31T23:59:59", "31/Dec/2099:23:59:59", "Thu"),
        ] {
            let moment = Moment { since_epoch: Duration::new(seconds, 7_000_000) };
            assert_eq!(moment.timestamp(), format!("{timestamp}.007Z"), "{seconds}");
            assert_eq!(moment.iso8601(), format!("{timestamp}+00:00"), "{seconds}");
            assert_eq!(moment.common(), format!("{common} +0000"), "{seconds}");
            let (date, time) = common.split_once(':').unwrap();
            let date = format!("{weekday}, {} {time} GMT", date.replace('/', " "));
            assert_eq!(moment.http_date(), date, "{seconds}");
        }
    }
}
