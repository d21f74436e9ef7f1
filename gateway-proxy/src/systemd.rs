//! What the service manager is told (`sd_notify(3)`). Without one, nothing is.

use rustix::time::{ClockId, clock_gettime};
use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Tells the service manager what state the proxy is in.
pub(crate) struct Notifier(Option<(UnixDatagram, SocketAddr)>);

impl Notifier {
    /// Of the service manager that the environment names.
    ///
    /// # Errors
    ///
    /// When it names one that cannot be told anything.
    pub(crate) fn from_environment() -> io::Result<Self> {
        env::var_os("NOTIFY_SOCKET").map_or(Ok(Self(None)), |name| Self::of(&name))
    }

    fn of(name: &OsStr) -> io::Result<Self> {
        Ok(Self(Some((UnixDatagram::unbound()?, address(name)?))))
    }

    /// The proxy serves.
    pub(crate) fn ready(&self) {
        self.tell("READY=1");
    }

    /// The proxy reads its documents again; [`Notifier::ready`] has to follow.
    pub(crate) fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// The proxy finishes what it has.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// The proxy is alive.
    pub(crate) fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.0 {
            // A manager that does not listen has its own ways to find out.
            let _ = socket.send_to_addr(state.as_bytes(), address);
        }
    }
}

/// `/run/systemd/notify`, or `@name` for one that is in no folder.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => {
            use std::os::linux::net::SocketAddrExt;
            SocketAddr::from_abstract_name(name)
        }
        _ => SocketAddr::from_pathname(name),
    }
}

/// How often the service manager wants to hear that the proxy is alive, if it does: twice as often
/// as it would have to.
pub(crate) fn watchdog() -> Option<Duration> {
    let read = |name| env::var(name).ok()?.parse::<u64>().ok();
    interval(read("WATCHDOG_USEC"), read("WATCHDOG_PID"), std::process::id())
}

fn interval(micros: Option<u64>, of: Option<u64>, process: u32) -> Option<Duration> {
    let is_meant = of.is_none_or(|of| of == u64::from(process));
    micros.filter(|micros| is_meant && *micros > 1).map(|micros| Duration::from_micros(micros / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_told_to_sockets_of_both_kinds() {
        let path = env::temp_dir().join(format!("gateway-notify-{}", std::process::id()));
        let abstract_name = format!("@gateway-notify-{}", std::process::id());
        for name in [path.as_os_str(), OsStr::new(&abstract_name)] {
            let manager = UnixDatagram::bind_addr(&address(name).unwrap()).unwrap();
            let heard = || {
                let mut octets = [0; 256];
                let length = manager.recv(&mut octets).unwrap();
                String::from_utf8_lossy(&octets[..length]).into_owned()
            };
            let notifier = Notifier::of(name).unwrap();
            notifier.ready();
            assert_eq!(heard(), "READY=1");
            notifier.reloading();
            let told = heard();
            let micros = told.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
            assert!(micros.parse::<u64>().unwrap() > 0);
            notifier.alive();
            notifier.stopping();
            assert_eq!([heard(), heard()], ["WATCHDOG=1", "STOPPING=1"]);
        }
        std::fs::remove_file(path).unwrap();
        Notifier(None).ready();
    }

    #[test]
    fn the_watchdog_is_fed_twice_as_often_as_it_has_to_be() {
        let second = Some(Duration::from_secs(1));
        assert_eq!(interval(Some(2_000_000), None, 7), second);
        assert_eq!(interval(Some(2_000_000), Some(7), 7), second);
        assert_eq!(interval(Some(2_000_000), Some(8), 7), None, "meant for another process");
        assert_eq!(interval(None, Some(7), 7), None);
        assert_eq!(interval(Some(0), None, 7), None);
    }
}
