//! Fetching a recording over HTTP: each hop passes the guard, the body comes in pieces, and
//! everything has a limit.

mod answer;
mod coming;
mod credentials;
mod token;

pub use coming::Coming;
pub use credentials::{Credentials, signed};
pub use token::Tokens;

use super::guard::{self, Hosts, Place, Refused};
use crate::call::Moment;
use crate::recording::reference::{self, Way};
use crate::tls::{self, Tls};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{self, HeaderName, HeaderValue};
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

/// What is here of a file already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    pub bytes: u64,
    /// By what its host tells whether the file is still the same.
    pub validator: String,
}

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

    /// Asks for a file, or for the rest of it. `as_of`: now, by which an expired address is known.
    ///
    /// # Errors
    /// [`Fault`] with the cure.
    pub async fn open(
        &self,
        address: &str,
        as_of: Moment,
        begun: Option<&Begun>,
    ) -> Result<Coming, Fault> {
        let mut uri = guard::address(address)?;
        let first = self.hosts.place(&uri)?;
        let (mut place, mut name) = (first.clone(), None);
        for _ in 0..=REDIRECTS_MAX {
            // Credentials are for the host they were named for, and for no other.
            let own = place == first && self.credentials.are_for(&self.hosts, &place);
            let credentials = if own { &self.credentials } else { &Credentials::None };
            let hop = Hop { place: &place, uri: &uri, credentials, begun, as_of };
            let next = match self.follow(&hop).await? {
                Next::Here(response, connection) => {
                    return Coming::begin(response, connection, &hop, self.limits, name);
                }
                // Whatever is wrong with the part that is here, the whole is not.
                Next::Anew => return Box::pin(self.open(address, as_of, None)).await,
                Next::Same => continue,
                Next::Elsewhere { to, called } => {
                    name = called.or(name);
                    to
                }
            };
            let astray = |refused| led_astray(&place, &refused);
            uri = answer::joined(&uri, &next).map_err(astray)?;
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

    /// Tries what can be tried of the credentials without a file; nothing where that is nothing.
    pub async fn try_out(&self, as_of: Moment) -> Option<Result<String, String>> {
        let Credentials::Token(tokens) = &self.credentials else { return None };
        let given = tokens.at(self, as_of).await;
        Some(given.map(|_| "a token is given".to_owned()).map_err(|fault| fault.text))
    }

    /// One step on the way to a file.
    async fn follow(&self, hop: &Hop<'_>) -> Result<Next, Fault> {
        let Hop { place, uri, credentials, begun, as_of } = *hop;
        let token = match credentials {
            Credentials::Token(tokens) => Some((tokens, tokens.at(self, as_of).await?)),
            _ => None,
        };
        let asked = match &token {
            Some((_, token)) => token::with_token(uri, &token.text)?,
            None => uri.clone(),
        };
        let proof = credentials.header(as_of)?;
        let (response, connection) = self.ask(place, hop.request(&asked, proof)?).await?;
        let (response, connection) = match credentials.answer(&response, &asked)? {
            Some(proof) => self.ask(place, hop.request(&asked, Some(proof))?).await?,
            None => (response, connection),
        };
        if let Some(to) = answer::location(&response) {
            return Ok(Next::Elsewhere { to: to.to_owned(), called: None });
        }
        if let Some((tokens, token)) = token.filter(|_| answer::is_told(&response)) {
            let Some(led) = token::led(response, place, &token).await? else {
                tokens.forget(&token.text).await;
                return Ok(Next::Same);
            };
            return Ok(Next::Elsewhere { to: led.to, called: led.name });
        }
        if begun.is_some_and(|begun| answer::is_no_rest(&response, begun)) {
            return Ok(Next::Anew);
        }
        answer::check(&response, place, credentials, uri, as_of, begun)?;
        Ok(Next::Here(response, connection))
    }

    /// One question on a connection of its own.
    async fn ask(
        &self,
        place: &Place,
        request: Request<Full<Bytes>>,
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

/// A step on the way to a file.
#[derive(Clone, Copy)]
struct Hop<'a> {
    place: &'a Place,
    uri: &'a Uri,
    credentials: &'a Credentials,
    begun: Option<&'a Begun>,
    as_of: Moment,
}

/// What a step came to.
enum Next {
    /// The file, and what keeps its connection going.
    Here(Response<Incoming>, JoinSet<()>),
    /// The whole file is to be asked for.
    Anew,
    /// The same is to be asked for once more.
    Same,
    Elsewhere {
        to: String,
        /// The file's name, where it is said here.
        called: Option<String>,
    },
}

impl Hop<'_> {
    fn request(
        &self,
        uri: &Uri,
        proof: Option<(HeaderName, HeaderValue)>,
    ) -> Result<Request<Full<Bytes>>, Fault> {
        let mut request = asking("GET", self.place, uri);
        if let Some(Begun { bytes, validator }) = self.begun {
            request = request
                .header(header::RANGE, format!("bytes={bytes}-"))
                .header(header::IF_RANGE, validator);
        }
        let mut request = finished(request, self.place, Bytes::new())?;
        if let Some((name, value)) = proof {
            request.headers_mut().insert(name, value);
        }
        Ok(request)
    }
}

/// JSON for a host.
fn post(place: &Place, uri: &Uri, json: String) -> Result<Request<Full<Bytes>>, Fault> {
    let request = asking("POST", place, uri).header(header::CONTENT_TYPE, "application/json");
    finished(request, place, json.into())
}

fn asking(method: &str, place: &Place, uri: &Uri) -> hyper::http::request::Builder {
    let host = uri.authority().map_or_else(|| place.to_string(), |own| own.as_str().to_owned());
    Request::builder()
        .method(method)
        .uri(target(uri))
        .header(header::HOST, host)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, "*/*")
        // The bytes as they are: their hash is their name.
        .header(header::ACCEPT_ENCODING, "identity")
        .header(header::CONNECTION, "close")
}

fn target(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |target| target.as_str())
}

fn finished(
    request: hyper::http::request::Builder,
    place: &Place,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, Fault> {
    request
        .body(Full::new(body))
        .map_err(|error| Fault::lasting(format!("{place} cannot be asked: {error}")))
}

/// Asks on a connection; gives the head of the answer, and what keeps the connection going until it
/// is dropped.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
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
