//! What passes between a decoder and whoever listens.

use crate::recording::SoundClass;
use crate::recording::listen::Shape;
use std::io;

/// Takes interleaved samples, and the shape they have.
pub type Sink<'a> = &'a mut dyn FnMut(Shape, &[f32]) -> io::Result<()>;

/// What the container says of itself and of the sound in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Track {
    /// `wav`, `ogg`, `mp4`, …; `raw` where there is no header.
    pub container: String,
    /// The usual name of the codec.
    pub codec: String,
    pub channels: u16,
    /// As the container says; a decoder may give samples at a lower rate that holds all there is.
    pub sample_rate_hz: u32,
    /// What is wrong with the file, though its sound was heard.
    pub fault: Option<Fault>,
}

/// A class that the sound alone does not tell, and why.
pub type Fault = (SoundClass, String);

/// A file whose sound cannot be heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unheard {
    pub container: String,
    /// Empty when it is not known.
    pub codec: String,
    pub class: SoundClass,
    pub why: String,
}

impl Unheard {
    /// A codec that nobody here decodes.
    pub fn codec(container: &str, codec: &str, why: &str) -> Self {
        Self {
            container: container.to_owned(),
            codec: codec.to_owned(),
            class: SoundClass::Undecodable,
            why: if codec.is_empty() { why.to_owned() } else { format!("{codec}: {why}") },
        }
    }

    /// A file that is not what it should be.
    pub fn broken(container: &str, why: impl ToString) -> Self {
        Self::codec(container, "", &why.to_string())
    }
}

/// A sound that breaks off.
pub fn cut(why: impl std::fmt::Display) -> Option<Fault> {
    Some((SoundClass::Truncated, format!("it breaks off: {why}")))
}
