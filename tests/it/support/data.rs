//! The data of a server, which outlives it.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use xinglin_store::{
    Engine,
    testing::{TestDatabase, put_sqlite},
};

/// Data folder and database, deleted when dropped. A SQLite database is in the folder.
pub struct Data {
    folder: TempDir,
    postgres: Option<TestDatabase>,
}

/// The host key of all test servers. Compiled plugins are authenticated with it.
const HOST_KEY: [u8; 32] = [7; 32];

impl Data {
    /// The newest schema without rows, the host key, and the compiled plugins of all
    /// earlier servers, so that no plugin is compiled twice.
    pub async fn new(engine: Engine) -> Self {
        let data = Self { folder: empty_folder(), postgres: None };
        fs::write(data.folder().join("host.key"), HOST_KEY).expect("a host key");
        match engine {
            Engine::Sqlite => {
                put_sqlite(&data.sqlite()).await.expect("a database");
                data
            }
            Engine::Postgres => {
                let database = TestDatabase::new(engine).await.expect("a database");
                Self { postgres: Some(database), ..data }
            }
        }
    }

    /// A copy. No server may run on this data meanwhile.
    pub async fn copy(&self) -> Self {
        let folder = empty_folder();
        copy_files(self.folder(), folder.path());
        let postgres = match &self.postgres {
            Some(database) => Some(database.copy().await.expect("a copy of the database")),
            None => None,
        };
        Self { folder, postgres }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn engine(&self) -> Engine {
        self.postgres.as_ref().map_or(Engine::Sqlite, TestDatabase::engine)
    }

    /// The setting `database_url`; `None` if the database is in its default place.
    pub fn database_setting(&self) -> Option<&str> {
        self.postgres.as_ref().map(TestDatabase::url)
    }

    pub fn database_url(&self) -> String {
        self.database_setting().map_or_else(|| format!("sqlite:{}", self.sqlite().display()), str::to_owned)
    }

    fn sqlite(&self) -> PathBuf {
        self.folder().join("hospital.db")
    }
}

/// An empty data folder, except for the link to the compiled plugins.
fn empty_folder() -> TempDir {
    let folder = TempDir::with_prefix("xinglin-it-").expect("a temporary folder");
    let cache = super::kept().join("compiled-plugins");
    fs::create_dir_all(&cache).expect("a folder for compiled plugins");
    symlink(&cache, folder.path().join("cache")).expect("a link to the compiled plugins");
    folder
}

/// Copies files and folders, not links.
fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (kind, copy) = (entry.file_type().expect("a type"), to.join(entry.file_name()));
        if kind.is_dir() {
            fs::create_dir(&copy).expect("a folder");
            fs::set_permissions(&copy, entry.metadata().expect("metadata").permissions()).expect("permissions");
            copy_files(&entry.path(), &copy);
        } else if kind.is_file() {
            match fs::copy(entry.path(), &copy) {
                // A file of a database that was closed meanwhile: what it held is in the others.
                Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => {}
                copied => drop(copied.expect("a copy")),
            }
        }
    }
}
