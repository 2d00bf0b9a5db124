//! Fetching a recording over HTTP: each hop passes the guard, the body comes in pieces, and
//! everything has a limit.

mod answer;
mod credentials;

pub use credentials::{Credentials, signed};

use super::guard::{self, Hosts, Place, Refused};
use crate::call::Moment;
use crate::recording::reference::{self, Way};
use crate::tls::{self, Tls};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::header;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt::Display;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How often an answer may lead elsewhere.
const REDIRECTS_MAX: usize = 5;
/// Longest head of an answer.
const HEAD_BYTES_MAX: usize = 64 * 1024;
const USER_AGENT: &str = concat!("ringledger/", env!("CARGO_PKG_VERSION"));

/// What stays as it is where a name is put into an address (RFC 3986 §2.3), and the slash of paths.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &NAME.remove(b'/');

/// What a fetch may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub bytes_max: u64,
    /// For the connection, the handshake, and the first word of the answer each.
    pub connect: Duration,
    /// Without a byte.
    pub idle: Duration,
    /// From the first connection to the last byte.
    pub whole: Duration,
}

/// How a source's recordings are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub hosts: Hosts,
    pub credentials: Credentials,
    /// Certificates (PEM) of an issuer that the operating system does not know.
    pub ca_file: Option<PathBuf>,
    /// Where files are that are announced by name or path: `{name}` and `{path}` stand for it.
    pub template: Option<String>,
    /// Added to the path of an announced address that has no ending.
    pub ending: String,
    pub limits: Limits,
}

/// Why a recording did not come, with the cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Fault {
    pub text: String,
    /// Trying again cannot help before the settings are changed or the phone system names another
    /// address.
    pub lasting: bool,
    /// The host asked to be left alone for so long.
    pub wait: Option<Duration>,
}

impl Fault {
    /// Worth another try.
    pub fn passing(text: impl Into<String>) -> Self {
        Self { text: text.into(), lasting: false, wait: None }
    }

    /// No use trying again.
    pub fn lasting(text: impl Into<String>) -> Self {
        Self { text: text.into(), lasting: true, wait: None }
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        // A name server may be back in a moment; a rule will not change.
        let lasting = !matches!(refused, Refused::Unresolved { .. });
        Self { text: format!("not fetched: {refused}"), lasting, wait: None }
    }
}

impl Settings {
    /// The address under which a reference is fetched; nothing where there is none.
    pub fn address_of(&self, reference: &str) -> Option<String> {
        if reference::way(reference) == Way::Address {
            return Some(self.with_ending(reference));
        }
        let up = reference.split('/').any(|piece| piece == "..");
        let template = self.template.as_ref().filter(|_| !up)?;
        let name = utf8_percent_encode(reference::base(reference), NAME).to_string();
        let path = utf8_percent_encode(reference.trim_start_matches('/'), PATH).to_string();
        Some(template.replace("{name}", &name).replace("{path}", &path))
    }

    fn with_ending(&self, address: &str) -> String {
        let end = address.find(['?', '#']).unwrap_or(address.len());
        let (path, rest) = address.split_at(end);
        match reference::base(path) {
            name if name.is_empty() || name.contains('.') => address.to_owned(),
            _ => format!("{path}{}{rest}", self.ending),
        }
    }

    /// Asks for a file. `as_of`: now, by which an expired address is known.
    ///
    /// # Errors
    /// [`Fault`] with the cure.
    pub async fn open(&self, address: &str, as_of: Moment) -> Result<Coming, Fault> {
        let mut uri = guard::address(address)?;
        let first = self.hosts.place(&uri)?;
        let mut place = first.clone();
        for _ in 0..=REDIRECTS_MAX {
            // Credentials are for the host they were named for, and for no other.
            let credentials = if place == first { &self.credentials } else { &Credentials::None };
            let request = request(&place, &uri, credentials, as_of)?;
            let (response, connection) = self.ask(&place, request).await?;
            let Some(to) = answer::location(&response) else {
                answer::check(&response, &place, credentials, &uri, as_of)?;
                return self.coming(response, connection, &place, &uri);
            };
            let astray = |refused| led_astray(&place, &refused);
            uri = answer::joined(&uri, to).map_err(astray)?;
            let next = self.hosts.place(&uri).map_err(astray)?;
            if place.tls && !next.tls {
                return Err(Fault::lasting(format!(
                    "{place} leads from https to http; not followed"
                )));
            }
            place = next;
        }
        Err(Fault::passing(format!(
            "{first} leads on more than {REDIRECTS_MAX} times; not followed"
        )))
    }

    fn coming(
        &self,
        response: Response<Incoming>,
        connection: JoinSet<()>,
        place: &Place,
        uri: &Uri,
    ) -> Result<Coming, Fault> {
        let name = answer::name(uri, response.headers());
        let (limits, body) = (self.limits, response.into_body());
        let length = body.size_hint().exact();
        if length.is_some_and(|length| length > limits.bytes_max) {
            return Err(too_long(place, limits));
        }
        let place = place.clone();
        Ok(Coming { name, place, body, length, bytes: 0, limits, _connection: connection })
    }

    /// One question on a connection of its own.
    async fn ask(
        &self,
        place: &Place,
        request: Request<Empty<Bytes>>,
    ) -> Result<(Response<Incoming>, JoinSet<()>), Fault> {
        let within = self.limits.connect;
        let plain = self.connect(place).await?;
        if !place.tls {
            return converse(plain, request, place, within).await;
        }
        let tls = Tls::new(self.ca_file.as_deref()).map_err(Fault::lasting)?;
        let shake = tls.connect(&place.host, plain);
        let encrypted = in_time(within, place, "no encrypted connection", shake).await?;
        let encrypted = encrypted.map_err(|error| {
            let cure = tls::cure(&error, "fetch_ca_file");
            Fault::passing(format!("{place}: {cure} ({error})"))
        })?;
        converse(encrypted, request, place, within).await
    }

    /// Connects to one of the addresses that were checked, and to no other.
    async fn connect(&self, place: &Place) -> Result<TcpStream, Fault> {
        let within = self.limits.connect;
        let addresses =
            in_time(within, place, "its name is not resolved", place.resolve()).await??;
        let mut last = None;
        for address in addresses {
            match in_time(within, place, "no connection", TcpStream::connect(address)).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => last = Some(unreachable(place, &error)),
                Err(fault) => last = Some(fault),
            }
        }
        Err(last.unwrap_or_else(|| Fault::passing(format!("{place} has no address"))))
    }
}

fn led_astray(from: &Place, refused: &Refused) -> Fault {
    Fault::lasting(format!("{from} leads elsewhere, not followed: {refused}"))
}

fn too_long(place: &Place, limits: Limits) -> Fault {
    let max = limits.bytes_max;
    Fault::lasting(format!("{place}: longer than {max} bytes (setting fetching.bytes_max)"))
}

fn unreachable(place: &Place, error: &io::Error) -> Fault {
    let cure = match error.kind() {
        io::ErrorKind::ConnectionRefused => "nobody listens there: is the port right?",
        _ => "is the machine on, and no firewall between?",
    };
    Fault::passing(format!("{place}: {error}; {cure}"))
}

/// What comes within a time; else that it did not.
async fn in_time<T>(
    within: Duration,
    place: &Place,
    what: &str,
    work: impl Future<Output = T>,
) -> Result<T, Fault> {
    let late = |_| Fault::passing(format!("{place}: {what} within {} s", within.as_secs_f64()));
    timeout(within, work).await.map_err(late)
}

fn request(
    place: &Place,
    uri: &Uri,
    credentials: &Credentials,
    as_of: Moment,
) -> Result<Request<Empty<Bytes>>, Fault> {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let host = uri.authority().map_or_else(|| place.to_string(), |own| own.as_str().to_owned());
    let request = Request::get(target)
        .header(header::HOST, host)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, "*/*")
        // The bytes as they are: their hash is their name.
        .header(header::ACCEPT_ENCODING, "identity")
        .header(header::CONNECTION, "close");
    let mut request = request
        .body(Empty::new())
        .map_err(|error| Fault::lasting(format!("{place} cannot be asked: {error}")))?;
    if let Some((name, value)) = credentials.header(as_of)? {
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

/// Asks on a connection; gives the head of the answer, and what keeps the connection going until it
/// is dropped.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Empty<Bytes>>,
    place: &Place,
    within: Duration,
) -> Result<(Response<Incoming>, JoinSet<()>), Fault> {
    let broken =
        |error: &dyn Display| Fault::passing(format!("{place}: no answer in HTTP: {error}"));
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX);
    let (mut sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
    let mut running = JoinSet::new();
    running.spawn(async move {
        // How it ended shows in the answer or its body.
        drop(connection.await);
    });
    let asked = in_time(within, place, "no answer", sender.send_request(request)).await?;
    let response = asked.map_err(|error| broken(&error))?;
    Ok((response, running))
}

/// A file on its way to us.
pub struct Coming {
    /// The name it comes with.
    pub name: String,
    place: Place,
    body: Incoming,
    length: Option<u64>,
    bytes: u64,
    limits: Limits,
    _connection: JoinSet<()>,
}

impl Coming {
    /// The next piece; nothing once all of it is here.
    ///
    /// # Errors
    /// When it breaks off, stands still, comes empty or is too long.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let (idle, place) = (self.limits.idle, &self.place);
            let frame = in_time(idle, place, "nothing more came", self.body.frame()).await?;
            let Some(frame) = frame else { return self.ended() };
            let frame = frame.map_err(|error| self.broken(&error))?;
            let Ok(data) = frame.into_data() else { continue };
            self.bytes += data.len() as u64;
            if self.bytes > self.limits.bytes_max {
                return Err(too_long(&self.place, self.limits));
            }
            return Ok(Some(data));
        }
    }

    fn broken(&self, error: &dyn Display) -> Fault {
        let of = self.length.map_or_else(String::new, |length| format!(" of {length}"));
        let (place, bytes) = (&self.place, self.bytes);
        Fault::passing(format!("{place} broke off after {bytes}{of} bytes: {error}"))
    }

    fn ended(&self) -> Result<Option<Bytes>, Fault> {
        match self.bytes {
            0 => Err(Fault::passing(format!(
                "{} gives an empty file; it may not be ready",
                self.place
            ))),
            _ => Ok(None),
        }
    }
}
