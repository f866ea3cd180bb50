//! The server of the demonstration: this same binary in a process of its own, so that it can be
//! killed.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// A running server.
pub struct Server {
    child: Child,
    folder: PathBuf,
    /// `http://127.0.0.1:…`
    pub address: String,
}

/// Name of its settings file, in its folder.
pub const SETTINGS: &str = "xinglin.toml";

/// The first words of `serve`'s output.
pub const LISTENING: &str = "listening on ";

impl Server {
    /// Starts a server on a folder and waits until it listens.
    pub async fn start(folder: &Path, listen: &str, operator_password: &str) -> Result<Self> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("server.log"))?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", "--listen", listen, "--data-dir"])
            .arg(folder)
            .arg("--config")
            .arg(folder.join(SETTINGS))
            .env("XINGLIN_OPERATOR_PASSWORD", operator_password)
            .env("XINGLIN_MOVABLE_CLOCK", "true")
            .env("XINGLIN_LOG__FORMAT", "json")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the server")?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some(address) = line.strip_prefix(LISTENING) {
                let address = address.to_owned();
                #[expect(clippy::disallowed_methods, reason = "it ends with the process that it reads")]
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self { child, folder: folder.to_owned(), address });
            }
        }
        let log = std::fs::read_to_string(folder.join("server.log")).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(12).collect();
        bail!("the server did not start:\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"))
    }

    /// `kill -9`, without a shutdown.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Waits until it ends.
    pub async fn wait(&mut self) -> Result<()> {
        self.child.wait().await?;
        Ok(())
    }
}
