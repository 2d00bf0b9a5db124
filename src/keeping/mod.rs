//! How long recordings are kept, what goes first when the disk fills, and when that will be. Pure.

mod forecast;
mod plan;

pub use forecast::{Forecast, Stock, forecast};
pub use plan::{Candidate, Going, Original, Part, Plan, Room, Spared, Sparing, Why, plan};

use crate::ledger::Category;
use crate::site::SiteSettings;
use serde::{Deserialize, Serialize};

/// What a recording counts as when its time is asked: the category of its entry, or why it has
/// none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Enquiry,
    Help,
    Repair,
    Complaint,
    Suggestion,
    /// Linked to an entry that names no category.
    Uncategorised,
    /// Linked to none, and a person said why.
    Explained,
    /// A file without sound, of a call that owes no entry.
    Exempt,
    /// Linked to none, and nobody said why. Kept unless the site sets a time for just this.
    Unmatched,
}

impl Class {
    /// All there are.
    pub const ALL: [Self; 9] = [
        Self::Enquiry,
        Self::Help,
        Self::Repair,
        Self::Complaint,
        Self::Suggestion,
        Self::Uncategorised,
        Self::Explained,
        Self::Exempt,
        Self::Unmatched,
    ];

    /// As written in settings and lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enquiry => "enquiry",
            Self::Help => "help",
            Self::Repair => "repair",
            Self::Complaint => "complaint",
            Self::Suggestion => "suggestion",
            Self::Uncategorised => "uncategorised",
            Self::Explained => "explained",
            Self::Exempt => "exempt",
            Self::Unmatched => "unmatched",
        }
    }

    /// The class of a recording whose entry has this category.
    pub fn linked(category: Option<Category>) -> Self {
        match category {
            Some(Category::Enquiry) => Self::Enquiry,
            Some(Category::Help) => Self::Help,
            Some(Category::Repair) => Self::Repair,
            Some(Category::Complaint) => Self::Complaint,
            Some(Category::Suggestion) => Self::Suggestion,
            None => Self::Uncategorised,
        }
    }

    /// For how many days recordings of this class are kept under some settings; nothing: for ever.
    pub fn keep_days(self, settings: &SiteSettings) -> Option<u32> {
        let of_class = settings.keep_days_of.get(self.as_str()).copied();
        of_class.or(settings.keep_days.filter(|_| self != Self::Unmatched))
    }

    /// After how many days recordings of this class get an archive rendition; nothing: never.
    pub fn archive_days(self, settings: &SiteSettings) -> Option<u32> {
        settings.archive_days_of.get(self.as_str()).copied().or(settings.archive_days)
    }

    /// For how many days an original is kept beside its archive rendition; nothing: for ever.
    pub fn original_days(self, settings: &SiteSettings) -> Option<u32> {
        let of_class = settings.original_days_of.get(self.as_str()).copied();
        of_class.or(settings.original_days.filter(|_| self != Self::Unmatched))
    }
}
