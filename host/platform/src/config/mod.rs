//! Settings of a server: defaults, then `xinglin.toml`, then `XINGLIN_…`
//! variables, then flags; the later one wins.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use xinglin_plugin::TrustStore;

/// Where a server finds and keeps things, and how far it trusts plugins.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address to listen on. Port 0 takes any free one.
    pub listen: String,
    /// How others reach it, for example `https://hospital.example`; `http://` and the
    /// address it listens on if absent. What service clients sign for.
    pub public_url: Option<String>,
    /// Folder of the database (if SQLite), the host key and the plugin cache.
    pub data_dir: PathBuf,
    /// `sqlite:PATH` or `postgres://…`. Absent: `hospital.db` in `data_dir`.
    pub database_url: Option<String>,
    /// Logs.
    pub log: Log,
    /// Plugins.
    pub plugins: Plugins,
    /// The way out for plugins that may use it.
    pub egress: Egress,
    /// Whose signatures plugins need.
    pub trust: TrustStore,
    /// Sessions.
    pub sessions: Sessions,
    /// Numbers and traces for operators.
    pub telemetry: Telemetry,
    /// Attachments.
    pub attachments: Attachments,
    /// Meetings by video; there are none if it is absent.
    pub video: Option<Video>,
    /// Largest request body in bytes. Plugins and FHIR bundles count too.
    pub max_body_bytes: usize,
    /// How long a request may take, in seconds.
    pub request_timeout_seconds: u64,
    /// How long what has begun (requests, calls of plugins) may take to finish once a stop
    /// was asked for, in seconds. The process has ended five seconds later at the latest.
    pub shutdown_grace_seconds: u64,
    /// How often due timers are looked for, in milliseconds.
    pub timer_poll_millis: u64,
    /// Lets an operator move the clock forward. For demonstrations and tests:
    /// a hospital with a movable clock has no legal records.
    pub movable_clock: bool,
    /// Hashes passwords with almost no work, so that whoever gets hold of the records can
    /// guess them. For tests, which sign in thousands of times: a server without a movable
    /// clock refuses to start with it.
    pub cheap_passwords: bool,
}

/// How logs are written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// As `RUST_LOG`, for example `info,xinglin_runtime=debug`.
    pub filter: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines, one object a line.
    Json,
}

/// Bounds on plugins, whatever they or their tenants ask for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plugins {
    /// Calls running at once, over all plugins.
    pub concurrent_calls: u32,
    /// Calls running at once of one plugin in one tenant.
    pub concurrent_calls_per_plugin: u32,
    /// Calls running at once of one tenant: fewer than `concurrent_calls`, so that
    /// no tenant takes all places.
    pub concurrent_calls_per_tenant: u32,
    /// How long a call may wait for its turn, in milliseconds.
    pub queue_millis: u64,
    /// Largest package in bytes.
    pub max_package_bytes: usize,
    /// Takes packages without the signatures that the policy wants, and says so in
    /// the log. For development: whoever can upload a file can then bring a plugin.
    pub allow_unsigned: bool,
    /// Folder of the data packs that plugins may be granted, each a folder in it.
    /// Absent: `packs` in `data_dir`.
    pub packs: Option<PathBuf>,
}

/// What plugins may reach outside, beyond what each of them is granted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Egress {
    /// Networks that plugins may reach though they are private or otherwise
    /// special, for example `["10.20.0.0/16"]`. An address in a URL must be in one
    /// of these, whatever it is. By default none is open.
    pub open_networks: Vec<String>,
    /// Certificates in PEM that are trusted beside those of the system: the
    /// hospital's own authority.
    pub ca_file: Option<PathBuf>,
}

/// What may be attached to records.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Attachments {
    /// Largest attachment in bytes.
    pub max_bytes: usize,
    /// A program with its arguments that looks for viruses, for example
    /// `["clamdscan", "--no-summary", "-"]`: it gets each attachment on its input and
    /// exits with 0 if it is clean and 1 if it is not. On anything else nothing is kept.
    pub scan: Vec<String>,
    /// How long it may take, in seconds.
    pub scan_seconds: u64,
}

/// A provider of meetings by video that lets in whoever shows a token which the hospital
/// signed (JWT, HS256), as Jitsi and LiveKit do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Video {
    /// Where people go, with `{room}` and `{token}` in it, for example
    /// `https://meet.example/{room}?jwt={token}`.
    pub url: String,
    /// What tokens are signed with; shared with the provider.
    pub key: VideoKey,
    /// `iss` of the tokens: the name that the provider gave the hospital.
    pub issuer: String,
    /// `aud` of the tokens.
    #[serde(default)]
    pub audience: String,
    /// `sub` of the tokens; for Jitsi the domain, or `*`.
    #[serde(default = "any_subject")]
    pub subject: String,
}

fn any_subject() -> String {
    "*".to_owned()
}

/// What tokens for meetings are signed with. Never printed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VideoKey(String);

impl VideoKey {
    /// As HS256 wants it.
    const SHORTEST: usize = 32;

    /// The key.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl TryFrom<String> for VideoKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() < Self::SHORTEST {
            return Err(format!("`video.key` must have at least {} characters", Self::SHORTEST));
        }
        Ok(Self(text))
    }
}

impl From<VideoKey> for String {
    fn from(key: VideoKey) -> Self {
        key.0
    }
}

impl fmt::Debug for VideoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VideoKey(…)")
    }
}

/// Sign-in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// How long an access token is good for, in seconds.
    pub token_seconds: i64,
    /// How long after it was last refreshed a sign-in may be refreshed again, in hours.
    pub idle_hours: i64,
    /// How long a sign-in may last at most, in days.
    pub longest_days: i64,
    /// The same of one that was lent to an app with `offline_access`, which may rest as
    /// long.
    pub offline_days: i64,
}

/// Numbers and traces for operators. Both are off by default.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// Opens `GET /metrics` to whoever sends it as `Authorization: Bearer …`.
    pub metrics_token: Option<MetricsToken>,
    /// Where an OpenTelemetry collector takes OTLP over HTTP, for example
    /// `http://collector:4318`.
    pub otlp_endpoint: Option<String>,
}

/// What opens `GET /metrics`. Never printed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MetricsToken(String);

impl MetricsToken {
    /// Fewest bytes of one: it is all that stands before the numbers.
    const SHORTEST: usize = 16;

    /// Whether this was given, in a time that does not tell how much of it is right.
    pub fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

impl TryFrom<String> for MetricsToken {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() < Self::SHORTEST {
            return Err(format!("`telemetry.metrics_token` must have at least {} characters", Self::SHORTEST));
        }
        Ok(Self(text))
    }
}

impl From<MetricsToken> for String {
    fn from(token: MetricsToken) -> Self {
        token.0
    }
}

impl fmt::Debug for MetricsToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricsToken(…)")
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7788".into(),
            public_url: None,
            data_dir: ".xinglin".into(),
            database_url: None,
            log: Log::default(),
            plugins: Plugins::default(),
            egress: Egress::default(),
            trust: TrustStore::default(),
            sessions: Sessions::default(),
            telemetry: Telemetry::default(),
            attachments: Attachments::default(),
            video: None,
            max_body_bytes: 64 << 20,
            request_timeout_seconds: 60,
            shutdown_grace_seconds: 20,
            timer_poll_millis: 500,
            movable_clock: false,
            cheap_passwords: false,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".into(), format: LogFormat::Text }
    }
}

impl Default for Plugins {
    fn default() -> Self {
        Self {
            concurrent_calls: 64,
            concurrent_calls_per_plugin: 16,
            concurrent_calls_per_tenant: 32,
            queue_millis: 250,
            max_package_bytes: 48 << 20,
            packs: None,
            allow_unsigned: false,
        }
    }
}

impl Default for Attachments {
    fn default() -> Self {
        Self { max_bytes: 20 << 20, scan: Vec::new(), scan_seconds: 30 }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self { token_seconds: 3600, idle_hours: 12, longest_days: 7, offline_days: 90 }
    }
}

/// Variables with our prefix that are no settings: read once by the commands that
/// need them, and kept nowhere.
const NO_SETTINGS: [&str; 6] =
    ["operator_password", "url", "token", "key_password", "registry_user", "registry_password"];

impl Config {
    /// How others reach the server, without a slash at the end.
    pub fn base_url(&self) -> String {
        let listen = || format!("http://{}", self.listen);
        self.public_url.as_ref().map_or_else(listen, |url| url.trim_end_matches('/').to_owned())
    }

    /// Reads the settings. `file` must exist if it is given; without one,
    /// `xinglin.toml` in the current folder is read if it is there. Nested keys
    /// of variables are set apart by two underscores: `XINGLIN_LOG__FORMAT=json`.
    ///
    /// # Errors
    /// If a file or variable holds something that is not a setting.
    #[expect(clippy::result_large_err, reason = "figment's error, once at start")]
    pub fn load(file: Option<&Path>) -> Result<Self, figment::Error> {
        let file = match file {
            Some(path) => Toml::file_exact(path),
            None => Toml::file("xinglin.toml"),
        };
        Figment::from(Serialized::defaults(Self::default()))
            .merge(file)
            // Passwords and where the command line connects to are no settings.
            .merge(Env::prefixed("XINGLIN_").ignore(&NO_SETTINGS).split("__"))
            .extract()
    }

    /// Where the data packs are.
    pub fn packs_dir(&self) -> PathBuf {
        self.plugins.packs.clone().unwrap_or_else(|| self.data_dir.join("packs"))
    }

    /// Where the records are.
    pub fn database_url(&self) -> String {
        self.database_url.clone().unwrap_or_else(|| format!("sqlite:{}", self.data_dir.join("hospital.db").display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_setting_is_refused_by_name() {
        let folder = std::env::temp_dir().join(format!("xinglin-config-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("bad.toml");
        std::fs::write(&file, "listen = \"0.0.0.0:80\"\n[log]\nfromat = \"json\"\n").unwrap();
        let error = Config::load(Some(&file)).unwrap_err().to_string();
        assert!(error.contains("fromat"), "{error}");
        std::fs::write(&file, "[log]\nformat = \"json\"\n").unwrap();
        assert_eq!(Config::load(Some(&file)).unwrap().log.format, LogFormat::Json);
        let trust = "[trust]\npolicy = \"vendor\"\n[[trust.keys]]\nname = \"acme\"\nrole = \"vendor\"\n";
        std::fs::write(&file, format!("{trust}public_key = \"RWQ\"\n")).unwrap();
        let error = Config::load(Some(&file)).unwrap_err().to_string();
        assert!(error.contains("not a minisign public key"), "{error}");
        std::fs::write(&file, "[telemetry]\nmetrics_token = \"\"\n").unwrap();
        let error = Config::load(Some(&file)).unwrap_err().to_string();
        assert!(error.contains("at least 16 characters"), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_token_is_the_whole_of_it_and_is_not_printed() {
        let token = MetricsToken::try_from("sixteen-and-more".to_owned()).unwrap();
        assert!(token.is("sixteen-and-more"));
        for wrong in ["", "sixteen-and-mor", "sixteen-and-more ", "sixteen-and-morf"] {
            assert!(!token.is(wrong), "{wrong:?}");
        }
        let telemetry = Telemetry { metrics_token: Some(token), otlp_endpoint: None };
        assert!(!format!("{telemetry:?}").contains("sixteen"));
    }
}
