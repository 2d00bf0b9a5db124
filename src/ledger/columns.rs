//! Which column of a spreadsheet is which field.

use super::import::SheetRow;
use std::collections::BTreeMap;

/// Field → place of its column.
pub type Columns = BTreeMap<String, usize>;

/// A sheet's header, and the rows below it.
pub struct Header<'a> {
    pub columns: Columns,
    /// Names of columns that nothing was made of.
    pub ignored: Vec<String>,
    pub rows: &'a [SheetRow],
}

/// Fields of an entry with the names that desks give their columns.
const NAMES: &[(&str, &[&str])] = &[
    ("entry_id", &["entry_id", "id", "编号", "台账编号", "登记编号", "单号", "工单号"]),
    ("channel", &["channel", "type", "渠道", "来源", "登记渠道", "来电来访", "方式", "受理方式"]),
    ("registered_at", &["registered_at", "registered", "登记时间", "录入时间", "创建时间"]),
    (
        "occurred_at",
        &["occurred_at", "call_time", "来电时间", "发生时间", "来访时间", "时间", "受理时间"],
    ),
    ("day", &["day", "date", "日期", "登记日期"]),
    (
        "number",
        &[
            "number",
            "phone",
            "caller",
            "caller_number",
            "电话",
            "来电号码",
            "联系电话",
            "手机号",
            "号码",
        ],
    ),
    ("name", &["name", "customer", "caller_name", "姓名", "业主姓名", "来电人", "业主", "联系人"]),
    ("unit", &["unit", "address", "room", "房号", "单元", "地址", "房间号", "楼栋房号"]),
    ("category", &["category", "类别", "类型", "事项类别", "内容分类", "分类"]),
    (
        "content",
        &["content", "summary", "note", "内容", "来电内容", "事项", "反映内容", "问题描述"],
    ),
    ("handler", &["handler", "agent", "operator", "经办人", "接听人", "登记人", "受理人", "客服"]),
    ("call_id", &["call_id", "呼叫编号", "通话编号", "来电id", "话单号"]),
    ("parent_id", &["parent_id", "关联编号", "原单号", "原台账编号", "follows"]),
];

/// Rows that may stand above the header: a title, a date.
const ROWS_ABOVE_MAX: usize = 5;

/// Finds the header: the first row in which at least two columns are recognised. `own` names
/// further columns.
///
/// # Errors A sentence with the columns that were found.
pub fn header<'a>(
    rows: &'a [SheetRow],
    own: &BTreeMap<String, String>,
) -> Result<Header<'a>, String> {
    for (index, row) in rows.iter().enumerate().take(ROWS_ABOVE_MAX) {
        let (columns, ignored) = recognised(row, own);
        if columns.len() >= 2 {
            return Ok(Header { columns, ignored, rows: &rows[index + 1..] });
        }
    }
    let first = rows.first().map_or(String::new(), |row| row.cells.join(", "));
    Err(format!(
        "no header was found; the first row says `{first}`. Name the columns like 来电时间, 来电号码, 房号, 内容, \
         or map yours in [ledger.columns]"
    ))
}

fn recognised(row: &SheetRow, own: &BTreeMap<String, String>) -> (Columns, Vec<String>) {
    let mut columns = Columns::new();
    let mut ignored = Vec::new();
    for (place, cell) in row.cells.iter().enumerate() {
        let written = cell.trim().trim_start_matches('\u{feff}');
        let small = written.to_lowercase();
        let known = NAMES.iter().find(|(_, names)| names.contains(&small.as_str()));
        let field = own.get(written).map(String::as_str).or(known.map(|(field, _)| *field));
        match field {
            Some(field) if !columns.contains_key(field) => {
                columns.insert(field.to_owned(), place);
            }
            _ if !written.is_empty() => ignored.push(written.to_owned()),
            _ => {}
        }
    }
    (columns, ignored)
}
