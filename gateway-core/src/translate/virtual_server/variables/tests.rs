use super::*;

/// Every name that the specification lists for some place, and some that it does not.
const NAMES: &[&str] = &[
    "apikey_client_name",
    "arg_a",
    "args",
    "binary_remote_addr",
    "connection",
    "connections_active",
    "connections_reading",
    "connections_waiting",
    "connections_writing",
    "cookie_a",
    "host",
    "http2",
    "http_a_b",
    "http_x_forwarded_proto",
    "https",
    "jwt_claim_sub",
    "jwt_header_kid",
    "nginx_version",
    "pid",
    "query_string",
    "remote_addr",
    "remote_port",
    "request",
    "request_body",
    "request_length",
    "request_method",
    "request_time",
    "request_uri",
    "scheme",
    "server_addr",
    "server_name",
    "server_port",
    "server_protocol",
    "ssl_cipher",
    "ssl_ciphers",
    "ssl_client_cert",
    "ssl_client_escaped_cert",
    "ssl_client_fingerprint",
    "ssl_client_i_dn",
    "ssl_client_i_dn_legacy",
    "ssl_client_raw_cert",
    "ssl_client_s_dn",
    "ssl_client_s_dn_legacy",
    "ssl_client_serial",
    "ssl_client_v_end",
    "ssl_client_v_remain",
    "ssl_client_v_start",
    "ssl_client_verify",
    "ssl_curves",
    "ssl_early_data",
    "ssl_protocol",
    "ssl_server_name",
    "ssl_session_id",
    "ssl_session_reused",
    "status",
    "time_iso8601",
    "time_local",
    "upstream_status",
    "uri",
];

/// The names of [`NAMES`] that `place` takes.
fn taken(takes: impl Fn(&str) -> bool) -> String {
    let taken: Vec<&str> = NAMES.iter().copied().filter(|name| takes(name)).collect();
    taken.join(" ")
}

#[test]
fn each_place_takes_its_names_and_no_other() {
    // virtualserver §17.1 to §17.7
    let in_place = |place| taken(|name| template(&format!("${{{name}}}"), place, "").is_ok());
    assert_eq!(
        taken(|name| condition_field(&format!("${name}")).is_ok()),
        "args http2 https query_string remote_addr remote_port request request_body \
         request_method request_uri scheme"
    );
    assert_eq!(in_place(Place::Redirect), "host http_x_forwarded_proto request_uri scheme");
    assert_eq!(in_place(Place::ErrorRedirect), "http_x_forwarded_proto scheme");
    assert_eq!(in_place(Place::ErrorReturn), "upstream_status");
    assert_eq!(in_place(Place::ErrorHeader), "upstream_status");
    assert_eq!(in_place(Place::ReturnHeader), "");
    assert_eq!(
        in_place(Place::Return),
        "arg_a args connection connections_active connections_reading connections_waiting \
         connections_writing cookie_a host http_a_b http_x_forwarded_proto nginx_version pid \
         remote_addr remote_port request_body request_length request_method request_time \
         request_uri scheme server_addr server_name server_port server_protocol time_iso8601 \
         time_local"
    );
    assert_eq!(
        in_place(Place::Proxy),
        "arg_a args connection connections_active connections_reading connections_waiting \
         connections_writing cookie_a host http_a_b http_x_forwarded_proto jwt_claim_sub \
         jwt_header_kid nginx_version pid remote_addr remote_port request_body request_length \
         request_method request_time request_uri scheme server_addr server_name server_port \
         server_protocol ssl_cipher ssl_ciphers ssl_client_cert ssl_client_escaped_cert \
         ssl_client_fingerprint ssl_client_i_dn ssl_client_i_dn_legacy ssl_client_raw_cert \
         ssl_client_s_dn ssl_client_s_dn_legacy ssl_client_serial ssl_client_v_end \
         ssl_client_v_remain ssl_client_v_start ssl_client_verify ssl_curves ssl_early_data \
         ssl_protocol ssl_server_name ssl_session_id ssl_session_reused time_iso8601 time_local"
    );
}

#[test]
fn names_become_fields() {
    // virtualserver §17
    for (text, want) in [
        ("${request_uri}", "<request target>"),
        ("${request_method}", "<method>"),
        ("${scheme}", "<scheme>"),
        ("${args}", "<query>"),
        ("${host}", "<host>"),
        ("${http_X_Forwarded_Proto}", "<header `x-forwarded-proto`>"),
        ("${arg_A}", "<argument `A`>"),
        ("${cookie_A}", "<cookie `A`>"),
        ("${jwt_claim_sub}", "<attribute `jwt_claim_sub`>"),
        ("${ssl_cipher}", "<attribute `ssl_cipher`>"),
        ("a${server_name}b", "a*.exampleb"),
        ("a ${host}${host} b", "a <host><host> b"),
        ("", ""),
    ] {
        assert_eq!(shown(text, Place::Proxy), Ok(want.to_owned()), "{text}");
    }
}

/// What `text` becomes, or why it is refused.
fn shown(text: &str, place: Place) -> Result<String, String> {
    let part = |part: &TemplatePart| match part {
        TemplatePart::Text(text) => text.to_string(),
        TemplatePart::Field(field) => format!("<{field}>"),
    };
    let template = template(text, place, "*.example").map_err(|fault| fault.message)?;
    Ok(template.parts().iter().map(part).collect())
}

#[test]
fn malformed_variables_are_refused() {
    // virtualserver §2, VARSTR
    for place in [
        Place::Redirect,
        Place::Return,
        Place::ErrorRedirect,
        Place::ErrorReturn,
        Place::ErrorHeader,
        Place::Proxy,
    ] {
        for text in ["$", "a$", "$scheme", "${scheme", "$$", "$ {scheme}", "$}", "${}"] {
            let want = format!("`{text}` holds a `$` without a name in braces");
            assert_eq!(shown(text, place), Err(want), "{place:?}");
        }
        for (text, name) in [("${ scheme}", " scheme"), ("${a${b}", "a${b")] {
            let want = format!("unknown variable `{name}`");
            assert_eq!(shown(text, place), Err(want), "{place:?}");
        }
    }
    for text in ["${arg_}", "${http_}", "${cookie_}", "${arg_a-b}", "${http_a.b}", "${cookie_a b}"]
    {
        assert!(shown(text, Place::Return).is_err(), "{text}");
    }
}

#[test]
fn escapes_by_place() {
    // virtualserver §2: what stands between NGINX's double quotes is unescaped, but for header
    // values of proxies, which are quoted once more
    let written = r#"a\"b\\c\td\x"#;
    let unescaped = "a\"b\\c\td\\x";
    for (place, want) in [
        (Place::Redirect, unescaped),
        (Place::Return, unescaped),
        (Place::ReturnHeader, unescaped),
        (Place::ErrorRedirect, unescaped),
        (Place::ErrorReturn, unescaped),
        (Place::ErrorHeader, unescaped),
        (Place::Proxy, written),
    ] {
        assert_eq!(shown(written, place), Ok(want.to_owned()), "{place:?}");
    }
    let lines = r"a\nb\r";
    for (place, want) in [
        (Place::Return, Ok("a\nb\r".to_owned())),
        (Place::ErrorReturn, Ok("a\nb\r".to_owned())),
        (Place::Proxy, Ok(lines.to_owned())),
        (Place::ReturnHeader, Err("`a\\nb\\r` holds control characters".to_owned())),
        (Place::ErrorHeader, Err("`a\\nb\\r` holds control characters".to_owned())),
        (Place::Redirect, Err("`a\\nb\\r` holds control characters".to_owned())),
        (Place::ErrorRedirect, Err("`a\\nb\\r` holds control characters".to_owned())),
    ] {
        assert_eq!(shown(lines, place), want, "{place:?}");
    }
}
