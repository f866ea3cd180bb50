//! Folders of files outside the database. No path leads out of its folder, and written files are
//! synced to disk.

use crate::boxed;
use std::{
    io::{self, Write as _},
    path::Path,
    sync::Arc,
};

use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions},
};

use crate::{ambient, blocking, keys};

/// A folder. Cheap to clone. Paths are relative to it, with slashes.
#[derive(Debug, Clone)]
pub struct Files(Arc<Dir>);

impl Files {
    /// Opens the folder, accessible to its owner only; creates it if needed.
    ///
    /// # Errors
    /// If it cannot be created or opened.
    pub fn open(folder: &Path) -> io::Result<Self> {
        keys::private_folder(folder)?;
        Ok(Self(Arc::new(Dir::open_ambient_dir(folder, ambient_authority())?)))
    }

    async fn on<T: Send + 'static>(&self, work: impl FnOnce(&Dir) -> io::Result<T> + Send + 'static) -> io::Result<T> {
        let folder = self.0.clone();
        blocking(move || work(&folder)).await.map_err(io::Error::other)?
    }

    /// Creates a subfolder.
    ///
    /// # Errors
    /// If it cannot be created.
    #[boxed]
    pub async fn make(&self, path: String) -> io::Result<()> {
        self.on(move |folder| folder.create_dir_all(path)).await
    }

    /// Stores a file under a name derived from its content, atomically. An existing file is left as
    /// it is.
    ///
    /// # Errors
    /// If it cannot be written.
    #[boxed]
    pub async fn keep(&self, path: String, content: Vec<u8>) -> io::Result<()> {
        let temporary = format!("{path}.{:032x}", ambient::fresh_id());
        self.on(move |folder| {
            if folder.metadata(&path).is_ok_and(|known| known.len() == content.len() as u64) {
                return Ok(());
            }
            let parent = Path::new(&path).parent().unwrap_or(Path::new(""));
            folder.create_dir_all(parent)?;
            let mut file = folder.open_with(&temporary, OpenOptions::new().write(true).create_new(true))?;
            let written = file
                .write_all(&content)
                .and_then(|()| file.sync_all())
                .and_then(|()| folder.rename(&temporary, folder, &path))
                // Syncs the directory entry, too.
                .and_then(|()| folder.open(parent)?.sync_all());
            if written.is_err() {
                let _ = folder.remove_file(&temporary);
            }
            written
        })
        .await
    }

    /// Appends to a file in an existing folder.
    ///
    /// # Errors
    /// If it cannot be written.
    #[boxed]
    pub async fn append(&self, path: String, content: Vec<u8>) -> io::Result<()> {
        self.on(move |folder| {
            let mut file = folder.open_with(path, OpenOptions::new().append(true).create(true))?;
            file.write_all(&content)?;
            file.sync_all()
        })
        .await
    }

    /// Opens a file for reading; returns its length in bytes.
    ///
    /// # Errors
    /// If it does not exist or cannot be read.
    #[boxed]
    pub async fn read(&self, path: String) -> io::Result<(tokio::fs::File, u64)> {
        let opened = self.on(move |folder| {
            let file = folder.open(path)?;
            let length = file.metadata()?.len();
            Ok((file.into_std(), length))
        });
        let (file, length) = opened.await?;
        Ok((tokio::fs::File::from_std(file), length))
    }

    /// Removes a file, if it exists; the removal is synced to disk.
    ///
    /// # Errors
    /// If it cannot be removed.
    #[boxed]
    pub async fn remove_file(&self, path: String) -> io::Result<()> {
        self.on(move |folder| match folder.remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => folder.open(Path::new(&path).parent().unwrap_or(Path::new(".")))?.sync_all(),
        })
        .await
    }

    /// Removes a folder with its content, if it exists.
    ///
    /// # Errors
    /// If it cannot be removed.
    #[boxed]
    pub async fn remove(&self, path: String) -> io::Result<()> {
        self.on(move |folder| match folder.remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    async fn content(files: &Files, path: &str) -> io::Result<String> {
        let (mut file, length) = files.read(path.to_owned()).await?;
        let mut text = String::new();
        file.read_to_string(&mut text).await?;
        assert_eq!(text.len() as u64, length);
        Ok(text)
    }

    #[tokio::test]
    async fn no_name_leads_out() {
        let folder = std::env::temp_dir().join(format!("xinglin-files-{}", std::process::id()));
        let files = Files::open(&folder.join("inside")).unwrap();
        std::fs::write(folder.join("secret"), "s3cret").unwrap();
        std::os::unix::fs::symlink(folder.join("secret"), folder.join("inside/link")).unwrap();
        for path in ["../secret", "link", "/etc/passwd", "a/../../secret"] {
            assert!(files.read(path.to_owned()).await.is_err(), "{path}");
            assert!(files.append(path.to_owned(), b"x".to_vec()).await.is_err(), "{path}");
        }
        assert!(files.keep("../other".to_owned(), b"x".to_vec()).await.is_err());
        assert!(files.remove("..".to_owned()).await.is_err());
        assert_eq!(std::fs::read_to_string(folder.join("secret")).unwrap(), "s3cret");

        files.keep("ten/ab".to_owned(), b"one".to_vec()).await.unwrap();
        files.keep("ten/ab".to_owned(), b"two".to_vec()).await.unwrap();
        assert_eq!(content(&files, "ten/ab").await.unwrap(), "one", "its name says its content");
        assert_eq!(std::fs::read_dir(folder.join("inside/ten")).unwrap().count(), 1, "nothing half-written");
        for piece in ["a", "b"] {
            files.append("ten/list".to_owned(), piece.as_bytes().to_vec()).await.unwrap();
        }
        assert_eq!(content(&files, "ten/list").await.unwrap(), "ab");
        assert!(files.append("gone/list".to_owned(), Vec::new()).await.is_err(), "in a folder that is there");
        assert!(files.remove_file("../secret".to_owned()).await.is_err());
        for _ in 0..2 {
            files.remove_file("ten/list".to_owned()).await.unwrap();
        }
        assert!(content(&files, "ten/list").await.is_err());
        files.remove("ten".to_owned()).await.unwrap();
        files.remove("ten".to_owned()).await.unwrap();
        assert!(content(&files, "ten/ab").await.is_err());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
