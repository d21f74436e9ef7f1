//! An endpoint as one of an upstream.

use super::circuit::Circuit;
use super::endpoint::Endpoint;
use super::peer::Address;
use super::standing::Standing;
use gateway_core::rules::{BackendSettings, RetryCondition};
use http::StatusCode;
use std::sync::Arc;
use std::time::Duration;

/// An endpoint as one of an upstream.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) endpoint: Arc<Endpoint>,
    /// How it fares there.
    pub(crate) standing: Arc<Standing>,
    /// Which of the Service's workloads it belongs to.
    pub(crate) workload: usize,
    /// Says when it pauses, where the Service has a circuit breaker.
    pub(crate) circuit: Option<Circuit>,
}

impl Member {
    pub(crate) fn address(&self) -> &Address {
        self.endpoint.address()
    }

    /// Notes that it answered. Where statuses count, one that is tried again is a failure, but for
    /// 403 and 404 (virtualserver §14).
    pub(crate) fn answered(&self, status: StatusCode, settings: &BackendSettings) {
        let is_fault = settings.failure_limit.counts_statuses
            && !matches!(status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND)
            && settings.retry.on.contains(&RetryCondition::Status(status));
        if is_fault {
            self.standing.failed(settings.failure_limit);
        } else {
            self.standing.answered();
        }
        if let Some(circuit) = &self.circuit {
            circuit.answered(status);
        }
    }

    /// Notes that it could not be reached, or did not answer as it should, though it was waited for
    /// so long, if that was it.
    pub(crate) fn failed(&self, settings: &BackendSettings, waited: Option<Duration>) {
        self.standing.failed(settings.failure_limit);
        if let Some(waited) = waited {
            self.standing.timed(waited);
        }
        self.timed_out();
    }

    /// Notes that it was still to answer when the time for the whole exchange was over, which may
    /// have been short already when it was asked.
    pub(crate) fn timed_out(&self) {
        if let Some(circuit) = &self.circuit {
            circuit.failed();
        }
    }

    /// Whether its circuit breaker lets it be tried.
    pub(crate) fn is_in(&self) -> bool {
        self.circuit.as_ref().is_none_or(Circuit::admits)
    }

    /// A circuit breaker alone says when its endpoints pause (smi N-10).
    pub(super) fn is_ejected(&self) -> bool {
        self.circuit.is_none() && self.standing.is_ejected()
    }
}
