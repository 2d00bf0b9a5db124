//! What a file is: by its first bytes, and only where it has no header by the ending of its name.

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// RIFF, RF64 or BW64 with a WAVE inside.
    Wav,
    Au,
    OggOpus,
    /// Ogg with Vorbis or FLAC in it.
    Ogg,
    Flac,
    /// MPEG audio frames, with or without tags before them.
    Mpeg,
    /// AAC with a head before each frame.
    Adts,
    Mp4,
    /// Matroska and WebM.
    Matroska,
    /// Known by its head, and not decoded here: container and codec.
    Foreign(&'static str, &'static str),
    Unknown,
}

/// Heads of files that are kept and not decoded: bytes, container, codec.
const FOREIGN: [(&[u8], &str, &str); 13] = [
    (b"#!AMR-WB", "amr", "AMR-WB"),
    (b"#!AMR", "amr", "AMR"),
    (b"#!SILK_V3", "silk", "SILK"),
    (b"#!iLBC", "ilbc", "iLBC"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf", "WMA"),
    (b"caff", "caf", "CAF"),
    (b"wvpk", "wv", "WavPack"),
    (b"MAC ", "ape", "Monkey's Audio"),
    (b"Salted__", "encrypted", "encrypted (OpenSSL)"),
    (b"age-encryption.org/", "encrypted", "encrypted (age)"),
    (b"-----BEGIN PGP MESSAGE", "encrypted", "encrypted (OpenPGP)"),
    (b"-----BEGIN PKCS7", "encrypted", "encrypted (CMS)"),
    (b"-----BEGIN CMS", "encrypted", "encrypted (CMS)"),
];

/// Object identifier 1.2.840.113549.1.7.3 (enveloped data, RFC 5652) as it stands in a file.
const ENVELOPED: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03";

/// Tells what a file is from its first bytes.
pub fn kind(start: &[u8]) -> Kind {
    let foreign = FOREIGN.iter().find(|(head, ..)| start.starts_with(head));
    if let Some((_, container, codec)) = foreign {
        return Kind::Foreign(container, codec);
    }
    match (start.get(..4).unwrap_or_default(), start.get(8..12).unwrap_or_default()) {
        (b"RIFF" | b"RF64" | b"BW64", b"WAVE") => Kind::Wav,
        (b"FORM", b"AIFF" | b"AIFC") => Kind::Foreign("aiff", "AIFF"),
        (b".snd", _) => Kind::Au,
        (b"OggS", _) => ogg(start),
        (b"fLaC", _) => Kind::Flac,
        (b"\x1a\x45\xdf\xa3", _) => Kind::Matroska,
        _ if start.get(4..8) == Some(b"ftyp") => Kind::Mp4,
        _ if contains(start.get(..64).unwrap_or(start), ENVELOPED) => {
            Kind::Foreign("encrypted", "encrypted (CMS)")
        }
        _ => mpeg(start),
    }
}

fn ogg(start: &[u8]) -> Kind {
    let first = &start[..start.len().min(128)];
    if contains(first, b"OpusHead") {
        Kind::OggOpus
    } else if contains(first, b"Speex   ") {
        Kind::Foreign("ogg", "Speex")
    } else {
        Kind::Ogg
    }
}

/// Whether bytes stand somewhere in others.
pub fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// How far tags and filling may reach before the first frame, in bytes.
const LEAD_MAX: usize = 4096;

fn mpeg(start: &[u8]) -> Kind {
    let mut at = 0;
    let tagged = start.starts_with(b"ID3");
    if tagged {
        // ID3v2, section 3.1: four times seven bits, without the head itself.
        let size = start.get(6..10).unwrap_or_default();
        let size = size.iter().fold(0, |sum, byte| sum << 7 | usize::from(byte & 0x7f));
        at = size.saturating_add(10);
        if at >= start.len() {
            return Kind::Mpeg;
        }
    }
    let end = start.len().min(at.saturating_add(LEAD_MAX));
    let places = at..end;
    let mut frames = places.filter(|at| start[*at] == 0xff).filter_map(|at| frame(start, at));
    match frames.next() {
        Some(kind) => kind,
        None if tagged => Kind::Mpeg,
        None => Kind::Unknown,
    }
}

/// A frame of MPEG audio or ADTS that is followed by another, or fills the file.
fn frame(start: &[u8], at: usize) -> Option<Kind> {
    let (kind, length) = frame_length(start.get(at..)?)?;
    let after = start.get(at + length..)?;
    if after.is_empty() {
        return Some(kind);
    }
    let (next, _) = frame_length(after)?;
    (next == kind).then_some(kind)
}

/// ISO/IEC 11172-3, section 2.4.2.3, and 13818-7, section 6.2.1.
fn frame_length(bytes: &[u8]) -> Option<(Kind, usize)> {
    let head = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
    if head >> 21 != 0x7ff {
        return None;
    }
    let field = |shift: u32, bits: u32| (head >> shift & ((1 << bits) - 1)) as usize;
    let (version, layer) = (field(19, 2), field(17, 2));
    if head >> 20 == 0xfff && layer == 0 {
        let length = (field(0, 2) << 11) | usize::from(*bytes.get(4)?) << 3;
        let length = length | usize::from(*bytes.get(5)?) >> 5;
        return (length > 7).then_some((Kind::Adts, length));
    }
    let (bit_rate, sample_rate, padding) = (field(12, 4), field(10, 2), field(9, 1));
    if version == 1 || layer != 1 || bit_rate == 0 || bit_rate == 15 || sample_rate == 3 {
        return None;
    }
    let full = version == 3;
    let kbit_s = if full { KBIT_S[0][bit_rate - 1] } else { KBIT_S[1][bit_rate - 1] };
    let divisor = [4, 1, 2, 1][version];
    let hz = [44_100, 48_000, 32_000][sample_rate] / divisor;
    let samples = if full { 144 } else { 72 };
    Some((Kind::Mpeg, samples * 1000 * kbit_s / hz + padding))
}

/// Bit rates of layer III: MPEG-1, then MPEG-2 and 2.5.
const KBIT_S: [[usize; 14]; 2] = [
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];
