//! Connecting: TCP, and TLS where the address asks for it.

use super::{Fault, FaultKind, Settings, in_time};
use crate::tls::{self, Tls};
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

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
    let tls = Tls::new(settings.ca_file.as_deref());
    let tls = tls.map_err(|why| Fault::new(FaultKind::Tls, why))?;
    let shake = async {
        tls.connect(&address.host, plain).await.map_err(|error| untrusted(settings, &error))
    };
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

fn untrusted(settings: &Settings, error: &io::Error) -> Fault {
    let (address, cure) = (&settings.address, tls::cure(error, "feed_ca_file"));
    Fault::new(FaultKind::Tls, format!("{address}: {cure} ({error})"))
}
