//! Which policies references find, and what comes of those that find none.

use super::*;

/// What is told with a VirtualServer `shop/cafe` that names `list`, and why it answers 500.
fn told_by(options: &Options, documents: &str, list: &str) -> (Vec<String>, Option<String>) {
    let server = cafe(&format!("policies: {list}\nroutes: [{{path: /, action: {{pass: tea}}}}]"));
    let translation = translation(&format!("{SECRETS}{documents}---\n{server}"), options);
    let hosts = translation.rules.listeners.iter().flat_map(|listener| listener.hosts.sorted());
    let policies = hosts.flat_map(|host| &host.routes).find_map(|route| route.policies.as_ref());
    let fault = policies.and_then(|policies| policies.fault.as_ref());
    (told(&translation.diagnostics), fault.map(|fault| fault.reason.to_string()))
}

#[test]
fn what_cannot_be_found_answers_500() {
    // virtualserver §1, §15
    let allow = policy("allow", "accessControl: {allow: [10.0.0.1]}");
    let other_class = policy("other", "ingressClassName: other\nhsts: {maxAge: 1}");
    let elsewhere = allow.replace("namespace: shop", "namespace: beans");
    let documents = format!("{allow}{other_class}{elsewhere}");
    let options = Options { ingress_class: Some("nginx".into()), ..Options::default() };
    for (list, want) in [
        ("[{name: allow}]", &[][..]),
        ("[{name: allow, namespace: beans}]", &[]),
        (
            "[{name: alow}]",
            &["error[not-found]: spec.policies[0]: there is no policy `shop/alow`: its scope \
               answers 500; did you mean `allow`?"],
        ),
        (
            "[{name: allow}, {name: x}, {name: y, namespace: beans}]",
            &[
                "error[not-found]: spec.policies[1]: there is no policy `shop/x`: its scope \
                 answers 500",
                "error[not-found]: spec.policies[2]: there is no policy `beans/y`: its scope \
                 answers 500",
            ],
        ),
        (
            "[{name: other}]",
            &["error[not-found]: spec.policies[0]: there is no policy `shop/other`: its scope \
               answers 500; one of this name has class `other`"],
        ),
    ] {
        let (told, reason) = told_by(&options, &documents, list);
        assert_eq!(told, want, "{list}");
        // The first fault is the reason.
        let first = want.first().map(|told| {
            let from = told.find("there").unwrap_or_default();
            told[from..].split(": its").next().unwrap_or_default().to_owned()
        });
        assert_eq!(reason, first, "{list}");
    }
}

#[test]
fn an_invalid_policy_is_as_one_that_is_missing() {
    // virtualserver §15
    let documents = policy("p", "rateLimit: {rate: 1, key: x, zoneSize: 1k}");
    let (told, reason) = told_by(&Options::default(), &documents, "[{name: p}]");
    assert_eq!(
        told,
        [
            "error[wrong-type]: spec.rateLimit.rate: expected text, found the number `1`; put it \
             in quotes",
            "error[invalid-value]: spec.rateLimit.zoneSize: `1k` is less than 32k",
            "error[invalid-policy]: spec.policies[0]: the policy `shop/p` is invalid: its scope \
             answers 500",
        ]
    );
    assert_eq!(reason.as_deref(), Some("the policy `shop/p` is invalid"));
}

#[test]
fn a_fault_stays_with_its_route() {
    // virtualserver §15: all policies of the list are void, those of other routes are not
    let documents = policy("allow", "accessControl: {allow: [10.0.0.1]}");
    let server = cafe(
        "routes:\n- {path: /a, policies: [{name: allow}, {name: x}], action: {pass: tea}}\n\
         - {path: /b, policies: [{name: allow}], action: {pass: tea}}",
    );
    let translation = with_secrets(&format!("{documents}---\n{server}"));
    let routes = &translation.rules.listeners[0].hosts.sorted()[0].routes;
    let policies: Vec<_> = routes.iter().filter_map(|route| route.policies.as_deref()).collect();
    let [faulty, sound] = policies[..] else { panic!("two routes") };
    let fault = faulty.fault.as_ref().unwrap();
    assert_eq!(&*fault.reason, "there is no policy `shop/x`");
    assert_eq!(fault.origin.to_string(), "VirtualServer shop/cafe: spec.routes[0].policies[1]");
    assert_eq!(*faulty, Policies { fault: faulty.fault.clone(), ..Policies::default() });
    assert!(sound.fault.is_none() && sound.access.is_some());
}

#[test]
fn connections_belong_to_the_whole_server() {
    // virtualserver §16.6, §16.10
    let documents = [
        policy("mtls", "ingressMTLS: {clientCertSecret: ca}"),
        policy("hsts", "hsts: {maxAge: 1}"),
        policy("proxied", "hsts: {maxAge: 1, behindProxy: true}"),
    ]
    .concat();
    let needs_tls = |mechanism, name| {
        format!(
            "error[misplaced-policy]: spec.policies[0]: `{mechanism}` of `shop/{name}` needs TLS: \
             its scope answers 500; give the VirtualServer `tls.secret`"
        )
    };
    for (name, want) in [
        ("mtls", vec![needs_tls("ingressMTLS", "mtls")]),
        ("hsts", vec![needs_tls("hsts", "hsts")]),
        ("proxied", Vec::new()),
    ] {
        let (told, _) = told_by(&Options::default(), &documents, &format!("[{{name: {name}}}]"));
        assert_eq!(told, want, "{name}");
        assert!(policies_of(&documents, &format!("[{{name: {name}}}]")).fault.is_none());
    }
    for (name, mechanism) in [("mtls", "ingressMTLS"), ("proxied", "hsts")] {
        let server = cafe(&format!(
            "tls: {{secret: cert}}\n\
             routes: [{{path: /, policies: [{{name: {name}}}], action: {{pass: tea}}}}]"
        ));
        let translation = with_secrets(&format!("{documents}---\n{server}"));
        let want = format!(
            "error[misplaced-policy]: spec.routes[0].policies[0]: `{mechanism}` of `shop/{name}` \
             is not for single routes: its scope answers 500; name the policy in `spec.policies`"
        );
        assert_eq!(told(&translation.diagnostics), [want]);
    }
}

#[test]
fn statuses() {
    // virtualserver §1
    for (spec, want) in [
        ("hsts: {maxAge: 1}", "Valid AddedOrUpdated: "),
        (
            "accessControl: {deny: []}",
            "Warning AddedOrUpdatedWithWarning: spec.accessControl: the list is empty and \
             restricts nothing",
        ),
        (
            "basicAuth: {secret: nobody}",
            "Warning AddedOrUpdatedWithWarning: spec.basicAuth.secret: there is no Secret \
             `shop/nobody`",
        ),
        (
            "hsts: {maxage: 1}",
            "Invalid Rejected: spec.hsts.maxAge: required field `maxAge` is missing",
        ),
    ] {
        let translation = with_secrets(&policy("p", spec));
        let status = &translation.statuses[0];
        assert_eq!(status.object.to_string(), "Policy shop/p");
        let Status::Policy(state) = &status.status else { panic!("{spec}") };
        let got = format!("{} {}: {}", state.state, state.reason, state.message);
        assert_eq!(got, want, "{spec}");
    }
    // A Policy of another class is none of ours.
    let options = Options { ingress_class: Some("nginx".into()), ..Options::default() };
    let other = policy("p", "ingressClassName: other\nhsts: {maxAge: -1}");
    let translation = translation(&other, &options);
    assert_eq!((translation.statuses.len(), translation.refused.len()), (0, 0));
}
