//! One registration in the ledger (台账).

use crate::call::event::Moment;
use crate::party::{PersonName, PhoneNumber};
use serde::{Deserialize, Serialize};

/// Where the matter came from (R69).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// 来电: owes a recording.
    Phone,
    /// 来访: owes none, and may hide a call.
    WalkIn,
    /// 回访 and return calls: a child of the entry it follows, owed by an outbound call of its own.
    FollowUp,
}

/// The five content classes (R70).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// 咨询
    Enquiry,
    /// 求助
    Help,
    /// 报修
    Repair,
    /// 投诉
    Complaint,
    /// 建议
    Suggestion,
}

/// One registration as one version of it says. Never overwritten: a correction is a new version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerEntry {
    /// The desk's or its ERP's number of the entry; unique within the site.
    pub entry_id: String,
    pub channel: Channel,
    /// When it was typed. Pushed or typed entries have it from the clock of whoever made them.
    pub registered_at: Moment,
    /// The time of the call or visit as the desk wrote it; `None` when it wrote none.
    #[serde(default)]
    pub occurred_at: Option<Moment>,
    /// True where only the day was written; `occurred_at` is then the start of that day at the
    /// site.
    #[serde(default)]
    pub occurred_day_only: bool,
    #[serde(default)]
    pub number: Option<PhoneNumber>,
    #[serde(default)]
    pub name: Option<PersonName>,
    /// As written; see [`crate::ledger::unit`] for its folded form.
    #[serde(default)]
    pub unit: Option<String>,
    #[serde(default)]
    pub category: Option<Category>,
    #[serde(default)]
    pub content: Option<String>,
    /// Who handled it: a name, a login or an extension.
    #[serde(default)]
    pub handler: Option<String>,
    /// The phone system's id of the call, where the desk's screen filled it in.
    #[serde(default)]
    pub call_id: Option<String>,
    /// The entry this one follows or belongs under.
    #[serde(default)]
    pub parent_id: Option<String>,
}
