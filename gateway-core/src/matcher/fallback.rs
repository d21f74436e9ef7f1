//! Where requests go while every endpoint of a Service is out.

use super::Router;
use super::outcome::checked;
use crate::decision::limits::is_limited;
use crate::decision::{Decision, Forwarding, Outcome};
use crate::request::Request;
use crate::rules::ServiceId;

impl Router {
    /// What to do with a request in place of `decision`, one of this router's that forwards it,
    /// while the circuit breaker of the Service keeps all endpoints out (smi N-10). `None` where
    /// nothing is to be asked instead: the answer is 503.
    ///
    /// The outcome is [`Outcome::Forward`]; or [`Outcome::Deny`] where no endpoint of the fallback
    /// Service admits the caller, and [`Outcome::NoRoute`] where it cannot be trusted. Splits and the breaker of that Service do not send the request on.
    /// It has passed the steps of `decision`, which are not asked again: there are no others than
    /// the limits of the fallback Service.
    ///
    /// `request` is the one that was decided.
    ///
    #[cfg_attr(feature = "yaml", doc = "```")]
    #[cfg_attr(not(feature = "yaml"), doc = "```ignore")]
    /// # use gateway_core::rules::{CircuitBreaker, ServiceId};
    /// # use gateway_core::{Options, RequestHead, Resources, Router, translate};
    /// # use std::{sync::Arc, time::Duration};
    /// # let resources = Resources::from_yaml("
    /// # apiVersion: k8s.nginx.org/v1
    /// # kind: VirtualServer
    /// # metadata: {name: cafe}
    /// # spec:
    /// #   host: cafe.example.com
    /// #   upstreams: [{name: tea, service: tea, port: 80}, {name: backup, service: backup, port: 80}]
    /// #   routes:
    /// #   - {path: /tea, action: {pass: tea}}
    /// #   - {path: /backup, action: {pass: backup}}
    /// # ")?;
    /// # let mut rules = translate(&resources, &Options::default()).rules;
    /// # let named = |name: &str| rules.services.iter().position(|s| &*s.name.name == name).unwrap();
    /// # let (tea, backup) = (named("tea"), ServiceId(named("backup") as u32));
    /// # let origin = rules.listeners[0].origin.clone();
    /// # let window = Duration::from_secs(30);
    /// # let fallback = Some((backup, 80));
    /// # let breaker = CircuitBreaker { errors: 3, window, counts_5xx: false, fallback, origin };
    /// # Arc::make_mut(&mut rules.services)[tea].breaker = Some(Arc::new(breaker));
    /// # let router = Router::compile(&rules)?;
    /// let request = RequestHead::get("cafe.example.com", "/tea/green");
    /// let decision = router.decide(&request, 0);
    /// assert_eq!(decision.service().unwrap().name.to_string(), "default/tea");
    /// // … and all its endpoints are out:
    /// let other = router.fall_back(&decision, &request).unwrap();
    /// assert_eq!(other.service().unwrap().name.to_string(), "default/backup");
    /// assert!(router.fall_back(&other, &request).is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fall_back<'r>(
        &'r self,
        decision: &Decision<'r>,
        request: &impl Request,
    ) -> Option<Decision<'r>> {
        let Outcome::Forward(forwarding) = decision.outcome else { return None };
        let (id, port) = forwarding.service.breaker.as_ref()?.fallback?;
        self.stand_in(decision, request, id, port)
    }

    /// What to do with a request in place of `decision`, one of this router's that forwards it,
    /// while no endpoint of the Service works: it goes to the backup of the rule
    /// ([`BackendSettings::backup`], virtualserver §4). `None` where there is none.
    ///
    /// All else is as for [`Router::fall_back`].
    ///
    /// [`BackendSettings::backup`]: crate::rules::BackendSettings::backup
    pub fn back_up<'r>(
        &'r self,
        decision: &Decision<'r>,
        request: &impl Request,
    ) -> Option<Decision<'r>> {
        let Outcome::Forward(forwarding) = decision.outcome else { return None };
        let backup = forwarding.forward.settings.backup?;
        self.stand_in(decision, request, backup.service, backup.port)
    }

    /// The decision for another Service, which nothing stands in for.
    fn stand_in<'r>(
        &'r self,
        decision: &Decision<'r>,
        request: &impl Request,
        id: ServiceId,
        port: u16,
    ) -> Option<Decision<'r>> {
        let Outcome::Forward(forwarding) = decision.outcome else { return None };
        if decision.fell_back {
            return None;
        }
        let service = self.rules().services.get(id.0 as usize).filter(|s| s.has_port(port))?;
        let forwarding = Forwarding { service, id, port, split: None, ..forwarding };
        let outcome = decision.with_view(request, |view| checked(forwarding, view))?;
        let is_open = matches!(outcome, Outcome::Forward(_));
        let guarded = is_open && is_limited(service, &outcome);
        // Its limits count at its endpoints. Who is denied reaches none.
        let addressed = Some(service).filter(|_| is_open);
        Some(Decision { outcome, addressed, guarded, fell_back: true, ..*decision })
    }
}
