//! The shipped server as a process of its own, on an empty database, and what calls it.

use std::{path::Path, process::Stdio};

use clap::ValueEnum;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};
use xinglin_store::{Engine, testing::TestDatabase};

use crate::Result;

/// Password of every account of a measurement.
pub const PASSWORD: &str = "correct horse battery";

/// The database under the server.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum On {
    /// One file.
    Sqlite,
    /// A server of its own.
    Postgres,
}

impl On {
    /// The engine of the store.
    pub const fn engine(self) -> Engine {
        match self {
            Self::Sqlite => Engine::Sqlite,
            Self::Postgres => Engine::Postgres,
        }
    }
}

/// A running `xinglin serve`. Its files go with it.
pub struct Server {
    /// The process.
    pub child: Child,
    /// `http://127.0.0.1:…`
    pub base: String,
    /// Its data folder.
    pub folder: tempfile::TempDir,
    database: Option<TestDatabase>,
}

impl Server {
    /// Starts it with these variables, and waits until it listens.
    ///
    /// # Errors
    /// If it does not start; then with its log.
    pub async fn start(binary: &Path, on: On, variables: &[(&str, &str)]) -> Result<Self> {
        let folder = tempfile::TempDir::with_prefix("xinglin-bench-")?;
        let database = match on {
            On::Sqlite => None,
            On::Postgres => Some(TestDatabase::new(Engine::Postgres).await?),
        };
        let mut command = Command::new(binary);
        command.current_dir(folder.path()).arg("--data-dir").arg(folder.path());
        if let Some(database) = &database {
            command.args(["--database-url", database.url()]);
        }
        let log = std::fs::File::create(folder.path().join("server.log"))?;
        let mut child = command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("XINGLIN_OPERATOR_PASSWORD", PASSWORD)
            .env("XINGLIN_SESSIONS__TOKEN_SECONDS", "86400")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{}: {error}", binary.display()))?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let base = loop {
            let Some(line) = lines.next_line().await? else {
                return Err(std::fs::read_to_string(folder.path().join("server.log"))?.into());
            };
            if let Some(address) = line.strip_prefix("listening on ") {
                break address.to_owned();
            }
        };
        Ok(Self { child, base, folder, database })
    }

    /// Where its rows are: an address for `sqlx`.
    pub fn database(&self) -> String {
        match &self.database {
            Some(database) => database.url().to_owned(),
            None => format!("sqlite:{}", self.folder.path().join("hospital.db").display()),
        }
    }
}

/// A caller of `/api/v1`.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Api {
    /// Nobody yet.
    pub fn at(base: &str) -> Self {
        Self { http: reqwest::Client::new(), base: base.to_owned(), token: None }
    }

    /// The same, signed in.
    ///
    /// # Errors
    /// If the server refuses.
    pub async fn sign_in(&self, tenant: Option<&str>, login: &str) -> Result<Self> {
        let body = json!({ "tenant": tenant, "login": login, "password": PASSWORD });
        let session = self.post("/api/v1/sessions", body).await?;
        let token = session["access_token"].as_str().ok_or("no token")?.to_owned();
        Ok(Self { token: Some(token), ..self.clone() })
    }

    /// The token, of who is signed in.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// # Errors
    /// If the server does not answer, or refuses.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.send(path, self.http.get(format!("{}{path}", self.base))).await
    }

    /// # Errors
    /// If the server does not answer, or refuses.
    pub async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.ask(Method::POST, path, body).await
    }

    /// # Errors
    /// If the server does not answer, or refuses.
    pub async fn put(&self, path: &str, body: Value) -> Result<Value> {
        self.ask(Method::PUT, path, body).await
    }

    /// Sends a file.
    ///
    /// # Errors
    /// If the server does not answer, or refuses.
    pub async fn upload(&self, path: &str, kind: &str, bytes: Vec<u8>) -> Result<Value> {
        let request = self.http.post(format!("{}{path}", self.base)).header("content-type", kind).body(bytes);
        self.send(path, request).await
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Result<Value> {
        self.send(path, self.http.request(method, format!("{}{path}", self.base)).json(&body)).await
    }

    async fn send(&self, path: &str, mut request: reqwest::RequestBuilder) -> Result<Value> {
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let bytes = answer.bytes().await?;
        if !status.is_success() {
            return Err(format!("{path}: {status}: {}", String::from_utf8_lossy(&bytes)).into());
        }
        if bytes.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&bytes)?) }
    }
}

/// The string in a field.
///
/// # Errors
/// If there is none.
pub fn text(value: &Value, field: &str) -> Result<String> {
    Ok(value[field].as_str().ok_or_else(|| format!("no {field}: {value}"))?.to_owned())
}
