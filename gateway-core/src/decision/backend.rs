//! How the backend of a decision is spoken to.

use super::{Decision, Forwarding, Outcome, template};
use crate::request::Request;
use crate::rules::{
    BackendProtocol, BackendTls, Balance, Forward, Policies, PortSpeech, SecretText, Service,
    ServiceTls,
};

/// TLS with a backend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TlsToBackend<'r> {
    /// How it is spoken; `None`: nothing is said of it, so that the server is not verified.
    pub settings: Option<&'r BackendTls>,
    /// Our own certificate and its key, in PEM, for backends that ask for one.
    pub certificate: Option<(&'r SecretText, &'r SecretText)>,
}

impl<'r> Forwarding<'r> {
    /// What the Service says of the port, where the rule leaves that to it.
    #[inline]
    pub(crate) fn speech(&self) -> Option<&'r PortSpeech> {
        let speech = self.forward.as_service_says.then(|| self.service.speech(self.port));
        speech.flatten()
    }

    /// What is spoken with the backend, within TLS or not.
    #[inline]
    pub fn protocol(&self) -> BackendProtocol {
        let said = self.speech().and_then(|speech| speech.protocol);
        said.unwrap_or(self.forward.settings.protocol)
    }
}

impl<'r> TlsToBackend<'r> {
    /// How TLS is spoken with `port` of `service` by a rule with these policies that sends requests
    /// there; `None`: not at all.
    pub fn of(
        forward: &'r Forward,
        policies: Option<&'r Policies>,
        service: &'r Service,
        port: u16,
    ) -> Option<Self> {
        let speech = forward.as_service_says.then(|| service.speech(port)).flatten();
        let (settings, certificate) = match speech.and_then(|speech| speech.tls.as_ref()) {
            Some(ServiceTls::Verified(tls)) => (Some(&**tls), None),
            // Nothing is sent then.
            Some(ServiceTls::Impossible(_)) => return None,
            None if forward.settings.tls => {
                let of_route = policies.and_then(|policies| policies.backend_tls.as_deref());
                (of_route, of_route.and_then(|tls| tls.certificate.as_ref()))
            }
            None => return None,
        };
        let own = forward.certificate.as_deref();
        let certificate = match certificate {
            Some((chain, key)) => Some((chain, key)),
            None => own.map(|own| (&own.chain, &own.key)),
        };
        Some(Self { settings, certificate })
    }
}

impl<'r> Decision<'r> {
    /// Appends the key of [`Balance::Hash`]: requests with the same one go to the same endpoint.
    /// Nothing where the rule balances otherwise, or the request is not forwarded.
    ///
    /// `request` is the one that was decided.
    pub fn write_balance_key(&self, request: &impl Request, out: &mut Vec<u8>) {
        if let Outcome::Forward(to) = self.outcome
            && let Balance::Hash { key, .. } = &to.forward.settings.balance
        {
            self.with_view(request, |view| template::write(key, view, out));
        }
    }

    /// How TLS is spoken with the backend of the outcome; `None`: not at all.
    #[inline]
    pub fn backend_tls(&self) -> Option<TlsToBackend<'r>> {
        let Outcome::Forward(to) = self.outcome else { return None };
        TlsToBackend::of(to.forward, self.policies(), to.service, to.port)
    }
}
