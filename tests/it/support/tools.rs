//! External programs: minisign, a registry, and the command line itself. A missing one is a
//! failure, not a reason to skip.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
};

/// A program on the PATH, or in Debian's folder.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/bin".into(), "/usr/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{name} is not installed: run cargo xtask setup"))
}

/// The result of a program.
pub struct Ran {
    pub good: bool,
    /// Exit code; `None` if it was killed.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Of a program that has ended.
    pub fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (good, code) = (output.status.success(), output.status.code());
        Self { good, code, out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Its output; it must have succeeded.
    pub fn done(self) -> String {
        assert!(self.good, "{}{}", self.out, self.err);
        self.out
    }

    /// Its output as JSON; it must have succeeded.
    pub fn json(self) -> Value {
        serde_json::from_str(&self.done()).expect("JSON")
    }

    /// It must have failed, with this message.
    pub fn failed(&self, says: &str) {
        assert!(!self.good && self.err.contains(says), "{says}: {}{}", self.out, self.err);
    }
}

/// A folder for running programs.
pub struct Desk {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Desk {
    pub fn new() -> Self {
        Self { folder: TempDir::with_prefix("xinglin-desk-").expect("a folder"), variables: Vec::new() }
    }

    /// With an environment variable for `xinglin`.
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub fn write(&self, file: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(file), bytes).expect("written");
    }

    pub fn read(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// Names of the files with this suffix.
    pub fn files(&self, ending: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("a folder").flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|n| n.ends_with(ending))
            .collect();
        names.sort();
        names
    }

    /// `xinglin` with these arguments, with the settings of this desk only.
    pub async fn xinglin(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(super::built("xinglin", "cargo build -p xinglin-server"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("XINGLIN_") || name == "DOCKER_CONFIG") {
            command.env_remove(name);
        }
        command.env("HOME", self.folder.path()).envs(self.variables.iter().cloned());
        self.run(command, arguments, "").await
    }

    /// Debian's minisign; `typed` is the password on stdin.
    pub async fn minisign(&self, arguments: &[&str], typed: &str) -> Ran {
        self.run(Command::new(program("minisign")), arguments, typed).await
    }

    async fn run(&self, mut command: Command, arguments: &[&str], typed: &str) -> Ran {
        command.args(arguments).current_dir(self.folder.path()).kill_on_drop(true);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut stdin = child.stdin.take().expect("an input");
        // Fails if the program ended without reading it.
        let _ = stdin.write_all(typed.as_bytes()).await;
        drop(stdin);
        let output = tokio::time::timeout(Duration::from_secs(120), child.wait_with_output());
        Ran::new(&output.await.expect("it ends").expect("it ran"))
    }

    /// Generates a key pair without a password; returns its table for the settings.
    pub async fn key(&self, name: &str, role: &str) -> String {
        self.xinglin(&["plugin", "keygen", name, "--no-password"]).await.done();
        let public = String::from_utf8(self.read(&format!("{name}.pub"))).expect("text");
        let public = public.lines().nth(1).expect("a key");
        format!("[[trust.keys]]\nname = \"{name}\"\nrole = \"{role}\"\npublic_key = \"{public}\"\n")
    }
}

/// A registry of OCI artifacts: Debian's `docker-registry`, on a free port.
pub struct Registry {
    _child: Child,
    folder: TempDir,
    /// `127.0.0.1:PORT`
    pub address: String,
}

/// bcrypt of `secret`.
const SECRET: &str = "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a";

impl Registry {
    /// Starts one, public, or for `robot` with the password `secret` only.
    pub async fn start(locked: bool) -> Self {
        let folder = TempDir::with_prefix("xinglin-registry-").expect("a folder");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let address = format!("127.0.0.1:{port}");
        let users = folder.path().join("users");
        std::fs::write(&users, format!("robot:{SECRET}\n")).expect("written");
        let lock = match locked {
            true => format!("auth:\n  htpasswd:\n    realm: test\n    path: {}\n", users.display()),
            false => String::new(),
        };
        let config = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {address}\n{lock}",
            folder.path().join("blobs").display()
        );
        let file = folder.path().join("config.yml");
        std::fs::write(&file, config).expect("written");
        let child = Command::new(program("docker-registry"))
            .arg("serve")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the registry starts");
        let registry = Self { _child: child, folder, address };
        super::eventually("the registry answers", async || {
            tokio::net::TcpStream::connect(&registry.address).await.is_ok()
        })
        .await;
        registry
    }

    /// The file of a blob.
    pub fn blob(&self, sha256: &str) -> PathBuf {
        let blobs: &Path = self.folder.path();
        blobs.join("blobs/docker/registry/v2/blobs/sha256").join(&sha256[..2]).join(sha256).join("data")
    }
}
