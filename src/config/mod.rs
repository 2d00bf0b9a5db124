//! Every setting there is: one file, defaults that work without it, and errors that name line, key
//! and cure.

mod address;
mod check;
mod example;
mod fetch;
mod locate;

pub use address::AddressRange;
pub use check::{ConfigError, ConfigErrors};
pub use example::example;
pub use fetch::FetchingConfig;

use crate::feed;
use crate::object::sealed::{KeyRing, SiteKey};
use crate::pbx::{self, Secret};
use crate::site::{Site, SiteSettings};
use crate::vcon::jws::{Signer, Trusted};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// All settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub server: ServerConfig,
    pub data: DataConfig,
    pub store: StoreConfig,
    pub log: LogConfig,
    pub access: AccessConfig,
    pub listening: ListeningConfig,
    pub fetching: FetchingConfig,
    pub keeping: KeepingConfig,
    pub exchange: ExchangeConfig,
    pub ledger: LedgerConfig,
    pub sites: Vec<SiteConfig>,
    pub sources: Vec<SourceConfig>,
}

/// The socket.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    pub listen: String,
    pub public_url: String,
    pub body_bytes_max: usize,
    pub upload_bytes_max: u64,
    pub in_flight_bytes_max: usize,
    pub connections_max: usize,
    pub header_timeout_s: u64,
    pub drain_s: u64,
    pub workers: usize,
}

/// Where things lie.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    pub dir: String,
    pub recordings_dir: String,
}

/// The database.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    pub waiting_max: usize,
    pub batch_max: usize,
    pub cache_kib: i64,
    pub readers: usize,
    pub repeat_window_days: i64,
}

/// What is written to the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    pub format: LogFormat,
    pub filter: String,
}

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

/// Who may see pages and use the API.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessConfig {
    pub token: String,
    pub token_file: String,
    pub token_env: String,
}

/// Listening to recordings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListeningConfig {
    pub workers: usize,
    pub memory_mib_max: u64,
    pub time_s_max: u64,
}

/// Looking after what is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeepingConfig {
    pub prove_bytes_per_s: u64,
    pub prove_every_s: i64,
    pub sweep_grace_s: i64,
    pub free_alarm_mib: u64,
    pub free_floor_mib: u64,
    pub space_keep_days_min: u32,
    pub retain_every_s: i64,
}

/// What leaves the house and comes back: vCons and case folders.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExchangeConfig {
    pub domain: String,
    pub signing_key: String,
    pub signing_key_file: String,
    pub signing_key_env: String,
    pub certificate_file: String,
    pub trusted_keys: Vec<String>,
}

/// The ledger's spreadsheets.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LedgerConfig {
    /// Column of the spreadsheet → field of the entry.
    pub columns: std::collections::BTreeMap<String, String>,
}

/// One estate with its dated settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SiteConfig {
    pub id: String,
    pub name: String,
    pub seal_key: String,
    pub seal_key_file: String,
    pub seal_key_env: String,
    pub seal_previous_key_files: Vec<String>,
    pub settings: Vec<SiteSettings>,
}

/// One sender of deliveries.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourceConfig {
    pub name: String,
    pub site: String,
    pub adapter: String,
    pub allow: Vec<String>,
    pub secret: String,
    pub secret_file: String,
    pub secret_env: String,
    pub public_url: String,
    pub zone: String,
    pub field_map: String,
    pub folders: Vec<String>,
    pub file_names: String,
    pub feed: String,
    pub feed_user: String,
    pub feed_secret: String,
    pub feed_secret_file: String,
    pub feed_secret_env: String,
    pub feed_ca_file: String,
    pub feed_leave_out: Vec<String>,
    pub feed_silence_s: u64,
    pub fetch_hosts: Vec<String>,
    pub fetch_private_hosts: Vec<String>,
    pub fetch_auth: String,
    pub fetch_user: String,
    pub fetch_secret: String,
    pub fetch_secret_file: String,
    pub fetch_secret_env: String,
    pub fetch_token_url: String,
    pub fetch_ca_file: String,
    pub fetch_url: String,
    pub fetch_ending: String,
}

impl Default for Config {
    fn default() -> Self {
        let source = |name: &str| SourceConfig {
            name: name.to_owned(),
            adapter: name.to_owned(),
            ..SourceConfig::default()
        };
        Self {
            server: ServerConfig::default(),
            data: DataConfig::default(),
            store: StoreConfig::default(),
            log: LogConfig::default(),
            access: AccessConfig::default(),
            listening: ListeningConfig::default(),
            fetching: FetchingConfig::default(),
            keeping: KeepingConfig::default(),
            exchange: ExchangeConfig::default(),
            ledger: LedgerConfig::default(),
            sites: vec![SiteConfig::default()],
            sources: pbx::ALL.iter().map(|pbx| source(pbx.name())).collect(),
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8090".into(),
            public_url: String::new(),
            body_bytes_max: 1 << 20,
            upload_bytes_max: 2 << 30,
            in_flight_bytes_max: 32 << 20,
            connections_max: 4096,
            header_timeout_s: 15,
            drain_s: 10,
            workers: 0,
        }
    }
}

impl Default for DataConfig {
    fn default() -> Self {
        Self { dir: "data".into(), recordings_dir: String::new() }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            waiting_max: 8192,
            batch_max: 1024,
            cache_kib: 8192,
            readers: 4,
            repeat_window_days: 7,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".into() }
    }
}

impl Default for AccessConfig {
    fn default() -> Self {
        let token_env = "RINGLEDGER_TOKEN".into();
        Self { token: String::new(), token_file: String::new(), token_env }
    }
}

impl Default for ListeningConfig {
    fn default() -> Self {
        Self { workers: 1, memory_mib_max: 256, time_s_max: 300 }
    }
}

impl Default for KeepingConfig {
    fn default() -> Self {
        Self {
            prove_bytes_per_s: 4 << 20,
            prove_every_s: 86_400,
            sweep_grace_s: 86_400,
            free_alarm_mib: 2048,
            free_floor_mib: 0,
            space_keep_days_min: 30,
            retain_every_s: 3600,
        }
    }
}

impl Default for SiteConfig {
    fn default() -> Self {
        let id = "default".to_owned();
        Self {
            name: id.clone(),
            id,
            seal_key: String::new(),
            seal_key_file: String::new(),
            seal_key_env: String::new(),
            seal_previous_key_files: Vec::new(),
            settings: vec![SiteSettings::default()],
        }
    }
}

/// Events in great number that say nothing of calls.
const FEED_LEAVE_OUT: [&str; 6] =
    ["Newexten", "RTCPSent", "RTCPReceived", "TestEvent", "ChannelDialplan", "DeviceStateChanged"];

impl Default for SourceConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            site: "default".into(),
            adapter: String::new(),
            allow: vec!["127.0.0.0/8".into(), "::1/128".into()],
            secret: String::new(),
            secret_file: String::new(),
            secret_env: String::new(),
            public_url: String::new(),
            zone: String::new(),
            field_map: String::new(),
            folders: Vec::new(),
            file_names: crate::recording::name::DEFAULT_PATTERN.into(),
            feed: String::new(),
            feed_user: String::new(),
            feed_secret: String::new(),
            feed_secret_file: String::new(),
            feed_secret_env: String::new(),
            feed_ca_file: String::new(),
            feed_leave_out: FEED_LEAVE_OUT.map(str::to_owned).into(),
            feed_silence_s: 30,
            fetch_hosts: Vec::new(),
            fetch_private_hosts: Vec::new(),
            fetch_auth: "none".into(),
            fetch_user: String::new(),
            fetch_secret: String::new(),
            fetch_secret_file: String::new(),
            fetch_secret_env: String::new(),
            fetch_token_url: String::new(),
            fetch_ca_file: String::new(),
            fetch_url: String::new(),
            fetch_ending: String::new(),
        }
    }
}

/// Reads a variable of the environment.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Config {
    /// Reads and checks the settings; without a file all defaults hold. All errors are told at
    /// once.
    ///
    /// # Errors
    /// [`ConfigErrors`], each with file, line, key, what was found and what is allowed.
    pub fn load(path: Option<&Path>, env: Env<'_>) -> Result<Self, ConfigErrors> {
        let Some(path) = path else { return check::checked(Self::default(), "", "", env) };
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigErrors::one(&name, format!("cannot be read: {error}")))?;
        Self::parse(&name, &text, env)
    }

    /// As [`Config::load`], from a text.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(name: &str, text: &str, env: Env<'_>) -> Result<Self, ConfigErrors> {
        let config = check::read(name, text)?;
        check::checked(config, name, text, env)
    }

    /// The folder of the recordings' bytes.
    pub fn recordings_dir(&self) -> PathBuf {
        match self.data.recordings_dir.as_str() {
            "" => Path::new(&self.data.dir).join("recordings"),
            folder => folder.into(),
        }
    }

    /// The sites as the business knows them.
    pub fn sites(&self) -> Vec<Site> {
        let site = |config: &SiteConfig| Site {
            id: config.id.clone(),
            name: config.name.clone(),
            versions: config.settings.clone(),
        };
        self.sites.iter().map(site).collect()
    }

    /// The settings with every secret hidden, for people to look at.
    pub fn masked(&self) -> Self {
        let mut masked = self.clone();
        let hide = |secret: &mut String| {
            if !secret.is_empty() {
                "(hidden)".clone_into(secret);
            }
        };
        hide(&mut masked.access.token);
        hide(&mut masked.exchange.signing_key);
        masked.sites.iter_mut().for_each(|site| hide(&mut site.seal_key));
        for source in &mut masked.sources {
            hide(&mut source.secret);
            hide(&mut source.feed_secret);
            hide(&mut source.fetch_secret);
        }
        masked
    }
}

impl SiteConfig {
    /// The keys that seal and open the site's recordings, the current one first; none where the
    /// site has no key.
    ///
    /// # Errors
    /// The setting at fault and what is wrong with it.
    pub fn keys(&self) -> Result<KeyRing, (&'static str, String)> {
        let mut keys = Vec::new();
        if !self.seal_key.is_empty() {
            keys.push(SiteKey::parse(&self.seal_key).map_err(|why| ("seal_key", why))?);
        }
        for path in &self.seal_previous_key_files {
            let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
            let key = text.and_then(|text| SiteKey::parse(&text));
            let wrong = |why| ("seal_previous_key_files", format!("{path}: {why}"));
            keys.push(key.map_err(wrong)?);
        }
        Ok(KeyRing(keys))
    }
}

impl ExchangeConfig {
    /// What signs, if anything does.
    ///
    /// # Errors
    /// The setting at fault and what is wrong with it.
    pub fn signer(&self) -> Result<Option<Signer>, (&'static str, String)> {
        if self.signing_key.is_empty() {
            return Ok(None);
        }
        let certificates = match self.certificate_file.as_str() {
            "" => String::new(),
            path => std::fs::read_to_string(path)
                .map_err(|error| ("certificate_file", format!("{path}: {error}")))?,
        };
        let signer = Signer::from_pem(&self.signing_key, &certificates);
        signer.map(Some).map_err(|why| ("signing_key", why))
    }

    /// The public keys whose signatures are believed.
    ///
    /// # Errors
    /// The setting at fault and what is wrong with it.
    pub fn trusted(&self) -> Result<Vec<Trusted>, (&'static str, String)> {
        let one = |path: &String| {
            let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
            let key = text.and_then(|text| Trusted::from_pem(path, &text));
            key.map_err(|why| ("trusted_keys", format!("{path}: {why}")))
        };
        self.trusted_keys.iter().map(one).collect()
    }
}

impl SourceConfig {
    /// The secret, after [`Config::load`] has fetched it.
    pub fn secret(&self) -> Secret {
        Secret(self.secret.clone())
    }

    /// How to reach the phone system, where it does not push. `event_bytes_max`: the longest event.
    ///
    /// # Errors
    /// A sentence when the address cannot be read.
    pub fn feed(&self, event_bytes_max: usize) -> Result<Option<feed::Settings>, String> {
        if self.feed.is_empty() {
            return Ok(None);
        }
        Ok(Some(feed::Settings {
            address: self.feed.parse()?,
            user: self.feed_user.clone(),
            secret: Secret(self.feed_secret.clone()),
            ca_file: (!self.feed_ca_file.is_empty()).then(|| self.feed_ca_file.clone().into()),
            leave_out: self.feed_leave_out.iter().cloned().collect(),
            event_bytes_max,
            app: feed::APP,
        }))
    }
}
