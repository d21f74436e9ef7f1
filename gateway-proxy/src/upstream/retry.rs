//! When another endpoint is tried.

use super::peer::Address;
use crate::error::Failure;
use gateway_core::rules::{NonIdempotent, Retry, RetryCondition};
use http::{Method, StatusCode};
use tokio::time::Instant;

/// The tries of one request.
pub(crate) struct Tries<'r> {
    rule: &'r Retry,
    left: u32,
    /// When the first began, where that matters.
    started: Option<Instant>,
    may_repeat: bool,
    tried: Vec<Address>,
}

impl<'r> Tries<'r> {
    /// The tries that `rule` allows for a request with `method`, where there are `endpoints`.
    pub(crate) fn new(rule: &'r Retry, method: &Method, endpoints: usize) -> Self {
        let most = if rule.on.is_empty() {
            1
        } else if rule.tries == 0 {
            u32::try_from(endpoints).unwrap_or(u32::MAX)
        } else {
            rule.tries
        };
        let always = rule.non_idempotent == NonIdempotent::Always;
        let may_repeat = always || !is_non_idempotent(method);
        let started = (most > 1).then(Instant::now);
        Self { rule, left: most.max(1), started, may_repeat, tried: Vec::new() }
    }

    /// The endpoints that were tried.
    pub(crate) fn tried(&self) -> &[Address] {
        &self.tried
    }

    /// Whether a request that may have reached a backend may be sent once more.
    pub(crate) fn may_repeat(&self) -> bool {
        self.may_repeat
    }

    /// Whether there may be more than one.
    pub(crate) fn may_be_many(&self) -> bool {
        self.left > 1
    }

    /// Counts a try.
    pub(crate) fn begin(&mut self) {
        self.left = self.left.saturating_sub(1);
    }

    /// Whether there is another try after this failure of `address`.
    pub(crate) fn after_failure(&mut self, failure: Failure, address: &Address) -> bool {
        let Some(condition) = failure.retry_condition() else { return false };
        (failure.before_sending() || self.may_repeat) && self.another(condition, address)
    }

    /// Whether there is another try after `address` answered with this status.
    pub(crate) fn after_status(&mut self, status: StatusCode, address: &Address) -> bool {
        let may_repeat = self.may_repeat || self.rule.non_idempotent == NonIdempotent::AfterStatus;
        may_repeat && self.another(RetryCondition::Status(status), address)
    }

    fn another(&mut self, condition: RetryCondition, address: &Address) -> bool {
        let in_time = match (self.rule.timeout, self.started) {
            (Some(most), Some(started)) => started.elapsed() < most,
            _ => true,
        };
        if self.left == 0 || !in_time || !self.rule.on.contains(&condition) {
            return false;
        }
        self.tried.push(address.clone());
        true
    }

    /// Waits as long as the rule asks for between two tries.
    pub(crate) async fn back_off(&self) {
        if let Some(pause) = self.rule.backoff {
            tokio::time::sleep(pause).await;
        }
    }
}

/// The methods that NGINX counts as not idempotent.
pub(crate) fn is_non_idempotent(method: &Method) -> bool {
    *method == Method::POST || *method == Method::PATCH || method.as_str() == "LOCK"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_follow_the_rule() {
        let default = Retry::default();
        let off = Retry { on: vec![], ..default.clone() };
        let repeat = Retry { non_idempotent: NonIdempotent::Always, ..default.clone() };
        let status_only = Retry { non_idempotent: NonIdempotent::AfterStatus, ..default.clone() };
        let address = Address::new("127.0.0.1", 1);
        for (rule, method, failure, endpoints, want) in [
            (&default, Method::GET, Failure::Connect, 2, true),
            (&default, Method::GET, Failure::Disconnect, 2, true),
            (&default, Method::GET, Failure::Timeout, 2, true),
            (&default, Method::GET, Failure::InvalidHead, 2, false),
            (&default, Method::GET, Failure::TooLarge, 2, false),
            (&default, Method::GET, Failure::Connect, 1, false),
            (&default, Method::POST, Failure::Connect, 2, true),
            (&default, Method::POST, Failure::Tls, 2, true),
            (&default, Method::POST, Failure::Disconnect, 2, false),
            (&repeat, Method::POST, Failure::Disconnect, 2, true),
            (&status_only, Method::POST, Failure::Connect, 2, true),
            (&status_only, Method::POST, Failure::Disconnect, 2, false),
            (&off, Method::GET, Failure::Connect, 2, false),
        ] {
            let mut tries = Tries::new(rule, &method, endpoints);
            tries.begin();
            let got = tries.after_failure(failure, &address);
            assert_eq!(got, want, "{method} {failure:?} of {endpoints}, {rule:?}");
        }
    }

    #[test]
    fn a_status_is_tried_again_only_where_the_rule_names_it() {
        let on = vec![RetryCondition::Status(StatusCode::SERVICE_UNAVAILABLE)];
        let rule = Retry { on, tries: 2, ..Retry::default() };
        let address = Address::new("127.0.0.1", 1);
        let mut tries = Tries::new(&rule, &Method::GET, 1);
        tries.begin();
        assert!(!tries.after_status(StatusCode::INTERNAL_SERVER_ERROR, &address));
        assert!(tries.after_status(StatusCode::SERVICE_UNAVAILABLE, &address));
        tries.begin();
        assert!(!tries.after_status(StatusCode::SERVICE_UNAVAILABLE, &address), "two tries in all");
    }
    #[test]
    fn posts_are_sent_again_after_a_status_where_the_rule_says_so() {
        // gateway-api §16, virtualserver §14
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        let address = Address::new("127.0.0.1", 1);
        for (non_idempotent, want) in [
            (NonIdempotent::Never, false),
            (NonIdempotent::AfterStatus, true),
            (NonIdempotent::Always, true),
        ] {
            let on = vec![RetryCondition::Status(unavailable)];
            let rule = Retry { on, tries: 2, non_idempotent, ..Retry::default() };
            let mut tries = Tries::new(&rule, &Method::POST, 1);
            tries.begin();
            assert_eq!(tries.after_status(unavailable, &address), want, "{non_idempotent:?}");
        }
    }
}
