//! Actions (virtualserver §5.3).

use super::*;

#[test]
fn redirects_and_returns() {
    // virtualserver §5.3
    refused(
        cafe,
        &[(
            "routes:\n\
             - {path: /a, action: {redirect: {url: '/b'}}}\n\
             - {path: /b, action: {redirect: {url: 'http://$host', code: 303}}}\n\
             - {path: /c, action: {redirect: {url: 'http://${hots}'}}}\n\
             - {path: /d, action: {redirect: {}}}\n\
             - {path: /e, action: {return: {code: 302, body: x, type: 'a;b'}}}\n\
             - {path: /f, action: {return: {body: ''}}}\n\
             - {path: /g, action: {return: {body: '${http_a-b}'}}}\n\
             - {path: /h, action: {return: {body: x, headers: [{name: x_a, value: '${host}'}]}}}\n\
             - {path: /i, action: {return: {body: x, headers: [{name: a, value: 'a\\nb: c'}]}}}",
            &[
                "error[missing-field]: spec.routes[3].action.redirect.url: required field `url` \
                 is missing",
                "error[missing-field]: spec.routes[5].action.return.body: `body` must not be empty",
                "error[invalid-value]: spec.routes[0].action.redirect.url: `/b` is not an absolute \
                 URL; begin with `https://` or `${scheme}://`",
                "error[invalid-value]: spec.routes[1].action.redirect.url: `http://$host` holds a \
                 `$` without a name in braces; write variables as in `${host}`",
                "error[unsupported-value]: spec.routes[1].action.redirect.code: `303` is not a \
                 status to redirect with; use 301, 302, 307 or 308",
                "error[unsupported-value]: spec.routes[2].action.redirect.url: unknown variable \
                 `hots`; did you mean `host`?",
                "error[invalid-value]: spec.routes[4].action.return.code: `302` is not a status to \
                 return; use 200 to 299 or 400 to 599",
                "error[invalid-value]: spec.routes[4].action.return.type: `a;b` is not a media \
                 type: it holds `;`",
                "error[invalid-value]: spec.routes[6].action.return.body: `a-b` is not a name: it \
                 may hold only letters, digits and `_`",
                "error[invalid-value]: spec.routes[7].action.return.headers[0].name: `x_a` is not \
                 a header name: it may hold only letters, digits and `-`",
                "error[invalid-value]: spec.routes[7].action.return.headers[0].value: `${host}` \
                 holds a `$`; variables cannot stand here",
                "error[invalid-value]: spec.routes[8].action.return.headers[0].value: `a\\nb: c` \
                 holds control characters",
            ],
        )],
    );
}

#[test]
fn proxying() {
    // virtualserver §5.3
    refused(
        cafe,
        &[(
            "routes:\n\
             - {path: /a, action: {proxy: {upstream: tea, rewritePath: '$x'}}}\n\
             - {path: /b, action: {proxy: {upstream: tea, rewritePath: 'b'}}}\n\
             - {path: /c, action: {proxy: {upstream: tea, rewritePath: '/{c}'}}}\n\
             - {path: '~d', action: {proxy: {upstream: tea, rewritePath: 'd e'}}}\n\
             - {path: /e, action: {proxy: {upstream: Tea}}}\n\
             - path: /f\n  action:\n    proxy:\n      upstream: tea\n\
             \x20     requestHeaders: {set: [{name: host, value: ''}, {value: x}]}\n\
             \x20     responseHeaders: {hide: [a_b], ignore: [vary]}",
            &[
                "error[missing-field]: spec.routes[5].action.proxy.requestHeaders.set[1].name: \
                 required field `name` is missing",
                "error[invalid-value]: spec.routes[0].action.proxy.rewritePath: `$x` holds a `$` \
                 that is not before a digit; write groups as in `$1`",
                "error[invalid-value]: spec.routes[1].action.proxy.rewritePath: `b` is not a path: \
                 a path begins with `/`, found `b`",
                "error[invalid-value]: spec.routes[2].action.proxy.rewritePath: `/{c}` holds \
                 braces; parameters cannot stand here",
                "error[invalid-value]: spec.routes[3].action.proxy.rewritePath: `d e` is not a \
                 path: it begins with `/` and has no blanks",
                "error[invalid-value]: spec.routes[4].action.proxy.upstream: `Tea` is not a DNS \
                 label: it may hold only lower-case letters, digits and `-`; did you mean `tea`?",
                "error[invalid-value]: spec.routes[5].action.proxy.requestHeaders.set[0].value: \
                 `Host` must not be set to an empty value",
                "error[invalid-value]: spec.routes[5].action.proxy.responseHeaders.hide[0]: `a_b` \
                 is not a header name: it may hold only letters, digits and `-`",
                "error[unsupported-value]: spec.routes[5].action.proxy.responseHeaders.ignore[0]: \
                 unknown header to ignore `vary`; did you mean `Vary`?",
            ],
        )],
    );
}

const ACTION: &str = "spec.routes[0].action.";

/// A route with this action.
fn with(action: &str) -> String {
    one_route("/", &format!("action: {{{action}}}"))
}

#[test]
fn fields_of_redirects_and_returns() {
    // virtualserver §2, ESC, HDRNAME, HDRVAL and RTYPE, and §5.3
    let of_status = |status: &str| {
        let what = "is not a status to return; use 200 to 299 or 400 to 599";
        format!("invalid-value return.code: `{status}` {what}")
    };
    for status in ["-1", "0", "199", "300", "399", "600"] {
        let action = format!("return: {{body: a, code: {status}}}");
        refused_for(with, ACTION, &[(&action, &of_status(status))]);
    }
    for status in ["-301", "300", "303", "304", "305", "200"] {
        let action = format!("redirect: {{url: 'a://b', code: {status}}}");
        let want = format!(
            "unsupported-value redirect.code: `{status}` is not a status to redirect with; use \
             301, 302, 307 or 308"
        );
        refused_for(with, ACTION, &[(&action, &want)]);
    }
    for c in ["{", "}", ";", "\""] {
        let action = format!("return: {{body: a, type: 'a{c}b'}}");
        let want =
            format!("invalid-value return.type: `a{c}b` is not a media type: it holds `{c}`");
        refused_for(with, ACTION, &[(&action, &want)]);
    }
    refused_for(
        with,
        ACTION,
        &[
            ("redirect: {url: ''}", "missing-field redirect.url: `url` must not be empty"),
            (
                "redirect: {url: 'a://\"'}",
                "invalid-value redirect.url: `a://\"` holds a `\"` that is not escaped; write \
                 `\\\"`, but not between double quotes, where YAML takes the `\\` away",
            ),
            (
                "redirect: {url: '${host}/a'}",
                "invalid-value redirect.url: `${host}/a` is not an absolute URL; begin with \
                 `https://` or `${scheme}://`",
            ),
            (
                "redirect: {url: 'a://b$'}",
                "invalid-value redirect.url: `a://b$` holds a `$` without a name in braces; write \
                 variables as in `${scheme}`",
            ),
            (
                "redirect: {url: 'a://${host'}",
                "invalid-value redirect.url: `a://${host` holds a `$` without a name in braces; \
                 write variables as in `${scheme}`",
            ),
            (
                "return: {body: 'a\\'}",
                "invalid-value return.body: `a\\` ends in a single `\\`; write `\\\\`",
            ),
            (
                "return: {body: a, type: 'a\\'}",
                "invalid-value return.type: `a\\` is not a media type: it holds `\\`",
            ),
            (
                "return: {body: a, headers: [{value: b}]}",
                "missing-field return.headers[0].name: required field `name` is missing",
            ),
            (
                "return: {body: a, headers: [{name: b, value: '\"'}]}",
                "invalid-value return.headers[0].value: `\"` holds a `\"` that is not escaped; \
                 write `\\\"`, but not between double quotes, where YAML takes the `\\` away",
            ),
            ("return: {code: 200}", "missing-field return.body: required field `body` is missing"),
            ("pass: ''", "missing-field pass: `pass` must not be empty"),
        ],
    );
}

/// A route that proxies, with these further fields.
fn proxy(fields: &str) -> String {
    with(&format!("proxy: {{upstream: tea, {fields}}}"))
}

#[test]
fn fields_of_proxies() {
    // virtualserver §2, HDRNAME and ESC, and §5.3. NGINX leaves `.set` out of the path.
    for list in ["requestHeaders.set", "responseHeaders.add"] {
        let (headers, of) = list.split_once('.').unwrap();
        for (header, want) in [
            ("{}", "missing-field [0].name: required field `name` is missing"),
            (
                "{name: a_b, value: c}",
                "invalid-value [0].name: `a_b` is not a header name: it may hold only letters, digits and \
                 `-`",
            ),
            (
                "{name: a, value: '\"'}",
                "invalid-value [0].value: `\"` holds a `\"` that is not escaped; write `\\\"`, but not between double quotes, where YAML takes the `\\` away",
            ),
            (
                "{name: a, value: $host}",
                "invalid-value [0].value: `$host` holds a `$` without a name in braces; write variables as in `${host}`",
            ),
            (
                "{name: a, value: '${cookie_a-b}'}",
                "invalid-value [0].value: `a-b` is not a name: it may hold only letters, digits and `_`",
            ),
            (
                "{name: a, value: \"b\\nc\"}",
                "invalid-value [0].value: `b\\nc` holds control characters",
            ),
        ] {
            let want = want.replacen('[', &format!("proxy.{list}["), 1);
            let fields = format!("{headers}: {{{of}: [{header}]}}");
            refused_for(proxy, ACTION, &[(&fields, &want)]);
        }
    }
    for list in ["hide", "pass"] {
        let want = format!(
            "invalid-value proxy.responseHeaders.{list}[1]: `b c` is not a header name: it may hold only \
             letters, digits and `-`"
        );
        let translation = translation(
            &proxy(&format!("responseHeaders: {{{list}: [a, b c]}}")),
            &Options::default(),
        );
        let (code, want) = want.split_once(' ').unwrap();
        let want = format!("error[{code}]: {ACTION}{want}");
        assert!(told(&translation.diagnostics).contains(&want), "{list}");
        assert!(translation.rules.listeners.is_empty(), "{list}");
    }
    refused_for(
        proxy,
        ACTION,
        &[
            (
                "requestHeaders: {pass: 1}",
                "wrong-type proxy.requestHeaders.pass: expected `true` or `false`, found the \
                 number `1`",
            ),
            (
                "responseHeaders: {add: [{name: a, always: x}]}",
                "wrong-type proxy.responseHeaders.add[0].always: expected `true` or `false`, found \
                 the text `x`",
            ),
            (
                "responseHeaders: {ignore: [Server]}",
                "unsupported-value proxy.responseHeaders.ignore[0]: unknown header to ignore \
                 `Server`; known are `X-Accel-Redirect`, `X-Accel-Expires`, \
                 `X-Accel-Limit-Rate`, `X-Accel-Buffering`, `X-Accel-Charset`, `Expires`, \
                 `Cache-Control`, `Set-Cookie`, `Vary`",
            ),
        ],
    );
    refused_for(
        with,
        ACTION,
        &[
            ("proxy: {}", "missing-field proxy.upstream: required field `upstream` is missing"),
            (
                "proxy: {upstream: milk}",
                "not-found proxy.upstream: no upstream is named `milk`; known are `coffee`, `tea`",
            ),
        ],
    );
}
