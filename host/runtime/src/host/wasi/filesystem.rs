//! `wasi:filesystem` over packs and scratch: the same files, rules and limits as
//! `xinglin:host/files`.
//!
//! No property of the host's file system is visible: times are that of the call, inodes follow
//! from names and order, and there are no links. Digests of packs are on the tape, so that a
//! replay with other packs is detected.

use std::{sync::Arc, vec};

use sha2::{Digest as _, Sha256};
use wasmtime::component::Resource;
use wasmtime_wasi::{
    ResourceTable, async_trait,
    p2::{
        DynInputStream, DynOutputStream, FsError, FsResult, InputStream, OutputStream, Pollable, StreamError,
        StreamResult,
        bindings::filesystem::{
            preopens,
            types::{
                self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode, Filesize,
                HostDescriptor, HostDirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
            },
        },
    },
};
use wasmtime_wasi_io::bytes::Bytes;

use crate::{
    host::{
        CallState,
        files::{
            FileError, TapedPack,
            pack::{Entry, Pack},
            resolve,
            scratch::{Content, Node, ScratchError},
        },
    },
    limits::Stop,
    recorder::Question,
};

/// Maximum bytes of one read.
const CHUNK: u64 = 64 << 10;

/// An open file or folder.
#[derive(Clone)]
enum Open {
    PackFolder(Arc<Pack>, String),
    PackFile(Arc<Pack>, String, u64),
    ScratchFolder(String),
    ScratchFile(Arc<Content>),
}

type Handle = Resource<types::Descriptor>;

/// The table stores our descriptors under the ids of wasmtime-wasi's.
fn get<'a>(table: &'a ResourceTable, handle: &Handle) -> Result<&'a Open, FsError> {
    Ok(table.get(&Resource::<Open>::new_borrow(handle.rep()))?)
}

fn push(table: &mut ResourceTable, open: Open) -> wasmtime::Result<Handle> {
    Ok(Resource::new_own(table.push(open)?.rep()))
}

impl From<FileError> for ErrorCode {
    fn from(error: FileError) -> Self {
        match error {
            FileError::NotFound => Self::NoEntry,
            FileError::InvalidPath => Self::NotPermitted,
            FileError::TooLarge(_) => Self::InsufficientSpace,
            FileError::Unavailable | FileError::Other(_) => Self::Io,
        }
    }
}

impl From<ScratchError> for ErrorCode {
    fn from(error: ScratchError) -> Self {
        match error {
            ScratchError::NotFound => Self::NoEntry,
            ScratchError::Exists => Self::Exist,
            ScratchError::NotAFolder => Self::NotDirectory,
            ScratchError::IsAFolder => Self::IsDirectory,
            ScratchError::NotEmpty => Self::NotEmpty,
            ScratchError::IntoItself => Self::Invalid,
            ScratchError::Full(_) => Self::InsufficientSpace,
        }
    }
}

/// A resolved path.
enum Place {
    Pack(Arc<Pack>, String),
    Scratch(String),
}

impl CallState {
    /// Resolves a path relative to an open folder.
    fn place(&mut self, folder: &Handle, path: &str) -> FsResult<Place> {
        let outside = || FsError::from(ErrorCode::NotPermitted);
        match get(&self.wasi().table, folder)? {
            Open::PackFolder(pack, base) => Ok(Place::Pack(pack.clone(), resolve(base, path).ok_or_else(outside)?)),
            Open::ScratchFolder(base) => Ok(Place::Scratch(resolve(base, path).ok_or_else(outside)?)),
            Open::PackFile(..) | Open::ScratchFile(_) => Err(ErrorCode::NotDirectory.into()),
        }
    }

    /// As [`CallState::place`], for writing.
    fn scratch_place(&mut self, folder: &Handle, path: &str) -> FsResult<String> {
        match self.place(folder, path)? {
            Place::Scratch(path) => Ok(path),
            Place::Pack(..) => Err(ErrorCode::ReadOnly.into()),
        }
    }

    fn open_in_pack(pack: Arc<Pack>, path: String) -> Result<Open, ErrorCode> {
        match pack.entry(&path) {
            None => Err(ErrorCode::NoEntry),
            Some(Entry::Folder) => Ok(Open::PackFolder(pack, path)),
            Some(Entry::File { length }) => Ok(Open::PackFile(pack, path, length)),
        }
    }

    fn open_in_scratch(&mut self, path: String, how: OpenFlags) -> Result<Open, ErrorCode> {
        let scratch = &mut self.files.scratch;
        match scratch.node(&path) {
            Some(_) if how.contains(OpenFlags::CREATE | OpenFlags::EXCLUSIVE) => Err(ErrorCode::Exist),
            Some(Node::Folder) => Ok(Open::ScratchFolder(path)),
            Some(Node::File(content)) => {
                if how.contains(OpenFlags::TRUNCATE) {
                    content.set_length(0)?;
                }
                Ok(Open::ScratchFile(content))
            }
            None if how.contains(OpenFlags::CREATE) => Ok(Open::ScratchFile(scratch.make_file(&path)?)),
            None => Err(ErrorCode::NoEntry),
        }
    }

    /// Looks up a path without opening it.
    fn look(&mut self, folder: &Handle, path: &str) -> FsResult<Open> {
        match self.place(folder, path)? {
            Place::Pack(pack, path) => Ok(Self::open_in_pack(pack, path)?),
            Place::Scratch(path) => Ok(self.open_in_scratch(path, OpenFlags::empty())?),
        }
    }

    fn stat_of(&self, open: &Open) -> DescriptorStat {
        let (type_, size) = match open {
            Open::PackFolder(..) | Open::ScratchFolder(_) => (DescriptorType::Directory, 0),
            Open::PackFile(_, _, length) => (DescriptorType::RegularFile, *length),
            Open::ScratchFile(content) => (DescriptorType::RegularFile, content.length()),
        };
        let now = Some(self.wall_clock());
        DescriptorStat {
            type_,
            link_count: 1,
            size,
            data_access_timestamp: now,
            data_modification_timestamp: now,
            status_change_timestamp: now,
        }
    }

    fn scratch_file(&mut self, handle: &Handle) -> FsResult<Arc<Content>> {
        match get(&self.wasi().table, handle)? {
            Open::ScratchFile(content) => Ok(content.clone()),
            Open::PackFile(..) => Err(ErrorCode::ReadOnly.into()),
            Open::PackFolder(..) | Open::ScratchFolder(_) => Err(ErrorCode::IsDirectory.into()),
        }
    }
}

/// An inode number: the same for the same file, also in a replay.
fn number(open: &Open) -> MetadataHashValue {
    let mut hash = Sha256::new();
    match open {
        Open::PackFolder(pack, path) | Open::PackFile(pack, path, _) => {
            hash.update(b"pack");
            hash.update(pack.digest.0);
            hash.update(path.as_bytes());
        }
        Open::ScratchFolder(path) => {
            hash.update(b"folder");
            hash.update(path.as_bytes());
        }
        Open::ScratchFile(content) => {
            hash.update(b"file");
            hash.update(content.number.to_be_bytes());
        }
    }
    let digest = hash.finalize();
    let half = |from: usize| digest.iter().skip(from).take(8).fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
    MetadataHashValue { lower: half(0), upper: half(8) }
}

impl preopens::Host for CallState {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Handle, String)>> {
        let question = Question::new("wasi.packs", &[]);
        let live = self.files.digests();
        let recorded: Option<Vec<TapedPack>> = self.tape.recorded(&question)?;
        if recorded.is_some_and(|recorded| recorded != live) {
            return Err(Stop::Diverged.into());
        }
        self.tape.record(question, &live)?;
        let packs = self.files.packs.values();
        let mut folders: Vec<(Open, String)> = packs
            .map(|pack| (Open::PackFolder(pack.clone(), String::new()), format!("/packs/{}", pack.name)))
            .collect();
        if self.files.scratch.is_granted() {
            folders.push((Open::ScratchFolder(String::new()), "/scratch".to_owned()));
        }
        let table = &mut self.wasi().table;
        folders.into_iter().map(|(open, name)| Ok((push(table, open)?, name))).collect()
    }
}

impl types::Host for CallState {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn filesystem_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        let error = self.wasi().table.get(&error)?;
        Ok(error.downcast_ref::<ScratchError>().map(|error| (*error).into()))
    }
}

impl HostDescriptor for CallState {
    async fn advise(&mut self, _: Handle, _: Filesize, _: Filesize, _: Advice) -> FsResult<()> {
        Ok(())
    }

    async fn sync_data(&mut self, _: Handle) -> FsResult<()> {
        Ok(())
    }

    async fn sync(&mut self, _: Handle) -> FsResult<()> {
        Ok(())
    }

    async fn get_flags(&mut self, handle: Handle) -> FsResult<DescriptorFlags> {
        Ok(match get(&self.wasi().table, &handle)? {
            Open::PackFolder(..) | Open::PackFile(..) => DescriptorFlags::READ,
            Open::ScratchFile(_) => DescriptorFlags::READ | DescriptorFlags::WRITE,
            Open::ScratchFolder(_) => DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY,
        })
    }

    async fn get_type(&mut self, handle: Handle) -> FsResult<DescriptorType> {
        Ok(match get(&self.wasi().table, &handle)? {
            Open::PackFolder(..) | Open::ScratchFolder(_) => DescriptorType::Directory,
            Open::PackFile(..) | Open::ScratchFile(_) => DescriptorType::RegularFile,
        })
    }

    async fn set_size(&mut self, handle: Handle, size: Filesize) -> FsResult<()> {
        Ok(self.scratch_file(&handle)?.set_length(size).map_err(ErrorCode::from)?)
    }

    /// Times are fixed.
    async fn set_times(&mut self, handle: Handle, _: NewTimestamp, _: NewTimestamp) -> FsResult<()> {
        match get(&self.wasi().table, &handle)? {
            Open::PackFolder(..) | Open::PackFile(..) => Err(ErrorCode::ReadOnly.into()),
            Open::ScratchFolder(_) | Open::ScratchFile(_) => Ok(()),
        }
    }

    async fn set_times_at(
        &mut self,
        folder: Handle,
        _: PathFlags,
        path: String,
        _: NewTimestamp,
        _: NewTimestamp,
    ) -> FsResult<()> {
        let path = self.scratch_place(&folder, &path)?;
        self.files.scratch.node(&path).map(drop).ok_or_else(|| ErrorCode::NoEntry.into())
    }

    async fn read(&mut self, handle: Handle, length: Filesize, offset: Filesize) -> FsResult<(Vec<u8>, bool)> {
        let length = length.min(CHUNK);
        let bytes = match get(&self.wasi().table, &handle)? {
            Open::PackFile(pack, path, _) => pack.read(path, offset, length).map_err(ErrorCode::from)?,
            Open::ScratchFile(content) => content.read(offset, length),
            Open::PackFolder(..) | Open::ScratchFolder(_) => return Err(ErrorCode::IsDirectory.into()),
        };
        let is_end = bytes.is_empty() && length > 0;
        Ok((bytes, is_end))
    }

    async fn write(&mut self, handle: Handle, bytes: Vec<u8>, offset: Filesize) -> FsResult<Filesize> {
        self.scratch_file(&handle)?.write(offset, &bytes).map_err(ErrorCode::from)?;
        Ok(bytes.len() as u64)
    }

    async fn read_directory(&mut self, handle: Handle) -> FsResult<Resource<types::DirectoryEntryStream>> {
        let open = get(&self.wasi().table, &handle)?.clone();
        let names = match &open {
            Open::PackFolder(pack, path) => pack.list(path),
            Open::ScratchFolder(path) => self.files.scratch.list(path),
            Open::PackFile(..) | Open::ScratchFile(_) => return Err(ErrorCode::NotDirectory.into()),
        };
        let entries = Entries(names.into_iter());
        Ok(Resource::new_own(self.wasi().table.push(entries)?.rep()))
    }

    async fn create_directory_at(&mut self, folder: Handle, path: String) -> FsResult<()> {
        let path = self.scratch_place(&folder, &path)?;
        Ok(self.files.scratch.make_folder(&path).map_err(ErrorCode::from)?)
    }

    async fn stat(&mut self, handle: Handle) -> FsResult<DescriptorStat> {
        let open = get(&self.wasi().table, &handle)?.clone();
        Ok(self.stat_of(&open))
    }

    async fn stat_at(&mut self, folder: Handle, _: PathFlags, path: String) -> FsResult<DescriptorStat> {
        let open = self.look(&folder, &path)?;
        Ok(self.stat_of(&open))
    }

    async fn link_at(&mut self, _: Handle, _: PathFlags, _: String, _: Handle, _: String) -> FsResult<()> {
        Err(ErrorCode::NotPermitted.into())
    }

    async fn symlink_at(&mut self, _: Handle, _: String, _: String) -> FsResult<()> {
        Err(ErrorCode::NotPermitted.into())
    }

    async fn readlink_at(&mut self, folder: Handle, path: String) -> FsResult<String> {
        self.look(&folder, &path)?;
        Err(ErrorCode::Invalid.into())
    }

    async fn open_at(
        &mut self,
        folder: Handle,
        _: PathFlags,
        path: String,
        how: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Handle> {
        let writes = how.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE)
            || flags.intersects(DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY);
        let open = match self.place(&folder, &path)? {
            Place::Pack(..) if writes => return Err(ErrorCode::ReadOnly.into()),
            Place::Pack(pack, path) => Self::open_in_pack(pack, path)?,
            Place::Scratch(path) => self.open_in_scratch(path, how)?,
        };
        let is_folder = matches!(open, Open::PackFolder(..) | Open::ScratchFolder(_));
        if how.contains(OpenFlags::DIRECTORY) && !is_folder {
            return Err(ErrorCode::NotDirectory.into());
        }
        if flags.contains(DescriptorFlags::WRITE) && is_folder {
            return Err(ErrorCode::IsDirectory.into());
        }
        push(&mut self.wasi().table, open).map_err(FsError::trap)
    }

    async fn remove_directory_at(&mut self, folder: Handle, path: String) -> FsResult<()> {
        let path = self.scratch_place(&folder, &path)?;
        Ok(self.files.scratch.remove_folder(&path).map_err(ErrorCode::from)?)
    }

    async fn rename_at(&mut self, folder: Handle, from: String, to_folder: Handle, to: String) -> FsResult<()> {
        let from = self.scratch_place(&folder, &from)?;
        let to = self.scratch_place(&to_folder, &to)?;
        Ok(self.files.scratch.rename(&from, &to).map_err(ErrorCode::from)?)
    }

    async fn unlink_file_at(&mut self, folder: Handle, path: String) -> FsResult<()> {
        let path = self.scratch_place(&folder, &path)?;
        Ok(self.files.scratch.remove_file(&path).map_err(ErrorCode::from)?)
    }

    async fn is_same_object(&mut self, one: Handle, other: Handle) -> wasmtime::Result<bool> {
        let table = &self.wasi().table;
        let of = |handle: &Handle| -> wasmtime::Result<(u64, u64)> {
            let MetadataHashValue { lower, upper } = number(table.get(&Resource::<Open>::new_borrow(handle.rep()))?);
            Ok((lower, upper))
        };
        Ok(of(&one)? == of(&other)?)
    }

    async fn metadata_hash(&mut self, handle: Handle) -> FsResult<MetadataHashValue> {
        Ok(number(get(&self.wasi().table, &handle)?))
    }

    async fn metadata_hash_at(&mut self, folder: Handle, _: PathFlags, path: String) -> FsResult<MetadataHashValue> {
        Ok(number(&self.look(&folder, &path)?))
    }

    fn read_via_stream(&mut self, handle: Handle, offset: Filesize) -> FsResult<Resource<DynInputStream>> {
        let table = &mut self.wasi().table;
        let reader: DynInputStream = match get(table, &handle)?.clone() {
            Open::PackFile(pack, path, _) => Box::new(Reader { of: Source::Pack(pack, path), at: offset }),
            Open::ScratchFile(content) => Box::new(Reader { of: Source::Scratch(content), at: offset }),
            Open::PackFolder(..) | Open::ScratchFolder(_) => return Err(ErrorCode::IsDirectory.into()),
        };
        Ok(table.push(reader)?)
    }

    fn write_via_stream(&mut self, handle: Handle, offset: Filesize) -> FsResult<Resource<DynOutputStream>> {
        let writer: DynOutputStream = Box::new(Writer { content: self.scratch_file(&handle)?, at: Some(offset) });
        Ok(self.wasi().table.push(writer)?)
    }

    fn append_via_stream(&mut self, handle: Handle) -> FsResult<Resource<DynOutputStream>> {
        let writer: DynOutputStream = Box::new(Writer { content: self.scratch_file(&handle)?, at: None });
        Ok(self.wasi().table.push(writer)?)
    }

    fn drop(&mut self, handle: Handle) -> wasmtime::Result<()> {
        self.wasi().table.delete(Resource::<Open>::new_own(handle.rep()))?;
        Ok(())
    }
}

/// The remaining entries of a folder.
struct Entries(vec::IntoIter<(String, bool)>);

impl HostDirectoryEntryStream for CallState {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<types::DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        let Entries(rest) = self.wasi().table.get_mut(&Resource::<Entries>::new_borrow(stream.rep()))?;
        Ok(rest.next().map(|(name, is_folder)| DirectoryEntry {
            type_: if is_folder { DescriptorType::Directory } else { DescriptorType::RegularFile },
            name,
        }))
    }

    fn drop(&mut self, stream: Resource<types::DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.wasi().table.delete(Resource::<Entries>::new_own(stream.rep()))?;
        Ok(())
    }
}

// --- streams -----------------------------------------------------------------

enum Source {
    Pack(Arc<Pack>, String),
    Scratch(Arc<Content>),
}

struct Reader {
    of: Source,
    at: u64,
}

#[async_trait]
impl Pollable for Reader {
    async fn ready(&mut self) {}
}

#[async_trait]
impl InputStream for Reader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let size = (size as u64).min(CHUNK);
        let bytes = match &self.of {
            Source::Pack(pack, path) => pack.read(path, self.at, size).map_err(|_| {
                StreamError::LastOperationFailed(wasmtime::format_err!("the pack cannot be read just now"))
            })?,
            Source::Scratch(content) => content.read(self.at, size),
        };
        if bytes.is_empty() && size > 0 {
            return Err(StreamError::Closed);
        }
        self.at += bytes.len() as u64;
        Ok(bytes.into())
    }
}

struct Writer {
    content: Arc<Content>,
    /// Offset; appends if absent.
    at: Option<u64>,
}

#[async_trait]
impl Pollable for Writer {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Writer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let written = match &mut self.at {
            None => self.content.append(&bytes),
            Some(at) => self.content.write(*at, &bytes).inspect(|()| *at += bytes.len() as u64),
        };
        written.map_err(|error| StreamError::LastOperationFailed(error.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(CHUNK as usize)
    }
}
