//! Which column of a spreadsheet is which field.

use super::import::SheetRow;
use super::plain::plain_text;
use std::collections::BTreeMap;

/// Field → place of its column.
pub type Columns = BTreeMap<String, usize>;

/// A sheet's header, and the rows below it.
#[derive(Debug)]
pub struct Header<'a> {
    /// Places by field; the fields are the first words of `NAMES`.
    pub columns: Columns,
    /// Names of columns that nothing was made of.
    pub ignored: Vec<String>,
    /// What stands below the header.
    pub rows: &'a [SheetRow],
}

/// Fields of an entry with the names that desks give their columns, as [`key`] writes them.
const NAMES: &[(&str, &str)] = &[
    ("entry_id", "entry_id entry id 编号 台账编号 登记编号 记录编号 单号 工单号 流水号"),
    (
        "channel",
        "channel kind source 渠道 来源 信息来源 登记渠道 来电来访 来电/来访 方式 受理方式 登记方式 接待方式",
    ),
    (
        "registered_at",
        "registered_at registered registration_time 登记时间 录入时间 创建时间 填写时间",
    ),
    (
        "occurred_at",
        "occurred_at call_time time 来电时间 发生时间 来访时间 来电来访时间 接听时间 时间 受理时间 接待时间",
    ),
    ("day", "day date 日期 登记日期 来电日期 来访日期 受理日期"),
    (
        "number",
        "number phone caller caller_number phone_number telephone mobile tel 电话 来电号码 来电电话 联系电话 \
         联系方式 手机 手机号 手机号码 电话号码 业主电话 号码",
    ),
    (
        "name",
        "name customer caller_name resident_name resident owner 姓名 业主姓名 客户姓名 住户姓名 来电人 来访人 \
         业主 业户 客户 联系人 来电人姓名",
    ),
    (
        "unit",
        "unit address room 房号 单元 单元房号 地址 房间号 房产 楼栋房号 楼号房号 业主房号 住址 报修地址 地点",
    ),
    ("category", "category type class 类别 类型 事项类别 内容分类 内容类别 分类 事件类型 诉求类型"),
    (
        "content",
        "content summary note notes description matter 内容 来电内容 来访内容 登记内容 事项 反映内容 \
         反映问题 问题描述 事由 诉求内容",
    ),
    (
        "handler",
        "handler agent operator handled_by 经办人 接听人 接待人 登记人 受理人 处理人 记录人 客服 值班人",
    ),
    ("call_id", "call_id callid uniqueid 呼叫编号 通话编号 通话id 呼叫id 来电id 话单号"),
    ("parent_id", "parent_id follows 关联编号 关联单号 原单号 原台账编号 回访编号"),
];

/// Rows that may stand above the header: a title, a date, the name of the site.
const ROWS_ABOVE_MAX: usize = 10;

/// Finds the header: of the first rows the one in which most columns are recognised, and at least
/// two. `own` gives the fields of further columns by their names and goes before the names known
/// here.
///
/// # Errors
/// A sentence with the columns that were found, or with the field that no entry has.
pub fn header<'a>(
    rows: &'a [SheetRow],
    own: &BTreeMap<String, String>,
) -> Result<Header<'a>, String> {
    let own = own_columns(own)?;
    let found = rows.iter().take(ROWS_ABOVE_MAX).map(|row| recognised(row, &own)).enumerate();
    // Of equals the first, so that a repeated header is not taken for the header.
    let best = found.rev().max_by_key(|(_, (columns, _))| columns.len());
    if let Some((index, (columns, ignored))) = best.filter(|(_, (columns, _))| columns.len() >= 2) {
        return Ok(Header { columns, ignored, rows: &rows[index + 1..] });
    }
    let first = rows.first().map_or(String::new(), |row| row.cells.join(", "));
    Err(format!(
        "no header was found; the first row says `{first}`. Name the columns like 来电时间, 来电号码, 房号, 内容, \
         or map yours in [ledger.columns]"
    ))
}

/// The map of the configuration, its names as [`key`] writes them.
fn own_columns(own: &BTreeMap<String, String>) -> Result<BTreeMap<String, &str>, String> {
    let field_of = |field: &String| NAMES.iter().map(|(name, _)| *name).find(|name| name == field);
    own.iter()
        .map(|(name, field)| match field_of(field) {
            Some(field) => Ok((key(name), field)),
            None => {
                let fields: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
                let fields = fields.join(", ");
                Err(format!(
                    "[ledger.columns] makes `{name}` the field `{field}`, which no entry has; \
                     use one of {fields}"
                ))
            }
        })
        .collect()
}

fn recognised(row: &SheetRow, own: &BTreeMap<String, &str>) -> (Columns, Vec<String>) {
    let mut columns = Columns::new();
    let mut ignored = Vec::new();
    // The site's own names first: a column it named wins over one that only sounds right.
    let owned = |cell: &String| own.get(&key(cell)).copied();
    let known = |cell: &String| owned(cell).or_else(|| field_of(&key(cell)));
    for place in 0..row.cells.len() {
        if let Some(field) = owned(&row.cells[place]) {
            columns.entry(field.to_owned()).or_insert(place);
        }
    }
    for (place, cell) in row.cells.iter().enumerate() {
        let taken = known(cell).map(|field| *columns.entry(field.to_owned()).or_insert(place));
        if taken != Some(place) && !cell.trim().is_empty() {
            ignored.push(cell.trim().to_owned());
        }
    }
    (columns, ignored)
}

/// The field of a column's name, written as by [`key`].
pub fn field_of(key: &str) -> Option<&'static str> {
    let names = |list: &str| list.split_whitespace().any(|name| name == key);
    NAMES.iter().find(|(_, list)| names(list)).map(|(field, _)| *field)
}

/// A column's name without what varies: width, case, blanks, stars of required fields, remarks in
/// brackets.
pub fn key(name: &str) -> String {
    let plain = plain_text(name.trim_start_matches('\u{feff}')).to_lowercase();
    let plain = plain.split_once('(').map_or(plain.as_str(), |(before, _)| before).trim();
    let is_ascii = plain.is_ascii();
    plain
        .chars()
        .filter(|c| !matches!(c, '*' | ':' | '\n' | '\r'))
        .filter(|c| is_ascii || !c.is_whitespace())
        .map(|c| if matches!(c, ' ' | '-') && is_ascii { '_' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: usize, cells: &[&str]) -> SheetRow {
        SheetRow { number, cells: cells.iter().map(|cell| (*cell).to_owned()).collect() }
    }

    fn fields(cells: &[&str], own: &[(&str, &str)]) -> (Columns, Vec<String>) {
        let own =
            own.iter().map(|(name, field)| ((*name).to_owned(), (*field).to_owned())).collect();
        let rows = [row(1, cells)];
        let header = header(&rows, &own).expect("a header");
        (header.columns, header.ignored)
    }

    #[test]
    fn usual_names_are_known_in_both_languages_and_any_dress() {
        let chinese = ["*来电时间", "联系电话（手机）", "房 号", "来电/来访", "备注栏"];
        let (columns, ignored) = fields(&chinese, &[]);
        assert_eq!(columns["occurred_at"], 0);
        assert_eq!(columns["number"], 1);
        assert_eq!(columns["unit"], 2);
        assert_eq!(columns["channel"], 3);
        assert_eq!(ignored, ["备注栏"]);
        let (columns, _) = fields(&["Entry ID", "Kind", "Caller Number", "Registered-At"], &[]);
        assert_eq!(columns.len(), 4);
        assert_eq!(columns["channel"], 1);
    }

    #[test]
    fn no_name_belongs_to_two_fields() {
        let mut seen = BTreeMap::new();
        for (field, names) in NAMES {
            for name in names.split_whitespace() {
                assert_eq!(key(name), name, "as the key writes it");
                assert_eq!(seen.insert(name, field), None, "{name}");
            }
        }
    }

    #[test]
    fn the_sites_own_names_win_and_a_second_column_is_named_as_not_used() {
        let (columns, ignored) = fields(&["电话", "业主电话1", "时间"], &[("业主电话1", "number")]);
        assert_eq!(columns["number"], 1);
        assert_eq!(ignored, ["电话"]);
    }

    #[test]
    fn a_field_that_no_entry_has_is_named() {
        let own = BTreeMap::from([("车牌".to_owned(), "plate".to_owned())]);
        let told = header(&[row(1, &["时间", "电话"])], &own).expect_err("no such field");
        assert!(told.contains("plate") && told.contains("call_id"), "{told}");
    }

    #[test]
    fn the_header_is_found_below_a_title() {
        let rows = [
            row(1, &["客服前台台账"]),
            row(2, &["时间", "2026年11月"]),
            row(4, &["时间", "电话", "内容"]),
            row(5, &["2026-11-23 10:05", "13800138001", "漏水"]),
        ];
        let header = header(&rows, &BTreeMap::new()).expect("a header");
        assert_eq!(header.rows.first().map(|row| row.number), Some(5));
    }
}
