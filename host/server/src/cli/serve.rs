//! `xinglin serve`.

use std::io::Write;

use anyhow::{Context, Result};
use clap::Args;
use xinglin_identity::account;
use xinglin_platform::Config;

use crate::{Hospital, cli::demo::LISTENING};

/// Run the hospital.
///
/// Settings come from `xinglin.toml`, then XINGLIN_… variables, then flags. The first start creates
/// the account `operator` with the password in XINGLIN_OPERATOR_PASSWORD. Stop with Ctrl-C or
/// SIGTERM: running requests may finish.
///
/// Examples:
///   XINGLIN_OPERATOR_PASSWORD=… xinglin serve
///   xinglin serve --listen 0.0.0.0:7788 --database-url postgres://localhost/hospital
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Serve {
    /// Address to listen on; port 0 selects a free one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
}

impl Serve {
    /// Runs the command until a signal.
    pub async fn run(self, mut config: Config) -> Result<()> {
        config.listen = self.listen.unwrap_or(config.listen);
        let hospital = Hospital::open(config).await?;
        // Not a setting, so never stored: see `Config::load`.
        if let Ok(password) = std::env::var("XINGLIN_OPERATOR_PASSWORD") {
            account::ensure_operator(&hospital.platform, password).await.context("XINGLIN_OPERATOR_PASSWORD")?;
        } else if !account::has_operator(&hospital.platform).await? {
            tracing::warn!("there is no operator yet: set XINGLIN_OPERATOR_PASSWORD and start again");
        }
        let listener = tokio::net::TcpListener::bind(&hospital.platform.config().listen)
            .await
            .with_context(|| format!("cannot listen on {}", hospital.platform.config().listen))?;
        let address = listener.local_addr()?;
        println!("{LISTENING}http://{address}");
        std::io::stdout().flush()?;
        crate::serve(hospital, listener, stop_signal()).await.context("the server stopped")
    }
}

/// Returns at Ctrl-C or SIGTERM.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}
