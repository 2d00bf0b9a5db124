//! The example file: every setting with its default and a comment, written from the structs
//! themselves.

use super::Config;
use toml::{Table, Value};

/// What each setting means. Keys without an entry here, and entries without a key, fail a test.
const COMMENTS: &[(&str, &str)] = &[
    ("server.listen", "Address and port for deliveries, API and pages; port 0 takes a free one."),
    (
        "server.public_url",
        "How senders call this house, where their proof covers the address: https://ring.example.com. \
         Without it the headers of a proxy tell.",
    ),
    ("server.body_bytes_max", "Longest body of a delivery."),
    ("server.upload_bytes_max", "Longest uploaded recording."),
    (
        "server.in_flight_bytes_max",
        "Memory for all bodies on their way; beyond it: 503, nothing lost.",
    ),
    ("server.connections_max", "Connections at a time."),
    ("server.header_timeout_s", "A client must have sent its headers within this time."),
    ("server.drain_s", "On SIGTERM, how long open requests may take to finish."),
    ("server.workers", "Threads that serve; 0 means one for each processor, at most 4."),
    ("data.dir", "Where the database lies."),
    ("data.recordings_dir", "Where recordings are kept; empty means `recordings` in data.dir."),
    ("store.waiting_max", "Deliveries that may wait for the disk; beyond it: 503, nothing lost."),
    ("store.batch_max", "Deliveries that share one synchronisation of the disk at most."),
    ("store.cache_kib", "Page cache of the database's writer."),
    ("store.readers", "Connections kept for reading."),
    ("store.repeat_window_days", "For how long back a repeated delivery is recognised."),
    ("log.format", "`text` or `json`."),
    (
        "log.filter",
        "`error`, `warn`, `info`, `debug`, or a filter such as `info,ringledger::store=debug`.",
    ),
    (
        "access.token",
        "Token for API and pages. Without one, only this machine's own addresses get in.",
    ),
    ("access.token_file", "… or a file that holds it"),
    ("access.token_env", "… or a variable of the environment."),
    ("listening.workers", "Recordings listened to at a time, each in a process of its own."),
    ("listening.memory_mib_max", "Memory such a process may use."),
    ("listening.time_s_max", "Time such a process may take."),
    ("fetching.at_a_time", "Recordings fetched at a time that deliveries name by address."),
    ("fetching.bytes_max", "Longest recording that is fetched."),
    ("fetching.connect_s", "Time for the connection, and for the first word of the answer."),
    ("fetching.idle_s", "Time without a byte."),
    ("fetching.time_s_max", "Time for the whole."),
    (
        "keeping.prove_bytes_per_s",
        "Recordings are read and hashed again at this pace, over and over; 0 reads none.",
    ),
    ("keeping.prove_every_s", "From the beginning of one such round to the next at least."),
    (
        "keeping.sweep_grace_s",
        "Stored bytes that belong to no recording are removed when they are so old.",
    ),
    ("keeping.free_alarm_mib", "Less room than this on the disk of the recordings is an alarm."),
    (
        "keeping.free_floor_mib",
        "Less room than this, and recordings go before their time; 0: none ever goes for room.",
    ),
    ("keeping.space_keep_days_min", "Younger recordings never go for room."),
    ("keeping.retain_every_s", "How often it is looked what goes."),
    (
        "exchange.domain",
        "Host name of this house, as in its certificate: ids of vCons are unique under it.",
    ),
    ("exchange.signing_key", "Private key (PEM: RSA, P-256 or Ed25519) that signs what leaves;"),
    ("exchange.signing_key_file", "… or a file that holds it"),
    ("exchange.signing_key_env", "… or a variable of the environment."),
    ("exchange.certificate_file", "Certificates (PEM) that speak for it, its own first."),
    ("exchange.trusted_keys", "Files of public keys (PEM) whose signatures are believed."),
    (
        "ledger.columns",
        "Columns of your spreadsheet that are not recognised, e.g. \"联系方式\" = \"number\".",
    ),
    ("sites.id", "Short name in addresses and files."),
    ("sites.name", "Name shown to people."),
    (
        "sites.seal_key",
        "Key that seals the site's recordings on disk, as `openssl rand -hex 32` gives; without \
         one they lie as they came;",
    ),
    ("sites.seal_key_file", "… or a file that holds it"),
    ("sites.seal_key_env", "… or a variable of the environment."),
    (
        "sites.seal_previous_key_files",
        "Files of earlier keys: they open until `ringledger seal` has been run.",
    ),
    (
        "sites.settings.valid_from",
        "First day on which this version holds; the first version has none.",
    ),
    ("sites.settings.time_zone", "IANA time zone."),
    (
        "sites.settings.cadence",
        "Country whose ringing signal is counted (see config/cadences.toml).",
    ),
    (
        "sites.settings.ring_period_ms",
        "The site's own ring period, where it differs from its country's.",
    ),
    ("sites.settings.ring_limit", "Rings within which a person must answer."),
    (
        "sites.settings.ring_timed",
        "`desk`: from the first desk phone's ringing; `phone`: only the phone that answered.",
    ),
    ("sites.settings.desk_extensions", "Front-desk phones; `8*` stands for all that begin with 8."),
    ("sites.settings.outbound_prefix", "What the desk dials first for an outside line."),
    ("sites.settings.unit_pattern", "`building-entrance-room` or `building-room`."),
    (
        "sites.settings.recording_grace_s",
        "After the end of a call, how long its recording may take to come.",
    ),
    (
        "sites.settings.entry_grace_s",
        "After the end of a call, how long its entry may take to come.",
    ),
    (
        "sites.settings.registration_limit_s",
        "After the end of a call, how long its entry counts as in time.",
    ),
    ("sites.settings.missed_calls_owe_entry", "Whether a missed call owes an entry."),
    (
        "sites.settings.call_silence_limit_s",
        "A call without an event for so long is closed by rule.",
    ),
    (
        "sites.settings.desk_hours",
        "When the desk is at work, local time; `20:00-08:00` crosses midnight.",
    ),
    (
        "sites.settings.silence_limit_s",
        "Within desk hours, silence of every source beyond this is a finding; 0 for never.",
    ),
    (
        "sites.settings.clock_limit_s",
        "A phone system's clock further from ours, or jumping by more, is told of.",
    ),
    ("sites.settings.link_auto", "From this probability on, a pair is linked without asking."),
    (
        "sites.settings.link_suggest",
        "From this probability on, a pair is proposed to the supervisor.",
    ),
    (
        "sites.settings.habits_off",
        "Habits of writing that are not to be found and applied, as `why` and the habits' page name them.",
    ),
    (
        "sites.settings.keep_days",
        "Recordings are erased when they are so old; without it they are kept for ever.",
    ),
    (
        "sites.settings.keep_days_of",
        "… and where a class differs: enquiry help repair complaint suggestion uncategorised \
         explained exempt, and unmatched, which only goes when it is named here.",
    ),
    (
        "sites.settings.archive_days",
        "Recordings of plain PCM get a FLAC rendition for the archive when they are so old.",
    ),
    ("sites.settings.archive_days_of", "… and where a class differs."),
    (
        "sites.settings.original_days",
        "The original goes when it is so old and its archive rendition is there; without it none \
         ever does.",
    ),
    (
        "sites.settings.original_days_of",
        "… and where a class differs; unmatched ones only go when they are named here.",
    ),
    ("sources.name", "Name in the address: POST /hook/NAME."),
    ("sources.site", "The site it belongs to."),
    ("sources.adapter", "Which phone system sends: see `ringledger fold --help`."),
    ("sources.allow", "Addresses that may send."),
    (
        "sources.secret",
        "Secret or token each delivery must prove itself with; `whsec_…` asks for signatures.",
    ),
    ("sources.secret_file", "… or a file that holds it"),
    ("sources.secret_env", "… or a variable of the environment."),
    ("sources.public_url", "How its sender calls this house; empty means server.public_url."),
    ("sources.zone", "Zone of times without one; empty means the site's."),
    (
        "sources.field_map",
        "Field map for the generic adapter, such as config/pbx/form-example.toml.",
    ),
    ("sources.folders", "Folders in which the phone system writes its recordings."),
    ("sources.file_names", "How it names them."),
    (
        "sources.feed",
        "Where a phone system that does not push is reached: ami://HOST:5038, ari, esl; amis, aris, esls.",
    ),
    ("sources.feed_user", "User of the feed."),
    ("sources.feed_secret", "His secret."),
    ("sources.feed_secret_file", "… or a file that holds it"),
    ("sources.feed_secret_env", "… or a variable of the environment."),
    ("sources.feed_ca_file", "Certificate (PEM) of an issuer this machine does not know."),
    ("sources.feed_leave_out", "Events of the feed that are not kept."),
    (
        "sources.feed_silence_s",
        "After so long without a word the feed is asked for a sign of life; after twice that it is lost.",
    ),
    (
        "sources.fetch_hosts",
        "Hosts from which announced recordings are fetched: api.example.com, *.example.com, \
         example.com:8443.",
    ),
    (
        "sources.fetch_private_hosts",
        "… and those that lie in a network of your own: pbx.lan, 10.0.0.5:8088.",
    ),
    (
        "sources.fetch_auth",
        "What they want to see: `none`, `basic`, `digest`, `bearer`, `jwt`, `token` or `header`.",
    ),
    (
        "sources.fetch_user",
        "The user; for `header` its name, for `jwt` the application's id, for `token` the client's.",
    ),
    (
        "sources.fetch_secret",
        "His password, the token, the header's value, or the private key (PEM);",
    ),
    ("sources.fetch_secret_file", "… or a file that holds it"),
    ("sources.fetch_secret_env", "… or a variable of the environment."),
    (
        "sources.fetch_token_url",
        "Where `token` gets one that holds a while: https://pbx.lan:8088/openapi/v1.0/get_token.",
    ),
    ("sources.fetch_ca_file", "Certificate (PEM) of an issuer this machine does not know."),
    (
        "sources.fetch_url",
        "Where recordings are that are announced by name or path: https://pbx.lan/rec/{path}, or {name}.",
    ),
    ("sources.fetch_ending", "Added to announced addresses without an ending, such as .wav."),
];

fn comment(key: &str) -> Option<&'static str> {
    COMMENTS.iter().find(|(known, _)| *known == key).map(|(_, text)| *text)
}

/// The example file.
pub fn example() -> String {
    let config = Table::try_from(Config::default()).unwrap_or_default();
    let mut text = String::from(
        "# All settings of ringledger with their defaults. Every line may be left out; without any file all of\n\
         # these hold. `ringledger config test FILE` checks a file, `ringledger config print` shows what holds.\n",
    );
    for section in [
        "server",
        "data",
        "store",
        "log",
        "access",
        "listening",
        "fetching",
        "keeping",
        "exchange",
        "ledger",
    ] {
        if let Some(Value::Table(table)) = config.get(section) {
            write_table(&mut text, &format!("[{section}]"), section, table);
        }
    }
    for section in ["sites", "sources"] {
        for item in config.get(section).and_then(Value::as_array).into_iter().flatten() {
            if let Value::Table(table) = item {
                write_table(&mut text, &format!("[[{section}]]"), section, table);
            }
        }
    }
    text
}

fn write_table(text: &mut String, head: &str, path: &str, table: &Table) {
    text.push_str(&format!("\n{head}\n"));
    let mut later = Vec::new();
    let keys = COMMENTS.iter().filter_map(|(key, _)| key.strip_prefix(&format!("{path}.")));
    for key in keys.filter(|key| !key.contains('.')) {
        match table.get(key) {
            Some(Value::Array(list)) if list.first().is_some_and(Value::is_table) => {}
            Some(Value::Table(columns)) if columns.is_empty() => later.push(key),
            Some(value) => write_value(text, &format!("{path}.{key}"), key, &value.to_string()),
            None => write_value(text, &format!("{path}.{key}"), &format!("# {key}"), ""),
        }
    }
    for key in later {
        let path = format!("{path}.{key}");
        text.push_str(&format!("\n# {}\n[{path}]\n", comment(&path).unwrap_or_default()));
    }
    for (key, value) in table {
        for item in value.as_array().into_iter().flatten() {
            if let Value::Table(inner) = item {
                let path = format!("{path}.{key}");
                write_table(text, &format!("[[{path}]]"), &path, inner);
            }
        }
    }
}

fn write_value(text: &mut String, path: &str, key: &str, value: &str) {
    if let Some(comment) = comment(path) {
        text.push_str(&format!("# {comment}\n"));
    }
    text.push_str(&format!("{key} = {value}\n"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn keys(path: &str, value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Table(table) if !table.is_empty() => {
                for (key, value) in table {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    keys(&path, value, found);
                }
            }
            Value::Array(list) if list.first().is_some_and(Value::is_table) => {
                list.iter().for_each(|item| keys(path, item, found));
            }
            _ => drop(found.insert(path.to_owned())),
        }
    }

    #[test]
    fn every_setting_has_a_comment_and_every_comment_a_setting() {
        let mut written = BTreeSet::new();
        let config = Table::try_from(Config::default()).expect("the defaults are TOML");
        keys("", &Value::Table(config), &mut written);
        // Settings that are absent by default.
        written.extend(
            ["valid_from", "ring_period_ms", "keep_days", "archive_days", "original_days"]
                .map(|key| format!("sites.settings.{key}")),
        );
        let commented = COMMENTS.iter().map(|(key, _)| (*key).to_owned()).collect();
        assert_eq!(written, commented);
    }
}
