//! Where a recording may be fetched from. An address in a delivery is a stranger's word: it must
//! not lead us into our own network. Rules only, but for the resolution of names; the connection is
//! made to the very address that was checked.

use hyper::Uri;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// What an address may not hold as it is (RFC 3986 §2), though phone systems write it so.
const UNWRITTEN: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Why nothing is fetched from there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("it is no address: {0}")]
    Malformed(String),
    #[error("its scheme is `{0}`, and only http and https are fetched")]
    Scheme(String),
    #[error(
        "it holds a user or password, which only the settings may name (fetch_user, fetch_secret)"
    )]
    UserInfo,
    #[error("its host `{0}` is written oddly; only plain names and addresses are taken")]
    Host(String),
    #[error("{0} is not among the source's fetch_hosts; add it there if recordings lie there")]
    NotAllowed(String),
    #[error(
        "the source names no fetch_hosts, so nothing is fetched; add {0} if recordings lie there"
    )]
    NoHosts(String),
    #[error("{host} leads to {address}, which is {kind}; {cure}")]
    Address { host: String, address: IpAddr, kind: &'static str, cure: &'static str },
    #[error("{host} has no address: {error}")]
    Unresolved { host: String, error: String },
}

/// A host that may be asked, as written in the settings: `api.example.com`, `*.example.com`,
/// `pbx.lan:8088`, `10.0.0.5:8088,8443`, `[fd00::5]:8443`. Without ports: that of the scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    name: String,
    /// All names under it, and not itself.
    under: bool,
    ports: Vec<u16>,
}

/// The hosts of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts {
    /// Must lie in the open network.
    pub public: Vec<Host>,
    /// May lie in a network of the house.
    pub private: Vec<Host>,
}

/// A place that may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub tls: bool,
    /// In small letters, without a dot at its end, an IPv6 address without brackets.
    pub host: String,
    pub port: u16,
    private: bool,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{open}{}{close}:{}", self.host, self.port)
    }
}

impl FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            |why: &str| format!("`{text}` {why}; write it like api.example.com or pbx.lan:8088");
        if text.contains("://") || text.contains(['/', '@']) {
            return Err(wrong("is more than a host"));
        }
        let (name, ports) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, rest)) => (name, rest.strip_prefix(':')),
            None if text.parse::<Ipv6Addr>().is_ok() => (text, None),
            None => text.split_once(':').map_or((text, None), |(name, ports)| (name, Some(ports))),
        };
        let port = |port: &str| port.trim().parse::<u16>().ok().filter(|port| *port > 0);
        let ports = ports.map(|ports| ports.split(',').map(port).collect::<Option<Vec<u16>>>());
        let ports = ports.unwrap_or(Some(Vec::new())).ok_or_else(|| wrong("has a wrong port"))?;
        let (name, under) = name.strip_prefix("*.").map_or((name, false), |name| (name, true));
        let name = plain(name).ok_or_else(|| wrong("holds no plain host name"))?;
        // `*.com` would open half of the world.
        if under && (!name.contains('.') || name.parse::<IpAddr>().is_ok()) {
            return Err(wrong("opens too much"));
        }
        Ok(Self { name, under, ports })
    }
}

impl Host {
    /// Whether it stands for several names.
    pub fn is_wide(&self) -> bool {
        self.under
    }

    /// The name, and the ports where any are written.
    pub fn name(&self) -> (&str, &[u16]) {
        (&self.name, &self.ports)
    }

    fn holds(&self, host: &str, port: u16, usual: u16) -> bool {
        let of_name = match self.under {
            true => host.strip_suffix(self.name.as_str()).is_some_and(|rest| rest.ends_with('.')),
            false => host == self.name,
        };
        let of_port =
            if self.ports.is_empty() { port == usual } else { self.ports.contains(&port) };
        of_name && of_port
    }
}

/// A host's name in the one way in which it is compared; nothing where it is written oddly: with an
/// address in octal, hexadecimal or as one number (`0x7f.1`, `2130706433`), escaped, or in letters
/// that are no ASCII.
fn plain(host: &str) -> Option<String> {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if let Ok(address) = host.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    let label = |label: &str| {
        let letters = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        !label.is_empty() && label.len() <= 63 && letters
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    let hex =
        last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()));
    let numeric = hex || last.bytes().all(|byte| byte.is_ascii_digit());
    (host.len() <= 253 && !numeric && host.split('.').all(label)).then_some(host)
}

/// Reads an address. Spaces and letters beyond ASCII are escaped as browsers do.
///
/// # Errors
/// [`Refused::Malformed`].
pub fn address(text: &str) -> Result<Uri, Refused> {
    let escaped = utf8_percent_encode(text.trim(), UNWRITTEN).to_string();
    escaped
        .parse()
        .map_err(|error: hyper::http::uri::InvalidUri| Refused::Malformed(error.to_string()))
}

impl Hosts {
    /// The place of an address, if it may be asked.
    ///
    /// # Errors
    /// [`Refused`] with the cure.
    pub fn place(&self, uri: &Uri) -> Result<Place, Refused> {
        let scheme = uri.scheme_str().unwrap_or_default().to_ascii_lowercase();
        let (tls, usual) = match scheme.as_str() {
            "http" => (false, 80),
            "https" => (true, 443),
            _ => return Err(Refused::Scheme(scheme)),
        };
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') {
            return Err(Refused::UserInfo);
        }
        let written = uri.host().unwrap_or_default();
        let bare = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let odd = || Refused::Host(written.to_owned());
        let host = plain(bare.unwrap_or(written)).ok_or_else(odd)?;
        if bare.is_some() != host.contains(':') {
            return Err(odd());
        }
        // A port that cannot be read is not the scheme's.
        let port = match authority.rsplit_once(':').map(|(_, port)| port) {
            Some(port) if !port.is_empty() && !port.ends_with(']') => {
                uri.port_u16().ok_or_else(odd)?
            }
            _ => usual,
        };
        let named = |hosts: &[Host]| hosts.iter().any(|one| one.holds(&host, port, usual));
        let (private, public) = (named(&self.private), named(&self.public));
        let place = Place { tls, host, port, private };
        match private || public {
            true => Ok(place),
            false if self.is_empty() => Err(Refused::NoHosts(place.to_string())),
            false => Err(Refused::NotAllowed(place.to_string())),
        }
    }

    /// Whether nothing may be fetched.
    pub fn is_empty(&self) -> bool {
        self.public.is_empty() && self.private.is_empty()
    }
}

impl Place {
    /// Whether this address of the host may be connected to.
    ///
    /// # Errors
    /// [`Refused::Address`] with what it is.
    pub fn check(&self, address: IpAddr) -> Result<(), Refused> {
        let (kind, cure) = match kind(address) {
            Kind::Public => return Ok(()),
            Kind::Private(_) if self.private => return Ok(()),
            Kind::Private(kind) => (kind, "name the host in fetch_private_hosts if it is yours"),
            Kind::Never(kind) => {
                (kind, "no recording can lie there: look at the name's entry in DNS")
            }
        };
        Err(Refused::Address { host: self.host.clone(), address, kind, cure })
    }

    /// The addresses of the place, all of them checked: one that is not allowed among good ones is
    /// somebody's trick, or a mistake.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn resolve(&self) -> Result<Vec<SocketAddr>, Refused> {
        let unresolved = |error: String| Refused::Unresolved { host: self.host.clone(), error };
        let found: Vec<SocketAddr> = match self.host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, self.port)],
            Err(_) => tokio::net::lookup_host((self.host.as_str(), self.port))
                .await
                .map_err(|error| unresolved(error.to_string()))?
                .collect(),
        };
        if found.is_empty() {
            return Err(unresolved("the name is known and leads nowhere".into()));
        }
        found.iter().try_for_each(|address| self.check(address.ip()))?;
        Ok(found)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Public,
    /// Somebody's own network: only for a host that is allowed by name.
    Private(&'static str),
    /// Nothing that can be connected to in earnest.
    Never(&'static str),
}

/// What an address is (IANA special-purpose registries; RFC 6890).
fn kind(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(address) => kind_4(address),
        IpAddr::V6(address) => kind_6(address),
    }
}

fn kind_4(address: Ipv4Addr) -> Kind {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (0, ..) => Kind::Never("unspecified"),
        (127, ..) => Kind::Private("loopback"),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Kind::Private("private"),
        (169, 254, _) => Kind::Private("link-local"),
        (100, 64..=127, _) => Kind::Private("shared by a carrier (CGNAT)"),
        (198, 18..=19, _) => Kind::Private("for measurements"),
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 51, 100) | (203, 0, 113) => Kind::Never("reserved"),
        (224..=239, ..) => Kind::Never("multicast"),
        (240.., ..) => Kind::Never("reserved"),
        _ => Kind::Public,
    }
}

fn kind_6(address: Ipv6Addr) -> Kind {
    let parts = address.segments();
    match parts {
        [0, 0, 0, 0, 0, 0, 0, 0] => Kind::Never("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Kind::Private("loopback"),
        [0, 0, 0, 0, 0, 0xffff, ..] => Kind::Never("IPv4 in disguise (mapped)"),
        [0x64, 0xff9b, ..] => Kind::Never("IPv4 in disguise (NAT64)"),
        [0xfc00..=0xfdff, ..] => Kind::Private("private (unique local)"),
        [0xfe80..=0xfebf, ..] => Kind::Private("link-local"),
        [0xfec0..=0xfeff, ..] => Kind::Private("private (site-local)"),
        [0xff00..=0xffff, ..] => Kind::Never("multicast"),
        [0x2002, ..] => Kind::Never("IPv4 in disguise (6to4)"),
        [0x2001, 0, ..] => Kind::Never("IPv4 in disguise (Teredo)"),
        [0x2001, 1..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => {
            Kind::Never("reserved")
        }
        // Global unicast; all else is not given out.
        [0x2000..=0x3fff, ..] => Kind::Public,
        _ => Kind::Never("reserved"),
    }
}
