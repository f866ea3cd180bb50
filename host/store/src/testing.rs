//! Temporary databases for tests, one per test. Each is a copy of a template, which is migrated
//! once per process.
//!
//! SQLite: a file in a folder that is removed with the [`TestDatabase`].
//!
//! PostgreSQL: `DATABASE_URL` names a server, where databases are created and dropped; otherwise
//! one cluster per process is created with `initdb` under the temporary folder, as an ordinary
//! user, reachable by a socket only. A shell watches over it: it holds the other end of a pipe from
//! this process, and when that closes, however this process ended, it stops the server and removes
//! the folder. On an external server there is no template, as nothing would drop it: each database
//! there is migrated when it is opened.

use std::{
    env, fmt, fs, io,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{self, ChildStdin, Command, Stdio},
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqliteConnection, postgres::PgConnectOptions};
use tokio::sync::OnceCell;

use sha2::{Digest as _, Sha256};
use xinglin_domain::id::TenantId;

use crate::{Engine, KeyOf, Store, StoreOptions, Vault, WrappedKey};

/// No database is available. Not a reason to skip a test.
#[derive(thiserror::Error)]
#[error("no database to test with: {0}")]
pub struct Unavailable(String);

/// As `expect` prints it.
impl fmt::Debug for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn failed(what: &str) -> impl FnOnce(&dyn fmt::Display) -> Unavailable {
    move |error| Unavailable(format!("{what}: {error}"))
}

/// A vault for tests: values are bound to key and place and encoded, but not secret.
#[derive(Debug)]
pub struct TestVault {
    generation: i64,
    drawn: AtomicI64,
}

impl Default for TestVault {
    fn default() -> Self {
        Self { generation: 1, drawn: AtomicI64::new(1) }
    }
}

impl TestVault {
    /// Wraps with this generation, and still knows earlier ones.
    pub fn of(generation: i64) -> Self {
        Self { generation, ..Self::default() }
    }

    fn wrap(&self, of: &KeyOf<'_>, number: i64) -> WrappedKey {
        let generation = self.generation;
        WrappedKey { generation, wrapped: format!("{number} of {of:?} under {generation}").into_bytes() }
    }

    fn unwrap(of: &KeyOf<'_>, key: &WrappedKey) -> Option<i64> {
        let text = std::str::from_utf8(&key.wrapped).ok()?;
        text.strip_suffix(&format!(" of {of:?} under {}", key.generation))?.parse().ok()
    }
}

impl Vault for TestVault {
    fn draw(&self, of: &[KeyOf<'_>]) -> Option<Vec<WrappedKey>> {
        Some(of.iter().map(|of| self.wrap(of, self.drawn.fetch_add(1, Ordering::Relaxed))).collect())
    }

    fn wrap_anew(&self, keys: &[(KeyOf<'_>, &WrappedKey)]) -> Option<Vec<WrappedKey>> {
        keys.iter().map(|(of, key)| Some(self.wrap(of, Self::unwrap(of, key)?))).collect()
    }

    fn seal(&self, of: &KeyOf<'_>, key: &WrappedKey, place: &str, text: &str) -> Option<Vec<u8>> {
        let bound = Sha256::digest(format!("{} {of:?} {place}", Self::unwrap(of, key)?));
        Some(bound.into_iter().chain(text.bytes().map(|byte| !byte)).collect())
    }

    fn unseal(&self, of: &KeyOf<'_>, key: &WrappedKey, place: &str, sealed: &[u8]) -> Option<String> {
        let text = sealed.get(32..)?.iter().map(|byte| !byte).collect();
        let text = String::from_utf8(text).ok()?;
        (self.seal(of, key, place, &text)? == sealed).then_some(text)
    }

    fn blind(&self, tenant: TenantId, value: &str) -> String {
        hex::encode(Sha256::digest(format!("{tenant} {value}")))
    }
}

/// A database without rows, deleted when dropped.
#[derive(Debug)]
pub struct TestDatabase {
    engine: Engine,
    url: String,
    keep: Keep,
}

#[derive(Debug)]
enum Keep {
    /// The folder to remove.
    Folder(PathBuf),
    /// Removed with its cluster.
    Cluster { name: String },
    /// The database to drop, and its server.
    Server { address: Box<PgConnectOptions>, name: String },
}

impl TestDatabase {
    /// A database of this engine with the newest schema.
    ///
    /// # Errors
    /// If the engine is not available.
    pub async fn new(engine: Engine) -> Result<Self, Unavailable> {
        match engine {
            Engine::Sqlite => {
                let folder = fresh_folder()?;
                let file = folder.join(FILE);
                let database = Self::in_folder(folder);
                put_sqlite(&file).await?;
                Ok(database)
            }
            // On an external server it is migrated when it is opened.
            Engine::Postgres => Self::postgres(env::var_os("DATABASE_URL").is_none().then_some(TEMPLATE)).await,
        }
    }

    /// An empty database of this engine, without tables, for tests of migrations.
    ///
    /// # Errors
    /// If there is no such engine here.
    pub async fn bare(engine: Engine) -> Result<Self, Unavailable> {
        match engine {
            Engine::Sqlite => Ok(Self::in_folder(fresh_folder()?)),
            Engine::Postgres => Self::postgres(None).await,
        }
    }

    /// A copy with all rows. There must be no connections to this one.
    ///
    /// # Errors
    /// If it cannot be created.
    pub async fn copy(&self) -> Result<Self, Unavailable> {
        match &self.keep {
            Keep::Folder(folder) => {
                let copy = Self::in_folder(fresh_folder()?);
                let (from, to) = (folder.join(FILE), copy.url.trim_start_matches("sqlite:"));
                // The last connection may still be writing the log back into the file: the log first.
                let log = format!("{FILE}-wal");
                match fs::copy(folder.join(&log), format!("{to}-wal")) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&log)(&error)),
                    _ => {}
                }
                fs::copy(&from, to).map_err(|e| failed(to)(&e))?;
                Ok(copy)
            }
            Keep::Cluster { name } | Keep::Server { name, .. } => Self::postgres(Some(name)).await,
        }
    }

    fn in_folder(folder: PathBuf) -> Self {
        let url = format!("sqlite:{}", folder.join(FILE).display());
        Self { engine: Engine::Sqlite, url, keep: Keep::Folder(folder) }
    }

    async fn postgres(template: Option<&str>) -> Result<Self, Unavailable> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("xinglin_test_{}_{}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        if let Ok(server) = env::var("DATABASE_URL") {
            let address = PgConnectOptions::from_str(&server).map_err(|e| failed("DATABASE_URL")(&e))?;
            run(&address, &format!("CREATE DATABASE {name}{}", from(template))).await?;
            let url = address.clone().database(&name).to_url_lossy().to_string();
            return Ok(Self { engine: Engine::Postgres, url, keep: Keep::Server { address: Box::new(address), name } });
        }
        static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
        let cluster = CLUSTER.get_or_try_init(Cluster::start).await?;
        cluster.create(&name, template).await?;
        Ok(Self { engine: Engine::Postgres, url: cluster.url(&name), keep: Keep::Cluster { name } })
    }

    /// Its engine.
    pub const fn engine(&self) -> Engine {
        self.engine
    }

    /// The URL for [`Store::open`].
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs the migrations and disconnects.
    async fn migrate(&self) -> Result<(), Unavailable> {
        let migrated = async { self.open().await?.close().await };
        migrated.await.map_err(|e| failed("migration")(&e))
    }

    /// The store, with few connections.
    ///
    /// # Errors
    /// Those of [`Store::open`].
    pub async fn open(&self) -> crate::Result<Store> {
        self.open_with(TestVault::default()).await
    }

    /// As [`Self::open`], with this vault.
    ///
    /// # Errors
    /// Those of [`Store::open`].
    pub async fn open_with(&self, vault: TestVault) -> crate::Result<Store> {
        let options = StoreOptions { max_connections: 4, ..StoreOptions::default() };
        Store::open(&self.url, &options, Arc::new(vault)).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        match &self.keep {
            Keep::Folder(folder) => {
                // Errors are ignored: the folder is under the temporary one.
                let _ = fs::remove_dir_all(folder);
            }
            Keep::Cluster { .. } => {}
            Keep::Server { address, name } => {
                let (address, sql) = (address.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
                // On a separate runtime, because this may be called inside one.
                let dropping = std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                    runtime.block_on(run(&address, &sql)).map_err(io::Error::other)
                });
                if !matches!(dropping.join(), Ok(Ok(()))) {
                    eprintln!("the test database {name} could not be dropped");
                }
            }
        }
    }
}

/// Runs SQL on the database at this address, bypassing the store: for tests that detect tampering.
///
/// # Errors
/// If the database refuses it.
pub async fn tamper(url: &str, sql: &str) -> Result<(), Unavailable> {
    let refused = |error: sqlx::Error| failed(sql)(&error);
    if url.starts_with("sqlite:") {
        let mut connection = SqliteConnection::connect(url).await.map_err(refused)?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.map_err(refused)?;
        return connection.close().await.map_err(refused);
    }
    let address = PgConnectOptions::from_str(url).map_err(refused)?;
    // Row-level security hides rows of other tenants unless all are requested.
    run(&address, &format!("SET xinglin.tenant = '*'; {sql}")).await
}

/// Writes a SQLite database with the newest schema and no rows into a new file.
///
/// # Errors
/// If it cannot be written.
pub async fn put_sqlite(file: &Path) -> Result<(), Unavailable> {
    /// Bytes of the file that is copied.
    static MIGRATED: OnceCell<Vec<u8>> = OnceCell::const_new();
    let migrated = MIGRATED.get_or_try_init(async || {
        let database = TestDatabase::bare(Engine::Sqlite).await?;
        database.migrate().await?;
        let file = database.url.trim_start_matches("sqlite:");
        fs::read(file).map_err(|e| failed(file)(&e))
    });
    fs::write(file, migrated.await?).map_err(|e| failed(&file.display().to_string())(&e))
}

/// Tests connect as an ordinary role, so that row-level security applies.
const ROLE: &str = "xinglin";

/// The template database of a cluster.
const TEMPLATE: &str = "xinglin_template";

/// File name of a SQLite database.
const FILE: &str = "records.db";

/// The end of a `CREATE DATABASE` that copies this template.
fn from(template: Option<&str>) -> String {
    template.map(|template| format!(" TEMPLATE {template}")).unwrap_or_default()
}

async fn run(address: &PgConnectOptions, sql: &str) -> Result<(), Unavailable> {
    let refused = |error: sqlx::Error| failed(sql)(&error);
    let mut connection = PgConnection::connect_with(address).await.map_err(refused)?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.map_err(refused)?;
    connection.close().await.map_err(refused)
}

fn fresh_folder() -> Result<PathBuf, Unavailable> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("xinglin-test-{}-{number}", process::id()));
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed("the temporary folder")(&error)),
        }
    }
}

/// A PostgreSQL server of this process.
struct Cluster {
    folder: PathBuf,
    /// As the superuser, to create databases.
    address: PgConnectOptions,
    /// Closed when this process ends.
    _lifeline: ChildStdin,
}

/// `$1` the server, `$2` the folder.
const WATCH: &str = r#"
    "$1" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c synchronous_commit=off \
        -c full_page_writes=off -c max_connections=400 -c jit=off \
        -c wal_level=minimal -c max_wal_senders=0 >"$2/log" 2>&1 &
    server=$!
    cat >/dev/null
    kill -QUIT "$server"
    wait "$server"
    rm -rf "$2"
"#;

impl Cluster {
    async fn start() -> Result<Self, Unavailable> {
        let programs = find_programs()?;
        let folder = fresh_folder()?;
        let started = Self::start_in(&folder, &programs).await;
        if started.is_err() {
            // The returned error has the details.
            let _ = fs::remove_dir_all(&folder);
        }
        started
    }

    async fn start_in(folder: &Path, programs: &Path) -> Result<Self, Unavailable> {
        let user = ordinary_user()?;
        if let Some((uid, gid)) = user {
            chown(folder, Some(uid), Some(gid)).map_err(|e| failed("chown")(&e))?;
        }
        let command = |program: &Path| {
            let mut command = Command::new(program);
            command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command
        };
        let made = command(&programs.join("initdb"))
            .arg("-D")
            .arg(folder.join("data"))
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"])
            .output()
            .map_err(|e| failed("initdb")(&e))?;
        if !made.status.success() {
            return Err(failed("initdb")(&String::from_utf8_lossy(&made.stderr)));
        }
        let mut watch = command(Path::new("/bin/sh"))
            .args(["-c", WATCH, "watch"])
            .arg(programs.join("postgres"))
            .arg(folder)
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            // In a separate process group, so that the terminal does not stop it before it has
            // cleaned up.
            .process_group(0)
            .spawn()
            .map_err(|e| failed("sh")(&e))?;
        let lifeline = watch.stdin.take().ok_or_else(|| Unavailable("the watch has no pipe".to_owned()))?;

        let address = PgConnectOptions::new_without_pgpass().socket(folder).username("postgres").database("postgres");
        let cluster = Self { folder: folder.to_owned(), address, _lifeline: lifeline };
        cluster.wait().await?;
        run(&cluster.address, &format!("CREATE ROLE {ROLE} LOGIN CREATEDB")).await?;
        cluster.create(TEMPLATE, None).await?;
        let keep = Keep::Cluster { name: TEMPLATE.to_owned() };
        let template = TestDatabase { engine: Engine::Postgres, url: cluster.url(TEMPLATE), keep };
        template.migrate().await?;
        Ok(cluster)
    }

    /// Creates a database, as a copy of a template without connections.
    async fn create(&self, name: &str, template: Option<&str>) -> Result<(), Unavailable> {
        run(&self.address, &format!("CREATE DATABASE {name} OWNER {ROLE}{}", from(template))).await
    }

    fn url(&self, name: &str) -> String {
        format!("postgres://{ROLE}@localhost/{name}?host={}", self.folder.display())
    }

    async fn wait(&self) -> Result<(), Unavailable> {
        for _ in 0..300 {
            if run(&self.address, "SELECT 1").await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        Err(Unavailable(format!("PostgreSQL did not start within 30 s\n{log}")))
    }
}

/// The folder with `initdb` and `postgres`: on the PATH, or Debian's.
fn find_programs() -> Result<PathBuf, Unavailable> {
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    debian.sort();
    let path = env::var_os("PATH").unwrap_or_default();
    debian
        .into_iter()
        .rev()
        .chain(env::split_paths(&path))
        .find(|folder| ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file()))
        .ok_or_else(|| Unavailable("PostgreSQL is not installed; run `cargo xtask setup`".to_owned()))
}

/// The server refuses to run as root; then `postgres` or `nobody` runs it.
fn ordinary_user() -> Result<Option<(u32, u32)>, Unavailable> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    if id(&["-u"]) != Some(0) {
        return Ok(None);
    }
    ["postgres", "nobody"]
        .iter()
        .find_map(|user| id(&["-u", user]).zip(id(&["-g", user])))
        .map(Some)
        .ok_or_else(|| Unavailable("neither `postgres` nor `nobody` is a user here, and root may not".to_owned()))
}
