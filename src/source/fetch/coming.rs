//! A file on its way to us, whole or its rest.

use super::{Fault, Hop, Limits, answer, in_time, too_long};
use crate::source::guard::Place;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::{Body as _, Incoming};
use std::fmt::Display;
use tokio::task::JoinSet;

/// A file on its way to us.
pub struct Coming {
    /// The name it comes with.
    pub name: String,
    /// How many of its bytes are here already: those that come go on after them.
    pub from: u64,
    /// By what its host will tell whether it is still the same, where it offers to send a rest.
    pub validator: Option<String>,
    place: Place,
    body: Incoming,
    /// Length of the whole.
    length: Option<u64>,
    bytes: u64,
    limits: Limits,
    _connection: JoinSet<()>,
}

impl Coming {
    pub(super) fn begin(
        response: Response<Incoming>,
        connection: JoinSet<()>,
        hop: &Hop<'_>,
        limits: Limits,
        name: Option<String>,
    ) -> Result<Self, Fault> {
        let headers = response.headers();
        let name = name.unwrap_or_else(|| answer::name(hop.uri, headers));
        let part = answer::part(&response);
        let from = part.map_or(0, |part| part.from);
        let validator = match hop.begun.filter(|_| from > 0) {
            Some(begun) => Some(begun.validator.clone()),
            None => answer::validator(headers),
        };
        let body = response.into_body();
        let length = match part {
            Some(part) => part.length,
            None => body.size_hint().exact(),
        };
        if length.is_some_and(|length| length > limits.bytes_max) {
            return Err(too_long(hop.place, limits));
        }
        let place = hop.place.clone();
        let bytes = from;
        Ok(Self {
            name,
            from,
            validator,
            place,
            body,
            length,
            bytes,
            limits,
            _connection: connection,
        })
    }

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
        if self.bytes == 0 {
            let text = format!("{} gives an empty file; it may not be ready", self.place);
            return Err(Fault::passing(text));
        }
        match self.length {
            Some(length) if length != self.bytes => Err(self.broken(&"that is the end")),
            _ => Ok(None),
        }
    }
}
