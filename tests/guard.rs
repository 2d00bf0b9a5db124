//! Where recordings may be fetched from: hosts by name, addresses by what they are.

use ringledger::source::guard::{Host, Hosts, address};
use std::net::IpAddr;

fn list(hosts: &[&str]) -> Vec<Host> {
    hosts.iter().map(|host| host.parse().expect(host)).collect()
}

fn hosts() -> Hosts {
    Hosts {
        public: list(&["api.example.com", "*.store.example.com", "files.example.com:8443,9000"]),
        private: list(&["pbx.lan:8088", "10.0.0.5", "[fd00::5]:8443", "127.0.0.1:9"]),
    }
}

fn asked(text: &str) -> Result<String, String> {
    let address = address(text).map_err(|refused| refused.to_string())?;
    hosts().place(&address).map(|place| place.to_string()).map_err(|refused| refused.to_string())
}

#[test]
fn the_hosts_of_the_settings_are_asked_however_they_are_written() {
    let table = [
        ("https://api.example.com/a", "api.example.com:443"),
        ("http://api.example.com/a", "api.example.com:80"),
        ("HTTPS://API.Example.COM./a?b#c", "api.example.com:443"),
        ("https://api.example.com:/a", "api.example.com:443"),
        ("https://a.store.example.com/a", "a.store.example.com:443"),
        ("https://a.b.store.example.com/a", "a.b.store.example.com:443"),
        ("https://files.example.com:9000/a", "files.example.com:9000"),
        ("http://files.example.com:8443/a", "files.example.com:8443"),
        ("http://pbx.lan:8088/录音 1.wav", "pbx.lan:8088"),
        ("http://10.0.0.5/a", "10.0.0.5:80"),
        ("http://127.0.0.1.:9/a", "127.0.0.1:9"),
        ("https://[FD00:0::5]:8443/a", "[fd00::5]:8443"),
    ];
    for (text, place) in table {
        assert_eq!(asked(text).as_deref(), Ok(place), "{text}");
    }
}

#[test]
fn nothing_else_is_asked_and_the_reason_says_why() {
    let table = [
        ("https://example.com/a", "fetch_hosts"),
        ("https://api.example.com.evil.net/a", "fetch_hosts"),
        ("https://evil.net/api.example.com", "fetch_hosts"),
        ("https://xapi.example.com/a", "fetch_hosts"),
        ("https://store.example.com/a", "fetch_hosts"),
        ("https://evilstore.example.com/a", "fetch_hosts"),
        // Ports.
        ("https://api.example.com:8443/a", "fetch_hosts"),
        ("http://api.example.com:443/a", "fetch_hosts"),
        ("https://files.example.com/a", "fetch_hosts"),
        ("http://pbx.lan/a", "fetch_hosts"),
        ("http://127.0.0.1/a", "fetch_hosts"),
        ("http://10.0.0.5:22/a", "fetch_hosts"),
        // Users and passwords.
        ("https://api.example.com@evil.net/a", "user"),
        ("https://user:pass@api.example.com/a", "user"),
        ("https://evil.net%2F@api.example.com/a", "user"),
        // Other ways to write an address.
        ("http://0x7f.1:9/a", "oddly"),
        ("http://0x7f000001:9/a", "oddly"),
        ("http://2130706433:9/a", "oddly"),
        ("http://017700000001:9/a", "oddly"),
        ("http://127.1:9/a", "oddly"),
        ("http://0177.0.0.1:9/a", "oddly"),
        ("http://%31%32%37.0.0.1:9/a", ""),
        ("http://api.example.com../a", "oddly"),
        ("http://api。example.com/a", ""),
        ("http://ａpi.example.com/a", ""),
        ("http://[::ffff:7f00:1]:9/a", "fetch_hosts"),
        ("http://[fe80::1%25eth0]/a", ""),
        ("http://api.example.com:99999/a", ""),
        ("http://api.example.com:80a/a", ""),
        // Schemes.
        ("file:///etc/passwd", ""),
        ("ftp://api.example.com/a", "http"),
        ("gopher://api.example.com/a", "http"),
        ("/etc/passwd", "http"),
        ("//api.example.com/a", "http"),
        ("https:/api.example.com/a", ""),
        ("https://", ""),
        ("https:///a", ""),
        ("https://api.example.com\\@evil.net/a", ""),
        ("https://evil.net\\.api.example.com/a", ""),
        ("", ""),
    ];
    for (text, why) in table {
        let refused = asked(text).expect_err(text);
        assert!(refused.contains(why), "{text}: {refused}");
    }
}

#[test]
fn a_source_without_hosts_says_what_to_set() {
    let uri = address("https://api.example.com/a").expect("an address");
    let refused = Hosts::default().place(&uri).expect_err("no hosts").to_string();
    assert!(refused.contains("no fetch_hosts") && refused.contains("api.example.com"), "{refused}");
}

/// What becomes of an address of a host that must lie in the open network, and of one that need not.
fn checked(text: &str) -> (bool, bool) {
    let address_of: IpAddr = text.parse().expect(text);
    let allowed = |place: &str| {
        let uri = address(place).expect("an address");
        hosts().place(&uri).expect("allowed").check(address_of).is_ok()
    };
    (allowed("https://api.example.com/"), allowed("http://pbx.lan:8088/"))
}

#[test]
fn an_address_is_taken_for_what_it_is() {
    let public = [
        "8.8.8.8",
        "1.1.1.1",
        "172.32.0.1",
        "100.128.0.1",
        "192.0.1.1",
        "223.5.5.5",
        "2606:4700::1",
        "2400:3200::1",
    ];
    for text in public {
        assert_eq!(checked(text), (true, true), "{text}");
    }
    let private = [
        "127.0.0.1",
        "127.255.255.254",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.127.255.255",
        "198.18.0.1",
        "::1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
    ];
    for text in private {
        assert_eq!(checked(text), (false, true), "{text}");
    }
    let never = [
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "192.0.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "192.88.99.1",
        "::",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001::1",
        "2001:db8::1",
        "3fff::1",
        "ff02::1",
        "100::1",
        "5f00::1",
        "4000::1",
    ];
    for text in never {
        assert_eq!(checked(text), (false, false), "{text}");
    }
}

#[test]
fn a_host_in_the_settings_is_a_host_and_not_half_the_world() {
    for good in [
        "a.example.com",
        "*.example.com",
        "a:1,2",
        "10.0.0.5:80",
        "::1",
        "[::1]:80",
        "localhost:8080",
    ] {
        assert!(good.parse::<Host>().is_ok(), "{good}");
    }
    for bad in [
        "",
        "*",
        "*.com",
        "https://a.example.com",
        "a/b",
        "u@a",
        "a:0",
        "a:x",
        "a:70000",
        "a:80,",
        "0x7f.1",
        "*.10.0.0.1",
        "a b",
        "*.*.example.com",
        "é.example.com",
    ] {
        assert!(bad.parse::<Host>().is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_name_is_followed_only_to_addresses_that_it_may_have() {
    let place = |private: bool| {
        let named = list(&["localhost:9"]);
        let (public, private) = if private { (Vec::new(), named) } else { (named, Vec::new()) };
        let uri = address("http://localhost:9/a").expect("an address");
        Hosts { public, private }.place(&uri).expect("allowed")
    };
    let refused = place(false).resolve().await.expect_err("loopback").to_string();
    assert!(refused.contains("loopback") && refused.contains("fetch_private_hosts"), "{refused}");
    let found = place(true).resolve().await.expect("resolved");
    assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 9));
}
