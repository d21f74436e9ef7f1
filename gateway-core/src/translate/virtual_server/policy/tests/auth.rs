//! `basicAuth` and `apiKey`.

use super::*;
use crate::rules::AuthRequest;

#[test]
fn basic_auth() {
    // virtualserver §16.3
    for (spec, want) in [
        ("basicAuth: {secret: users}", ""),
        ("basicAuth: {secret: users, realm: 'say \\\"hi\\\"'}", "say \"hi\""),
        ("basicAuth: {secret: users, realm: 'OFF'}", "OFF"),
    ] {
        let basic = lowered(spec).basic_auth.unwrap();
        assert_eq!((&*basic.realm, basic.users.octets()), (want, &b"a:{PLAIN}hunter2"[..]));
    }
}

#[test]
fn api_key() {
    // virtualserver §16.5
    let spec =
        "apiKey: {suppliedIn: {header: [X-Key, x-other], query: [key]}, clientSecret: clients}";
    let Some(AuthRequest::ApiKey(key)) = lowered(spec).auth_request else { panic!("an API key") };
    assert_eq!(key.headers, ["x-key", "x-other"]);
    assert_eq!(key.arguments, ["key".into()]);
    let clients = key.clients.iter().map(|client| (&*client.name, client.key.octets()));
    let want = [("ann", &b"hunter2-ann"[..]), ("bob", &b"hunter2-bob"[..])];
    assert_eq!(clients.collect::<Vec<_>>(), want);
}

#[test]
fn refusals() {
    // virtualserver §16.3, §16.5; the path of a wrong header name is that of the entry, not of the
    // list
    assert_refused(&[
        (
            "basicAuth: {}",
            &["error[missing-field]: spec.basicAuth.secret: required field `secret` is missing"],
        ),
        (
            "basicAuth: {secret: Users, realm: off}",
            &[
                "error[invalid-value]: spec.basicAuth.realm: the realm `off` would ask for \
                 nothing; write another text",
                "error[invalid-value]: spec.basicAuth.secret: `Users` is not a DNS label: it \
                 may hold only lower-case letters, digits and `-`; did you mean `users`?",
            ],
        ),
        (
            "basicAuth: {secret: '', realm: 'a$b'}",
            &[
                "error[missing-field]: spec.basicAuth.secret: `secret` must not be empty",
                "error[invalid-value]: spec.basicAuth.realm: `a$b` holds a `$`; variables cannot \
                 stand here",
            ],
        ),
        (
            "basicAuth: {secret: users, realm: 'say \"hi\"'}",
            &["error[invalid-value]: spec.basicAuth.realm: `say \"hi\"` holds a `\"` that is \
                 not escaped; write `\\\"`, but not between double quotes, where YAML takes the `\\` away"],
        ),
        (
            "basicAuth: {secret: users, realm: \"a\\nb\"}",
            &["error[invalid-value]: spec.basicAuth.realm: `a\\nb` holds control characters"],
        ),
        (
            "apiKey: {}",
            &[
                "error[missing-field]: spec.apiKey.suppliedIn: required field `suppliedIn` is \
                 missing",
                "error[missing-field]: spec.apiKey.clientSecret: required field `clientSecret` is \
                 missing",
            ],
        ),
        (
            "apiKey: {suppliedIn: {}, clientSecret: clients}",
            &["error[missing-field]: spec.apiKey.suppliedIn: expected at least one entry in \
                 `header` or `query`"],
        ),
        (
            "apiKey: {suppliedIn: {header: [X_Key, ''], query: ['', 'a\"']}, clientSecret: a_b}",
            &[
                "error[invalid-value]: spec.apiKey.suppliedIn.header[0]: `X_Key` is not a header \
                 name: it may hold only letters, digits and `-`",
                "error[invalid-value]: spec.apiKey.suppliedIn.header[1]: `` is not a header name: \
                 it may hold only letters, digits and `-`",
                "error[missing-field]: spec.apiKey.suppliedIn.query[0]: the name of an argument \
                 must not be empty",
                "error[invalid-value]: spec.apiKey.suppliedIn.query[1]: `a\"` holds a `\"` that \
                 is not escaped; write `\\\"`, but not between double quotes, where YAML takes the `\\` away",
                "error[invalid-value]: spec.apiKey.clientSecret: `a_b` is not a DNS label: it \
                 may hold only lower-case letters, digits and `-`; did you mean `a-b`?",
            ],
        ),
    ]);
}
