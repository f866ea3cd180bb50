//! A hospital in a process of its own, so that it can be killed.

use std::{path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
};
use xinglin_platform::ambient::Clock;
use xinglin_store::Engine;

use super::{Client, Clinic, PASSWORD, Plugin, data::Data, tools::Ran};

/// `xinglin serve` with a fixed folder and address.
pub struct Process {
    child: Child,
    listen: String,
    data: Data,
    settings: Vec<(String, String)>,
}

impl Process {
    pub async fn open(engine: Engine) -> Self {
        Self::open_with(engine, &[]).await
    }

    /// With further `XINGLIN_…` variables.
    pub async fn open_with(engine: Engine, settings: &[(&str, &str)]) -> Self {
        let settings: Vec<_> = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let data = Data::new(engine).await;
        let (child, listen) = serve(&data, &settings, "127.0.0.1:0").await;
        Self { child, listen, data, settings }
    }

    /// An anonymous client.
    pub fn anyone(&self) -> Client {
        Client::new(&format!("http://{}", self.listen))
    }

    pub async fn operator(&self) -> Client {
        self.anyone().sign_in(None, "operator").await
    }

    /// Creates a clinic with these plugins. Not one of the template's: commands without a tenant
    /// need it to be the only one.
    pub async fn clinic(&self, plugins: &[&Plugin]) -> Clinic {
        Clinic::found(&self.operator().await, Clock::default().now(), plugins).await
    }

    /// `xinglin import` of a file of the repository, on the database of the running server; returns
    /// the output.
    pub async fn import(&self, file: &str, tenant: &str) -> String {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
        let mut command = program(&self.data);
        let output = command.arg("import").arg(file).args(["--tenant", tenant]).output().await.expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// `xinglin` with these arguments on the database, with or without a running server.
    pub async fn xinglin(&self, arguments: &[&str]) -> Ran {
        self.xinglin_reading("", arguments).await
    }

    /// The same, with this on stdin.
    pub async fn xinglin_reading(&self, input: &str, arguments: &[&str]) -> Ran {
        let mut command = program(&self.data);
        command.args(arguments).env("XINGLIN_PLUGINS__ALLOW_UNSIGNED", "true");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("it starts");
        // Fails if the command ended without reading it.
        let _ = child.stdin.take().expect("an input").write_all(input.as_bytes()).await;
        Ran::new(&child.wait_with_output().await.expect("it ends"))
    }

    /// Its data folder.
    pub fn folder(&self) -> &Path {
        self.data.folder()
    }

    /// Writes a file that a command is to read; returns its path.
    pub fn put(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.data.folder().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, bytes).expect("written");
        path.display().to_string()
    }

    /// Runs SQL on the database, with the rights of its owner.
    pub async fn tamper(&self, sql: &str) {
        xinglin_store::testing::tamper(&self.data.database_url(), sql).await.expect("changed records");
    }

    pub fn engine(&self) -> Engine {
        self.data.engine()
    }

    /// `kill -9`, without a shutdown.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("a process to kill");
    }

    /// SIGTERM: returns when the process has ended.
    pub async fn stop(&mut self) {
        let process = self.child.id().expect("it runs").to_string();
        let asked = Command::new("kill").args(["-TERM", &process]).status().await.expect("kill");
        assert!(asked.success());
        let ended = self.child.wait().await.expect("it ends");
        assert!(ended.success(), "{ended}:\n{}", self.log());
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data.folder().join("server.log")).unwrap_or_default()
    }

    /// Kills the server and starts another on its database.
    pub async fn restart(&mut self) {
        self.kill().await;
        self.start().await;
    }

    /// Starts another server on the database of the ended one.
    pub async fn start(&mut self) {
        let (child, listen) = serve(&self.data, &self.settings, &self.listen).await;
        (self.child, self.listen) = (child, listen);
    }
}

/// `xinglin` on a data folder.
fn program(data: &Data) -> Command {
    let mut command = Command::new(super::built("xinglin", "cargo build -p xinglin-server"));
    // The length of tests is no setting of the server.
    command.env_remove("XINGLIN_TEST_ALL");
    command.current_dir(data.folder()).arg("--data-dir").arg(data.folder());
    if let Some(url) = data.database_setting() {
        command.args(["--database-url", url]);
    }
    command
}

/// Returns when it listens.
async fn serve(data: &Data, settings: &[(String, String)], listen: &str) -> (Child, String) {
    let log = data.folder().join("server.log");
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).expect("a log");
    let mut child = program(data)
        .args(["serve", "--listen", listen])
        .env("XINGLIN_OPERATOR_PASSWORD", PASSWORD)
        .env("XINGLIN_MOVABLE_CLOCK", "true")
        .env("XINGLIN_CHEAP_PASSWORDS", "true")
        .env("XINGLIN_TIMER_POLL_MILLIS", "50")
        .env("XINGLIN_REQUEST_TIMEOUT_SECONDS", "600")
        .env("XINGLIN_SESSIONS__TOKEN_SECONDS", "34560000")
        .env("XINGLIN_PLUGINS__ALLOW_UNSIGNED", "true")
        .envs(settings.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(file)
        .kill_on_drop(true)
        .spawn()
        .expect("the server starts");
    let mut lines = BufReader::new(child.stdout.take().expect("an output")).lines();
    while let Some(line) = lines.next_line().await.expect("lines") {
        if let Some(address) = line.strip_prefix("listening on http://") {
            return (child, address.to_owned());
        }
    }
    panic!("the server did not start:\n{}", std::fs::read_to_string(log).unwrap_or_default());
}
