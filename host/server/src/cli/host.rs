//! The host that a command works on: a running one over HTTP, or the database of the data folder.

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;
use xinglin_extensions::package::{self, Upload};
use xinglin_platform::Caller;
use xinglin_runtime::Bundle;

use crate::{
    Hospital,
    cli::{Settings, operator},
};

/// Selects the host.
#[derive(Args)]
pub struct HostArgs {
    /// URL of a running host, with an operator's access token in XINGLIN_TOKEN; without it, the
    /// database of the data folder.
    #[arg(long, env = "XINGLIN_URL", value_name = "URL")]
    url: Option<String>,
}

/// A host, used as an operator.
pub enum Host {
    /// Its database.
    Records {
        /// The host, opened in this process.
        hospital: Box<Hospital>,
        /// Access to the database implies the rights of an operator.
        caller: Box<Caller>,
    },
    /// Its HTTP API.
    Running {
        /// The client.
        http: reqwest::Client,
        /// `https://hospital.example`
        base: String,
        /// Access token of an operator.
        token: String,
    },
}

impl HostArgs {
    /// Connects, or opens the database.
    pub async fn open(self, settings: Settings) -> Result<Host> {
        let Some(url) = self.url else {
            let (hospital, caller) = operator::open(settings.load()?, "cli").await?;
            return Ok(Host::Records { hospital: Box::new(hospital), caller: Box::new(caller) });
        };
        let token = std::env::var("XINGLIN_TOKEN").ok().filter(|token| !token.is_empty());
        let token = token
            .context("set XINGLIN_TOKEN to an operator's access token: the answer of POST /api/v1/sessions has it")?;
        let base = url.trim_end_matches('/').to_owned();
        Ok(Host::Running { http: reqwest::Client::new(), base, token })
    }
}

impl Host {
    /// Adds a package to the host; returns its view.
    pub async fn install(&self, bundle: &Bundle, allow_downgrade: bool) -> Result<Value> {
        let signed = !bundle.signatures.is_empty();
        let bytes = if signed { bundle.to_bytes()? } else { bundle.component.to_vec() };
        match self {
            Self::Records { hospital, caller } => {
                let upload = Upload { bytes, bundled: signed, allow_downgrade };
                Ok(serde_json::to_value(package::install(&hospital.platform, caller, upload).await?)?)
            }
            Self::Running { http, base, token } => {
                let query = if allow_downgrade { "?allow-downgrade=true" } else { "" };
                let kind = if signed { Bundle::MEDIA_TYPE } else { "application/wasm" };
                let request = http.post(format!("{base}/api/v1/plugins{query}")).header("content-type", kind);
                let answer = send(request.bearer_auth(token).body(bytes)).await?;
                serde_json::from_slice(&answer).context("the host's answer is not JSON")
            }
        }
    }

    /// A package of the host with its signatures, as the bytes of a bundle.
    pub async fn save(&self, plugin: &str, version: Option<&str>) -> Result<Vec<u8>> {
        match self {
            Self::Records { hospital, caller } => Ok(package::save(&hospital.platform, caller, plugin, version).await?),
            Self::Running { http, base, token } => {
                let mut request = http.get(format!("{base}/api/v1/plugins/{plugin}/bundle"));
                if let Some(version) = version {
                    // An unescaped `+` of build metadata would be decoded as a space.
                    request = http
                        .get(format!("{base}/api/v1/plugins/{plugin}/bundle?version={}", version.replace('+', "%2B")));
                }
                send(request.bearer_auth(token)).await
            }
        }
    }

    /// Closes the database.
    pub async fn close(self) -> Result<()> {
        if let Self::Records { hospital, .. } = self {
            hospital.platform.store().close().await?;
        }
        Ok(())
    }
}

/// The body of a successful answer; a problem document becomes the error.
async fn send(request: reqwest::RequestBuilder) -> Result<Vec<u8>> {
    let response = request.send().await.context("the host does not answer")?;
    let status = response.status();
    let body = response.bytes().await.context("the answer broke off")?;
    if status.is_success() {
        return Ok(body.to_vec());
    }
    let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
    let word = |key: &str| problem[key].as_str().unwrap_or_default();
    match word("code") {
        "" => bail!("the host answered {status}"),
        code => bail!("{code}: {}", if word("detail").is_empty() { word("title") } else { word("detail") }),
    }
}
