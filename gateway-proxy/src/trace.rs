//! Traces over several programs: their field in requests (W3C Trace Context), and spans that are
//! told to a collector (OTLP over HTTP, in JSON).
//!
//! A span of the kind `server` stands for a request, and below it one of the kind `client` for each
//! try. Without a collector the fields are passed on as they came.

mod context;
mod export;
mod ids;
mod span;

pub(crate) use context::{Context, TRACEPARENT, TRACESTATE};
pub(crate) use export::{Endpoint, Exporter};
pub(crate) use ids::Ids;

use crate::error::StartError;
use crate::record::Facts;
use context::SpanId;
use http::HeaderMap;

/// Where traces are told, and which.
#[derive(Debug, Clone, PartialEq)]
pub struct Tracing {
    /// The collector, without the path for traces: `http://127.0.0.1:4318`. Without TLS.
    pub endpoint: String,
    /// Which share of the traces that begin here is told, from 0 to 1. Those that began elsewhere
    /// are told as was decided there.
    pub ratio: f64,
    /// What this proxy is called in traces (`service.name`).
    pub service: String,
}

/// Decides what is told, and tells it.
pub(crate) struct Tracer {
    /// A trace that begins here is told if its random number is below.
    threshold: u128,
    exporter: Exporter,
}

/// The span of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    pub(crate) context: Context,
    /// The span of whoever sent the request.
    parent: Option<SpanId>,
}

impl Tracer {
    /// Starts the thread that tells spans.
    ///
    /// # Errors
    ///
    /// When the endpoint is none, or there is no thread to be had.
    pub(crate) fn start(tracing: &Tracing) -> Result<Self, StartError> {
        let invalid = |why| StartError::Tracing { endpoint: tracing.endpoint.clone(), why };
        let endpoint = Endpoint::parse(&tracing.endpoint).map_err(invalid)?;
        let exporter = Exporter::start(endpoint, &tracing.service)?;
        Ok(Self { threshold: threshold(tracing.ratio), exporter })
    }

    /// Begins the span of a request with these fields.
    pub(crate) fn begin(&self, ids: &Ids, fields: &HeaderMap) -> Span {
        let span_id = ids.span_id();
        match Context::read(fields) {
            Some(above) => {
                Span { context: Context { span_id, ..above }, parent: Some(above.span_id) }
            }
            None => {
                let sampled = u128::from(ids.draw()) < self.threshold;
                let context = Context { trace_id: ids.trace_id(), span_id, sampled };
                Span { context, parent: None }
            }
        }
    }

    /// Tells of a request that is over.
    pub(crate) fn tell(&self, span: Span, facts: &Facts) {
        for text in span::write(span, facts) {
            self.exporter.send(text);
        }
    }

    pub(crate) fn exporter(&self) -> &Exporter {
        &self.exporter
    }
}

/// The number that so many of 64 random bits are below.
fn threshold(ratio: f64) -> u128 {
    (ratio.clamp(0.0, 1.0) * (1u128 << 64) as f64) as u128
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn tracer(ratio: f64) -> Tracer {
        let endpoint = "http://127.0.0.1:1".to_owned();
        Tracer::start(&Tracing { endpoint, ratio, service: "test".into() }).unwrap()
    }

    #[test]
    fn traces_that_began_elsewhere_go_on_as_was_decided_there() {
        for (ratio, flags) in [(0.0, "01"), (1.0, "00")] {
            let field = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
            let mut fields = HeaderMap::new();
            fields.insert(TRACEPARENT, HeaderValue::try_from(&field).unwrap());
            let Span { context, parent } = tracer(ratio).begin(&Ids::from_system(), &fields);
            assert_eq!(context.trace_id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
            assert_eq!(parent.unwrap().to_string(), "00f067aa0ba902b7");
            assert_ne!(context.span_id, parent.unwrap());
            assert_eq!(context.sampled, flags == "01");
        }
    }

    #[test]
    fn the_share_of_traces_that_begin_here_is_as_asked_for() {
        let ids = Ids::from_system();
        for (ratio, least, most) in [(0.0, 0, 0), (0.5, 300, 700), (1.0, 1000, 1000)] {
            let tracer = tracer(ratio);
            let begin = || tracer.begin(&ids, &HeaderMap::new());
            let sampled = (0..1000).filter(|_| begin().context.sampled).count();
            assert!((least..=most).contains(&sampled), "{sampled} of 1000 at {ratio}");
            assert_eq!(begin().parent, None);
        }
    }
}
