//! Data packs: read-only folders provided by the operator.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use cap_std::{
    ambient_authority,
    fs::{Dir, Metadata},
};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use xinglin_plugin::Digest;

use super::{FileError, LONGEST_PATH};

/// Maximum files of one pack.
const MOST_FILES: usize = 4096;
/// Maximum nesting of folders.
const DEEPEST: usize = 16;

/// The folder of packs: each folder in it is a pack with that name.
///
/// A pack is read completely once, for its digest. After that, the marks of its files (size,
/// times, inode) are compared at the start of a call, and a changed pack is read again.
#[derive(Debug)]
pub struct Packs {
    folder: Dir,
    known: Mutex<HashMap<String, Arc<Pack>>>,
}

/// Why a pack cannot be used, for the operator.
#[derive(Debug, Error)]
pub(crate) enum PackError {
    #[error("the folder of packs of this host has no `{0}`")]
    Missing(String),
    #[error("the pack `{0}` cannot be read: {1}")]
    Unreadable(String, io::Error),
    #[error("the pack `{0}` holds `{1}`, which is {2}")]
    Unfit(String, String, &'static str),
}

impl Packs {
    /// Opens the folder, read-only.
    ///
    /// # Errors
    /// If it does not exist.
    pub fn open(folder: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self { folder: Dir::open_ambient_dir(folder, ambient_authority())?, known: Mutex::default() })
    }

    /// The current pack. Blocks: a new pack is read completely.
    pub(crate) fn get(&self, name: &str) -> Result<Arc<Pack>, PackError> {
        let missing = || PackError::Missing(name.to_owned());
        let unreadable = |e| PackError::Unreadable(name.to_owned(), e);
        let is_folder = self.folder.symlink_metadata(name).is_ok_and(|found| found.is_dir());
        if !is_folder || name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(missing());
        }
        let dir = self.folder.open_dir(name).map_err(unreadable)?;
        let mut files = BTreeMap::new();
        walk(name, &dir, "", 0, &mut files)?;
        // Held while a pack is read, so that concurrent calls read it once.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pack) = known.get(name)
            && pack.files == files
        {
            return Ok(pack.clone());
        }
        let mut pack = Pack { name: name.to_owned(), digest: Digest([0; 32]), dir, files };
        pack.digest = pack.digest().map_err(unreadable)?;
        let pack = Arc::new(pack);
        known.insert(name.to_owned(), pack.clone());
        Ok(pack)
    }
}

/// Compared to detect changes of a file since it was digested.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    length: u64,
    modified: Option<SystemTime>,
    /// Inode, and time of the last status change, which cannot be set back.
    #[cfg(unix)]
    change: (u64, u64, i64, i64),
}

impl Mark {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        use cap_std::fs::MetadataExt as _;
        Self {
            length: metadata.len(),
            modified: metadata.modified().ok().map(|time| time.into_std()),
            #[cfg(unix)]
            change: (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    fn must_be_of(&self, file: &File) -> io::Result<()> {
        if Self::of(&Metadata::from_file(file)?) == *self { Ok(()) } else { Err(changed()) }
    }
}

fn walk(
    pack: &str,
    folder: &Dir,
    prefix: &str,
    depth: usize,
    files: &mut BTreeMap<String, Mark>,
) -> Result<(), PackError> {
    let unreadable = |e| PackError::Unreadable(pack.to_owned(), e);
    let unfit = |what: String, is| PackError::Unfit(pack.to_owned(), what, is);
    for entry in folder.entries().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let Ok(name) = entry.file_name().into_string() else {
            return Err(unfit(format!("{prefix}…"), "a name that is not UTF-8"));
        };
        let path = format!("{prefix}{name}");
        let kind = entry.file_type().map_err(unreadable)?;
        if path.len() > LONGEST_PATH {
            return Err(unfit(path, "a path of more than 255 bytes"));
        } else if kind.is_dir() && depth == DEEPEST {
            return Err(unfit(path, "more than 16 folders deep"));
        } else if kind.is_dir() {
            walk(pack, &folder.open_dir(&name).map_err(unreadable)?, &format!("{path}/"), depth + 1, files)?;
        } else if !kind.is_file() {
            return Err(unfit(path, "neither a file nor a folder; links are refused"));
        } else if files.len() == MOST_FILES {
            return Err(unfit(path, "beyond the 4096 files that a pack may have"));
        } else {
            files.insert(path, Mark::of(&entry.metadata().map_err(unreadable)?));
        }
    }
    Ok(())
}

/// One pack, as of its digest.
#[derive(Debug)]
pub(crate) struct Pack {
    pub name: String,
    /// SHA-256 over the sorted paths, each with length and content.
    pub digest: Digest,
    dir: Dir,
    files: BTreeMap<String, Mark>,
}

/// An entry of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Folder,
    File { length: u64 },
}

impl Pack {
    fn digest(&self) -> io::Result<Digest> {
        let mut hash = Sha256::new();
        hash.update(b"xinglin-pack-1");
        let mut buffer = vec![0; 64 << 10];
        for (path, mark) in &self.files {
            hash.update((path.len() as u64).to_be_bytes());
            hash.update(path.as_bytes());
            hash.update(mark.length.to_be_bytes());
            let mut file = self.open(path, mark)?;
            loop {
                match file.read(&mut buffer)? {
                    0 => break,
                    read => hash.update(buffer.get(..read).unwrap_or_default()),
                }
            }
            mark.must_be_of(&file)?;
        }
        Ok(Digest(hash.finalize().into()))
    }

    fn open(&self, path: &str, mark: &Mark) -> io::Result<File> {
        // Checked before opening: opening a special file could block.
        if !self.dir.symlink_metadata(path).is_ok_and(|metadata| Mark::of(&metadata) == *mark) {
            return Err(changed());
        }
        let file = self.dir.open(path)?.into_std();
        mark.must_be_of(&file)?;
        Ok(file)
    }

    /// Paths of its files, sorted.
    pub fn paths(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    /// The entry at a path; the empty path is the pack itself.
    pub fn entry(&self, path: &str) -> Option<Entry> {
        if let Some(mark) = self.files.get(path) {
            return Some(Entry::File { length: mark.length });
        }
        let below = if path.is_empty() { String::new() } else { format!("{path}/") };
        let first = self.files.range(below.clone()..).next();
        (path.is_empty() || first.is_some_and(|(found, _)| found.starts_with(&below))).then_some(Entry::Folder)
    }

    /// Names in a folder, sorted, and whether each is a folder.
    pub fn list(&self, folder: &str) -> Vec<(String, bool)> {
        let below = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let inside = self.files.range(below.clone()..).map_while(|(path, _)| path.strip_prefix(&below));
        let mut names: Vec<(String, bool)> = inside
            .map(|rest| match rest.split_once('/') {
                Some((folder, _)) => (folder.to_owned(), true),
                None => (rest.to_owned(), false),
            })
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Reads up to `length` bytes of a file, fewer at its end, by a path of [`Pack::paths`].
    /// Files are not kept open, so that a guest cannot exhaust file descriptors. Fails if the
    /// file has changed since it was digested.
    pub fn read(&self, path: &str, offset: u64, length: u64) -> Result<Vec<u8>, FileError> {
        let mark = self.files.get(path).ok_or(FileError::NotFound)?;
        let read = || {
            let mut file = self.open(path, mark)?;
            let mut bytes = Vec::new();
            if offset < mark.length {
                file.seek(SeekFrom::Start(offset))?;
                (&file).take(length).read_to_end(&mut bytes)?;
            }
            mark.must_be_of(&file)?;
            Ok(bytes)
        };
        read().map_err(|error: io::Error| {
            tracing::error!(%error, pack = self.name, path, "a file of a pack cannot be read");
            FileError::Unavailable
        })
    }
}

fn changed() -> io::Error {
    io::Error::other("it was changed while it was in use")
}
