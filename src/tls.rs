//! Encrypted connections to others: whom this machine trusts, and what to do where it does not.

use rustls_platform_verifier::Verifier;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig};

/// What makes encrypted connections.
#[derive(Clone)]
pub struct Tls(TlsConnector);

impl Tls {
    /// Trusts whom the operating system trusts, and the issuers in `ca_file` (PEM).
    ///
    /// # Errors
    /// A sentence with what cannot be read.
    pub fn new(ca_file: Option<&Path>) -> Result<Self, String> {
        let failed = |what: &str, error: &dyn std::fmt::Display| format!("{what}: {error}");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut own = Vec::new();
        if let Some(path) = ca_file {
            let named = path.display().to_string();
            for certificate in
                CertificateDer::pem_file_iter(path).map_err(|e| failed(&named, &e))?
            {
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
        Ok(Self(TlsConnector::from(Arc::new(verified.with_no_client_auth()))))
    }

    /// Encrypts a connection to a host, by the name that its certificate must bear.
    ///
    /// # Errors
    /// As the handshake ends; [`cure`] says what to do.
    pub async fn connect(&self, host: &str, plain: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        self.0.connect(name, plain).await
    }
}

/// What to do about a failed handshake. `ca_setting`: the setting that names issuers of our own.
pub fn cure(error: &io::Error, ca_setting: &str) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(why)) => match why {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name: write the address with the name that is in it"
                    .into()
            }
            CertificateError::UnknownIssuer => {
                format!(
                    "nobody this machine trusts issued its certificate: name the issuer's in {ca_setting}"
                )
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired: renew it there".into()
            }
            _ => "its certificate is not good".into(),
        },
        Some(rustls::Error::InvalidMessage(_)) => "what answers there does not speak TLS".into(),
        _ => "no encrypted connection came about".into(),
    }
}
