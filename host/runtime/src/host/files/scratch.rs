//! The scratch folder of one call, in memory: no patient data remain on disk after a power loss,
//! and no property of the host's file system (times, inodes, order) is visible.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use thiserror::Error;

/// Bytes charged for a file or folder in addition to its content, so that empty ones count.
const ENTRY: u64 = 512;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum ScratchError {
    #[error("there is no such file")]
    NotFound,
    #[error("something is there already")]
    Exists,
    #[error("a part of the path is a file")]
    NotAFolder,
    #[error("it is a folder")]
    IsAFolder,
    #[error("the folder is not empty")]
    NotEmpty,
    #[error("a folder cannot be moved into itself")]
    IntoItself,
    #[error("the scratch quota of {0} bytes is used up")]
    Full(u64),
}

/// Bytes in use. An unlinked file counts while it is open.
#[derive(Debug)]
struct Account {
    quota: u64,
    used: AtomicU64,
}

impl Account {
    fn take(&self, bytes: u64) -> Result<(), ScratchError> {
        let within = |used: u64| used.checked_add(bytes).filter(|used| *used <= self.quota);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, within)
            .map(drop)
            .map_err(|_| ScratchError::Full(self.quota))
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The content of a file, independent of its name.
#[derive(Debug)]
pub(crate) struct Content {
    /// Sequence number of the file in the call.
    pub number: u64,
    bytes: Mutex<Vec<u8>>,
    account: Arc<Account>,
}

impl Drop for Content {
    fn drop(&mut self) {
        let held = self.bytes().len() as u64;
        self.account.give_back(ENTRY + held);
    }
}

impl Content {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn length(&self) -> u64 {
        self.bytes().len() as u64
    }

    /// Reads up to `length` bytes, fewer at the end.
    pub fn read(&self, offset: u64, length: u64) -> Vec<u8> {
        let bytes = self.bytes();
        let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        bytes.get(index(offset)..index(offset.saturating_add(length))).unwrap_or_default().to_vec()
    }

    /// Writes at an offset; a gap after the old end is filled with zeros.
    pub fn write(&self, offset: u64, content: &[u8]) -> Result<(), ScratchError> {
        if content.is_empty() {
            return Ok(());
        }
        let full = ScratchError::Full(self.account.quota);
        let end = offset.checked_add(content.len() as u64).ok_or(full)?;
        let mut bytes = self.bytes();
        let before = bytes.len() as u64;
        self.resize(&mut bytes, end.max(before))?;
        let (offset, end) = (usize::try_from(offset).map_err(|_| full)?, usize::try_from(end).map_err(|_| full)?);
        bytes.get_mut(offset..end).ok_or(full)?.copy_from_slice(content);
        Ok(())
    }

    /// Appends.
    pub fn append(&self, content: &[u8]) -> Result<(), ScratchError> {
        self.write(self.length(), content)
    }

    pub fn set_length(&self, length: u64) -> Result<(), ScratchError> {
        self.resize(&mut self.bytes(), length)
    }

    fn resize(&self, bytes: &mut Vec<u8>, length: u64) -> Result<(), ScratchError> {
        let before = bytes.len() as u64;
        self.account.take(length.saturating_sub(before))?;
        bytes.resize(usize::try_from(length).map_err(|_| ScratchError::Full(self.account.quota))?, 0);
        self.account.give_back(before.saturating_sub(length));
        Ok(())
    }
}

/// A node of the tree.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Folder,
    File(Arc<Content>),
}

/// Files and folders by full path, as returned by [`super::resolve`]. The empty path is the
/// scratch folder itself, which always exists.
#[derive(Debug)]
pub(crate) struct Scratch {
    account: Arc<Account>,
    nodes: BTreeMap<String, Node>,
    made: u64,
}

impl Scratch {
    pub fn new(quota: u64) -> Self {
        Self { account: Arc::new(Account { quota, used: AtomicU64::new(0) }), nodes: BTreeMap::new(), made: 0 }
    }

    /// Whether a scratch folder is granted.
    pub fn is_granted(&self) -> bool {
        self.account.quota > 0
    }

    pub fn node(&self, path: &str) -> Option<Node> {
        if path.is_empty() { Some(Node::Folder) } else { self.nodes.get(path).cloned() }
    }

    pub fn file(&self, path: &str) -> Result<Arc<Content>, ScratchError> {
        match self.node(path) {
            Some(Node::File(content)) => Ok(content),
            Some(Node::Folder) => Err(ScratchError::IsAFolder),
            None => Err(ScratchError::NotFound),
        }
    }

    /// Names in a folder, sorted, and whether each is a folder.
    pub fn list(&self, folder: &str) -> Vec<(String, bool)> {
        let below = self.below(folder).map(|(rest, node)| (rest.to_owned(), matches!(node, Node::Folder)));
        below.filter(|(rest, _)| !rest.contains('/')).collect()
    }

    fn below(&self, folder: &str) -> impl Iterator<Item = (&str, &Node)> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let inside = self.nodes.range(prefix.clone()..);
        inside.map_while(move |(path, node)| Some((path.strip_prefix(&prefix)?, node)))
    }

    fn parent_is_folder(&self, path: &str) -> Result<(), ScratchError> {
        match self.node(path.rsplit_once('/').map_or("", |(parent, _)| parent)) {
            Some(Node::Folder) => Ok(()),
            Some(Node::File(_)) => Err(ScratchError::NotAFolder),
            None => Err(ScratchError::NotFound),
        }
    }

    pub fn make_folder(&mut self, path: &str) -> Result<(), ScratchError> {
        if self.node(path).is_some() {
            return Err(ScratchError::Exists);
        }
        self.parent_is_folder(path)?;
        self.account.take(ENTRY)?;
        self.nodes.insert(path.to_owned(), Node::Folder);
        Ok(())
    }

    /// Creates an empty file.
    pub fn make_file(&mut self, path: &str) -> Result<Arc<Content>, ScratchError> {
        if self.node(path).is_some() {
            return Err(ScratchError::Exists);
        }
        self.parent_is_folder(path)?;
        self.account.take(ENTRY)?;
        self.made += 1;
        let content = Content { number: self.made, bytes: Mutex::default(), account: self.account.clone() };
        let content = Arc::new(content);
        self.nodes.insert(path.to_owned(), Node::File(content.clone()));
        Ok(content)
    }

    /// Creates or replaces a file with this content, and creates its parent folders. Nothing is
    /// changed if the content exceeds the quota.
    pub fn put(&mut self, path: &str, content: &[u8]) -> Result<(), ScratchError> {
        let (file, is_new) = match self.node(path) {
            Some(Node::Folder) => return Err(ScratchError::IsAFolder),
            Some(Node::File(file)) => (file, false),
            None => {
                for (end, _) in path.match_indices('/') {
                    match self.make_folder(path.get(..end).unwrap_or_default()) {
                        Ok(()) | Err(ScratchError::Exists) => {}
                        Err(error) => return Err(error),
                    }
                }
                (self.make_file(path)?, true)
            }
        };
        let before = file.length();
        match file.set_length(before.max(content.len() as u64)) {
            Ok(()) => {
                file.write(0, content)?;
                file.set_length(content.len() as u64)
            }
            Err(error) => {
                if is_new {
                    self.remove_all(path);
                }
                Err(error)
            }
        }
    }

    pub fn remove_file(&mut self, path: &str) -> Result<(), ScratchError> {
        self.file(path)?;
        self.nodes.remove(path);
        Ok(())
    }

    pub fn remove_folder(&mut self, path: &str) -> Result<(), ScratchError> {
        match self.node(path) {
            None => Err(ScratchError::NotFound),
            Some(Node::File(_)) => Err(ScratchError::NotAFolder),
            Some(Node::Folder) if path.is_empty() || self.below(path).next().is_some() => Err(ScratchError::NotEmpty),
            Some(Node::Folder) => {
                self.nodes.remove(path);
                self.account.give_back(ENTRY);
                Ok(())
            }
        }
    }

    /// Removes a file, or a folder with its content.
    pub fn remove_all(&mut self, path: &str) {
        let mut gone: Vec<String> = self.below(path).map(|(rest, _)| format!("{path}/{rest}")).collect();
        gone.push(path.to_owned());
        for path in gone {
            if let Some(Node::Folder) = self.nodes.remove(&path) {
                self.account.give_back(ENTRY);
            }
        }
    }

    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), ScratchError> {
        let moved = self.node(from).filter(|_| !from.is_empty()).ok_or(ScratchError::NotFound)?;
        if from == to {
            return Ok(());
        }
        self.parent_is_folder(to)?;
        match (&moved, self.node(to)) {
            (Node::Folder, _) if to.starts_with(&format!("{from}/")) => return Err(ScratchError::IntoItself),
            (_, None) => {}
            (Node::File(_), Some(Node::File(_))) => self.remove_file(to)?,
            (Node::Folder, Some(Node::Folder)) => self.remove_folder(to)?,
            (Node::File(_), Some(Node::Folder)) => return Err(ScratchError::IsAFolder),
            (Node::Folder, Some(Node::File(_))) => return Err(ScratchError::NotAFolder),
        }
        let below: Vec<String> = self.below(from).map(|(rest, _)| format!("/{rest}")).collect();
        for rest in below.iter().map(String::as_str).chain([""]) {
            if let Some(node) = self.nodes.remove(&format!("{from}{rest}")) {
                self.nodes.insert(format!("{to}{rest}"), node);
            }
        }
        Ok(())
    }
}
