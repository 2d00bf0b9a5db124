//! Settings: the example file is what the structs say, and every wrong value names its line.

use ringledger::config::{Config, example};
use std::path::Path;

fn parse(text: &str) -> Result<Config, Vec<(Option<usize>, String)>> {
    let none = |_: &str| None;
    Config::parse("ringledger.toml", text, &none)
        .map_err(|errors| errors.0.into_iter().map(|one| (one.line, one.text)).collect())
}

fn wrong(text: &str) -> Vec<(Option<usize>, String)> {
    parse(text).expect_err("these settings are wrong")
}

#[test]
fn the_example_file_is_what_the_program_writes_and_holds_the_defaults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/ringledger.toml");
    let written = std::fs::read_to_string(path).expect("the example file");
    assert_eq!(written, example(), "write it again: ringledger config print --example");
    let read = parse(&written).expect("good settings");
    let default = Config::default();
    assert_eq!(toml::to_string(&read).expect("TOML"), toml::to_string(&default).expect("TOML"));
}

#[test]
fn every_other_file_in_config_is_good() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    for file in std::fs::read_dir(root.join("sites")).expect("sites") {
        let path = file.expect("a file").path();
        parse(&std::fs::read_to_string(&path).expect("text")).expect("good settings");
    }
    for file in std::fs::read_dir(root.join("pbx")).expect("pbx") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("text");
        ringledger::pbx::generic::FieldMap::from_toml(&text).expect("a good field map");
    }
}

#[test]
fn an_unknown_key_names_its_line_and_the_nearest_right_one() {
    let found = wrong("[server]\nlisten = \"127.0.0.1:1\"\nbody_byte_max = 3\n");
    assert_eq!(found[0].0, Some(3));
    assert!(found[0].1.contains("server.body_byte_max"), "{found:?}");
    assert!(found[0].1.contains("`body_bytes_max`"), "{found:?}");
}

#[test]
fn a_wrong_type_says_what_was_found_and_what_is_wanted() {
    let found = wrong("[[sites]]\nid = \"a\"\n[[sites.settings]]\nring_limit = \"three\"\n");
    assert_eq!(found[0].0, Some(4));
    assert!(found[0].1.contains("\"three\"") && found[0].1.contains("integer"), "{found:?}");
}

#[test]
fn all_errors_are_told_at_once() {
    let text = "[server]\nlisten = \"nowhere\"\n[[sites]]\nid = \"a b\"\n[[sites.settings]]\n\
        time_zone = \"Asia/Shanghigh\"\ncadence = \"xx\"\nring_limit = 0\nlink_auto = 2.0\n\
        [[sources]]\nname = \"x\"\nsite = \"nobody\"\nadapter = \"asterix\"\nallow = [\"10.0.0.0/99\"]\n";
    let found = wrong(text);
    for key in [
        "server.listen",
        "sites[0].id",
        "time_zone",
        "cadence",
        "ring_limit",
        "link_auto",
        "sources[0].site",
        "sources[0].adapter",
        "sources[0].allow[0]",
    ] {
        let told = found.iter().find(|(_, text)| text.contains(key));
        assert!(told.is_some_and(|(line, _)| line.is_some()), "{key}: {found:#?}");
    }
}

#[test]
fn secrets_come_from_the_environment_and_are_never_printed() {
    let text = "[[sources]]\nname = \"s\"\nadapter = \"generic\"\nsecret_env = \"THE_SECRET\"\n";
    let env = |name: &str| (name == "THE_SECRET").then(|| "open sesame".to_owned());
    let config = Config::parse("x", text, &env).expect("good settings");
    assert_eq!(config.sources[0].secret, "open sesame");
    let shown = toml::to_string(&config.masked()).expect("TOML");
    assert!(!shown.contains("sesame") && shown.contains("(hidden)"), "{shown}");
    let debug = format!("{:?}", config.sources[0].secret());
    assert!(!debug.contains("sesame"), "{debug}");
}

#[test]
fn a_secret_of_the_wrong_type_is_not_shown() {
    let found = wrong("[access]\ntoken = 4711\n");
    assert!(!found[0].1.contains("4711"), "{found:?}");
}

#[test]
fn without_a_file_one_site_and_a_source_for_each_adapter_take_from_this_machine_only() {
    let config = Config::load(None, &|_| None).expect("the defaults");
    let names: Vec<&str> = config.sources.iter().map(|source| source.name.as_str()).collect();
    let adapters: Vec<&str> = ringledger::pbx::ALL.iter().map(|pbx| pbx.name()).collect();
    assert_eq!(names, adapters);
    let range: ringledger::config::AddressRange =
        config.sources[0].allow[0].parse().expect("a range");
    assert!(range.holds("127.0.0.1".parse().expect("an address")));
    assert!(!range.holds("192.168.1.4".parse().expect("an address")));
}

#[test]
fn a_dated_version_holds_from_its_day_in_the_sites_zone() {
    let text = "[[sites]]\nid = \"a\"\n[[sites.settings]]\n[[sites.settings]]\n\
        valid_from = \"2026-12-01\"\nring_limit = 4\n";
    let site = parse(text).expect("good settings").sites().remove(0);
    let limit = |at: &str| site.settings_at(at.parse().expect("a moment")).ring_limit;
    assert_eq!(limit("2026-11-30T15:59:59Z"), 3);
    assert_eq!(limit("2026-11-30T16:00:00Z"), 4, "midnight in Shanghai");
}

#[test]
fn ages_floors_and_keys_are_checked_and_a_key_is_never_shown() {
    let text = "[keeping]\nfree_floor_mib = 100\nfree_alarm_mib = 100\nsweep_grace_s = 0\n\
        [[sites]]\nid = \"a\"\nseal_key = \"0123secret\"\n[[sites.settings]]\nkeep_days = 0\n\
        [sites.settings.keep_days_of]\nrepairs = 3\n[[sites]]\nid = \"b\"\n\
        seal_key_env = \"NOT_THERE\"\n[[sites.settings]]\n";
    let found = wrong(text);
    for (key, said) in [
        ("keeping.free_alarm_mib", "more than"),
        ("keeping.sweep_grace_s", "between 1"),
        ("sites[0].seal_key", "64 hexadecimal digits"),
        ("sites[0].settings[0].keep_days", "at least 1"),
        ("sites[0].settings[0].keep_days_of", "no class `repairs`; there are enquiry"),
        ("sites[1].seal_key", "named and empty"),
    ] {
        let told = found.iter().any(|(_, text)| text.contains(key) && text.contains(said));
        assert!(told, "{key}: {found:#?}");
    }
    assert!(!format!("{found:?}").contains("0123secret"), "{found:?}");
    let key = "1".repeat(64);
    let good = format!("[[sites]]\nid = \"a\"\nseal_key = \"{key}\"\n[[sites.settings]]\n");
    let config = parse(&good).expect("good settings");
    let shown = toml::to_string(&config.masked()).expect("TOML");
    assert!(!shown.contains(&key), "{shown}");
}

#[test]
fn wrong_settings_of_fetching_are_named_with_the_cure() {
    let source = |more: &str| format!("[[sources]]\nname = \"s\"\nadapter = \"generic\"\n{more}\n");
    let table = [
        ("fetch_hosts = [\"a.example.com\", \"https://b\"]", "fetch_hosts[1]", "more than a host"),
        ("fetch_hosts = [\"*.com\"]", "fetch_hosts[0]", "too much"),
        ("fetch_private_hosts = [\"*.pbx.lan\"]", "fetch_private_hosts[0]", "more than one host"),
        (
            "fetch_hosts = [\"a\"]\nfetch_auth = \"ntlm\"",
            "fetch_auth",
            "none, basic, digest, bearer, jwt, token, header",
        ),
        ("fetch_hosts = [\"a\"]\nfetch_secret = \"x\"", "fetch_auth", "basic"),
        (
            "fetch_hosts = [\"a\"]\nfetch_auth = \"basic\"\nfetch_secret = \"x\"",
            "fetch_user",
            "empty",
        ),
        ("fetch_hosts = [\"a\"]\nfetch_auth = \"bearer\"", "fetch_secret", "empty"),
        (
            "fetch_hosts = [\"a\"]\nfetch_auth = \"bearer\"\nfetch_secret = \"x\\ny\"",
            "fetch_secret",
            "line break",
        ),
        (
            "fetch_hosts = [\"a\"]\nfetch_auth = \"jwt\"\nfetch_user = \"i\"\nfetch_secret = \"x\"",
            "fetch_secret",
            "RSA",
        ),
        (
            "fetch_hosts = [\"a\"]\nfetch_auth = \"header\"\nfetch_user = \"X Y\"\nfetch_secret = \"x\"",
            "fetch_user",
            "header",
        ),
        (
            "fetch_hosts = [\"a\"]\nfetch_auth = \"digest\"\nfetch_secret = \"x\"",
            "fetch_user",
            "empty",
        ),
        (
            "fetch_hosts = [\"a\"]\nfetch_auth = \"token\"\nfetch_user = \"i\"\nfetch_secret = \"x\"",
            "fetch_token_url",
            "empty",
        ),
        (
            "fetch_hosts = [\"a\"]\nfetch_auth = \"token\"\nfetch_user = \"i\"\nfetch_secret = \"x\"\n\
             fetch_token_url = \"https://b/t\"",
            "fetch_token_url",
            "fetch_hosts",
        ),
        (
            "fetch_hosts = [\"a\", \"b\"]\nfetch_auth = \"token\"\nfetch_user = \"i\"\nfetch_secret = \"x\"\n\
             fetch_token_url = \"https://b/t\"\nfetch_url = \"https://a/{name}\"",
            "fetch_token_url",
            "another host",
        ),
        (
            "fetch_hosts = [\"a\"]\nfetch_token_url = \"https://a/t\"",
            "fetch_token_url",
            "not `token`",
        ),
        ("fetch_hosts = [\"a\"]\nfetch_url = \"https://a/x\"", "fetch_url", "{name}"),
        ("fetch_hosts = [\"a\"]\nfetch_url = \"https://b/{name}\"", "fetch_url", "fetch_hosts"),
        ("fetch_url = \"https://b/{name}\"", "fetch_url", "fetch_hosts"),
        ("fetch_auth = \"bearer\"\nfetch_secret = \"x\"", "fetch_hosts", "name the hosts"),
        (
            "fetch_hosts = [\"a\"]\nfetch_ca_file = \"/nowhere.pem\"",
            "fetch_ca_file",
            "/nowhere.pem",
        ),
        ("fetch_hosts = [\"a\"]\nfetch_ending = \"/x\"", "fetch_ending", ".wav"),
        ("public_url = \"ring.example.com\"", "public_url", "https://"),
    ];
    for (text, key, why) in table {
        let found = wrong(&source(text));
        let told = found.iter().find(|(_, told)| told.contains(&format!("sources[0].{key}`")));
        let told = told.unwrap_or_else(|| panic!("{text}: {found:?}"));
        assert!(told.0.is_some() && told.1.contains(why), "{text}: {told:?}");
    }
    for key in ["at_a_time", "bytes_max", "connect_s", "idle_s", "time_s_max"] {
        let found = wrong(&format!("[fetching]\n{key} = 0\n"));
        assert!(found[0].1.contains(&format!("fetching.{key}")), "{found:?}");
    }
    let secret = "fetch_hosts = [\"a\"]\nfetch_auth = \"bearer\"\nfetch_secret = \"open sesame\"";
    let config = parse(&source(secret)).expect("good settings");
    let printed = toml::to_string(&config.masked()).expect("TOML");
    assert!(!printed.contains("open sesame"));
}
