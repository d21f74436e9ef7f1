//! Authorities, certificates and clients of TLS.

use crate::client::{Client, connect};
use gateway_proxy::Server;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
    SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Who signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

/// A certificate, with its key, in PEM.
#[derive(Clone)]
pub struct Signed {
    pub certificate: String,
    pub key: String,
}

/// What a certificate is to be like.
#[derive(Clone)]
pub struct Wish<'a> {
    pub names: &'a [&'a str],
    pub years: (i32, i32),
    pub rsa: bool,
    pub serial: u8,
}

impl<'a> Wish<'a> {
    pub fn of(names: &'a [&'a str]) -> Self {
        Self { names, years: (2000, 2100), rsa: false, serial: 7 }
    }
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let (key, params) = (KeyPair::generate().unwrap(), Self::params(name));
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        params
    }

    /// One below this one, whose certificate has to come with those that it signs.
    pub fn below(&self, name: &str) -> Self {
        let (key, params) = (KeyPair::generate().unwrap(), Self::params(name));
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    pub fn sign(&self, wish: &Wish<'_>) -> Signed {
        let algorithm =
            if wish.rsa { &rcgen::PKCS_RSA_SHA256 } else { &rcgen::PKCS_ECDSA_P256_SHA256 };
        let key = KeyPair::generate_for(algorithm).unwrap();
        let names: Vec<String> = wish.names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(wish.years.0, 1, 1);
        params.not_after = date_time_ymd(wish.years.1, 1, 1);
        params.serial_number = Some(SerialNumber::from(vec![wish.serial]));
        params.distinguished_name.push(DnType::OrganizationName, "Shop, Ltd");
        params.distinguished_name.push(DnType::CommonName, wish.names[0]);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Signed { certificate, key: key.serialize_pem() }
    }

    /// A list that withdraws the certificate with that number, and counts up to a year.
    pub fn revoke(&self, serial: u8, until: i32) -> String {
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(vec![serial]),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(vec![1]),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

impl Signed {
    /// A Secret of type `kubernetes.io/tls` with it.
    pub fn secret(&self, name: &str) -> String {
        object(
            &format!("v1\nkind: Secret\nmetadata: {{name: {name}}}\ntype: kubernetes.io/tls"),
            "stringData",
            &[("tls.crt", &self.certificate), ("tls.key", &self.key)],
        )
    }
}

/// An object with texts of several lines.
pub fn object(head: &str, field: &str, texts: &[(&str, &str)]) -> String {
    let mut document = format!("apiVersion: {head}\n{field}:\n");
    for (key, text) in texts {
        document.push_str(&format!("  {key}: |\n    {}\n", text.trim().replace('\n', "\n    ")));
    }
    document + "---\n"
}

/// A client's side of a connection.
pub type Tls = Client<StreamOwned<ClientConnection, TcpStream>>;

/// A client, which remembers what servers have shown.
#[derive(Clone)]
pub struct Caller {
    pub config: ClientConfig,
    shown: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Caller {
    /// One that takes any certificate.
    pub fn new() -> Self {
        Self::with(&[&TLS13, &TLS12], None, None)
    }

    /// One with a certificate of its own.
    pub fn showing(own: &Signed) -> Self {
        Self::with(&[&TLS13, &TLS12], Some(own), None)
    }

    /// One of these versions, with a certificate of its own, and that can check signatures of this
    /// scheme alone.
    pub fn with(
        versions: &[&'static SupportedProtocolVersion],
        own: Option<&Signed>,
        scheme: Option<SignatureScheme>,
    ) -> Self {
        let shown = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody {
                shown: Arc::clone(&shown),
                scheme,
            }));
        let mut config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let chain = CertificateDer::pem_slice_iter(own.certificate.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
                // Shown whoever is asked for.
                let key = aws_lc_rs::default_provider().key_provider.load_private_key(key).unwrap();
                let own = rustls::sign::CertifiedKey::new(chain.map(Result::unwrap).collect(), key);
                let own = rustls::sign::SingleCertAndKey::from(own);
                builder.with_client_cert_resolver(Arc::new(own))
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { config, shown }
    }

    /// Connects for a server name; empty for none.
    pub fn connect(&self, address: SocketAddr, name: &str) -> Result<Tls, Error> {
        let mut config = self.config.clone();
        config.enable_sni = !name.is_empty();
        let name = match name {
            "" => ServerName::from(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            name => ServerName::try_from(name.to_owned()).unwrap(),
        };
        let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = connect(address);
        while connection.is_handshaking() {
            if let Err(error) = connection.complete_io(&mut stream) {
                let inner = error.into_inner().and_then(|inner| inner.downcast::<Error>().ok());
                return Err(inner.map_or(Error::HandshakeNotComplete, |inner| *inner));
            }
        }
        Ok(Client::over(StreamOwned::new(connection, stream)))
    }

    /// Asks for a host on a connection of its own: the status, and what else was answered.
    pub fn get(&self, address: SocketAddr, name: &str, host: &str) -> io::Result<(u16, String)> {
        let client = self.connect(address, name);
        get(&mut client.map_err(io::Error::other)?, host)
    }

    /// Whether the last certificate that was shown is this one.
    pub fn was_shown(&self, signed: &Signed) -> bool {
        let der = CertificateDer::from_pem_slice(signed.certificate.as_bytes()).unwrap();
        self.shown.lock().unwrap().last().is_some_and(|last| **last == *der)
    }
}

/// Asks for a host; the body with the head that the backend got, if there was one.
pub fn get(client: &mut Tls, host: &str) -> io::Result<(u16, String)> {
    client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"))?;
    let response = client.read("GET")?;
    Ok((response.status, response.text()))
}

/// How often handshakes have failed for a reason, once it is so often.
pub fn failures(server: &Server, reason: &str, count: u32) -> bool {
    let line = format!("gateway_tls_handshake_failures_total{{reason=\"{reason}\"}} {count}");
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        let mut client = Client::connect(server.admin().unwrap());
        client.send("GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        if client.read("GET").unwrap().text().lines().any(|found| found == line) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

/// Takes any certificate and remembers it.
#[derive(Debug)]
struct Anybody {
    shown: Arc<Mutex<Vec<Vec<u8>>>>,
    scheme: Option<SignatureScheme>,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.shown.lock().unwrap().push(leaf.to_vec());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let all = aws_lc_rs::default_provider().signature_verification_algorithms;
        self.scheme.map_or_else(|| all.supported_schemes(), |scheme| vec![scheme])
    }
}
