use super::*;

/// A header of version 2 with these octets behind the signature and the length.
fn binary(command: u8, family: u8, told: &[u8]) -> Vec<u8> {
    let len = u16::try_from(told.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &len, told].concat()
}

const V4: [u8; 12] = [192, 0, 2, 7, 198, 51, 100, 1, 0x12, 0x67, 0, 80];

fn v6() -> Vec<u8> {
    let mut told = vec![0; 36];
    (told[0], told[1], told[2], told[3], told[15]) = (0x20, 0x01, 0x0d, 0xb8, 1);
    told[32..].copy_from_slice(&[0x12, 0x67, 0, 80]);
    told
}

fn whole(len: usize, client: &str) -> Option<Found> {
    let client = (!client.is_empty()).then(|| client.parse().unwrap());
    Some(Found::Whole { len, client })
}

#[test]
fn clients_are_told_in_both_versions() {
    for (octets, client) in [
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\r\n".to_vec(), "192.0.2.7:4711"),
        (b"PROXY TCP6 2001:db8::1 ::1 4711 80\r\n".to_vec(), "[2001:db8::1]:4711"),
        (b"PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n".to_vec(), "0.0.0.0:0"),
        (b"PROXY UNKNOWN\r\n".to_vec(), ""),
        (b"PROXY UNKNOWN ff:: whatever \x7f 1 2\r\n".to_vec(), ""),
        (binary(0x21, 0x11, &V4), "192.0.2.7:4711"),
        (binary(0x21, 0x21, &v6()), "[2001:db8::1]:4711"),
        // Of the balancer itself, or unknown.
        (binary(0x20, 0x00, &[]), ""),
        (binary(0x20, 0x11, &V4), ""),
        (binary(0x21, 0x00, &[]), ""),
        (binary(0x21, 0x31, &[0; 216]), ""),
        (binary(0x21, 0x12, &V4), ""),
        // What else there is to tell is skipped.
        (binary(0x21, 0x11, &[&V4[..], &[1, 0, 2, b'h', b'2']].concat()), "192.0.2.7:4711"),
        (binary(0x21, 0x11, &[&V4[..], &[0; 508]].concat()), "192.0.2.7:4711"),
    ] {
        let text = String::from_utf8_lossy(&octets).into_owned();
        for end in 0..octets.len() {
            assert_eq!(find(&octets[..end]), Some(Found::Part), "{end} of {text:?}");
        }
        let len = octets.len();
        assert_eq!(find(&octets), whole(len, client), "{text:?}");
        assert_eq!(find(&[&octets[..], b"\r\n\r\nGET"].concat()), whole(len, client), "{text:?}");
    }
}

#[test]
fn what_is_no_header_is_refused() {
    let long = format!("PROXY UNKNOWN {}", "x".repeat(107 - 14));
    for octets in [
        b"GET / HTTP/1.1\r\n".to_vec(),
        b"P\r\n".to_vec(),
        b"\r\n\r\n\0\r\nQUIR".to_vec(),
        b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\n".to_vec(),
        b"PROXY TCP4 192.0.2.7 198.51.100.1 4711\r\n".to_vec(),
        b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 80 90\r\n".to_vec(),
        b"PROXY TCP4  192.0.2.7 198.51.100.1 4711 80\r\n".to_vec(),
        b"PROXY TCP4 192.0.2.07 198.51.100.1 4711 80\r\n".to_vec(),
        b"PROXY TCP4 192.0.2.7 198.51.100.1 +471 80\r\n".to_vec(),
        b"PROXY TCP4 192.0.2.7 198.51.100.1 04711 80\r\n".to_vec(),
        b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 80\r\n".to_vec(),
        b"PROXY TCP4 2001:db8::1 ::1 4711 80\r\n".to_vec(),
        b"PROXY TCP6 192.0.2.7 198.51.100.1 4711 80\r\n".to_vec(),
        b"PROXY UDP4 192.0.2.7 198.51.100.1 4711 80\r\n".to_vec(),
        b"PROXY UNKNOWNS\r\n".to_vec(),
        b"PROXY \r\n".to_vec(),
        long.into_bytes(),
        binary(0x11, 0x11, &V4),
        binary(0x22, 0x11, &V4),
        binary(0x21, 0x41, &V4),
        binary(0x21, 0x13, &V4),
        binary(0x21, 0x11, &V4[..11]),
        binary(0x21, 0x21, &v6()[..35]),
        binary(0x21, 0x11, &[0; 521])[..16].to_vec(),
    ] {
        assert_eq!(find(&octets), None, "{:?}", String::from_utf8_lossy(&octets));
    }
    assert_eq!(find(&b"PROXY UNKNOWN xxxxxx"[..]), Some(Found::Part));
}
