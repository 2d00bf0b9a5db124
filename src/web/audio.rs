//! The sound of a recording, with ranges, so that a browser can seek. Every playback is kept as a
//! fact.

use super::state::State;
use crate::clock;
use crate::flow::answer::RecordingAnswer;
use crate::flow::desk::Access;
use crate::flow::error::{Error, Kind, Result};
use crate::flow::rendition::Form;
use crate::recording::Recording;
use crate::recording::mark::marks;
use axum::Json;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Query, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::sync::Arc;

/// Bytes that are read and sent at a time.
const CHUNK: usize = 64 * 1024;

/// What is asked beside the place: why somebody listens, where he says it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    why: String,
}

/// `GET /recordings/{key}/audio`: the original where a browser plays it, else a WAV made of it.
/// `…/peaks` and `…/marks`: its waveform, and where on it things happened, as JSON.
pub async fn get(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path((key, what)): Path<(i64, String)>,
    Query(why): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response> {
    let who = state.enter(&headers, peer)?;
    let answer = state.answers().recording(key).await?;
    match what.as_str() {
        "audio" => play(&state, answer, &why, &headers, &who).await,
        "peaks" => Ok(Json(peaks(&answer.fact.recording)).into_response()),
        "marks" => {
            let call = match answer.fact.call {
                Some(call) => Some(state.answers().call(call).await?.fact.call),
                None => None,
            };
            Ok(Json(marks(&answer.fact.recording, call.as_ref())).into_response())
        }
        _ => Err(Error::new(Kind::NotFound, "a recording has a page, `audio`, `peaks`, `marks`")),
    }
}

fn peaks(recording: &Recording) -> Value {
    let measures = recording.measures.as_ref();
    json!({
        "duration_s": measures.map(|measures| measures.duration_s),
        "greatest": 255,
        "peaks": measures.map(|measures| &measures.peaks),
    })
}

async fn play(
    state: &Arc<State>,
    answer: RecordingAnswer,
    why: &Asked,
    headers: &HeaderMap,
    who: &str,
) -> Result<Response> {
    answer.playable()?;
    let recording = answer.fact.recording;
    let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let (archive, form) = (Arc::clone(state), Form::of(&recording));
    let hash = recording.hash;
    let duration_s = recording.measures.as_ref().map_or(0.0, |measures| measures.duration_s);
    let opened = tokio::task::spawn_blocking(move || {
        Sound::of(archive.renditions.open(&archive.archive.objects, &recording)?)
    });
    let sound =
        opened.await.map_err(|error| Error::new(Kind::Internal, error.to_string()))?.map_err(
            |error| Error::new(Kind::NotFound, format!("the sound cannot be given: {error}")),
        )?;
    let access = Access {
        what: "play".into(),
        of: hash.to_string(),
        why: format!("{} {}", sound.span(asked, duration_s), why.why).trim().to_owned(),
    };
    // Who listened is known before the first byte is on its way.
    state.desk().note_access(&answer.site.id, access, clock::now(), who).await?;
    Ok(sound.answer(asked, form.media_type()))
}

struct Sound {
    bytes: Box<dyn crate::object::Readable>,
    length: u64,
}

impl Sound {
    fn of(mut bytes: Box<dyn crate::object::Readable>) -> std::io::Result<Self> {
        let length = bytes.seek(SeekFrom::End(0))?;
        Ok(Self { bytes, length })
    }

    /// The part that is asked for, in seconds of the recording: players ask by bytes.
    fn span(&self, asked: Option<&str>, duration_s: f64) -> String {
        let whole = (0, self.length.saturating_sub(1));
        let (first, last) = asked.and_then(|asked| range(asked, self.length)).unwrap_or(whole);
        let seconds = |byte: u64| byte as f64 / self.length.max(1) as f64 * duration_s;
        format!("{:.1}-{:.1} s", seconds(first), seconds(last + 1))
    }

    fn answer(self, asked: Option<&str>, media_type: &'static str) -> Response {
        let length = self.length;
        let range = match asked.map(|asked| range(asked, length)) {
            None => None,
            Some(Some(range)) => Some(range),
            Some(None) => {
                let whole = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
                return (StatusCode::RANGE_NOT_SATISFIABLE, whole).into_response();
            }
        };
        let (first, last) = range.unwrap_or((0, length.saturating_sub(1)));
        let count = if length == 0 { 0 } else { last - first + 1 };
        let mut response = Response::new(self.body(first, count));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(header::CONTENT_LENGTH, count.into());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        if range.is_some() {
            let text = format!("bytes {first}-{last}/{length}");
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(header::CONTENT_RANGE, value);
            }
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
        response
    }

    /// The bytes, a chunk at a time, read where blocking is allowed.
    fn body(self, first: u64, count: u64) -> Body {
        let (sender, receiver) = tokio::sync::mpsc::channel::<std::io::Result<bytes::Bytes>>(2);
        tokio::task::spawn_blocking(move || {
            let mut bytes = self.bytes;
            let mut left = count;
            if bytes.seek(SeekFrom::Start(first)).is_err() {
                return;
            }
            while left > 0 {
                let mut chunk = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
                let read = bytes.read_exact(&mut chunk);
                left -= chunk.len() as u64;
                let failed = read.is_err();
                let sent = sender.blocking_send(read.map(|()| chunk.into()));
                if failed || sent.is_err() {
                    return;
                }
            }
        });
        let stream = futures_util::stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|chunk| (chunk, receiver))
        });
        Body::from_stream(stream)
    }
}

/// `bytes=0-499`, `bytes=500-`, `bytes=-500`; several ranges are answered with the first.
fn range(asked: &str, length: u64) -> Option<(u64, u64)> {
    let first = asked.strip_prefix("bytes=")?.split(',').next()?.trim();
    let (from, to) = first.split_once('-')?;
    let last = length.checked_sub(1)?;
    let (from, to) = match (from.parse::<u64>(), to.parse::<u64>()) {
        (Ok(from), Ok(to)) => (from, to.min(last)),
        (Ok(from), Err(_)) if to.is_empty() => (from, last),
        (Err(_), Ok(count)) if from.is_empty() && count > 0 => (length.saturating_sub(count), last),
        _ => return None,
    };
    (from <= to && from <= last).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        assert_eq!(range("bytes=0-499", 1000), Some((0, 499)));
        assert_eq!(range("bytes=500-", 1000), Some((500, 999)));
        assert_eq!(range("bytes=-300", 1000), Some((700, 999)));
        assert_eq!(range("bytes=0-5000", 1000), Some((0, 999)));
        for wrong in ["bytes=1000-", "bytes=9-3", "bytes=-0", "bytes=", "lines=1-2"] {
            assert_eq!(range(wrong, 1000), None, "{wrong}");
        }
    }
}
