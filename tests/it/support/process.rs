//! A hospital in a process of its own, so that it can be killed.

use std::{path::Path, process::Stdio};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
};
use xinglin_store::{Engine, testing::TestDatabase};

use super::{Client, PASSWORD, tools::Ran};

/// `xinglin serve` on a folder and an address that stay the same.
pub struct Process {
    child: Child,
    listen: String,
    folder: TempDir,
    database: Option<TestDatabase>,
    settings: Vec<(String, String)>,
}

impl Process {
    pub async fn open(engine: Engine) -> Self {
        Self::open_with(engine, &[]).await
    }

    /// With more `XINGLIN_…` variables.
    pub async fn open_with(engine: Engine, settings: &[(&str, &str)]) -> Self {
        let settings: Vec<_> = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let folder = TempDir::with_prefix("xinglin-it-").expect("a temporary folder");
        super::furnish(folder.path());
        let database = super::database(engine, folder.path()).await;
        let (child, listen) = serve(&folder, database.as_ref(), &settings, "127.0.0.1:0").await;
        Self { child, listen, folder, database, settings }
    }

    /// Nobody, at its address.
    pub fn anyone(&self) -> Client {
        Client::new(&format!("http://{}", self.listen))
    }

    /// `xinglin import` of a file of the repository, on the records of the
    /// running server; what it printed.
    pub async fn import(&self, file: &str, tenant: &str) -> String {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
        let mut command = program(&self.folder, self.database.as_ref());
        let output = command.arg("import").arg(file).args(["--tenant", tenant]).output().await.expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// `xinglin` with these arguments on the records, whether a server runs beside
    /// it or not.
    pub async fn xinglin(&self, arguments: &[&str]) -> Ran {
        self.xinglin_reading("", arguments).await
    }

    /// The same, with this to read on stdin.
    pub async fn xinglin_reading(&self, input: &str, arguments: &[&str]) -> Ran {
        let mut command = program(&self.folder, self.database.as_ref());
        command.args(arguments).env("XINGLIN_PLUGINS__ALLOW_UNSIGNED", "true");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("it starts");
        // Who does not read it has ended already.
        let _ = child.stdin.take().expect("an input").write_all(input.as_bytes()).await;
        Ran::new(&child.wait_with_output().await.expect("it ends"))
    }

    /// Where its data is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A place for a file that a command is to read; its path.
    pub fn put(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, bytes).expect("written");
        path.display().to_string()
    }

    /// SQL on the records, by somebody with the rights of their owner.
    pub async fn tamper(&self, sql: &str) {
        let own = || format!("sqlite:{}", self.folder.path().join("hospital.db").display());
        let url = self.database.as_ref().map_or_else(own, |database| database.url().to_owned());
        xinglin_store::testing::tamper(&url, sql).await.expect("changed records");
    }

    pub fn engine(&self) -> Engine {
        self.database.as_ref().map_or(Engine::Sqlite, TestDatabase::engine)
    }

    /// `kill -9`: no farewell, no flush.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("a process to kill");
    }

    /// SIGTERM: returns when it has ended in good order.
    pub async fn stop(&mut self) {
        let process = self.child.id().expect("it runs").to_string();
        let asked = Command::new("kill").args(["-TERM", &process]).status().await.expect("kill");
        assert!(asked.success());
        let ended = self.child.wait().await.expect("it ends");
        let log = std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default();
        assert!(ended.success(), "{ended}:\n{log}");
    }

    /// A new server on the records of the one that was killed.
    pub async fn restart(&mut self) {
        self.kill().await;
        self.start().await;
    }

    /// A new server on the records of the one that has ended.
    pub async fn start(&mut self) {
        let (child, listen) = serve(&self.folder, self.database.as_ref(), &self.settings, &self.listen).await;
        (self.child, self.listen) = (child, listen);
    }
}

/// `xinglin` on a folder, with its records.
fn program(folder: &TempDir, database: Option<&TestDatabase>) -> Command {
    let mut command = Command::new(super::built("xinglin", "cargo build -p xinglin-server"));
    command.current_dir(folder.path()).arg("--data-dir").arg(folder.path());
    if let Some(database) = database {
        command.args(["--database-url", database.url()]);
    }
    command
}

/// Returns when it listens.
async fn serve(
    folder: &TempDir,
    database: Option<&TestDatabase>,
    settings: &[(String, String)],
    listen: &str,
) -> (Child, String) {
    let log = folder.path().join("server.log");
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).expect("a log");
    let mut child = program(folder, database)
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
