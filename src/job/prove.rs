//! Proving the store: every recording is read again and hashed, at a set pace, over and over. What
//! changed is a fact, and from it a finding.

use crate::call::Moment;
use crate::clock::{self, Watch};
use crate::flow::archive::Archive;
use crate::object::Proved;
use crate::stop::Stop;
use crate::store::sqlite::objects::{self, Kept, Proof, Seen, State};
use crate::store::{Error, Result};
use chrono::TimeDelta;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Recordings looked up, and proved between two marks of how far it has come.
const BATCH: usize = 64;
/// Recordings missing in a row, after which not they are gone but the whole store: a disk that is
/// not mounted makes no finding of every recording.
const MISSING_RUN_MAX: usize = 64;
/// How often it is looked whether a round is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// A pause shorter than this is put off, to the next chunk.
const REST_MIN: Duration = Duration::from_millis(5);
/// However slow the pace, a word to stop is heard within this time.
const REST_MAX: Duration = Duration::from_millis(100);

/// How fast, and how often.
#[derive(Debug, Clone, Copy)]
pub struct Rounds {
    /// Bytes read in a second at most; 0 reads none, ever.
    pub bytes_per_s: u64,
    /// From the beginning of a round to that of the next at least.
    pub every: TimeDelta,
}

/// Proves until it is told to stop. A round goes on where it was, also after a restart.
pub async fn run(archive: Arc<Archive>, rounds: Rounds, mut stop: Stop) {
    if rounds.bytes_per_s == 0 {
        return;
    }
    loop {
        if let Err(error) = round(&archive, rounds, &stop).await
            && !stop.is_said()
        {
            tracing::error!(%error, "the store's proof stopped; it goes on in a minute");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY.min(rounds.every.to_std().unwrap_or(LOOK_EVERY))) => {}
            () = stop.heard() => return,
        }
    }
}

/// One round, if one is due or was left in the middle.
async fn round(archive: &Arc<Archive>, rounds: Rounds, stop: &Stop) -> Result<()> {
    let mut proof = archive.ask(objects::proof).await?;
    let due = proof.proved_at.is_none_or(|at| at + rounds.every <= clock::now());
    if proof.began_at.is_none() {
        if !due {
            return Ok(());
        }
        proof = Proof { done_to: 0, began_at: Some(clock::now()), ..proof };
    }
    let mut missing = 0;
    loop {
        let done_to = proof.done_to;
        let batch = archive.ask(move |rows| objects::kept_after(rows, done_to, BATCH)).await?;
        let Some(last) = batch.last().map(|kept| kept.key) else { break };
        for kept in batch {
            let sound = prove(archive, kept, rounds, stop).await?;
            missing = if sound == Proved::Missing { missing + 1 } else { 0 };
            if missing >= MISSING_RUN_MAX {
                let text = format!("{missing} recordings in a row are missing: is the disk there?");
                return Err(Error::Unavailable(text));
            }
        }
        proof.done_to = last;
        note(archive, proof).await?;
    }
    let proved_at = proof.began_at;
    note(archive, Proof { done_to: 0, began_at: None, proved_at }).await
}

async fn note(archive: &Archive, proof: Proof) -> Result<()> {
    archive.store.write(move |tx| tx.note_proof(&proof)).await
}

async fn prove(archive: &Arc<Archive>, kept: Kept, rounds: Rounds, stop: &Stop) -> Result<Proved> {
    let (own, stop) = (Arc::clone(archive), stop.clone());
    let (proved, known) = tokio::task::spawn_blocking(move || {
        let mut pace = pace(rounds.bytes_per_s, stop);
        let names = own.store.names();
        let site = names.sites.get(&kept.site).map_or("", String::as_str);
        let proved = own.objects.prove(site, &kept.hash, &mut pace);
        let known = |connection: &_| objects::fault(connection, kept.site, &kept.hash);
        Ok::<_, Error>((proved, own.store.read(known)?))
    })
    .await
    .map_err(|error| Error::Unavailable(error.to_string()))??;
    let proved = match proved {
        Ok(proved) => proved,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            return Err(Error::Unavailable("told to stop".into()));
        }
        // Bytes that cannot be read are not what they were.
        Err(error) => Proved::Changed { found: format!("unreadable ({})", error.kind()) },
    };
    let state = match proved.clone() {
        Proved::Sound => State::Sound,
        Proved::Changed { found } => State::Changed { found },
        Proved::Missing => State::Missing,
    };
    if known.is_some() || state != State::Sound {
        see(archive, kept, state, clock::now()).await?;
    }
    Ok(proved)
}

async fn see(archive: &Archive, kept: Kept, state: State, at: Moment) -> Result<()> {
    let seen = Seen { object: kept.hash, state };
    let told = seen.clone();
    if archive.store.write(move |tx| tx.see(kept.site, &seen, at)).await? {
        match told.state {
            State::Sound => tracing::info!(recording = kept.key, "its bytes are right again"),
            state => {
                tracing::error!(recording = kept.key, ?state, "its bytes are not as they were")
            }
        }
    }
    Ok(())
}

/// Rests after each chunk as long as the pace asks, and hears when to stop.
fn pace(bytes_per_s: u64, stop: Stop) -> impl FnMut(usize) -> io::Result<()> {
    let (began, mut bytes) = (Watch::start(), 0u64);
    move |read| {
        bytes += read as u64;
        let wanted = Duration::from_secs_f64(bytes as f64 / bytes_per_s as f64);
        loop {
            if stop.is_said() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let rest = wanted.saturating_sub(began.elapsed());
            if rest < REST_MIN {
                return Ok(());
            }
            std::thread::sleep(rest.min(REST_MAX));
        }
    }
}
