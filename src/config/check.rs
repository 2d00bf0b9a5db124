//! Reading and checking: all errors at once, each with its line and the cure.

use super::locate::{Step, line_of, line_of_key, written};
use super::{AddressRange, Config, Env, SourceConfig, fetch as fetching};
use crate::call::Cadence;
use crate::keeping::Class;
use crate::linkage::habits::Off;
use crate::pbx;
use crate::pbx::generic::FieldMap;
use crate::pbx::signature::PublicUrl;
use crate::recording::name::NamePattern;
use crate::site::SiteSettings;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use toml::de::{DeTable, DeValue};

/// One thing that is wrong in the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    pub file: String,
    /// From 1; nothing where the key is not written.
    pub line: Option<usize>,
    /// What was wrong, where, and the cure.
    pub text: String,
}

/// Everything that is wrong in the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl ConfigErrors {
    pub(super) fn one(file: &str, text: String) -> Self {
        Self(vec![ConfigError { file: file.to_owned(), line: None, text }])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            if !error.file.is_empty() {
                write!(f, "{}:", error.file)?;
            }
            if let Some(line) = error.line {
                write!(f, "{line}:")?;
            }
            write!(f, " {}", error.text)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Reads a file. Unknown keys and wrong types are all told at once.
pub(super) fn read(file: &str, text: &str) -> Result<Config, ConfigErrors> {
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let line = error.span().map(|span| line_of(text, span.start));
            let text = format!("this is no TOML: {}", error.message());
            return Err(ConfigErrors(vec![ConfigError { file: file.to_owned(), line, text }]));
        }
    };
    let mut walk = Walk { file, text, path: Vec::new(), errors: Vec::new() };
    walk.table(document.get_ref(), &schema());
    if !walk.errors.is_empty() {
        return Err(ConfigErrors(walk.errors));
    }
    let mut config: Config = toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| line_of(text, span.start));
        let text = error.message().to_owned();
        ConfigErrors(vec![ConfigError { file: file.to_owned(), line, text }])
    })?;
    // Sources that nobody wrote belong to the first site that somebody wrote.
    if !document.get_ref().contains_key("sources")
        && let Some(site) = config.sites.first()
    {
        config.sources.iter_mut().for_each(|source| source.site.clone_from(&site.id));
    }
    Ok(config)
}

/// A document with every key that there is.
fn schema() -> toml::Table {
    let settings = SiteSettings {
        valid_from: chrono::NaiveDate::from_ymd_opt(2026, 1, 1),
        ring_period_ms: Some(5000),
        keep_days: Some(1),
        archive_days: Some(1),
        original_days: Some(1),
        ..SiteSettings::default()
    };
    let mut config = Config::default();
    config.sites[0].settings = vec![settings];
    toml::Table::try_from(&config).unwrap_or_default()
}

struct Walk<'a> {
    file: &'a str,
    text: &'a str,
    path: Vec<Step>,
    errors: Vec<ConfigError>,
}

impl Walk<'_> {
    fn error(&mut self, offset: usize, text: String) {
        let line = Some(line_of(self.text, offset));
        self.errors.push(ConfigError { file: self.file.to_owned(), line, text });
    }

    fn table(&mut self, table: &DeTable<'_>, schema: &toml::Table) {
        for (name, value) in table {
            let key = name.get_ref().as_ref();
            self.path.push(Step::Key(key.to_owned()));
            match schema.get(key) {
                Some(known) => self.value(value, known),
                None => {
                    let text = unknown(&written(&self.path), key, schema);
                    self.error(name.span().start, text);
                }
            }
            self.path.pop();
        }
    }

    fn value(&mut self, value: &toml::Spanned<DeValue<'_>>, schema: &toml::Value) {
        match (value.get_ref(), schema) {
            // The names in a map of columns are the user's own.
            (DeValue::Table(table), toml::Value::Table(known)) if !known.is_empty() => {
                self.table(table, known);
            }
            (DeValue::Array(list), toml::Value::Array(known)) => {
                let Some(known) = known.first() else { return };
                for (index, item) in list.iter().enumerate() {
                    self.path.push(Step::Index(index));
                    self.value(item, known);
                    self.path.pop();
                }
            }
            (found, known) if same_kind(found, known) => {}
            (found, known) => {
                let (key, wanted) = (written(&self.path), known.type_str());
                let (kind, shown) = (found.type_str(), self.shown(value));
                let text =
                    format!("`{key}` is {kind} {shown}, and must be {wanted} such as {known}");
                self.error(value.span().start, text);
            }
        }
    }

    /// The value as written, cut short; a secret's is not shown.
    fn shown(&self, value: &toml::Spanned<DeValue<'_>>) -> String {
        let key = written(&self.path);
        if ["secret", "token", "key"].iter().any(|word| key.contains(word)) {
            return "(hidden)".into();
        }
        self.text.get(value.span()).unwrap_or_default().chars().take(40).collect()
    }
}

fn same_kind(found: &DeValue<'_>, known: &toml::Value) -> bool {
    let (found, known) = (found.type_str(), known.type_str());
    found == known
        || (found, known) == ("integer", "float")
        || (found, known) == ("datetime", "string")
}

fn unknown(path: &str, key: &str, schema: &toml::Table) -> String {
    let nearest = schema.keys().min_by_key(|known| strsim::damerau_levenshtein(known, key));
    let near = nearest.filter(|known| strsim::damerau_levenshtein(known, key) <= 1 + key.len() / 3);
    match near {
        Some(near) => format!("there is no `{path}`; did you mean `{near}`?"),
        None => {
            let known: Vec<&str> = schema.keys().map(String::as_str).collect();
            format!("there is no `{path}`; here are {}", known.join(", "))
        }
    }
}

/// Fetches secrets and checks what types cannot say.
pub(super) fn checked(
    mut config: Config,
    file: &str,
    text: &str,
    env: Env<'_>,
) -> Result<Config, ConfigErrors> {
    let mut found: Vec<(String, String)> = Vec::new();
    fetch_secrets(&mut config, env, &mut found);
    check_server(&config, &mut found);
    check_sites(&config, &mut found);
    check_exchange(&config, &mut found);
    for (index, source) in config.sources.iter().enumerate() {
        check_source(&config, index, source, &mut found);
    }
    fetching::check(&config, &mut found);
    if found.is_empty() {
        return Ok(config);
    }
    let error = |(key, why): (String, String)| ConfigError {
        file: file.to_owned(),
        line: line_of_key(text, &key),
        text: format!("`{key}`: {why}"),
    };
    Err(ConfigErrors(found.into_iter().map(error).collect()))
}

/// A year in seconds.
const YEAR_S: i64 = 31_536_000;

type Found = Vec<(String, String)>;

fn fetch_secrets(config: &mut Config, env: Env<'_>, found: &mut Found) {
    let access = &mut config.access;
    fetch(&mut access.token, &access.token_file, &access.token_env, "access.token", env, found);
    let own = &mut config.exchange;
    let (file, variable) = (&own.signing_key_file, &own.signing_key_env);
    fetch(&mut own.signing_key, file, variable, "exchange.signing_key", env, found);
    for (index, site) in config.sites.iter_mut().enumerate() {
        let key = format!("sites[{index}].seal_key");
        fetch(&mut site.seal_key, &site.seal_key_file, &site.seal_key_env, &key, env, found);
        let named = !site.seal_key_file.is_empty() || !site.seal_key_env.is_empty();
        if named && site.seal_key.is_empty() && !found.iter().any(|(at, _)| at.starts_with(&key)) {
            // Without its key a site would go on unsealed, and nobody would notice.
            found.push((key, "is named and empty".into()));
        }
    }
    for (index, source) in config.sources.iter_mut().enumerate() {
        let key = format!("sources[{index}].secret");
        fetch(&mut source.secret, &source.secret_file, &source.secret_env, &key, env, found);
        let key = format!("sources[{index}].feed_secret");
        let (file, variable) = (&source.feed_secret_file, &source.feed_secret_env);
        fetch(&mut source.feed_secret, file, variable, &key, env, found);
        let key = format!("sources[{index}].fetch_secret");
        let (file, variable) = (&source.fetch_secret_file, &source.fetch_secret_env);
        fetch(&mut source.fetch_secret, file, variable, &key, env, found);
    }
}

/// A secret written out wins over one in a file, and that over one in the environment.
fn fetch(
    secret: &mut String,
    path: &str,
    variable: &str,
    key: &str,
    env: Env<'_>,
    found: &mut Found,
) {
    if !secret.is_empty() {
        return;
    }
    if !path.is_empty() {
        match std::fs::read_to_string(path) {
            Ok(text) => text.trim().clone_into(secret),
            Err(error) => found.push((format!("{key}_file"), format!("{path}: {error}"))),
        }
    } else if !variable.is_empty() {
        *secret = env(variable).unwrap_or_default();
    }
}

fn check_server(config: &Config, found: &mut Found) {
    let server = &config.server;
    if server.listen.parse::<std::net::SocketAddr>().is_err() {
        let why = format!("`{}` is no address and port such as 127.0.0.1:8090", server.listen);
        found.push(("server.listen".into(), why));
    }
    if let Some(why) = no_public_url(&server.public_url) {
        found.push(("server.public_url".into(), why));
    }
    let positive = [
        ("server.body_bytes_max", server.body_bytes_max as u64),
        ("server.upload_bytes_max", server.upload_bytes_max),
        ("server.connections_max", server.connections_max as u64),
        ("store.waiting_max", config.store.waiting_max as u64),
        ("store.batch_max", config.store.batch_max as u64),
        ("store.readers", config.store.readers as u64),
        ("listening.workers", config.listening.workers as u64),
        ("listening.memory_mib_max", config.listening.memory_mib_max),
        ("listening.time_s_max", config.listening.time_s_max),
    ];
    let seconds = [
        ("keeping.prove_every_s", config.keeping.prove_every_s),
        ("keeping.sweep_grace_s", config.keeping.sweep_grace_s),
        ("keeping.retain_every_s", config.keeping.retain_every_s),
    ];
    for (key, value) in seconds.into_iter().filter(|(_, value)| !(1..=YEAR_S).contains(value)) {
        found.push((key.into(), format!("is {value}, and must lie between 1 and a year")));
    }
    let (floor, alarm) = (config.keeping.free_floor_mib, config.keeping.free_alarm_mib);
    if floor > 0 && alarm <= floor {
        let why = format!("is {alarm}, and must be more than keeping.free_floor_mib ({floor})");
        found.push(("keeping.free_alarm_mib".into(), why));
    }
    for (key, _) in positive.into_iter().filter(|(_, value)| *value == 0) {
        found.push((key.into(), "is 0, and must be at least 1".into()));
    }
    if server.in_flight_bytes_max < server.body_bytes_max {
        let why = "must be at least server.body_bytes_max, or no large delivery gets in";
        found.push(("server.in_flight_bytes_max".into(), why.into()));
    }
}

fn check_exchange(config: &Config, found: &mut Found) {
    let exchange = &config.exchange;
    let wrong = [exchange.signer().err(), exchange.trusted().err()];
    found.extend(wrong.into_iter().flatten().map(|(name, why)| (format!("exchange.{name}"), why)));
}

fn check_sites(config: &Config, found: &mut Found) {
    let mut ids = BTreeSet::new();
    for (index, site) in config.sites.iter().enumerate() {
        let key = |name: &str| format!("sites[{index}].{name}");
        if !ids.insert(&site.id) {
            found.push((key("id"), format!("two sites are called `{}`", site.id)));
        }
        if !is_name(&site.id) {
            let why = format!("`{}`: letters, digits, `-` and `_` only, at least one", site.id);
            found.push((key("id"), why));
        }
        if let Err((name, why)) = site.keys() {
            found.push((key(name), why));
        }
        if site.seal_key.is_empty() && !site.seal_previous_key_files.is_empty() {
            let why = "names earlier keys, and there is no seal_key to take their place";
            found.push((key("seal_previous_key_files"), why.into()));
        }
        if site.settings.is_empty() {
            found.push((key("settings"), "needs at least one version".into()));
        }
        let mut before = None;
        for (version, settings) in site.settings.iter().enumerate() {
            let at = |name: &str| key(&format!("settings[{version}].{name}"));
            check_settings(settings, &at, found);
            if version > 0 && settings.valid_from <= before {
                let why = "must be later than that of the version before";
                found.push((at("valid_from"), why.into()));
            }
            before = settings.valid_from;
        }
    }
    if config.sites.is_empty() {
        found.push(("sites".into(), "at least one site is needed".into()));
    }
}

/// What is wrong with ages by class.
fn class_ages(ages: &BTreeMap<String, u32>) -> Vec<String> {
    let known = Class::ALL.map(Class::as_str);
    let wrong = |(class, days): (&String, &u32)| match (known.contains(&class.as_str()), days) {
        (false, _) => Some(format!("there is no class `{class}`; there are {}", known.join(" "))),
        (_, 0) => Some(format!("`{class}` is 0, and must be at least 1")),
        _ => None,
    };
    ages.iter().filter_map(wrong).collect()
}

fn check_settings(settings: &SiteSettings, at: &dyn Fn(&str) -> String, found: &mut Found) {
    if settings.time_zone.parse::<chrono_tz::Tz>().is_err() {
        let why = format!("no zone `{}`; write it like Asia/Shanghai", settings.time_zone);
        found.push((at("time_zone"), why));
    }
    if Cadence::of(&settings.cadence).is_none() {
        let known: Vec<&str> = Cadence::countries().collect();
        let why = format!("no country `{}`; there are {}", settings.cadence, known.join(" "));
        found.push((at("cadence"), why));
    }
    if settings.ring_period_ms.is_some_and(|period| !(500..=60_000).contains(&period)) {
        found.push((at("ring_period_ms"), "must lie between 500 and 60000".into()));
    }
    if !(1..=100).contains(&settings.ring_limit) {
        let why = format!("is {}, and must lie between 1 and 100", settings.ring_limit);
        found.push((at("ring_limit"), why));
    }
    let seconds = [
        ("recording_grace_s", settings.recording_grace_s),
        ("entry_grace_s", settings.entry_grace_s),
        ("registration_limit_s", settings.registration_limit_s),
        ("call_silence_limit_s", settings.call_silence_limit_s),
        ("silence_limit_s", settings.silence_limit_s),
        ("clock_limit_s", settings.clock_limit_s),
    ];
    for (name, value) in seconds.into_iter().filter(|(_, value)| !(0..=YEAR_S).contains(value)) {
        found.push((at(name), format!("is {value}, and must lie between 0 and a year")));
    }
    let ages = [
        ("keep_days", settings.keep_days, &settings.keep_days_of),
        ("archive_days", settings.archive_days, &settings.archive_days_of),
        ("original_days", settings.original_days, &settings.original_days_of),
    ];
    for (name, days, of_class) in ages {
        if days == Some(0) {
            found.push((at(name), "is 0, and must be at least 1".into()));
        }
        let place = at(&format!("{name}_of"));
        found.extend(class_ages(of_class).into_iter().map(|why| (place.clone(), why)));
    }
    let (auto, suggest) = (settings.link_auto, settings.link_suggest);
    if !(0.0..=1.0).contains(&auto) || !(0.0..=auto).contains(&suggest) {
        let why = format!("0 ≤ link_suggest ({suggest}) ≤ link_auto ({auto}) ≤ 1 must hold");
        found.push((at("link_auto"), why));
    }
    if let Err(why) = Off::of(&settings.habits_off) {
        found.push((at("habits_off"), why));
    }
}

fn check_source(config: &Config, index: usize, source: &SourceConfig, found: &mut Found) {
    let key = |name: &str| format!("sources[{index}].{name}");
    if config.sources[..index].iter().any(|other| other.name == source.name) {
        found.push((key("name"), format!("two sources are called `{}`", source.name)));
    }
    if !is_name(&source.name) {
        let why = format!("`{}`: letters, digits, `-` and `_` only, at least one", source.name);
        found.push((key("name"), why));
    }
    if !config.sites.iter().any(|site| site.id == source.site) {
        found.push((key("site"), format!("no site is called `{}`", source.site)));
    }
    if pbx::named(&source.adapter).is_none() {
        let known: Vec<&str> = pbx::ALL.iter().map(|pbx| pbx.name()).collect();
        let why = format!("no adapter `{}`; there are {}", source.adapter, known.join(", "));
        found.push((key("adapter"), why));
    }
    for (place, range) in source.allow.iter().enumerate() {
        if let Err(why) = range.parse::<AddressRange>() {
            found.push((key(&format!("allow[{place}]")), why));
        }
    }
    if let Some(why) = no_public_url(&source.public_url) {
        found.push((key("public_url"), why));
    }
    if !source.zone.is_empty() && source.zone.parse::<chrono_tz::Tz>().is_err() {
        found.push((key("zone"), format!("no zone `{}`", source.zone)));
    }
    if let Err(why) = source.file_names.parse::<NamePattern>() {
        found.push((key("file_names"), why));
    }
    check_feed(source, &key, found);
    if !source.field_map.is_empty() {
        let text = std::fs::read_to_string(&source.field_map);
        let read = text.map_err(|error| error.to_string()).and_then(|t| FieldMap::from_toml(&t));
        if let Err(why) = read {
            found.push((key("field_map"), format!("{}: {why}", source.field_map)));
        }
    }
}

fn check_feed(source: &SourceConfig, key: &dyn Fn(&str) -> String, found: &mut Found) {
    if source.feed.is_empty() {
        return;
    }
    if let Err(why) = source.feed(0) {
        found.push((key("feed"), why));
    }
    if source.feed_secret.is_empty() {
        let why = "is empty; write it here, or name a file or a variable that holds it";
        found.push((key("feed_secret"), why.into()));
    }
    for (name, text) in [("feed_user", &source.feed_user), ("feed_secret", &source.feed_secret)] {
        if text.contains(['\r', '\n']) {
            found.push((key(name), "holds a line break".into()));
        }
    }
    if !(1..=3600).contains(&source.feed_silence_s) {
        let why = format!("is {}, and must lie between 1 and 3600", source.feed_silence_s);
        found.push((key("feed_silence_s"), why));
    }
}

fn no_public_url(text: &str) -> Option<String> {
    text.parse::<PublicUrl>().err().filter(|_| !text.is_empty())
}

fn is_name(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !text.is_empty() && text.len() <= 64 && text.chars().all(letter)
}
