//! Columns by their meaning: names as phone systems and desks give them.

use crate::ledger::columns::{field_of, key};

/// Fields with the names of their columns.
pub type Names = &'static [(&'static str, &'static str)];

/// The list of recordings. A number named without a side is the outside party's.
pub const RECORDINGS: Names = &[
    ("id", "recording_id recording id file filename 录音编号 录音id 录音文件 文件名 编号"),
    (
        "call_id",
        "call_id callid uniqueid linkedid call_uuid uuid 呼叫编号 通话编号 通话id 呼叫id 话单号",
    ),
    ("site", SITE),
    ("day", "day date 日期 通话日期"),
    (
        "started",
        "started_at start start_time begin_time time 开始时间 通话开始时间 录音时间 通话时间 时间",
    ),
    ("ring", "ring_started_at ring ring_time ringing_at 振铃时间 呼入时间 来电时间"),
    ("answered", "answered_at answer answer_time 应答时间 接通时间 接听时间"),
    ("ended", "ended_at end end_time hangup_time 结束时间 通话结束时间 挂断时间"),
    ("duration", "duration_s duration seconds billsec talk_time 时长 通话时长 录音时长"),
    ("direction", "direction type call_type 方向 呼叫方向 呼叫类型 通话类型"),
    (
        "from",
        "from_number from caller caller_number calling src source number phone 主叫 主叫号码 来电号码 号码 电话 客户号码",
    ),
    ("to", "to_number to callee callee_number called dst destination 被叫 被叫号码 接听号码"),
    ("extension", "extension ext 分机 分机号 坐席分机"),
    ("agent", "agent operator agent_name 坐席 客服 接听人 坐席姓名 话务员"),
    ("digest", "sha256 digest hash checksum 校验 摘要"),
];

/// The directory of homes.
pub const DIRECTORY: Names = &[
    ("site", SITE),
    ("unit", "unit address room 房号 单元 单元房号 地址 房间号 房产"),
    ("name", "resident_name name resident owner 姓名 业主姓名 住户姓名 业主 住户"),
    ("numbers", "known_numbers numbers number phone phones mobile 电话 手机 手机号 联系电话 号码"),
];

/// Pairs that people confirmed or parted.
pub const CONFIRMED: Names = &[
    ("site", SITE),
    ("recording_id", "recording_id recording id file 录音编号 录音id 录音文件"),
    ("entry_id", "entry_id entry row 登记编号 台账编号 记录编号"),
    ("together", "together confirmed match matched is_match label 是否匹配 匹配 确认"),
];

const SITE: &str = "site site_id site_name project community 项目 小区 站点 小区名称 项目名称";

/// The field that a ledger's column is of, by the names an import knows.
pub fn ledger(name: &str) -> Option<&'static str> {
    let key = key(name);
    if SITE.split_whitespace().any(|site| site == key) { Some("site") } else { field_of(&key) }
}

/// The field that a column is of, by a list.
pub fn by_names(names: Names, name: &str) -> Option<&'static str> {
    let key = key(name);
    let is_named = |list: &str| list.split_whitespace().any(|name| name == key);
    names.iter().find(|(_, list)| is_named(list)).map(|(field, _)| *field)
}
