//! Containers and codecs to samples; nothing else decodes.

pub mod child;
mod decode;
mod riff;

pub use decode::{listen, rendition};
