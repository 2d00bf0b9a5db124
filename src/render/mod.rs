//! Reports and pages to bytes: pure.

pub mod page;
pub mod sample;
mod sheet;
pub mod svg;
mod text;
pub mod words;

use crate::audit::Report;
use crate::party::{PersonName, PhoneNumber, masked_numbers};
use words::Language;

/// Whether numbers and names are shown whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exposure {
    #[default]
    Masked,
    Full,
}

impl Exposure {
    /// A number for the eyes of a reader.
    pub fn number(self, number: &PhoneNumber) -> String {
        if self == Self::Full { number.exposed().to_owned() } else { number.masked() }
    }

    /// A text that may hold a number, such as the name of a recording.
    pub fn text(self, text: &str) -> String {
        if self == Self::Full { text.to_owned() } else { masked_numbers(text) }
    }

    /// A name for the eyes of a reader.
    pub fn name(self, name: &PersonName) -> String {
        if self == Self::Full { name.exposed().to_owned() } else { name.masked() }
    }
}

/// A form of a report.
pub struct Renderer {
    pub name: &'static str,
    pub media_type: &'static str,
    pub render: fn(&Report, Language) -> Vec<u8>,
}

/// Every form there is.
pub static ALL: &[Renderer] = &[
    Renderer { name: "text", media_type: "text/plain; charset=utf-8", render: text::text },
    Renderer { name: "html", media_type: "text/html; charset=utf-8", render: page::report },
    Renderer { name: "csv", media_type: "text/csv; charset=utf-8", render: sheet::csv },
    Renderer { name: "jsonl", media_type: "application/jsonl", render: sheet::jsonl },
];

/// The form of this name.
pub fn named(name: &str) -> Option<&'static Renderer> {
    ALL.iter().find(|renderer| renderer.name == name)
}
