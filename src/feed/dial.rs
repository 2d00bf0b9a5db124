//! Connecting: TCP, and TLS where the address asks for it.

use super::{Fault, FaultKind, Settings, in_time};
use rustls_platform_verifier::Verifier;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig};

/// A connection, plain or encrypted.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects.
///
/// # Errors
/// [`FaultKind::Unreachable`] or [`FaultKind::Tls`] with the cure.
pub async fn dial(settings: &Settings) -> Result<Box<dyn Stream>, Fault> {
    let address = &settings.address;
    let place = (address.host.as_str(), address.port);
    let connect = async { TcpStream::connect(place).await.map_err(|e| unreachable(settings, &e)) };
    let plain = in_time(&format!("connecting to {address}"), connect).await?;
    // Our few questions shall not wait for company.
    plain.set_nodelay(true).map_err(Fault::lost)?;
    if !address.tls {
        return Ok(Box::new(plain));
    }
    let connector = TlsConnector::from(Arc::new(tls(settings)?));
    let name = ServerName::try_from(address.host.clone())
        .map_err(|_| Fault::new(FaultKind::Tls, format!("`{}` is no name", address.host)))?;
    let shake = async { connector.connect(name, plain).await.map_err(|e| untrusted(settings, &e)) };
    let encrypted = in_time(&format!("the TLS handshake with {address}"), shake).await?;
    Ok(Box::new(encrypted))
}

fn unreachable(settings: &Settings, error: &io::Error) -> Fault {
    let address = &settings.address;
    let cure = match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "nobody listens there: is it switched on in the phone system, bound to an address that \
             this machine reaches, and the port right?"
        }
        _ => "is the host's name right, the machine on, and no firewall between?",
    };
    Fault::new(FaultKind::Unreachable, format!("{address}: {error}; {cure}"))
}

fn tls(settings: &Settings) -> Result<ClientConfig, Fault> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        Fault::new(FaultKind::Tls, format!("{what}: {error}"))
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut own = Vec::new();
    if let Some(path) = &settings.ca_file {
        let named = path.display().to_string();
        for certificate in CertificateDer::pem_file_iter(path).map_err(|e| failed(&named, &e))? {
            own.push(certificate.map_err(|error| failed(&named, &error))?);
        }
        if own.is_empty() {
            return Err(failed(&named, &"holds no certificate; it must be a PEM file"));
        }
    }
    let verifier = Verifier::new_with_extra_roots(own, Arc::clone(&provider))
        .map_err(|error| failed("certificates", &error))?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed("TLS", &error))?;
    let verified = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(verified.with_no_client_auth())
}

fn untrusted(settings: &Settings, error: &io::Error) -> Fault {
    let address = &settings.address;
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let cure = match inner {
        Some(rustls::Error::InvalidCertificate(why)) => match why {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name: write the address with the name that is in it"
            }
            CertificateError::UnknownIssuer => {
                "nobody this machine trusts issued its certificate: name the issuer's in feed_ca_file"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired: renew it there"
            }
            _ => "its certificate is not good",
        },
        Some(rustls::Error::InvalidMessage(_)) => "what answers there does not speak TLS",
        _ => "no encrypted connection came about",
    };
    Fault::new(FaultKind::Tls, format!("{address}: {cure} ({error})"))
}
