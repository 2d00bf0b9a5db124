//! What is wrong with the sound of recordings (R2).

use super::world::{World, about_recording, said};
use crate::finding::{Code, Finding};
use crate::recording::SoundClass;

/// Recordings that are empty though somebody talked, one-sided, cut or unreadable.
pub fn classes(world: &World<'_>, findings: &mut Vec<Finding>) {
    for fact in world.recordings_asked() {
        let Some(measures) = &fact.recording.measures else { continue };
        let talked = fact.call.and_then(|call| world.calls.get(&call));
        let code = match measures.class {
            SoundClass::Ok => continue,
            // A header and no sound, from a call that nobody answered, owes nothing.
            SoundClass::NoSound if talked.is_some_and(|call| call.call.is_answered()) => {
                let spoken = world.sound_of(fact.call.unwrap_or_default()).next().is_some();
                if spoken {
                    continue;
                }
                Code::EmptyAudio
            }
            SoundClass::NoSound => continue,
            SoundClass::OneSided => Code::OneSidedAudio,
            SoundClass::Truncated | SoundClass::UnfinishedHeader => Code::Truncated,
            SoundClass::Undecodable => Code::Undecodable,
        };
        let why = measures.why.as_ref().map(|why| said("why", why)).into_iter().collect();
        findings.push(about_recording(code, fact, fact.recording.arrived_at, why));
    }
}
