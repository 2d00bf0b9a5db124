//! The end of an Ogg file (RFC 3533): whether its last page is there and says that it is the last.

use super::sound::{Fault, cut};
use std::io::{self, Read, Seek, SeekFrom};

/// A page is never longer than this (RFC 3533, section 6), in bytes.
const PAGE_MAX: u64 = 27 + 255 + 255 * 255;
/// The flag of the last page.
const LAST: u8 = 4;

/// What is wrong with the end of an Ogg file.
///
/// # Errors
/// When it cannot be read.
pub fn fault(mut source: impl Read + Seek) -> io::Result<Option<Fault>> {
    let length = source.seek(SeekFrom::End(0))?;
    source.seek(SeekFrom::Start(length.saturating_sub(PAGE_MAX)))?;
    let mut end = Vec::new();
    source.take(PAGE_MAX).read_to_end(&mut end)?;
    let Some(at) = end.windows(4).rposition(|window| window == b"OggS") else {
        return Ok(cut("its last page is missing"));
    };
    let page = &end[at..];
    let length = page.get(26).and_then(|count| {
        let segments = page.get(27..27 + usize::from(*count))?;
        Some(27 + segments.len() + segments.iter().map(|s| usize::from(*s)).sum::<usize>())
    });
    Ok(match length {
        Some(length) if length <= page.len() && page[5] & LAST != 0 => None,
        Some(length) if length <= page.len() => cut("no page says that it is the last"),
        _ => cut("its last page is not whole"),
    })
}
