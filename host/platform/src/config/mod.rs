//! Settings of a server: defaults, then `xinglin.toml`, then `XINGLIN_…` variables, then flags;
//! later ones override.

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

/// The settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address to listen on. Port 0 selects a free one.
    pub listen: String,
    /// Base URL for clients, for example `https://hospital.example`; default: `http://` and the
    /// address to listen on. It is the audience of service clients' assertions.
    pub public_url: Option<String>,
    /// Folder of the database (if SQLite), the host key and the plugin cache.
    pub data_dir: PathBuf,
    /// `sqlite:PATH` or `postgres://…`. Absent: `hospital.db` in `data_dir`.
    pub database_url: Option<String>,
    /// Logs.
    pub log: Log,
    /// Plugins.
    pub plugins: Plugins,
    /// Outbound connections of plugins.
    pub egress: Egress,
    /// Required signatures of plugins.
    pub trust: TrustStore,
    /// Sessions.
    pub sessions: Sessions,
    /// Metrics and traces for operators.
    pub telemetry: Telemetry,
    /// Attachments.
    pub attachments: Attachments,
    /// Video meetings; none if absent.
    pub video: Option<Video>,
    /// Largest request body in bytes, including plugins and FHIR bundles.
    pub max_body_bytes: usize,
    /// Timeout of a request, in seconds.
    pub request_timeout_seconds: u64,
    /// Time for running requests and plugin calls to finish after a stop was requested, in seconds.
    /// The process ends at most five seconds later.
    pub shutdown_grace_seconds: u64,
    /// Poll interval for due timers, in milliseconds.
    pub timer_poll_millis: u64,
    /// Lets an operator move the clock forward. For demonstrations and tests: a hospital with a
    /// movable clock has no legal records.
    pub movable_clock: bool,
    /// Hashes passwords with almost no work, so that they can be guessed from a copy of the
    /// database. For tests, which sign in thousands of times: refused at start unless the clock is
    /// movable.
    pub cheap_passwords: bool,
}

/// Logging.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// As `RUST_LOG`, for example `info,xinglin_runtime=debug`.
    pub filter: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines, one JSON object per line.
    Json,
}

/// Limits on plugins, whatever their manifests or tenants request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plugins {
    /// Maximum concurrent calls of all plugins.
    pub concurrent_calls: u32,
    /// Maximum concurrent calls of one plugin in one tenant.
    pub concurrent_calls_per_plugin: u32,
    /// Maximum concurrent calls of one tenant: less than `concurrent_calls`, so that no tenant
    /// takes all.
    pub concurrent_calls_per_tenant: u32,
    /// Longest time that a call waits in the queue, in milliseconds; at most
    /// [`LONGEST_QUEUE_MILLIS`](Self::LONGEST_QUEUE_MILLIS).
    pub queue_millis: u64,
    /// Largest package in bytes.
    pub max_package_bytes: usize,
    /// Accepts packages without the required signatures, with a log entry. For development: whoever
    /// can upload a file can then add a plugin.
    pub allow_unsigned: bool,
    /// Folder of the data packs that may be granted to plugins, each a subfolder. Default: `packs`
    /// in `data_dir`.
    pub packs: Option<PathBuf>,
}

/// Networks that plugins may reach, in addition to each plugin's grant.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Egress {
    /// Networks that plugins may reach although they are private or special-purpose, for example
    /// `["10.20.0.0/16"]`. A literal address in a URL must be in one of these in any case. Default:
    /// none.
    pub open_networks: Vec<String>,
    /// PEM certificates trusted in addition to those of the system: the hospital's own CA.
    pub ca_file: Option<PathBuf>,
}

/// Attachments.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Attachments {
    /// Largest attachment in bytes.
    pub max_bytes: usize,
    /// Command line of a virus scanner, for example `["clamdscan", "--no-summary", "-"]`: it gets
    /// each attachment on standard input and exits with 0 if it is clean and 1 if it is not. On any
    /// other outcome the attachment is refused.
    pub scan: Vec<String>,
    /// Timeout of the scanner, in seconds.
    pub scan_seconds: u64,
}

/// A provider of video meetings that admits holders of a token signed by the hospital (JWT, HS256),
/// as Jitsi and LiveKit do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Video {
    /// URL of a meeting, with `{room}` and `{token}`, for example
    /// `https://meet.example/{room}?jwt={token}`.
    pub url: String,
    /// Signing key of the tokens, shared with the provider.
    pub key: VideoKey,
    /// `iss` of the tokens: the hospital's id at the provider.
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

/// Signing key of meeting tokens. Never printed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VideoKey(String);

impl VideoKey {
    /// Shortest key, in bytes, as HS256 requires.
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
    /// Lifetime of an access token, in seconds.
    pub token_seconds: i64,
    /// Longest time between two refreshes of a session, in hours.
    pub idle_hours: i64,
    /// Maximum lifetime of a session, in days.
    pub longest_days: i64,
    /// Maximum lifetime, and longest time between two refreshes, of an app's session with
    /// `offline_access`, in days.
    pub offline_days: i64,
}

/// Metrics and traces for operators. Both are off by default.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// Token for `GET /metrics`, sent as `Authorization: Bearer …`.
    pub metrics_token: Option<MetricsToken>,
    /// Base URL of an OpenTelemetry collector (OTLP over HTTP), for example
    /// `http://collector:4318`.
    pub otlp_endpoint: Option<String>,
}

/// Token for `GET /metrics`. Never printed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MetricsToken(String);

impl MetricsToken {
    /// Shortest token, in bytes: it is the only protection of the metrics.
    const SHORTEST: usize = 16;

    /// Compares in constant time.
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

impl Plugins {
    /// The longest wait in the queue that can be set: what a call of a payer may take is counted on.
    pub const LONGEST_QUEUE_MILLIS: u64 = 10_000;
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

/// Variables with our prefix that are not settings: read once by the commands that need them, and
/// not stored.
const NO_SETTINGS: [&str; 6] =
    ["operator_password", "url", "token", "key_password", "registry_user", "registry_password"];

impl Config {
    /// Base URL of the server for clients, without a trailing slash.
    pub fn base_url(&self) -> String {
        let listen = || format!("http://{}", self.listen);
        self.public_url.as_ref().map_or_else(listen, |url| url.trim_end_matches('/').to_owned())
    }

    /// Reads the settings. `file` must exist if it is given; otherwise `xinglin.toml` in the
    /// current folder is read if it exists. Nested keys of variables are separated by two
    /// underscores: `XINGLIN_LOG__FORMAT=json`.
    ///
    /// # Errors
    /// If a file or variable contains an unknown or invalid setting.
    #[expect(clippy::result_large_err, reason = "figment's error, once at start")]
    pub fn load(file: Option<&Path>) -> Result<Self, figment::Error> {
        let file = match file {
            Some(path) => Toml::file_exact(path),
            None => Toml::file("xinglin.toml"),
        };
        Figment::from(Serialized::defaults(Self::default()))
            .merge(file)
            // See `NO_SETTINGS`.
            .merge(Env::prefixed("XINGLIN_").ignore(&NO_SETTINGS).split("__"))
            .extract()
    }

    /// Folder of the data packs.
    pub fn packs_dir(&self) -> PathBuf {
        self.plugins.packs.clone().unwrap_or_else(|| self.data_dir.join("packs"))
    }

    /// URL of the database.
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
