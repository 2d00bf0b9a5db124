//! Words of pages and reports in Chinese and English. The customer's own words in Chinese.

use crate::finding::{Code, Reason};

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    #[default]
    Zh,
    En,
}

impl Language {
    /// The language of a code: `zh`, `en`; Chinese for anything else.
    pub fn of(code: &str) -> Self {
        if code.starts_with("en") { Self::En } else { Self::Zh }
    }

    /// As in the address of a page.
    pub fn key(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }

    /// As in an HTML `lang` attribute.
    pub fn code(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }
}

/// Key, Chinese, English.
const WORDS: &[(&str, &str, &str)] = &[
    ("abandoned", "已放弃", "abandoned"),
    ("about", "事项", "About"),
    ("add_link", "手工关联", "Link by hand"),
    ("agent", "接听人", "agent"),
    ("all", "全部", "all"),
    ("answered_at", "接听时间", "Answered at"),
    ("alerting_at", "开始振铃", "Ringing began"),
    ("alerting", "振铃", "rings"),
    ("alive", "进行中", "in progress"),
    ("answer_uncertain", "无法确定是否接通", "not sure that it was joined"),
    ("answer_time_missing", "未知接听时间", "time of answer unknown"),
    ("answered", "摘机", "Picked up"),
    ("answered_by", "接听分机", "Answered by"),
    ("apart_min", "相差（分钟）", "minutes apart"),
    ("audit", "稽核", "Audit"),
    ("balance", "账目平衡", "Balance"),
    ("between_rings", "介于两声之间", "between two rings"),
    ("busy", "忙", "busy"),
    ("bytes", "字节", "bytes"),
    ("call", "来电", "Call"),
    ("call_id", "呼叫编号", "call id"),
    ("caller", "主叫", "Caller"),
    ("callee", "被叫", "Called"),
    ("called_digits", "来电中的数字", "digits of the call"),
    ("archived", "归档副本", "Archive rendition"),
    ("copy_of", "同一录音，见", "the same sound as"),
    ("gap_s", "之前缺（秒）", "missing before it (s)"),
    ("overlap_s", "与前段重叠（秒）", "over the one before (s)"),
    ("calls", "来电", "Calls"),
    ("behind_ms", "时钟落后（毫秒）", "clock behind ours (ms)"),
    ("category", "类别", "category"),
    ("cause", "原因", "Cause"),
    ("cause_missing", "未说明原因", "nobody said why it ended"),
    ("changed", "修改", "changed"),
    ("channel", "渠道", "channel"),
    ("clock_jump_ms", "时钟跳变（毫秒）", "clock jumped (ms)"),
    ("clock_limit_s", "时钟偏差上限（秒）", "clock limit (s)"),
    ("complaint", "投诉", "complaint"),
    ("compliance", "三声接听", "Three-ring rule"),
    ("content", "内容", "content"),
    ("contradiction", "数据矛盾", "contradiction"),
    ("critical", "严重", "critical"),
    ("declined", "拒接", "declined"),
    ("direction", "方向", "direction"),
    ("download_csv", "导出表格", "CSV"),
    ("duration_s", "时长（秒）", "Length (s)"),
    ("ended", "结束", "ended"),
    ("ended_at", "通话结束", "Call ended"),
    ("ended_inferred", "按规则结束", "closed by rule"),
    ("enquiry", "咨询", "enquiry"),
    ("entries", "台账", "Entries"),
    ("entry", "台账", "Entry"),
    ("erased", "已删除", "erased"),
    ("evidence", "依据", "Evidence"),
    ("exempt", "无需登记", "owes nothing"),
    ("explain", "说明", "Explain"),
    ("explained", "已说明", "explained"),
    ("failed", "故障", "failed"),
    ("false_alarm", "误报", "false alarm"),
    ("feed_lost", "信号中断", "the feed was lost"),
    ("field", "字段", "Field"),
    ("findings", "问题", "Findings"),
    ("first_entry", "首条台账", "first entry"),
    ("fits", "可能对应", "fits"),
    ("follow_up", "回访", "follow-up"),
    ("found_sha256", "现校验值", "SHA-256 now"),
    ("from", "自", "From"),
    ("handler", "经办人", "handler"),
    ("healed", "已补齐", "healed"),
    ("heard_at", "最近推送", "last heard"),
    ("held", "法律保全", "legal hold"),
    ("help", "求助", "help"),
    ("hint_thing", "call:呼叫编号 或 sha256:录音", "call:ID or sha256:HEX"),
    ("inbound", "来电", "inbound"),
    ("internal", "内部", "internal"),
    ("join_ms", "接通延迟（毫秒）", "join delay (ms)"),
    ("joined", "接通", "joined"),
    ("language", "English", "中文"),
    ("late", "超过三声", "late"),
    ("left", "离开", "left"),
    ("left_before_desk", "转前台前已离开", "left before the desk was tried"),
    ("leg_created", "呼叫分机", "dialled"),
    ("leg_ended", "分机结束", "leg ended"),
    ("link", "关联", "Link"),
    ("linked", "已关联", "linked"),
    ("leg", "分机", "Phone"),
    ("legs", "振铃的话机", "Phones that were tried"),
    ("linked_by", "关联方式", "Linked by"),
    ("log_in", "登录", "Log in"),
    ("log_out", "退出", "Log out"),
    ("longest_silence_s", "最长静音（秒）", "Longest silence (s)"),
    ("loudness_lufs", "响度（LUFS）", "Loudness (LUFS)"),
    ("maintenance", "检修", "maintenance"),
    ("major", "重要", "major"),
    ("message", "留言", "message"),
    ("minor", "一般", "minor"),
    ("missing", "漏项", "missing"),
    ("name", "姓名", "name"),
    ("network", "网络", "network"),
    ("next_page", "下一页", "Next page"),
    ("no", "否", "no"),
    ("no_answer", "无人接听", "no answer"),
    ("no_findings", "没有问题。", "No findings."),
    ("no_phone", "话机未注册", "no phone registered"),
    ("none", "无", "none"),
    ("not_applicable", "不适用", "does not apply"),
    ("number", "号码", "number"),
    ("numbers_missing", "缺失的序号（个）", "numbers missing"),
    ("occurred_at", "发生时间", "occurred at"),
    ("offered", "呼入", "offered"),
    ("offered_at", "来电时间", "Offered at"),
    ("open", "未处理", "open"),
    ("original_gone", "原件已删除", "the original went"),
    ("other", "其他", "other"),
    ("other_call", "已关联的来电", "linked to call"),
    ("outbound", "去电", "outbound"),
    ("open_findings", "未处理的问题", "open findings"),
    ("one_to_one", "一一对应", "One to one"),
    ("over", "超出", "over by"),
    ("over_ms", "超出（毫秒）", "over by (ms)"),
    ("parent_id", "原台账", "follows"),
    ("party", "对方号码", "Party"),
    ("pbx_setting", "交换机设置", "PBX setting"),
    ("perhaps", "可能是", "perhaps"),
    ("phone", "来电", "phone"),
    ("picked_up", "摘机", "picked up"),
    ("probability", "概率", "Probability"),
    ("queued", "排队", "queued"),
    ("rate", "达标率", "rate"),
    ("reason", "原因", "Reason"),
    ("recorded_s", "录音时长（秒）", "recorded (s)"),
    ("recorder_fault", "录音故障", "recorder fault"),
    ("recording", "录音", "Recording"),
    ("recording_announced", "录音完成", "recording finished"),
    ("recordings", "录音", "Recordings"),
    ("registered_at", "登记时间", "Registered at"),
    ("repair", "报修", "repair"),
    ("ring", "铃声", "Ring"),
    ("ring_start_missing", "未知起铃时间", "start of ringing unknown"),
    ("heard_at_s", "录音中各声的位置（秒）", "Heard at (s into the file)"),
    ("rings_by_events", "按信号计的铃声数", "Rings by the phone system"),
    ("rings_heard", "录音中的铃声数", "Rings heard"),
    ("rings", "各声接听数", "Answers by ring"),
    ("save", "保存", "Save"),
    ("search", "查找", "Search"),
    ("search_hint", "号码、房号或内容", "number, unit or words"),
    ("settings", "依据的设置", "Judged by these settings"),
    ("sha256", "校验值", "SHA-256"),
    ("show", "查看", "Show"),
    ("silent_call", "静音电话", "silent call"),
    ("silent_since", "无推送开始于", "silent since"),
    ("since", "起始", "Since"),
    ("site", "项目", "Site"),
    ("source", "来源", "source"),
    ("sources", "来源", "Sources"),
    ("state", "状态", "State"),
    ("suggestion", "建议", "suggestion"),
    ("taken_elsewhere", "他人接听", "taken elsewhere"),
    ("talk_ms", "通话（毫秒）", "talk (ms)"),
    ("talk_s", "通话（秒）", "talk (s)"),
    ("test_call", "测试电话", "test call"),
    ("text", "文字", "Text"),
    ("time", "时间", "time"),
    ("timeline", "经过", "Timeline"),
    ("to", "至", "To"),
    ("to_spare", "余", "to spare:"),
    ("together", "同一件事", "belong together"),
    ("never_together", "不是同一件事", "never belong together"),
    ("token", "口令", "Token"),
    ("took_s", "用时（秒）", "took (s)"),
    ("total", "合计", "total"),
    ("unanswered", "未接", "unanswered"),
    ("unavailable", "无法接通", "unavailable"),
    ("unit", "房号", "unit"),
    ("unknown", "未知", "unknown"),
    ("until", "至", "until"),
    ("verdict", "结论", "Verdict"),
    ("version", "版本", "Version"),
    ("waiting", "等待中", "grace runs"),
    ("walk_in", "来访", "walk-in"),
    ("weight", "权重", "Weight"),
    ("why", "原因", "Why"),
    ("within", "三声内", "within"),
    ("withheld", "未显示号码", "withheld"),
    ("written_at", "登记的时间", "Time as written"),
    ("written_digits", "登记的数字", "digits as written"),
    ("written_number", "登记的号码", "Number as written"),
    ("wrong_number", "打错", "wrong number"),
    ("wrong_token", "口令不对。", "That is not the token."),
    ("class", "类别", "Class"),
    ("ok", "正常", "ok"),
    ("no_sound", "无声", "no sound"),
    ("one_sided", "单边", "one-sided"),
    ("truncated", "不完整", "truncated"),
    ("unfinished_header", "文件头未完成", "unfinished header"),
    ("undecodable", "无法解码", "undecodable"),
    ("person", "人工", "by hand"),
    ("arriving", "接收中", "arriving"),
    ("damaged", "录音有问题", "damaged"),
    ("expected", "等待录音", "expected"),
    ("fetch", "取回", "fetch"),
    ("fetch_again", "取回失败，再试于", "not fetched; next try"),
    ("fetch_failed", "取回失败，已放弃", "not fetched; given up"),
    ("fetch_waiting", "等待取回", "waiting to be fetched"),
    ("lost", "未到", "never came"),
    ("stored", "已保存", "stored"),
    ("verified", "已核验", "verified"),
    ("line_opened", "线路应答（系统）", "line opened by the phone system"),
    ("tap", "实时事件", "Live deliveries"),
    ("tap_missed", "来不及显示的事件", "came faster than they could be shown"),
    ("refused", "拒收", "refused"),
    ("sent_from", "来自", "Sent from"),
    ("repeated", "重复", "repeated"),
    ("not_understood", "未能识别", "not understood"),
    ("no_event", "与呼叫无关，仅保存", "kept; says nothing of a call"),
    ("value", "内容", "Value"),
    ("became", "转换为", "Became"),
    ("needed", "必需", "needed"),
    ("unused", "未使用的字段", "Not used"),
    (
        "tap_hint",
        "最新在上，收到后自动显示。号码和姓名已隐藏。",
        "Newest first; what comes is shown at once. Numbers and names are masked.",
    ),
    (
        "tap_live",
        "已连接，等待事件。号码和姓名已隐藏。",
        "Connected, waiting for deliveries. Numbers and names are masked.",
    ),
    ("tap_lost", "连接中断，正在重试", "Connection lost, trying again"),
    ("reached", "主叫腿已接通", "reached"),
    ("bridge_entered", "进入桥接", "entered a bridge"),
    ("bridge_left", "离开桥接", "left a bridge"),
    ("talk_reported", "通话时长", "talk reported"),
    ("noted", "记录待判", "noted"),
    ("logged", "日志已读完", "log read"),
    (
        "clock_zone",
        "时间像是另一个时区的：请在配置中设置该来源的 zone",
        "its times look like those of another zone: set the source's `zone`",
    ),
    (
        "clock_wrong",
        "时钟偏差过大：两边都请用 NTP 校时；振铃声数按同一时钟计算，不受影响",
        "set both clocks by NTP; rings are counted within one clock and stay right",
    ),
];

/// A word in a language; the key itself where there is none.
pub fn word(language: Language, key: &str) -> &str {
    let found = WORDS.iter().find(|(known, ..)| *known == key);
    match (found, language) {
        (Some((_, zh, _)), Language::Zh) => zh,
        (Some((.., en)), Language::En) => en,
        (None, _) => key,
    }
}

/// The name of a finding's code.
pub fn code(language: Language, code: Code) -> String {
    match language {
        Language::Zh => code.zh().to_owned(),
        Language::En => code.as_str().replace('_', " "),
    }
}

/// All reasons for which a finding may be closed, as keys.
pub const REASONS: [(Reason, &str); 9] = [
    (Reason::PbxSetting, "pbx_setting"),
    (Reason::RecorderFault, "recorder_fault"),
    (Reason::Network, "network"),
    (Reason::TestCall, "test_call"),
    (Reason::WrongNumber, "wrong_number"),
    (Reason::SilentCall, "silent_call"),
    (Reason::Maintenance, "maintenance"),
    (Reason::FalseAlarm, "false_alarm"),
    (Reason::Other, "other"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_stands_twice() {
        let mut keys: Vec<&str> = WORDS.iter().map(|(key, ..)| *key).collect();
        keys.sort_unstable();
        let count = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }
}
