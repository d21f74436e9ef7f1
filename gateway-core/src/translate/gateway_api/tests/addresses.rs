//! Where Gateways can be reached (gateway-api §5).

use super::in_force::*;
use super::*;
use std::net::IpAddr;

/// Addresses in the status, `Accepted`, `Programmed`.
fn fares(addresses: &str, known: &[&str]) -> (Vec<String>, String, String) {
    let known: Vec<IpAddr> = known.iter().map(|text| text.parse().unwrap()).collect();
    let options = Options { addresses: known, ..default_options() };
    let spec = match addresses {
        "" => String::new(),
        list => format!("  addresses: [{list}]\n"),
    };
    let documents = [format!("{GATEWAY}{spec}"), rule("    backendRefs: [{name: s, port: 80}]")];
    let got = in_force(&options, &documents);
    // Whatever comes of them, listeners are bound, and no request goes elsewhere.
    assert_eq!(target(&got.get("x/", 0)), "default/s:80", "{addresses}");
    let status = status_of(&got.translation.statuses, "Gateway", "gw");
    let Status::Gateway { addresses, .. } = &status.status else { panic!("{status:?}") };
    let addresses = addresses.iter().map(|address| {
        assert_eq!(&*address.kind, "IPAddress");
        address.value.to_string()
    });
    let condition = |kind: &str| got.condition("Gateway", "gw", &format!(" {kind}"));
    (addresses.collect(), condition("Accepted"), condition("Programmed"))
}

#[test]
fn gateways_get_the_addresses_that_they_ask_for() {
    // gateway-api §5
    let (one, two, six) = ("192.0.2.1", "192.0.2.2", "2001:db8::1");
    let all = [one, two, six];
    let ip = |value: &str| format!("{{type: IPAddress, value: '{value}'}}");
    let (accepted, programmed) = ("true/Accepted", "true/Programmed");
    let not_usable = "false/AddressNotUsable";
    let not_assigned = "false/AddressNotAssigned";
    let unsupported = "false/UnsupportedAddress";
    for (wanted, known, want, own, reached) in [
        // Nothing is asked for: all there are.
        (String::new(), &all[..], &all[..], accepted, programmed),
        (String::new(), &[], &[], accepted, programmed),
        (ip(two), &all, &[two], accepted, programmed),
        ("{value: 192.0.2.2}".to_owned(), &all, &[two], accepted, programmed),
        (format!("{}, {}", ip(six), ip(one)), &all, &[six, one], accepted, programmed),
        // Another way to write it.
        (ip("2001:0DB8:0:0::1"), &all, &[six], accepted, programmed),
        // Nobody says which there are.
        (ip("203.0.113.9"), &[], &["203.0.113.9"], accepted, programmed),
        (ip("203.0.113.9"), &all, &[], accepted, not_usable),
        (format!("{}, {}", ip("203.0.113.9"), ip(two)), &all, &[two], accepted, not_usable),
        // One is to be assigned.
        ("{type: IPAddress}".to_owned(), &all, &[one], accepted, programmed),
        ("{}".to_owned(), &all, &[one], accepted, programmed),
        (format!("{}, {{}}", ip(one)), &all, &[one, two], accepted, programmed),
        (format!("{{}}, {}", ip(one)), &all, &[two, one], accepted, programmed),
        ("{}, {}".to_owned(), &all, &[one, two], accepted, programmed),
        ("{}".to_owned(), &[], &[], accepted, not_assigned),
        ("{}, {}".to_owned(), &[one], &[one], accepted, not_assigned),
        ("{type: Hostname}".to_owned(), &all, &[], accepted, not_assigned),
        ("{type: Hostname, value: a.example}".to_owned(), &all, &[], accepted, not_usable),
        ("{type: NamedAddress, value: a}".to_owned(), &all, &[], unsupported, "false/Invalid"),
        ("{type: x.test/y, value: a}".to_owned(), &all, &[], unsupported, "false/Invalid"),
        ("{type: x.test/y}".to_owned(), &[], &[], unsupported, "false/Invalid"),
        (
            format!("{{type: x.test/y, value: a}}, {}", ip(two)),
            &all,
            &[two],
            unsupported,
            "false/Invalid",
        ),
    ] {
        let want: Vec<String> = want.iter().map(|text| (*text).to_owned()).collect();
        let (addresses, found, programmed) = fares(&wanted, known);
        assert_eq!((found, programmed), (own.into(), reached.into()), "{wanted} {known:?}");
        assert_eq!(addresses, want, "{wanted} {known:?}");
    }
}
