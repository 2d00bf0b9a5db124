//! The route out of the house: a call as a vCon, an entry as a case folder; and a vCon back in.
//! What leaves is a fact before it leaves.

use super::answer::{Answers, CallAnswer, EntryAnswer};
use super::archive::{Admitted, Archive};
use super::desk::{Access, Desk};
use super::error::{Error, Kind, Result};
use crate::audit::RecordingFact;
use crate::call::Moment;
use crate::recording::State;
use crate::store::sqlite::entries::Saved;
use crate::vcon::jws::{self, Signature, Signer, Trusted};
use crate::vcon::{self, Conversation, Sound};
use serde::Serialize;
use serde_json::Value;
use std::io::{Read, Write};
use std::sync::Arc;

/// Sound of one document at most: it is held in memory whole.
const SOUND_BYTES_MAX: u64 = 512 << 20;

/// Everything the route needs.
pub struct Exchange {
    pub archive: Arc<Archive>,
    pub answers: Answers,
    pub desk: Desk,
    /// Signs what leaves; nothing signs where no key is set.
    pub signer: Option<Signer>,
    pub trusted: Vec<Trusted>,
    /// The host name under which ids are unique.
    pub domain: String,
}

/// Who takes something out of the house, and why.
#[derive(Debug, Clone)]
pub struct Taking<'a> {
    pub who: &'a str,
    pub why: &'a str,
    pub at: Moment,
    /// Numbers and names are masked.
    pub masked: bool,
}

/// What came of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Imported {
    pub uuid: String,
    /// `none`, `unknown`, or the name of the key that verified it.
    pub signature: String,
    pub recordings: Vec<Admitted>,
    pub entry: Option<Saved>,
    pub left_out: Vec<String>,
}

impl Exchange {
    /// Notes what leaves, or is refused for want of a reason.
    ///
    /// # Errors
    /// [`Kind::Invalid`] when whole numbers are wanted and no reason is given.
    pub async fn note(
        &self,
        site: &str,
        of: String,
        what: &str,
        taking: &Taking<'_>,
    ) -> Result<()> {
        if !taking.masked && taking.why.trim().is_empty() {
            let text = "is needed where numbers are not masked";
            return Err(Error::fields(vec![("why".into(), text.into())]));
        }
        let exposure = if taking.masked { "masked" } else { "whole numbers" };
        let why = format!("{exposure}; {}", taking.why.trim());
        let access = Access { what: what.to_owned(), of, why };
        self.desk.note_access(site, access, taking.at, taking.who).await
    }

    /// A call by any of its ids.
    ///
    /// # Errors
    /// [`Kind::NotFound`].
    pub async fn call(&self, site: &str, id: &str) -> Result<CallAnswer> {
        let key = self.answers.call_key(site, id).await?;
        self.answers.call(key).await
    }

    /// A call with its recordings and its entry as a vCon, signed where a key is set.
    ///
    /// # Errors
    /// [`Kind::TooLong`] when its sound is too much for one document.
    pub async fn vcon(&self, answer: &CallAnswer, taking: &Taking<'_>) -> Result<Value> {
        let total: u64 = answer.recordings.iter().map(|fact| fact.recording.bytes).sum();
        if total > SOUND_BYTES_MAX {
            let text = format!("its sound has {total} bytes; a vCon takes {SOUND_BYTES_MAX}");
            return Err(Error::new(Kind::TooLong, text));
        }
        let call = &answer.fact.call;
        self.note(&answer.site.id, call.call_id.clone(), "export vcon", taking).await?;
        let mut sounds = Vec::new();
        for fact in &answer.recordings {
            sounds.push(Sound { recording: &fact.recording, bytes: self.bytes(fact).await? });
        }
        let entry = answer.entry.as_ref().map(|fact| (&fact.entry, fact.version));
        let (masked, created_at, domain) = (taking.masked, taking.at, self.domain.as_str());
        let conversation = Conversation { call, sounds, entry, masked, created_at, domain };
        let document = vcon::build(&conversation);
        let uuid = document["uuid"].as_str().unwrap_or_default().to_owned();
        match &self.signer {
            None => Ok(document),
            Some(signer) => signer
                .sign(&document, &uuid)
                .map_err(|why| Error::new(Kind::Internal, format!("not signed: {why}"))),
        }
    }

    /// The bytes of a recording, or of the archive rendition that stands in its place; none where
    /// it was erased.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] when they are not there or cannot be read.
    pub async fn bytes(&self, fact: &RecordingFact) -> Result<Option<Vec<u8>>> {
        if fact.recording.state == State::Erased {
            return Ok(None);
        }
        let (archive, key) = (Arc::clone(&self.archive), fact.key);
        let hash = fact.recording.sound_hash();
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            archive.objects.open(&hash)?.read_to_end(&mut bytes)?;
            Ok::<_, std::io::Error>(bytes)
        });
        let read = read.await.map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        read.map(Some).map_err(|error| {
            Error::new(Kind::Unavailable, format!("recording {key} cannot be read: {error}"))
        })
    }

    /// An entry by the desk's number of it, with everything that belongs to it.
    ///
    /// # Errors
    /// [`Kind::NotFound`].
    pub async fn entry(&self, site: &str, id: &str) -> Result<EntryAnswer> {
        let key = self.answers.entry_of(site, id).await?.key;
        self.answers.entry(key).await
    }

    /// Takes a vCon in: its recordings, and its entry where that is not known here otherwise.
    ///
    /// # Errors
    /// [`Kind::Invalid`] when it cannot be read, or no trusted key signed it as it is.
    pub async fn import(
        &self,
        site: &str,
        bytes: &[u8],
        at: Moment,
        who: &str,
    ) -> Result<Imported> {
        let invalid = |why: String| Error::new(Kind::Invalid, format!("no vCon: {why}"));
        let document = serde_json::from_slice(bytes).map_err(|error| invalid(error.to_string()))?;
        let (document, signature) = jws::opened(document, &self.trusted).map_err(invalid)?;
        let signature = match signature {
            Signature::None => "none".to_owned(),
            Signature::Unknown => "unknown".to_owned(),
            Signature::Verified(name) => name,
            Signature::Wrong => {
                let text = "no trusted key signed it as it is: it was changed, or somebody else \
                            signed it (setting exchange.trusted_keys)";
                return Err(Error::new(Kind::Invalid, text));
            }
        };
        let content = vcon::read(&document).map_err(invalid)?;
        let mut imported = Imported {
            uuid: content.uuid,
            signature,
            recordings: Vec::new(),
            entry: None,
            left_out: content.left_out,
        };
        let of = imported.uuid.clone();
        let why = format!("signature: {}", imported.signature);
        let access = Access { what: "import vcon".into(), of, why };
        self.desk.note_access(site, access, at, who).await?;
        for piece in content.pieces {
            let mut incoming = self.archive.begin(site)?;
            incoming
                .write_all(&piece.bytes)
                .map_err(|error| Error::new(Kind::Unavailable, format!("not kept: {error}")))?;
            let expected = Some(piece.hash());
            let admitted = self.archive.admit(site, incoming, piece.hints, expected, at, who);
            imported.recordings.push(admitted.await?);
        }
        if let Some(entry) = content.entry {
            match self.answers.entry_of(site, &entry.entry_id).await {
                Ok(known) if known.entry != entry => {
                    let text = "is known here and says something else; it was not taken";
                    imported.left_out.push(format!("entry {}: {text}", entry.entry_id));
                }
                Ok(_) => {}
                Err(error) if error.kind == Kind::NotFound => {
                    imported.entry = Some(self.desk.save(site, entry, at, who).await?);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(imported)
    }
}
