//! Spreadsheets of real desks: encodings, columns, dates, bad rows, and coming again.

use ringledger::ledger::import::{Plan, RowPlan, plan};
use ringledger::ledger::{Category, Channel, LedgerEntry};
use ringledger::sheet;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use std::collections::BTreeMap;

const ZONE: chrono_tz::Tz = chrono_tz::Asia::Shanghai;
const SHEET: &str = "编号,渠道,登记时间,来电时间,来电号码,姓名,房号,类别,内容,经办人\n\
    JB-1,来电,2026-11-23 10:05:40,2026-11-23 10:05,13800138000,王女士,4-2-301,报修,水管漏水,8001\n\
    JB-2,来访,2026/11/23 10:20,,,李先生,４号楼２单元３０２,咨询,咨询物业费,8002\n\
    JB-3,回访,2026年11月23日 11:00,2026年11月23日,138-0013-8000,,,建议,已修好,8001\n";

fn planned(bytes: &[u8], known: &BTreeMap<String, LedgerEntry>) -> Plan {
    let rows = sheet::read(bytes).expect("a sheet");
    plan(&rows, &BTreeMap::new(), ZONE, &|id| known.get(id).cloned()).expect("a header")
}

fn entries(bytes: &[u8]) -> Vec<LedgerEntry> {
    planned(bytes, &BTreeMap::new()).entries().cloned().collect()
}

#[test]
fn utf_8_with_and_without_its_mark_and_gb18030_say_the_same() {
    let plain = entries(SHEET.as_bytes());
    let marked = [b"\xef\xbb\xbf".as_slice(), SHEET.as_bytes()].concat();
    let (chinese, _, _) = encoding_rs::GB18030.encode(SHEET);
    assert_eq!(plain.len(), 3);
    assert_eq!(entries(&marked), plain);
    assert_eq!(entries(&chinese), plain);
}

#[test]
fn dates_channels_and_categories_are_read_as_a_desk_writes_them() {
    let all = entries(SHEET.as_bytes());
    assert_eq!(all[0].registered_at.to_rfc3339(), "2026-11-23T02:05:40+00:00");
    assert_eq!((all[0].channel, all[0].category), (Channel::Phone, Some(Category::Repair)));
    assert_eq!((all[1].channel, all[1].occurred_at), (Channel::WalkIn, None));
    assert_eq!(all[2].channel, Channel::FollowUp);
    assert!(all[2].occurred_day_only);
    assert_eq!(all[2].number.as_ref().map(|n| n.folded()).as_deref(), Some("13800138000"));
}

#[test]
fn a_second_import_changes_nothing_and_a_correction_one_row() {
    let known: BTreeMap<String, LedgerEntry> = entries(SHEET.as_bytes())
        .into_iter()
        .map(|entry| (entry.entry_id.clone(), entry))
        .collect();
    assert_eq!(planned(SHEET.as_bytes(), &known).counts(), [0, 0, 3, 0]);
    let corrected = SHEET.replace("水管漏水", "水管漏水，已修");
    let again = planned(corrected.as_bytes(), &known);
    assert_eq!(again.counts(), [0, 1, 2, 0]);
    let RowPlan::Changed { changes, .. } = &again.rows[0].1 else { panic!("{again:?}") };
    assert_eq!(changes[0].field, "content");
}

#[test]
fn rows_without_a_number_of_their_own_get_one_from_what_they_say() {
    let text = "登记时间,来电号码,内容\n2026-11-23 10:00,13800138000,漏水\n\
        2026-11-23 10:00,13800138000,漏水\n";
    let (first, second) = (entries(text.as_bytes()), entries(text.as_bytes()));
    assert_eq!(first, second, "the same rows have the same numbers");
    assert_ne!(first[0].entry_id, first[1].entry_id, "two equal rows are two entries");
}

#[test]
fn a_bad_row_names_its_number_column_and_cure() {
    let text = "编号,渠道,登记时间,类别\nA,来电,2026-11-23 10:00,报修\nB,电报,明天,修理\nA,来电,2026-11-23 11:00,\n";
    let plan = planned(text.as_bytes(), &BTreeMap::new());
    assert_eq!(plan.counts(), [1, 0, 0, 2]);
    let faults: Vec<(usize, String)> = plan
        .rows
        .iter()
        .filter_map(|(number, row)| match row {
            RowPlan::Bad { faults } => Some((*number, format!("{faults:?}"))),
            _ => None,
        })
        .collect();
    assert_eq!((faults[0].0, faults[1].0), (3, 4), "rows as people count them");
    for word in ["channel", "电报", "来访", "registered_at", "明天", "2026-11-23 10:05", "修理"]
    {
        assert!(faults[0].1.contains(word), "{word}: {}", faults[0].1);
    }
    assert!(faults[1].1.contains("row 2"), "{}", faults[1].1);
}

#[test]
fn a_workbook_is_read_with_its_numbers_and_dates() {
    let mut book = Workbook::new();
    let sheet_one = book.add_worksheet();
    let date = Format::new().set_num_format("yyyy-mm-dd hh:mm:ss");
    sheet_one.write(0, 0, "物业台账 2026年11月").expect("a title");
    for (column, name) in ["编号", "登记时间", "来电号码", "内容"].iter().enumerate() {
        sheet_one.write(1, column as u16, *name).expect("a header");
    }
    sheet_one.write(2, 0, "JB-1").expect("a cell");
    let at = ExcelDateTime::parse_from_str("2026-11-23T10:05:40").expect("a date");
    sheet_one.write_with_format(2, 1, &at, &date).expect("a cell");
    sheet_one.write(2, 2, 13_800_138_000_f64).expect("a number kept as a number");
    sheet_one.write(2, 3, "漏水").expect("a cell");
    let bytes = book.save_to_buffer().expect("a workbook");
    let all = entries(&bytes);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].registered_at.to_rfc3339(), "2026-11-23T02:05:40+00:00");
    assert_eq!(
        all[0].number.as_ref().map(|n| n.exposed().to_owned()).as_deref(),
        Some("13800138000")
    );
}

#[test]
fn a_workbook_with_a_cell_in_its_last_row_is_read_and_one_in_its_last_column_is_named() {
    let mut book = Workbook::new();
    let sheet_one = book.add_worksheet();
    for (column, name) in ["编号", "登记时间", "内容"].iter().enumerate() {
        sheet_one.write(0, column as u16, *name).expect("a header");
    }
    sheet_one.write(1_048_575, 1, "2026-11-23 10:05").expect("the last row there is");
    let bytes = book.save_to_buffer().expect("a workbook");
    let rows = sheet::read(&bytes).expect("a sheet");
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [1, 1_048_576]);
    let sheet_one = book.worksheet_from_index(0).expect("the sheet");
    sheet_one.write(4, 16_383, "stray").expect("the last column there is");
    let bytes = book.save_to_buffer().expect("a workbook");
    let why = sheet::read(&bytes).expect_err("too wide").to_string();
    assert!(why.contains("row 5") && why.contains("columns"), "{why}");
}

#[test]
fn a_date_that_no_calendar_has_is_a_fault_of_its_row() {
    let mut book = Workbook::new();
    let sheet_one = book.add_worksheet();
    let date = Format::new().set_num_format("yyyy-mm-dd");
    for (column, name) in ["编号", "登记时间", "内容"].iter().enumerate() {
        sheet_one.write(0, column as u16, *name).expect("a header");
    }
    for (row, days) in [-1e300, 1e300, 0.0].into_iter().enumerate() {
        sheet_one.write_with_format(row as u32 + 1, 1, days, &date).expect("a cell");
    }
    let bytes = book.save_to_buffer().expect("a workbook");
    let text = "编号,登记时间,来电时间\n1,+262142-12-31 23:59:59,2026-11-23 10:05\n";
    for (sheet, bad) in [(bytes.as_slice(), 3), (text.as_bytes(), 1)] {
        let plan = planned(sheet, &BTreeMap::new());
        assert_eq!(plan.counts(), [0, 0, 0, bad], "{plan:?}");
        for (number, row) in &plan.rows {
            let RowPlan::Bad { faults } = row else { panic!("row {number}: {row:?}") };
            assert_eq!(faults[0].0, "registered_at", "{faults:?}");
        }
    }
}

#[test]
fn own_columns_are_mapped_and_a_sheet_without_a_header_says_what_it_found() {
    let text = "单据,时刻,手机\nX-1,2026-11-23 10:00,13800138000\n";
    let rows = sheet::read(text.as_bytes()).expect("a sheet");
    let wrong = plan(&rows, &BTreeMap::new(), ZONE, &|_| None).expect_err("no header");
    assert!(wrong.contains("单据, 时刻, 手机") && wrong.contains("ledger.columns"), "{wrong}");
    let own: BTreeMap<String, String> =
        [("单据", "entry_id"), ("时刻", "registered_at"), ("手机", "number")]
            .map(|(column, field)| (column.to_owned(), field.to_owned()))
            .into();
    let mapped = plan(&rows, &own, ZONE, &|_| None).expect("a header");
    assert_eq!(mapped.counts(), [1, 0, 0, 0]);
}
