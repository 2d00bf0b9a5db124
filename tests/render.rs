//! Reports and pages: what a reader, a spreadsheet and a script get to see.

mod desk;

use desk::{Day, call, day, moment, proposal, recording};
use ringledger::audit::{self, Report};
use ringledger::call::{Step, Verdict};
use ringledger::finding::{Code, State as FindingState};
use ringledger::ledger::version::changes;
use ringledger::party::PhoneNumber;
use ringledger::recording::{Standing, State};
use ringledger::render::page::{
    CallPage, EntryPage, ErrorPage, FindingView, FindingsPage, Frame, LoginPage, Proposed,
    RecordingPage, SearchPage, Unfetched, html,
};
use ringledger::render::words::{Language, word};
use ringledger::render::{self, Exposure};

/// The right day with one unregistered call and one wrong digit.
fn faulty() -> Day {
    let mut day = day();
    day.facts.entries.retain(|one| one.key != 1);
    day.facts.links.retain(|one| one.entry != 1);
    day.facts.entries[0].entry.number = PhoneNumber::known("13800198001");
    day
}

fn report() -> Report {
    let day = faulty();
    audit::answer(&day.question, &day.facts).expect("balance")
}

fn rendered(form: &str, language: Language) -> String {
    let renderer = render::named(form).expect("a form of this name");
    String::from_utf8((renderer.render)(&report(), language)).expect("UTF-8")
}

fn frame(language: Language, exposure: Exposure) -> Frame {
    Frame {
        language,
        title: word(language, "call").to_owned(),
        site: "default".into(),
        zone: chrono_tz::Asia::Shanghai,
        exposure,
        here: "/calls/1".into(),
    }
}

/// One look at the whole report as text. A change of a word shows here.
#[test]
fn the_report_as_text_reads_like_this() {
    let expected = "\
Audit default  2026-11-23 – 2026-11-23

                   total       linked         open    explained   grace runs owes nothing
Recordings             2            1            1            0            0            0
Entries                2            1            0            0            0            1
Calls                  2            1            1            0            0            0

Three-ring rule: 100.0 %  (within 2 · late 0 · abandoned 0 · unanswered 0 · unknown 0 · does not \
apply 0 · in progress 0)
  Ring  2      2 ██

Findings: 2 (2 open)
  11-23 10:01:00  call without entry
      Call: call-1
      Offered at: 11-23 09:00:00
      Party: 138****8001
  11-23 10:01:20  number differs
      Call: call-2
      Offered at: 11-23 10:00:00
      Party: 138****8001
      Entry: JB-2
      Time as written: 11-23 10:00:00
      Number as written: 138****8001
      digits of the call: ******3****
      digits as written: ******9****

Judged by these settings: 3 Ring  cn Asia/Shanghai  8*
";
    let text = rendered("text", Language::En);
    let squeezed = |text: &str| {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        text.lines().map(words).collect::<Vec<_>>()
    };
    assert_eq!(squeezed(&text), squeezed(expected));
    assert!(rendered("text", Language::Zh).contains("来电未登记台账"));
}

#[test]
fn lines_of_json_hold_the_sums_and_then_each_finding() {
    let text = rendered("jsonl", Language::Zh);
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 1 + report().findings.len());
    assert_eq!(lines[0]["report"]["balance"]["calls"]["open"], 1);
    assert_eq!(lines[0]["report"]["rate"], 1.0);
    assert_eq!(lines[1]["finding"]["code"], "call_without_entry");
    assert_eq!(lines[1]["finding"]["about"]["call"], 1);
}

#[test]
fn a_spreadsheet_gets_utf_8_with_its_mark_and_no_formula() {
    let mut report = report();
    report.findings[0].evidence = vec!["=HYPERLINK(\"http://example.invalid\")".into()];
    let csv = (render::named("csv").expect("csv").render)(&report, Language::Zh);
    let text = String::from_utf8(csv).expect("UTF-8");
    let text = text.strip_prefix('\u{feff}').expect("the mark");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("rows");
    assert_eq!(rows.len(), 2);
    assert_eq!(&rows[0][0], "call_without_entry");
    assert_eq!(&rows[0][1], "来电未登记台账");
    for cell in rows.iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
    }
}

#[test]
fn every_form_of_the_report_masks_the_callers() {
    for renderer in render::ALL {
        for language in [Language::Zh, Language::En] {
            let text = rendered(renderer.name, language);
            assert!(text.contains("138****8001"), "{}", renderer.name);
            assert!(!text.contains("13800138001"), "{}", renderer.name);
            assert!(!text.contains("13800198001"), "{}", renderer.name);
        }
    }
}

#[test]
fn the_report_as_a_page_needs_nothing_from_outside() {
    for (language, lang) in [(Language::Zh, "zh-CN"), (Language::En, "en")] {
        let page = rendered("html", language);
        assert!(page.starts_with(&format!("<!doctype html>\n<html lang=\"{lang}\">")), "{page}");
        for outside in ["<script", "<link", "src=\"http", "@import", "<form", "href=\"/calls"] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("<svg"), "a chart");
        assert!(page.len() < 100 * 1024);
    }
}

#[test]
fn a_call_page_shows_its_facts_and_escapes_what_people_wrote() {
    let day = faulty();
    let mut fact = day.facts.calls[0].clone();
    fact.call.timeline = vec![Step {
        at: moment(9, 0, 6),
        what: "picked_up".into(),
        extension: Some("8001".into()),
    }];
    fact.call.verdict = Some(Verdict::Late { ring: Some(4), over_ms: 1 });
    let mut entry = day.facts.entries[0].clone();
    entry.entry.content = Some("<b>漏水</b>".into());
    let frame = frame(Language::Zh, Exposure::Full);
    let findings = audit::findings(&day.question, &day.facts);
    let page = html(&CallPage {
        frame: &frame,
        fact: &fact,
        recordings: &day.facts.recordings[..1],
        entry: Some(&entry),
        link: None,
        standing: Some(Standing { state: State::Lost, since: moment(9, 11, 0) }),
        unfetched: vec![Unfetched {
            name: "a.wav".into(),
            tries: 3,
            error: Some("pbx.lan:80 answers 401".into()),
            again_at: None,
        }],
        proposed: vec![Proposed { entry: day.facts.entries[1].clone(), proposal: proposal(1, 2) }],
        findings: vec![FindingView::of(&findings[0], &frame)],
    });
    for shown in [
        "超过三声",
        "0.001 s",
        "13800138001",
        "<audio controls",
        "摘机",
        "action=\"/api/v1/explanations\"",
        "action=\"/api/v1/decisions\"",
        "value=\"call:call-1\"",
        "未到",
        "取回失败，已放弃",
        "pbx.lan:80 answers 401",
        "name=\"together\" value=\"true\"",
        "class=\"waveform\"",
        "/calls/1?lang=zh",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    assert!(!page.contains("<b>漏水"), "written text is escaped");
}

#[test]
fn a_masked_reader_sees_no_whole_number_on_any_page() {
    let day = faulty();
    let frame = frame(Language::En, Exposure::Masked);
    let fact = &day.facts.calls[0];
    let mut after = day.facts.entries[0].clone();
    after.entry.number = PhoneNumber::known("13800138001");
    after.entry.name = None;
    after.entry.content = Some("请回电13800138001".into());
    let changed = changes(&day.facts.entries[0].entry, &after.entry);
    let pages = [
        html(&CallPage {
            frame: &frame,
            fact,
            recordings: &day.facts.recordings,
            entry: day.facts.entries.first(),
            link: None,
            standing: None,
            unfetched: Vec::new(),
            proposed: Vec::new(),
            findings: Vec::new(),
        }),
        html(&RecordingPage {
            frame: &frame,
            tombstone: None,
            held: None,
            fact: &recording(1, Some(1), moment(9, 0, 0)),
            findings: Vec::new(),
        }),
        html(&EntryPage {
            frame: &frame,
            fact: &after,
            versions: vec![(2, "desk".into(), String::new(), changed)],
            call: Some(1),
            link: None,
            findings: Vec::new(),
        }),
        html(&SearchPage {
            frame: &frame,
            asked: String::new(),
            calls: &[call(1, moment(9, 0, 0))],
            entries: &[after.clone()],
        }),
    ];
    for page in pages {
        assert!(!page.contains("13800138001") && !page.contains("13800198001"), "{page}");
        assert!(!page.contains("王女士"));
    }
}

#[test]
fn only_an_open_finding_can_be_explained() {
    let frame = frame(Language::En, Exposure::Masked);
    let mut finding = report().findings.remove(0);
    for (state, form) in [
        (FindingState::Open, true),
        (FindingState::Explained, false),
        (FindingState::Healed, false),
    ] {
        finding.state = state;
        let findings = vec![FindingView::of(&finding, &frame)];
        let page = html(&FindingsPage { frame: &frame, findings, next: None });
        assert_eq!(page.contains("/api/v1/explanations"), form, "{state:?}");
    }
}

#[test]
fn a_wrong_token_is_told_and_where_one_wanted_to_go_is_kept() {
    let frame = frame(Language::Zh, Exposure::Masked);
    let page = html(&LoginPage { frame: &frame, wrong: true, then: "/audit?a=\"b\"".into() });
    assert!(page.contains("口令不对") && page.contains("type=\"password\""));
    assert!(!page.contains("a=\"b\""), "the address is escaped");
    let page = html(&ErrorPage { frame: &frame, text: "<none>".into() });
    assert!(page.contains("role=\"alert\"") && !page.contains("<none>"));
}

/// A key without its word would show as code to the desk.
#[test]
fn every_name_of_evidence_has_its_word() {
    let mut day = day();
    day.facts.calls[0].call.verdict = Some(Verdict::Late { ring: None, over_ms: 1 });
    day.facts.entries[0].entry.handler = Some("8009".into());
    day.facts.entries[1].entry.unit = None;
    day.facts.entries[1].entry.registered_at = moment(10, 40, 0);
    let faulty = report();
    let findings = audit::findings(&day.question, &day.facts).into_iter().chain(faulty.findings);
    for item in findings.flat_map(|finding| finding.evidence) {
        let (name, _) = item.split_once('=').expect("a name and a value");
        assert_ne!(word(Language::Zh, name), name, "{item}");
    }
    for code in Code::ALL {
        assert!(!code.zh().is_ascii(), "{}", code.as_str());
    }
}
