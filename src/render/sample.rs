//! A draw of sample calls as one page that needs no server.

use super::words::{Language, word};
use crate::call::event::Moment;
use crate::review::{Draw, Drawn};
use askama::Template;
use chrono_tz::Tz;

/// The page of a draw, beside the sound it plays.
#[derive(Template)]
#[template(path = "sample.html")]
pub struct SamplePage<'a> {
    pub draw: &'a Draw,
    pub language: Language,
    pub zone: Tz,
    pub style: &'static str,
    /// Files of each call, as the page links them.
    pub files: Vec<(i64, String)>,
}

impl<'a> SamplePage<'a> {
    /// A page in a language, with times of a zone.
    pub fn of(draw: &'a Draw, language: Language, zone: Tz, files: Vec<(i64, String)>) -> Self {
        Self { draw, language, zone, style: include_str!("../web/assets/site.css"), files }
    }

    fn t<'w>(&self, key: &'w str) -> &'w str {
        word(self.language, key)
    }

    fn at(&self, at: &Moment) -> String {
        super::page::local(*at, self.zone)
    }

    /// Why a call is in, in the reader's language.
    fn why(&self, one: &Drawn) -> String {
        let (agent, verdict) = (&one.candidate.agent, self.t(&one.candidate.verdict));
        match self.language {
            Language::Zh => {
                format!("分机 {agent}，{verdict}：{} 通中随机排第 {}", one.of, one.rank)
            }
            Language::En => {
                format!("Extension {agent}, {verdict}: random rank {} of {}", one.rank, one.of)
            }
        }
    }

    fn files(&self, call: &i64) -> impl Iterator<Item = &String> {
        self.files.iter().filter(move |(of, _)| of == call).map(|(_, name)| name)
    }
}
