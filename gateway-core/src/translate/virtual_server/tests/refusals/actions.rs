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
                 `$` without a name in braces; write variables as in `${scheme}`",
                "error[unsupported-value]: spec.routes[1].action.redirect.code: `303` is not a \
                 status to redirect with; use 301, 302, 307 or 308",
                "error[unsupported-value]: spec.routes[2].action.redirect.url: unknown variable \
                 `hots`; did you mean `host`?",
                "error[invalid-value]: spec.routes[4].action.return.code: `302` is not a status to \
                 return; use 200 to 299 or 400 to 599",
                "error[invalid-value]: spec.routes[4].action.return.type: `a;b` is not a media \
                 type: it holds `;`",
                "error[invalid-value]: spec.routes[6].action.return.body: `a-b` is not a name: it \
                 holds letters, digits and `_`",
                "error[invalid-value]: spec.routes[7].action.return.headers[0].name: `x_a` is not \
                 a header name: it holds letters, digits and `-`",
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
                 that is not before a digit",
                "error[invalid-value]: spec.routes[1].action.proxy.rewritePath: `b` is not a path: \
                 a path begins with `/`, found `b`",
                "error[invalid-value]: spec.routes[2].action.proxy.rewritePath: `/{c}` holds \
                 braces; parameters cannot stand here",
                "error[invalid-value]: spec.routes[3].action.proxy.rewritePath: `d e` is not a \
                 path: it begins with `/` and has no blanks",
                "error[invalid-value]: spec.routes[4].action.proxy.upstream: `Tea` is not a DNS \
                 label: it holds lower-case letters, digits and `-`",
                "error[invalid-value]: spec.routes[5].action.proxy.requestHeaders.set[0].value: \
                 `Host` must not be set to an empty value",
                "error[invalid-value]: spec.routes[5].action.proxy.responseHeaders.hide[0]: `a_b` \
                 is not a header name: it holds letters, digits and `-`",
                "error[unsupported-value]: spec.routes[5].action.proxy.responseHeaders.ignore[0]: \
                 unknown header to ignore `vary`; did you mean `Vary`?",
            ],
        )],
    );
}
