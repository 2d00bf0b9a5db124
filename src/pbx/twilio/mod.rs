//! Twilio Programmable Voice: status callbacks, copies of its requests for TwiML, lists of calls.

mod export;

use super::carrier::{self, status_callback};
use super::settle::Desk;
use super::signature::{self, Hash, Written};
use super::{Delivery, Dialect, Pbx, Reading, Refusal, Secret, body, table};
use crate::call::CallEvent;
use std::collections::{BTreeMap, BTreeSet};

/// The Twilio dialect.
pub struct Twilio;

const SIGNATURE: &str = "x-twilio-signature";
const SETTINGS: &str = "x-twilio-webhooks-signature-settings";
/// The query parameter that covers a body which is no form.
const BODY_HASH: &str = "bodySHA256";

impl Pbx for Twilio {
    fn name(&self) -> &'static str {
        "twilio"
    }

    fn sample(&self) -> &'static str {
        include_str!("../../../tests/pbx/twilio/answered.deliveries.jsonl")
    }

    /// A keyed hash over the public URL and the form's parameters, each name and each of its
    /// different values in order; of another body over the URL, which names the body's hash. No
    /// time is signed.
    fn authenticate(&self, delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
        if secret.0.is_empty() {
            return Ok(());
        }
        let sent = signature::required(delivery, SIGNATURE)?;
        let hash = hash(delivery)?;
        let parameters = parameters(delivery)?;
        let urls = signature::public_urls(delivery);
        let forms = urls.iter().flat_map(|url| signature::with_and_without_port(url));
        let right = |url: String| {
            let text = url + &parameters;
            signature::matches(hash, secret.0.as_bytes(), text.as_bytes(), sent, Written::Base64)
        };
        if forms.map(right).fold(false, |one, other| one | other) {
            return Ok(());
        }
        let url = urls.first().map_or("", String::as_str);
        Err(signature::refused(format!("`{SIGNATURE}` does not match a request to {url}")))
    }

    /// A repeat has the same body; a GET says all in its address.
    fn delivery_key(&self, _delivery: &Delivery) -> Option<String> {
        None
    }

    fn parse(&self, delivery: &Delivery, _dialect: &Dialect<'_>) -> Result<Reading, Refusal> {
        let fields = match table::is_row(delivery) {
            true => table::row(delivery, |_| None)?,
            false => body::one(delivery)?,
        };
        let fields = export::callback(&fields)?.unwrap_or(fields);
        status_callback::read(self.name(), &fields, delivery)
    }

    fn settle(&self, notes: &[&CallEvent], desk: Desk<'_>) -> Vec<CallEvent> {
        carrier::settle(notes, desk)
    }
}

/// The hash that the settings header names; SHA-1 without one.
fn hash(delivery: &Delivery) -> Result<Hash, Refusal> {
    let Some(settings) = delivery.header(SETTINGS) else { return Ok(Hash::Sha1) };
    let pairs = settings.split(',').filter_map(|pair| pair.trim().split_once('='));
    let algorithm = pairs.filter(|(name, _)| *name == "algorithm").map(|(_, value)| value).next();
    match algorithm {
        Some("HMAC_SHA256") => Ok(Hash::Sha256),
        Some("HMAC_SHA1") => Ok(Hash::Sha1),
        _ => Err(signature::refused(format!("`{SETTINGS}` names an unknown algorithm"))),
    }
}

/// What is signed after the URL.
fn parameters(delivery: &Delivery) -> Result<String, Refusal> {
    if body::is_get(delivery) {
        return Ok(String::new());
    }
    if body::is_form(delivery) {
        let mut sorted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(&delivery.body) {
            sorted.entry(name.into_owned()).or_default().insert(value.into_owned());
        }
        let pairs = sorted
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| format!("{name}{value}")));
        return Ok(pairs.collect());
    }
    let stated = body::form(body::query(delivery).as_bytes());
    let stated = stated.get(BODY_HASH).and_then(|hash| hash.as_str());
    let covered = stated == Some(signature::sha256_hex(&delivery.body).as_str());
    if covered || delivery.body.is_empty() {
        return Ok(String::new());
    }
    Err(signature::refused(format!("`{BODY_HASH}` in the address is not the body's")))
}
