//! Feeds: connections that we open to a phone system that does not push. One file a protocol; each
//! gives bodies as the adapter reads them. What is heard is kept by `job::follow`.

pub mod address;
pub mod ami;
pub mod ari;
mod check;
mod dial;
pub mod event_socket;
mod rest;

pub use address::{Address, Protocol};
pub use check::{Remark, check};

use crate::pbx::Secret;
use bytes::Bytes;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// How long opening a feed may take: each of connecting, the handshake and the log-in.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// How to reach a phone system, and what to leave out of what it tells.
#[derive(Debug, Clone)]
pub struct Settings {
    pub address: Address,
    pub user: String,
    pub secret: Secret,
    /// Certificates (PEM) of an authority that the operating system does not know.
    pub ca_file: Option<PathBuf>,
    /// Events that are not kept, by name.
    pub leave_out: BTreeSet<String>,
    /// Longest event; of a longer one only the beginning is kept.
    pub event_bytes_max: usize,
    /// Under which name we subscribe, where the protocol has names: one name is one listener.
    pub app: &'static str,
}

/// The daemon's name where it subscribes.
pub const APP: &str = "ringledger";
/// The name of a trial, so that it does not take the daemon's place.
const TRIAL_APP: &str = "ringledger-check";

/// What was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// An event as the adapter reads it.
    Event(Event),
    /// An answer to us, or an event that is left out: the other side is alive.
    Alive,
    /// The phone system refused one of our questions; the feed goes on without the answer.
    Refused(String),
}

/// An event as the adapter reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub content_type: &'static str,
    pub body: Bytes,
    /// Whether it says when it happened; `None` where nobody expects it to.
    pub has_time: Option<bool>,
}

/// What went wrong with a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Nobody answers there.
    Unreachable,
    /// No trusted encrypted connection.
    Tls,
    /// Somebody answers in another language.
    Protocol,
    /// User or secret are wrong, or this machine may not log in. Trying often may lock us out.
    Login,
    /// The connection ended or fell silent.
    Lost,
}

/// Why a feed could not be opened or went on no longer: what was wrong, where, and the cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Fault {
    pub kind: FaultKind,
    pub text: String,
}

impl Fault {
    fn new(kind: FaultKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    fn lost(error: impl std::fmt::Display) -> Self {
        Self::new(FaultKind::Lost, format!("the connection broke: {error}"))
    }

    /// No sign of life for a while.
    pub fn silent(silence: Duration) -> Self {
        Self::new(FaultKind::Lost, format!("no sign of life for {} s", silence.as_secs()))
    }

    fn closed() -> Self {
        Self::new(FaultKind::Lost, "the phone system closed the connection")
    }
}

/// An open feed.
pub enum Session {
    Ami(ami::Session),
    Ari(ari::Session),
    EventSocket(event_socket::Session),
}

impl Session {
    /// Connects, logs in and asks for events.
    ///
    /// # Errors
    /// [`Fault`] with what was wrong and the cure.
    pub async fn open(settings: &Settings) -> Result<Self, Fault> {
        Ok(match settings.address.protocol {
            Protocol::Ami => Self::Ami(ami::Session::open(settings).await?),
            Protocol::Ari => Self::Ari(ari::Session::open(settings).await?),
            Protocol::EventSocket => {
                Self::EventSocket(event_socket::Session::open(settings).await?)
            }
        })
    }

    /// The next thing heard. May be given up while it waits: nothing is lost by that.
    ///
    /// # Errors
    /// [`FaultKind::Lost`] when the feed is over.
    pub async fn heard(&mut self) -> Result<Heard, Fault> {
        match self {
            Self::Ami(session) => session.heard().await,
            Self::Ari(session) => session.heard().await,
            Self::EventSocket(session) => session.heard().await,
        }
    }

    /// Asks for a sign of life; whatever is heard next is one.
    ///
    /// # Errors
    /// [`FaultKind::Lost`] when it cannot be asked.
    pub async fn ask_alive(&mut self) -> Result<(), Fault> {
        let asked = async {
            match self {
                Self::Ami(session) => session.ask_alive().await,
                Self::Ari(session) => session.ask_alive().await,
                Self::EventSocket(session) => session.ask_alive().await,
            }
        };
        in_time("sending", asked).await
    }
}

/// Holds an opening step to its time.
async fn in_time<T>(what: &str, step: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let late = |_| {
        let text = format!("{what} took longer than {} s", OPEN_TIMEOUT.as_secs());
        Fault::new(FaultKind::Unreachable, text)
    };
    tokio::time::timeout(OPEN_TIMEOUT, step).await.map_err(late)?
}

/// What to say where the calls that are alive cannot be asked for.
fn unlisted(why: &str, cure: &str) -> String {
    format!(
        "the calls that are alive cannot be asked for ({why}): {cure}, or calls alive in a gap are \
         closed by rule"
    )
}

/// What is kept of an event that is too long: its beginning, which no adapter will understand, so
/// that it is seen.
fn cut(beginning: Bytes) -> Event {
    Event { content_type: "text/plain", body: beginning, has_time: None }
}

/// How much is kept of an event that is too long.
const CUT_BYTES: usize = 4096;
