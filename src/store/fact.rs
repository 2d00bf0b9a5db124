//! Facts and their chain: each carries the hash of the one before it at the same site.

use crate::call::Moment;
use crate::pbx::Delivery;
use crate::pbx::signature::without_token;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What kind of fact it is. The numbers are stored; they are never given a new meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(i64)]
pub enum Kind {
    /// A delivery from a phone system, byte for byte.
    Delivery = 1,
    /// A recording whose bytes are safe: its hash, length and hints.
    Recording = 2,
    /// A version of a ledger entry.
    Entry = 3,
    /// A person's word on a pair: these belong together, or never.
    Decision = 4,
    /// A person's closing of a finding.
    Explanation = 5,
    /// A site's settings as they came into force.
    Settings = 6,
    /// A version of the site's directory of units and numbers.
    Directory = 7,
    /// Somebody played or exported recordings.
    Access = 8,
    /// What the daemon saw of stored bytes: changed, missing, stray, or right again.
    Object = 9,
    /// A person's legal hold, or the end of one.
    Hold = 10,
    /// The tombstone of a recording whose bytes were erased.
    Erasure = 11,
    /// An archive rendition that was made, or that stands in place of its original now.
    Rendition = 12,
    /// What the daemon learned of a site's ways of writing: links rest on it.
    Learned = 13,
}

impl Kind {
    /// The kind of a stored number.
    pub fn of(number: i64) -> Option<Self> {
        use Kind::*;
        let acts = [Recording, Entry, Decision, Explanation, Settings, Directory, Access];
        let keeping = [Object, Hold, Erasure, Rendition, Learned];
        std::iter::once(Delivery).chain(acts).chain(keeping).find(|kind| *kind as i64 == number)
    }
}

/// Who brought a delivery that nobody sent: an operator, out of the phone system's own files. Its
/// call may be of any age.
pub const BACKFILL: &str = "backfill";

/// A fact to be appended.
#[derive(Debug, Clone)]
pub struct NewFact {
    pub site: i64,
    pub kind: Kind,
    pub at: Moment,
    /// 0 unless it is a delivery.
    pub source: i64,
    /// Of an act, or [`BACKFILL`].
    pub who: Option<String>,
    pub delivery_id: Option<String>,
    pub head: String,
    pub body: bytes::Bytes,
    pub digest: [u8; 32],
}

impl NewFact {
    /// Whether it is a record out of a file.
    pub fn is_record(&self) -> bool {
        self.who.as_deref() == Some(BACKFILL)
    }

    /// A person's or the daemon's own fact, with a JSON body.
    pub fn act(site: i64, kind: Kind, at: Moment, who: &str, body: &impl Serialize) -> Self {
        let body = bytes::Bytes::from(serde_json::to_vec(body).unwrap_or_default());
        let digest = Sha256::digest(&body).into();
        let who = Some(who.to_owned());
        Self {
            site,
            kind,
            at,
            source: 0,
            who,
            delivery_id: None,
            head: String::new(),
            body,
            digest,
        }
    }
}

/// A fact as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub id: i64,
    pub site: i64,
    /// As stored; see [`Kind::of`].
    pub kind: i64,
    pub at_us: i64,
    pub source: i64,
    pub who: Option<String>,
    pub delivery_id: Option<String>,
    pub head: String,
    pub body: Vec<u8>,
    pub digest: Vec<u8>,
    pub chain: Vec<u8>,
}

impl Fact {
    /// Whether it is a record out of a file.
    pub fn is_record(&self) -> bool {
        self.who.as_deref() == Some(BACKFILL)
    }
}

/// The parts of a fact that its chain value covers, besides the value before it.
pub struct Link<'a> {
    pub id: i64,
    pub kind: i64,
    pub at_us: i64,
    pub source: i64,
    pub who: &'a str,
    pub delivery_id: &'a str,
    pub head: &'a str,
    pub digest: &'a [u8],
}

impl Link<'_> {
    /// The chain value: SHA-256 over the value before and every part, each text with its length
    /// before it.
    pub fn after(&self, previous: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(previous);
        for number in [self.id, self.kind, self.at_us, self.source] {
            hash.update(number.to_be_bytes());
        }
        for text in [self.who, self.delivery_id, self.head] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.update(self.digest);
        hash.finalize().into()
    }
}

/// Headers that say nothing of the event, or that prove the sender: these are not kept.
const HEADERS_LEFT_OUT: [&str; 12] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-ringledger-token",
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "accept",
    "accept-encoding",
    "keep-alive",
    "te",
];

#[derive(Serialize, Deserialize)]
struct Head<'a>(
    &'a str,
    std::borrow::Cow<'a, str>,
    Vec<(std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>)>,
);

/// Method, target and the headers that matter, as JSON. Tokens in the target are left out.
pub fn head_of(delivery: &Delivery) -> String {
    let kept = delivery
        .headers
        .iter()
        .filter(|(name, _)| !HEADERS_LEFT_OUT.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str().into(), value.as_str().into()))
        .collect();
    let head = Head(&delivery.method, without_token(&delivery.target), kept);
    serde_json::to_string(&head).unwrap_or_default()
}

impl Fact {
    /// The delivery as it came.
    pub fn delivery(&self) -> Delivery {
        #[derive(Deserialize)]
        struct Owned(String, String, Vec<(String, String)>);
        let Owned(method, target, headers) = serde_json::from_str(&self.head)
            .unwrap_or_else(|_| Owned(String::new(), String::new(), Vec::new()));
        Delivery {
            received_at: super::moment(self.at_us),
            method,
            target,
            headers,
            body: self.body.clone().into(),
        }
    }

    /// The chain value this fact ought to have after `previous`.
    pub fn chained(&self, previous: &[u8]) -> [u8; 32] {
        Link {
            id: self.id,
            kind: self.kind,
            at_us: self.at_us,
            source: self.source,
            who: self.who.as_deref().unwrap_or(""),
            delivery_id: self.delivery_id.as_deref().unwrap_or(""),
            head: &self.head,
            digest: &self.digest,
        }
        .after(previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proves_the_sender_is_not_kept() {
        let delivery = Delivery {
            received_at: Moment::default(),
            method: "POST".into(),
            target: "/hook/front?token=abc&x=1".into(),
            headers: vec![
                ("authorization".into(), "Bearer abc".into()),
                ("content-type".into(), "application/json".into()),
            ],
            body: bytes::Bytes::new(),
        };
        let head = head_of(&delivery);
        assert!(!head.contains("abc"), "{head}");
        assert_eq!(head, r#"["POST","/hook/front?x=1",[["content-type","application/json"]]]"#);
    }

    #[test]
    fn every_part_of_a_fact_changes_its_chain_value() {
        let link = |who, head| Link {
            id: 1,
            kind: 1,
            at_us: 0,
            source: 1,
            who,
            delivery_id: "",
            head,
            digest: &[0; 32],
        };
        assert_ne!(link("ab", "c").after(&[0; 32]), link("a", "bc").after(&[0; 32]));
        assert_ne!(link("a", "").after(&[0; 32]), link("a", "").after(&[1; 32]));
    }
}
