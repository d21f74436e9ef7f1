use super::super::material::{InvalidMaterial, Part};
use super::super::svid::InvalidName;
use super::super::test_authority::{Authority, Leaf, Signed};
use super::super::verify::Servers;
use super::*;
use crate::tls::{is_refusal, peer_identity};
use rcgen::{ExtendedKeyUsagePurpose, KeyPair};
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs;
use rustls::sign::CertifiedKey;
use rustls::version::TLS12;
use rustls::{
    AlertDescription, CertificateError, ClientConnection, Error, HandshakeKind, ProtocolVersion,
    ServerConnection, SignatureScheme,
};
use std::io::{Read, Write};
use std::time::Duration;

const CART: &str = "spiffe://cluster.local/ns/shop/sa/cart";
const WEB: &str = "spiffe://cluster.local/ns/shop/sa/web";

/// Which side gave a handshake up, and why.
#[derive(Debug, PartialEq)]
enum Broken {
    Client(Error),
    Server(Error),
}

/// Does a handshake without a network, and everything that the two still have to say after it.
fn shake(
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
) -> Result<(ClientConnection, ServerConnection), Broken> {
    let mut client = ClientConnection::new(client, nobody()).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    while client.wants_write() || server.wants_write() {
        let mut sent = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut sent).unwrap();
        }
        let mut sent = &sent[..];
        while !sent.is_empty() {
            server.read_tls(&mut sent).unwrap();
            server.process_new_packets().map_err(Broken::Server)?;
        }
        let mut sent = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut sent).unwrap();
        }
        let mut sent = &sent[..];
        while !sent.is_empty() {
            client.read_tls(&mut sent).unwrap();
            client.process_new_packets().map_err(Broken::Client)?;
        }
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok((client, server))
}

fn resolver(signed: &Signed) -> Arc<SingleCertAndKey> {
    let chain = rustls_pki_types::pem::PemObject::pem_slice_iter(signed.certificate.as_bytes());
    let key = rustls_pki_types::PrivateKeyDer::try_from(signed.key.serialize_der()).unwrap();
    let chain = chain.map(Result::unwrap).collect();
    let provider = aws_lc_rs::default_provider();
    Arc::new(CertifiedKey::from_der(chain, key, &provider).unwrap().into())
}

/// `identity` as a client, but with another certificate.
fn client_with(identity: &Identity, signed: &Signed) -> Arc<ClientConfig> {
    let mut config = (*identity.client_config(None)).clone();
    config.client_auth_cert_resolver = resolver(signed);
    Arc::new(config)
}

/// `identity` as a server, but with another certificate.
fn server_with(identity: &Identity, signed: &Signed) -> Arc<ServerConfig> {
    let mut config = (*identity.server_config()).clone();
    config.cert_resolver = resolver(signed);
    Arc::new(config)
}

#[derive(Debug)]
struct NoCertificate;

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

#[test]
fn both_sides_learn_who_the_other_is() {
    // smi T-2
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let expected = web.workload("shop", "cart").unwrap();
    assert_eq!(expected.as_str(), CART);
    for expected in [None, Some(&expected)] {
        let (mut client, mut server) =
            shake(web.client_config(expected), cart.server_config()).unwrap();
        assert_eq!(peer_identity(&server).unwrap().as_str(), WEB);
        assert_eq!(client.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert_eq!(client.alpn_protocol(), Some(PROTOCOLS[0]));
        assert_eq!(server.server_name(), None, "nobody is told whom the client looks for");
        client.writer().write_all(b"hello").unwrap();
        let mut sent = Vec::new();
        client.write_tls(&mut sent).unwrap();
        server.read_tls(&mut &sent[..]).unwrap();
        server.process_new_packets().unwrap();
        let mut read = [0; 5];
        server.reader().read_exact(&mut read).unwrap();
        assert_eq!(&read, b"hello");
    }
}

#[test]
fn clients_of_tls_1_2_prove_who_they_are_too() {
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let client = |resolver: Arc<dyn ResolvesClientCert>| {
        let config = ClientConfig::builder_with_provider(Arc::clone(&web.provider))
            .with_protocol_versions(&[&TLS12])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Servers::new(
                Arc::clone(&web.authorities),
                web.id.clone(),
                None,
                &web.provider,
            )))
            .with_client_cert_resolver(resolver);
        Arc::new(config)
    };
    let (first, server) = shake(client(Arc::clone(&web.key) as _), cart.server_config()).unwrap();
    assert_eq!(first.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    assert_eq!(peer_identity(&server).unwrap().as_str(), WEB);
    let refused = shake(client(Arc::new(NoCertificate)), cart.server_config());
    assert_eq!(refused.unwrap_err(), Broken::Server(Error::NoCertificatesPresented));
}

#[test]
fn chains_are_followed_to_the_authority() {
    let authority = Authority::new();
    let below = authority.below();
    let mut signed = below.sign(&Leaf::of(&[WEB]));
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let refused = shake(client_with(&web, &signed), cart.server_config()).unwrap_err();
    let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
    assert_eq!(refused, Broken::Server(unknown));
    signed.certificate.push_str(&below.pem);
    let key = signed.key.serialize_pem();
    let with =
        Identity::from_pem(signed.certificate.as_bytes(), key.as_bytes(), authority.pem.as_bytes())
            .unwrap();
    let (_, server) = shake(with.client_config(None), cart.server_config()).unwrap();
    assert_eq!(peer_identity(&server).unwrap().as_str(), WEB);
    shake(cart.client_config(Some(&with.id)), with.server_config()).unwrap();
}

/// Certificates that nobody may come with, and what is said about them.
fn strangers(authority: &Authority) -> Vec<(&'static str, Signed, CertificateError)> {
    let refused = || CertificateError::ApplicationVerificationFailure;
    // It has the name of the right one, as one that changed its key has.
    let impostor = Authority::new();
    let sign = |uris: &[&str]| authority.sign(&Leaf::of(uris));
    vec![
        ("of another trust domain", sign(&["spiffe://other.local/ns/shop/sa/web"]), refused()),
        ("of a longer trust domain", sign(&["spiffe://cluster.local.x/ns/shop/sa/web"]), refused()),
        ("with two names", sign(&[WEB, "spiffe://cluster.local/ns/shop/sa/admin"]), refused()),
        ("with another URI name", sign(&[WEB, "https://web.example"]), refused()),
        ("without a SPIFFE name", sign(&["https://web.example"]), refused()),
        ("without a URI name", sign(&[]), refused()),
        ("with a broken name", sign(&["spiffe://cluster.local/ns//sa/web"]), refused()),
        ("of another authority", impostor.sign(&Leaf::of(&[WEB])), CertificateError::BadSignature),
    ]
}

#[test]
fn strangers_are_refused_as_clients() {
    // smi T-2
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    for (what, signed, why) in strangers(&authority) {
        let refused = shake(client_with(&web, &signed), cart.server_config()).unwrap_err();
        assert_eq!(refused, Broken::Server(Error::InvalidCertificate(why)), "{what}");
    }
    let mut anonymous = (*web.client_config(None)).clone();
    anonymous.client_auth_cert_resolver = Arc::new(NoCertificate);
    let refused = shake(Arc::new(anonymous), cart.server_config()).unwrap_err();
    assert_eq!(refused, Broken::Server(Error::NoCertificatesPresented));
}

#[test]
fn strangers_are_refused_as_servers() {
    // smi T-2
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    for (what, signed, _) in strangers(&authority) {
        let refused = shake(cart.client_config(None), server_with(&web, &signed)).unwrap_err();
        let by_client = matches!(refused, Broken::Client(Error::InvalidCertificate(_)));
        assert!(by_client, "{what}: {refused:?}");
    }
}

#[test]
fn certificates_count_only_in_their_time_and_for_their_use() {
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let only = |usage| vec![usage];
    let as_client = only(ExtendedKeyUsagePurpose::ClientAuth);
    let as_server = only(ExtendedKeyUsagePurpose::ServerAuth);
    let none = Vec::new();
    for (years, usages, client_counts, server_counts) in [
        ((2000, 2001), &none, false, false),
        ((2090, 2100), &none, false, false),
        ((2000, 2100), &none, true, true),
        ((2000, 2100), &as_client, true, false),
        ((2000, 2100), &as_server, false, true),
    ] {
        let signed = authority.sign(&Leaf { years, usages, ..Leaf::of(&[WEB]) });
        let as_client = shake(client_with(&web, &signed), cart.server_config());
        assert_eq!(as_client.is_ok(), client_counts, "{years:?} {usages:?} {:?}", as_client.err());
        let as_server = shake(cart.client_config(None), server_with(&web, &signed));
        assert_eq!(as_server.is_ok(), server_counts, "{years:?} {usages:?} {:?}", as_server.err());
    }
}

#[test]
fn servers_have_to_be_who_is_expected() {
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let refused = CertificateError::ApplicationVerificationFailure;
    let refused = Broken::Client(Error::InvalidCertificate(refused));
    for (namespace, account, want) in
        [("shop", "cart", true), ("shop", "web", false), ("other", "cart", false)]
    {
        let expected = web.workload(namespace, account).unwrap();
        let got = shake(web.client_config(Some(&expected)), cart.server_config());
        match got {
            Ok(_) => assert!(want, "{expected}"),
            Err(broken) => assert_eq!((&broken, want), (&refused, false), "{expected}"),
        }
    }
    let foreign = SpiffeId::parse("spiffe://other.local/ns/shop/sa/cart").unwrap();
    let signed = authority.sign(&Leaf::of(&[foreign.as_str()]));
    let got = shake(web.client_config(Some(&foreign)), server_with(&cart, &signed));
    assert_eq!(got.unwrap_err(), refused, "expecting somebody makes nobody one of us");
}

#[test]
fn every_connection_proves_everything_anew() {
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let (client, server) = (web.client_config(None), cart.server_config());
    for _ in 0..3 {
        let (client, server) = shake(Arc::clone(&client), Arc::clone(&server)).unwrap();
        assert_eq!(client.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(server.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(client.tls13_tickets_received(), 0);
    }
    let expected = web.workload("shop", "other").unwrap();
    assert!(shake(web.client_config(Some(&expected)), server).is_err());
}

#[test]
fn other_protocols_than_http_are_refused() {
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    for (offered, want) in [
        (vec!["http/1.1"], Ok(())),
        (vec!["h2", "http/1.1"], Ok(())),
        (vec![], Ok(())),
        (vec!["h2"], Ok(())),
        (vec!["imap"], Err(Broken::Server(Error::NoApplicationProtocol))),
    ] {
        let mut client = (*web.client_config(None)).clone();
        client.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
        let got = shake(Arc::new(client), cart.server_config()).map(drop);
        assert_eq!(got, want, "{offered:?}");
    }
}

#[test]
fn refusals_are_told_from_other_errors() {
    let of = |error: Error| std::io::Error::new(std::io::ErrorKind::InvalidData, error);
    for (error, want) in [
        (of(Error::AlertReceived(AlertDescription::CertificateRequired)), true),
        (of(Error::AlertReceived(AlertDescription::AccessDenied)), true),
        (of(Error::AlertReceived(AlertDescription::InternalError)), false),
        (of(Error::DecryptError), false),
        (std::io::ErrorKind::ConnectionReset.into(), false),
    ] {
        assert_eq!(is_refusal(&error), want, "{error:?}");
    }
}

/// What PKCS#8 wraps: the key in the older form of its kind, SEC1 or PKCS#1.
fn unwrapped(pkcs8: &[u8]) -> &[u8] {
    /// The content of the first DER value, and what is behind it.
    fn first(der: &[u8]) -> (&[u8], &[u8]) {
        let (length, begin) = match der[1] {
            0x81 => (usize::from(der[2]), 3),
            0x82 => (usize::from(u16::from_be_bytes([der[2], der[3]])), 4),
            short => (usize::from(short), 2),
        };
        der[begin..].split_at(length)
    }
    let (content, _) = first(pkcs8);
    let (_version, rest) = first(content);
    let (_algorithm, rest) = first(rest);
    first(rest).0
}

fn pem(label: &str, der: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = format!("-----BEGIN {label}-----\n");
    for three in der.chunks(3) {
        let bits = three.iter().fold(0, |bits, octet| bits << 8 | u32::from(*octet));
        let bits = bits << (8 * (3 - three.len()));
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit)) as usize & 63;
            text.push(if digit > three.len() { '=' } else { char::from(DIGITS[index]) });
        }
    }
    text.push_str(&format!("\n-----END {label}-----\n"));
    text
}

#[test]
fn keys_of_every_form_are_read() {
    let authority = Authority::new();
    for (label, algorithm) in [
        ("PRIVATE KEY", &rcgen::PKCS_ECDSA_P256_SHA256),
        ("PRIVATE KEY", &rcgen::PKCS_ECDSA_P384_SHA384),
        ("PRIVATE KEY", &rcgen::PKCS_ED25519),
        ("PRIVATE KEY", &rcgen::PKCS_RSA_SHA256),
        ("EC PRIVATE KEY", &rcgen::PKCS_ECDSA_P256_SHA256),
        ("RSA PRIVATE KEY", &rcgen::PKCS_RSA_SHA256),
    ] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let der = key.serialize_der();
        let text = pem(label, if label == "PRIVATE KEY" { &der } else { unwrapped(&der) });
        let signed = authority.sign_for(&Leaf::of(&[WEB]), key);
        let certificate = signed.certificate.as_bytes();
        let read = Identity::from_pem(certificate, text.as_bytes(), authority.pem.as_bytes());
        let identity = read.unwrap_or_else(|error| panic!("{label} {algorithm:?}: {error}"));
        shake(identity.client_config(None), identity.server_config()).unwrap();
    }
}

#[test]
fn what_is_no_identity_is_refused_with_its_reason() {
    let authority = Authority::new();
    let good = authority.sign(&Leaf::of(&[WEB]));
    let key = good.key.serialize_pem();
    let other = KeyPair::generate().unwrap().serialize_pem();
    let sign = |uris: &[&str]| {
        let signed = authority.sign(&Leaf::of(uris));
        (signed.certificate, signed.key.serialize_pem())
    };
    let (nameless, nameless_key) = sign(&[]);
    let (two, two_key) = sign(&[WEB, CART]);
    let (web, web_key) = sign(&["https://web.example/a"]);
    let no_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let no_base64 = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    let cut = &key[..key.len() - 20];
    let no_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let locked =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let garbled = format!("{}\n{no_der}", good.certificate);
    let certificate = &good.certificate;
    for (certificate, key, authorities, want) in [
        (
            "",
            &*key,
            &*authority.pem,
            "the certificate holds no certificate; one begins with `-----BEGIN CERTIFICATE-----`",
        ),
        (
            &*key,
            &key,
            &authority.pem,
            "the certificate holds no certificate; one begins with `-----BEGIN CERTIFICATE-----`",
        ),
        (no_base64, &key, &authority.pem, "the certificate is broken PEM"),
        (no_der, &key, &authority.pem, "certificate 1 cannot be read as X.509, version 3"),
        (&garbled, &key, &authority.pem, "certificate 2 cannot be read as X.509, version 3"),
        (
            certificate,
            "",
            &authority.pem,
            "the key holds no private key; one begins with `-----BEGIN PRIVATE KEY-----`, `-----BEGIN EC PRIVATE KEY-----` or `-----BEGIN RSA PRIVATE KEY-----`",
        ),
        (certificate, cut, &authority.pem, "the key is broken PEM"),
        (
            certificate,
            locked,
            &authority.pem,
            "the key is encrypted; it has to be stored without a passphrase",
        ),
        (
            certificate,
            no_key,
            &authority.pem,
            "the key is broken or of an unsupported kind; ECDSA (P-256, P-384, P-521), Ed25519 and RSA with 2048 bits or more are supported",
        ),
        (
            certificate,
            &format!("{key}{other}"),
            &authority.pem,
            "the key holds several private keys",
        ),
        (certificate, &other, &authority.pem, "the key does not belong to the certificate"),
        (
            certificate,
            &key,
            "",
            "the text of the authorities holds no certificate; one begins with `-----BEGIN CERTIFICATE-----`",
        ),
        (certificate, &key, no_der, "authority 1 cannot be read as X.509, version 3"),
        (
            &nameless,
            &nameless_key,
            &authority.pem,
            "the certificate has no URI name; that of a workload is like `spiffe://cluster.local/ns/shop/sa/cart`",
        ),
        (
            &two,
            &two_key,
            &authority.pem,
            "the certificate has several URI names, `spiffe://cluster.local/ns/shop/sa/web` and `spiffe://cluster.local/ns/shop/sa/cart` among them; it needs one",
        ),
        (
            &web,
            &web_key,
            &authority.pem,
            "the certificate has the URI name `https://web.example/a`, which is no SPIFFE id: it does not begin with `spiffe://`",
        ),
    ] {
        let got =
            Identity::from_pem(certificate.as_bytes(), key.as_bytes(), authorities.as_bytes());
        let error = got.unwrap_err();
        assert_eq!(error.to_string(), want);
        let secret: Vec<&str> =
            key.lines().filter(|l| !l.starts_with("-----") && l.len() > 8).collect();
        let told = format!("{error} {error:?}");
        assert!(secret.iter().all(|line| !told.contains(line)), "{told}");
    }
    let missing = Identity::from_pem(b"", key.as_bytes(), b"").unwrap_err();
    assert_eq!(missing, InvalidMaterial::Missing(Part::Certificate).into());
    let none = InvalidIdentity::Name(InvalidName::None);
    let got = Identity::from_pem(nameless.as_bytes(), nameless_key.as_bytes(), b"").unwrap_err();
    assert_eq!(got, none);
}

#[test]
fn identities_are_printed_without_their_keys() {
    let identity = Authority::new().identity(WEB);
    assert_eq!(format!("{identity:?}"), format!("Identity({WEB})"));
}

#[test]
fn an_identity_that_nobody_takes_is_known_beforehand() {
    let (authority, other) = (Authority::new(), Authority::new());
    let below = authority.below();
    let year = |n: u64| UnixTime::since_unix_epoch(Duration::from_secs((n - 1970) * 31_556_952));
    const CLIENT: &[ExtendedKeyUsagePurpose] = &[ExtendedKeyUsagePurpose::ClientAuth];
    for (signs, years, usages, trusted, want) in [
        (&authority, (2020, 2030), &[][..], &authority, ""),
        (&authority, (2020, 2021), &[], &authority, "it ended at 2021-01-01T00:00:00.000Z"),
        (&authority, (2027, 2030), &[], &authority, "it begins at 2027-01-01T00:00:00.000Z"),
        (&authority, (2020, 2030), &[], &other, "none of its own authorities has signed it"),
        (&below, (2020, 2030), &[], &authority, "none of its own authorities has signed it"),
        (&authority, (2020, 2030), CLIENT, &authority, "invalid peer certificate: "),
    ] {
        let signed = signs.sign(&Leaf { years, usages, ..Leaf::of(&[CART]) });
        let (certificate, key) = (signed.certificate, signed.key.serialize_pem());
        let trusted = trusted.pem.as_bytes();
        let identity = Identity::from_pem(certificate.as_bytes(), key.as_bytes(), trusted).unwrap();
        let told = identity.in_force(year(2025)).err().map(|why| why.to_string());
        let told = told.unwrap_or_default();
        assert!(told.starts_with(want) && told.is_empty() == want.is_empty(), "{want}: {told}");
    }
}
