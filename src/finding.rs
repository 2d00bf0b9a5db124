//! A finding: one thing that is not as the standard wants, with its evidence. The one list of
//! codes.

use crate::call::event::Moment;
use serde::{Deserialize, Serialize};

/// How bad it is. Settable per site later; these are the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Critical,
    Major,
    Minor,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal, $severity:ident, $zh:literal;)*) => {
        /// What kind of finding it is. The one list (`semantics`: finding codes).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Code { $($(#[doc = $doc])* $name,)* }

        impl Code {
            /// All codes, in the order of the list.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The code as written in reports, addresses and files.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// The default severity.
            pub const fn severity(self) -> Severity {
                match self { $(Code::$name => Severity::$severity,)* }
            }

            /// The code in the customer's own words.
            pub const fn zh(self) -> &'static str {
                match self { $(Code::$name => $zh,)* }
            }
        }
    };
}

codes! {
    /// An answered call without its recording (R2).
    CallWithoutRecording = "call_without_recording", Critical, "来电无录音";
    /// A call that reached the desk and is not in the ledger (R4).
    CallWithoutEntry = "call_without_entry", Critical, "来电未登记台账";
    /// A recording that belongs to no call.
    RecordingWithoutCall = "recording_without_call", Major, "录音无对应来电";
    /// A recording with no ledger entry (R39).
    RecordingWithoutEntry = "recording_without_entry", Critical, "录音未登记台账";
    /// A phone entry without a call.
    EntryWithoutCall = "entry_without_call", Critical, "台账无对应来电";
    /// A phone entry whose call has no recording (R39).
    EntryWithoutRecording = "entry_without_recording", Critical, "台账无对应录音";
    /// Two entries for one recording.
    TwoEntriesOneRecording = "two_entries_one_recording", Major, "一条录音两条台账";
    /// Two recordings for one entry.
    TwoRecordingsOneEntry = "two_recordings_one_entry", Major, "一条台账两条录音";
    /// Two assignments too close to call.
    Ambiguous = "ambiguous", Major, "无法判定";
    NumberDiffers = "number_differs", Major, "号码不符";
    TimeDiffers = "time_differs", Minor, "时间不符";
    AgentDiffers = "agent_differs", Minor, "接听人不符";
    UnitDiffers = "unit_differs", Minor, "房号不符";
    LengthDiffers = "length_differs", Major, "录音时长不符";
    DirectionDiffers = "direction_differs", Major, "来电方向不符";
    /// A walk-in entry that fits an unregistered call in time and number (R69).
    MisFiledWalkIn = "mis_filed_walk_in", Major, "疑似来电误登为来访";
    /// Answered after the ring limit (R1).
    LateAnswer = "late_answer", Major, "超过三声接听";
    AbandonedCall = "abandoned_call", Major, "来电放弃";
    ReturnCallMissing = "return_call_missing", Major, "未回电";
    RingCountDiffers = "ring_count_differs", Minor, "铃声次数不符";
    /// Picked up and joined more than a second apart: a fault of the phone system.
    SlowJoin = "slow_join", Minor, "接通延迟";
    /// Registered after the limit (R23).
    LateRegistration = "late_registration", Major, "登记超时";
    MissingField = "missing_field", Minor, "漏项";
    ThinContent = "thin_content", Minor, "内容过简";
    BadLocation = "bad_location", Minor, "地点有误";
    FormMissing = "form_missing", Major, "缺少单据";
    FormDiffers = "form_differs", Major, "单据与台账不符";
    DeadlineMissed = "deadline_missed", Major, "超过时限";
    RepeatIssueNotComplaint = "repeat_issue_not_complaint", Major, "重复问题未按投诉处理";
    FollowUpMissing = "follow_up_missing", Major, "未回访";
    FollowUpTimeMissing = "follow_up_time_missing", Minor, "未注明回访时间";
    FollowUpTimeDiffers = "follow_up_time_differs", Minor, "回访时间不符";
    PromiseOverdue = "promise_overdue", Major, "承诺逾期";
    EmptyAudio = "empty_audio", Critical, "录音无声";
    OneSidedAudio = "one_sided_audio", Major, "单边录音";
    Truncated = "truncated", Major, "录音不完整";
    Undecodable = "undecodable", Major, "录音无法解码";
    /// The stored bytes are not what they were.
    HashChanged = "hash_changed", Critical, "录音被改动";
    /// The stored bytes of a recording are not there.
    ObjectMissing = "object_missing", Critical, "录音文件丢失";
    /// Stored bytes that belong to no recording.
    ObjectStray = "object_stray", Minor, "无主录音文件";
    RecordedInError = "recorded_in_error", Minor, "误录";
    TooShort = "too_short", Minor, "录音过短";
    /// Silence in desk hours, a hole in a sequence, or a clock jump.
    FeedGap = "feed_gap", Critical, "信号中断";
    /// A delivery that no adapter could read.
    NotUnderstood = "not_understood", Minor, "无法识别的推送";
}

impl Code {
    /// Whether the sound of a recording is evidence for it, so that the recording stays while it is
    /// open.
    pub const fn needs_sound(self) -> bool {
        use Code::*;
        !matches!(
            self,
            LateAnswer
                | AbandonedCall
                | ReturnCallMissing
                | SlowJoin
                | LateRegistration
                | MissingField
                | ThinContent
                | BadLocation
                | FormMissing
                | FormDiffers
                | DeadlineMissed
                | RepeatIssueNotComplaint
                | FollowUpMissing
                | FollowUpTimeMissing
                | FollowUpTimeDiffers
                | PromiseOverdue
                | FeedGap
                | NotUnderstood
        )
    }
}

impl std::str::FromStr for Code {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text).ok_or(())
    }
}

/// What a finding is about, by the store's keys. At least one is set.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct About {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<i64>,
    /// The delivery's fact number, for findings about the feed; of bytes without a recording the
    /// fact that told of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<i64>,
}

/// Where a finding stands. It is never silently dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Open,
    /// A person closed it with a reason from the list.
    Explained,
    /// The missing piece came late.
    Healed,
}

/// Why a person closed a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    PbxSetting,
    RecorderFault,
    Network,
    TestCall,
    WrongNumber,
    SilentCall,
    Maintenance,
    FalseAlarm,
    /// Needs a text.
    Other,
}

/// One thing that is not as the standard wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub code: Code,
    pub severity: Severity,
    pub about: About,
    /// From when it counts: the end of the grace time, or the moment of the fault. Its age runs
    /// from here.
    pub since: Moment,
    /// In words, with the values that show it. Numbers of people are masked.
    pub evidence: Vec<String>,
    pub state: State,
}

impl Finding {
    /// An open finding of the default severity.
    pub fn open(code: Code, about: About, since: Moment, evidence: Vec<String>) -> Self {
        Self { code, severity: code.severity(), about, since, evidence, state: State::Open }
    }
}
