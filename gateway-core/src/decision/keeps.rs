//! What goes on as it came.

use super::{Decision, Outcome};
use crate::rules::{Balance, HeaderOps, HostRewrite, PathRewrite, ResponseHeaderOps};

/// How much of a message goes on as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// All of it.
    All,
    /// All but header fields that many proxies drop unasked: of a request those whose names hold
    /// anything but letters, digits and `-`; of an answer those with which a backend tells of
    /// itself or speaks to its proxy alone: `Date`, `Server`, `X-Pad`, `X-Accel-Redirect`,
    /// `X-Accel-Expires`, `X-Accel-Limit-Rate`, `X-Accel-Buffering` and `X-Accel-Charset`.
    Usual,
    /// Something else is changed.
    Less,
}

impl Decision<'_> {
    /// How much the backend receives of the request: [`Keeps::All`] where target, host and header
    /// go on as they came, and endpoints are not chosen by a key of the request.
    #[inline]
    pub fn keeps_request(&self) -> Keeps {
        let Outcome::Forward(to) = self.outcome else { return Keeps::Less };
        let forward = to.forward;
        let HeaderOps { drop_all, drop_unusual, remove, set, add } = &forward.request_headers;
        let keeps_target = self.target_is_normal && matches!(forward.path, PathRewrite::Keep);
        let keeps_host = match forward.host {
            HostRewrite::Keep => true,
            HostRewrite::WithoutPort => self.is_plain,
            HostRewrite::Set(_) => false,
        };
        let has_ops = *drop_all | !remove.is_empty() | !set.is_empty() | !add.is_empty();
        let has_key = matches!(forward.settings.balance, Balance::Hash { .. });
        match keeps_target & keeps_host & !has_ops & !has_key {
            true if *drop_unusual => Keeps::Usual,
            true => Keeps::All,
            false => Keeps::Less,
        }
    }

    /// How much the client receives of what a backend answers, whatever its status: where it is not
    /// [`Keeps::Less`], there is no [`Decision::error_page`], and with [`Keeps::All`]
    /// [`Decision::edit_response`] changes nothing.
    #[inline]
    pub fn keeps_answers(&self) -> Keeps {
        let Outcome::Forward(to) = self.outcome else { return Keeps::Less };
        let ResponseHeaderOps { of_backends: _, hidden, remove, set, add } =
            &to.forward.response_headers;
        let has_ops = !remove.is_empty() | !set.is_empty() | !add.is_empty();
        let has_pages = self.route.is_some_and(|route| route.error_pages.is_some());
        let tells = self.policies().is_some_and(|policies| policies.hsts.is_some());
        match has_ops || has_pages || tells || self.cors().is_some() {
            false if hidden.is_empty() => Keeps::All,
            false => Keeps::Usual,
            true => Keeps::Less,
        }
    }
}
