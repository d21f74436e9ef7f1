//! Who calls, and whether endpoints admit them (smi §6). Refusing is what happens unless something
//! admits.

use super::{Decision, Outcome};
use crate::request::Request;
use crate::request::attributes::{SOURCE_ACCOUNT, SOURCE_IDENTITY, SOURCE_LABELS};
use crate::request::caller::account_of;
use crate::request::field::View;
use crate::rules::{Access, Caller, Grant, GroupMatch, Workload};

/// The caller of a request (smi T-2).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Source<'q> {
    /// Namespace and name of its service account.
    account: Option<(&'q str, &'q str)>,
    /// Its SPIFFE id.
    identity: Option<&'q str>,
    /// `name=value` pairs with commas between.
    labels: &'q str,
}

impl<'q> Source<'q> {
    /// Who has sent the request of `view` to a Service with `access`.
    pub(crate) fn of<R: Request>(view: &View<'q, R>, access: &'q Access) -> Self {
        let request = view.request();
        // What is there and no text is the name of nobody, and not as if nothing was there.
        let text = |name| request.attribute(name).map(|value| std::str::from_utf8(value).ok());
        let (given, identity) = (text(SOURCE_ACCOUNT), text(SOURCE_IDENTITY));
        let labels = text(SOURCE_LABELS).flatten().unwrap_or_default();
        let account = match (given, identity) {
            (Some(given), _) => given.and_then(|account| account.split_once('/')),
            (None, Some(identity)) => identity.and_then(account_of),
            (None, None) => {
                // What calls without a name is the gateway's own call, and no Pod's.
                let own = access.anonymous.as_ref();
                let account = own.map(|own| (&*own.namespace, &*own.name));
                return Self { account, ..Self::default() };
            }
        };
        Self { account, identity: identity.flatten(), labels }
    }

    fn is(&self, caller: &Caller) -> bool {
        match caller {
            Caller::Account(wanted) => self.account == Some((&*wanted.namespace, &*wanted.name)),
            Caller::Spiffe(wanted) => self.identity == Some(&**wanted),
            Caller::Labelled { namespace, labels } => {
                self.account.is_some_and(|(of, _)| *of == **namespace)
                    && labels.iter().all(|(name, value)| self.has_label(name, value))
            }
        }
    }

    fn has_label(&self, name: &str, value: &str) -> bool {
        self.labels.split(',').any(|label| label.split_once('=') == Some((name, value)))
    }

    /// What people call it; `None` for nobody.
    pub(crate) fn name(&self) -> Option<String> {
        match (self.account, self.identity) {
            (Some((namespace, name)), _) => Some(format!("{namespace}/{name}")),
            (None, identity) => identity.map(str::to_owned),
        }
    }
}

/// Why a grant does not admit a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The caller is none of its sources.
    Caller,
    /// It is about other ports.
    Port,
    /// None of its conditions holds.
    Request,
}

/// Whether `grant` admits the request to a workload by a port; with the match that holds, if it
/// has any (smi §6.4).
pub(crate) fn admit<'r, R: Request>(
    grant: &'r Grant,
    (workload, port): (&Workload, u16),
    source: &Source<'_>,
    view: &View<'_, R>,
) -> Result<Option<&'r GroupMatch>, Refused> {
    if !grant.callers.iter().any(|caller| source.is(caller)) {
        return Err(Refused::Caller);
    }
    let is_called = |wanted: &u16| workload.is_called_by(port, *wanted);
    if !grant.port.as_ref().is_none_or(is_called)
        || !grant.layer4.as_ref().is_none_or(|ports| ports.iter().any(is_called))
    {
        return Err(Refused::Port);
    }
    match &grant.matches {
        None => Ok(None),
        Some(matches) => view.first_held(matches).map(Some).ok_or(Refused::Request),
    }
}

fn is_admitted<R: Request>(
    (workload, port): (&Workload, u16),
    source: &Source<'_>,
    view: &View<'_, R>,
) -> bool {
    let admits = |grant: &Grant| admit(grant, (workload, port), source, view).is_ok();
    workload.asks.iter().all(|grants| grants.iter().any(admits))
}

/// Whether some endpoint of the port admits the request (smi T-15).
#[inline(never)]
pub(crate) fn is_open<R: Request>(access: &Access, port: u16, view: &View<'_, R>) -> bool {
    let source = Source::of(view, access);
    access.reachable(port).any(|(_, workload)| is_admitted((workload, port), &source, view))
}

impl Decision<'_> {
    /// Whether an endpoint may be sent the request, where not all may
    /// ([`Forwarding::is_checked`](super::Forwarding)). `workload` is its position in
    /// [`Access::workloads`] of the Service; what is not there, or is of another port, admits
    /// nobody (smi T-15).
    ///
    /// `request` is the one that was decided.
    pub fn admits(&self, request: &impl Request, workload: usize) -> bool {
        let Outcome::Forward(forwarding) = self.outcome else { return false };
        let Some(access) = &forwarding.service.access else { return true };
        let mut reachable = access.reachable(forwarding.port);
        let Some((_, workload)) = reachable.find(|(at, _)| *at == workload) else { return false };
        let checked = self.with_view(request, |view| {
            is_admitted((workload, forwarding.port), &Source::of(view, access), view)
        });
        checked.unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_account_is_read_from_a_spiffe_id() {
        // smi T-2
        for (identity, want) in [
            ("spiffe://cluster.local/ns/shop/sa/website", Some(("shop", "website"))),
            ("spiffe://cluster.local/ns/shop/sa/", None),
            ("spiffe://cluster.local/ns//sa/website", None),
            ("spiffe://cluster.local/ns/shop/sa/website/more", None),
            ("spiffe://cluster.local/x/ns/shop/sa/website", None),
            ("spiffe://cluster.local/ns/a/b/sa/website", None),
            ("spiffe:///ns/shop/sa/website", None),
            ("https://cluster.local/ns/shop/sa/website", None),
            ("spiffe://cluster.local", None),
            ("", None),
        ] {
            assert_eq!(account_of(identity), want, "{identity}");
        }
    }
}
