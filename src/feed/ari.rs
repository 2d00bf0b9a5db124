//! ARI: JSON events over a WebSocket, each kept as it came, after the calls that are alive.

use super::dial::{Stream, dial};
use super::{CUT_BYTES, Event, Fault, FaultKind, Heard, Settings, cut, in_time, rest, unlisted};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use std::collections::{BTreeSet, VecDeque};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};

/// Told on the old connection when a new one takes its name: nothing else will be told on it.
const REPLACED: &str = "ApplicationReplaced";
/// Variables are most of the volume, and only these say something of calls.
const VARIABLES_KEPT: &str = "MIXMONITOR_";
/// A message may be so many times longer than the longest event that is kept, and is cut; a longer
/// one ends the connection.
const CUT_AT_MOST: usize = 16;

/// What must be known of an event in order to leave it out.
#[derive(Deserialize)]
struct Shape {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    variable: Option<String>,
    #[serde(default)]
    timestamp: Option<String>,
}

/// A WebSocket subscribed to everything.
pub struct Session {
    socket: WebSocketStream<Box<dyn Stream>>,
    leave_out: BTreeSet<String>,
    event_bytes_max: usize,
    /// What was alive when it began, or why that is not known.
    living: VecDeque<Heard>,
}

impl Session {
    /// Connects, proves itself, subscribes, and asks for the calls that are alive: after a gap they
    /// show what outlived it. What ends meanwhile is told over the WebSocket.
    pub async fn open(settings: &Settings) -> Result<Self, Fault> {
        let stream = dial(settings).await?;
        let proof = proof(settings)?;
        let request = request(settings, proof.clone())?;
        let bytes_max = settings.event_bytes_max.saturating_mul(CUT_AT_MOST);
        let config = WebSocketConfig::default()
            .max_message_size(Some(bytes_max))
            .max_frame_size(Some(bytes_max));
        let shake = async {
            let shaken = client_async_with_config(request, stream, Some(config)).await;
            shaken.map_err(|error| refused(settings, &error))
        };
        let (socket, _) = in_time("the WebSocket handshake", shake).await?;
        let (leave_out, event_bytes_max) = (settings.leave_out.clone(), settings.event_bytes_max);
        let living = match rest::living(settings, &proof).await {
            Ok(events) => events.into_iter().map(Heard::Event).collect(),
            Err(fault) => {
                let cure = "let the user read /ari/channels and /ari/bridges";
                VecDeque::from([Heard::Refused(unlisted(&fault.text, cure))])
            }
        };
        Ok(Self { socket, leave_out, event_bytes_max, living })
    }

    pub async fn heard(&mut self) -> Result<Heard, Fault> {
        if let Some(heard) = self.living.pop_front() {
            return Ok(heard);
        }
        let message = self.socket.next().await.ok_or_else(Fault::closed)?.map_err(lost)?;
        Ok(match message {
            Message::Text(text) => self.event(Bytes::from(text))?,
            Message::Binary(bytes) => self.event(bytes)?,
            Message::Close(_) => return Err(Fault::closed()),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Heard::Alive,
        })
    }

    fn event(&self, body: Bytes) -> Result<Heard, Fault> {
        if body.len() > self.event_bytes_max {
            return Ok(Heard::Event(cut(body.slice(..CUT_BYTES.min(body.len())))));
        }
        let shape = serde_json::from_slice::<Shape>(&body).ok();
        if shape.as_ref().is_some_and(|shape| shape.kind == REPLACED) {
            let text = "another program subscribed under our name, and gets the events now";
            return Err(Fault::new(FaultKind::Lost, text));
        }
        let wanted = shape.as_ref().is_none_or(|shape| {
            let kept = |variable: &String| variable.starts_with(VARIABLES_KEPT);
            let of_use = shape.kind != "ChannelVarset" || shape.variable.as_ref().is_some_and(kept);
            of_use && !self.leave_out.contains(&shape.kind)
        });
        let has_time = shape.map(|shape| shape.timestamp.is_some());
        Ok(match wanted {
            true => Heard::Event(Event { content_type: "application/json", body, has_time }),
            false => Heard::Alive,
        })
    }

    pub async fn ask_alive(&mut self) -> Result<(), Fault> {
        self.socket.send(Message::Ping(Bytes::new())).await.map_err(lost)
    }
}

/// Name and secret go in a header: an address is written to logs on its way.
fn proof(settings: &Settings) -> Result<HeaderValue, Fault> {
    let proof = STANDARD.encode(format!("{}:{}", settings.user, settings.secret.0));
    let proof = HeaderValue::try_from(format!("Basic {proof}"));
    let mut proof = proof.map_err(|error| no_request(settings, &error))?;
    proof.set_sensitive(true);
    Ok(proof)
}

fn request(settings: &Settings, proof: HeaderValue) -> Result<Request, Fault> {
    let address = &settings.address;
    let (place, path, app) = (address.authority(), &address.path, settings.app);
    let url = format!("ws://{place}{path}/ari/events?app={app}&subscribeAll=true");
    let request = url.into_client_request();
    let mut request = request.map_err(|error| no_request(settings, &error))?;
    request.headers_mut().insert(header::AUTHORIZATION, proof);
    Ok(request)
}

fn no_request(settings: &Settings, error: &dyn std::fmt::Display) -> Fault {
    let text = format!("{} makes no request: {error}", settings.address);
    Fault::new(FaultKind::Protocol, text)
}

fn refused(settings: &Settings, error: &tungstenite::Error) -> Fault {
    let address = &settings.address;
    let tungstenite::Error::Http(response) = error else {
        let text =
            format!("{address} speaks no WebSocket ({error}); is it the HTTP server's port?");
        return Fault::new(FaultKind::Protocol, text);
    };
    let (kind, cure) = match response.status() {
        StatusCode::UNAUTHORIZED => {
            (FaultKind::Login, format!("user `{}` or its secret are wrong", settings.user))
        }
        StatusCode::FORBIDDEN => {
            let text = format!("user `{}` may not read events", settings.user);
            (FaultKind::Login, text)
        }
        StatusCode::NOT_FOUND => {
            let text = "there is no ARI: switch it on, load its modules, and write the HTTP \
                        server's prefix, if it has one, at the end of the address";
            (FaultKind::Protocol, text.to_owned())
        }
        _ => (FaultKind::Protocol, "it refuses the WebSocket".to_owned()),
    };
    Fault::new(kind, format!("{address} answers {}: {cure}", response.status()))
}

fn lost(error: tungstenite::Error) -> Fault {
    match error {
        tungstenite::Error::ConnectionClosed => Fault::closed(),
        error => Fault::lost(error),
    }
}
