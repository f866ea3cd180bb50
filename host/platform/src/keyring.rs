//! The keys that wrap persons' keys (`store/src/engine/vault.rs`): a separate file, so that they
//! can be rotated without changing what is derived from the host key.
//!
//! One line per key, the newest last: its generation from 1, its creation time, and the key in hex
//! or `retired`. A copy of the database without this file discloses no names; store it with the
//! host key and separate from database backups.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use xinglin_domain::{id::TenantId, time::Instant};
use xinglin_store::{KeyOf, Vault, WrappedKey};

use crate::{
    ambient,
    keys::{KeyError, Keys, joined, replace, seal, unseal},
};

/// One wrapping key.
#[derive(Clone, PartialEq, Eq)]
struct Wrapping {
    drawn: Instant,
    /// `None` if it is retired.
    key: Option<[u8; 32]>,
}

/// The wrapping keys of this host. Never printed.
pub struct Keyring {
    path: PathBuf,
    keys: Arc<Keys>,
    ring: RwLock<Vec<Wrapping>>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(…)")
    }
}

impl Keyring {
    /// Reads the file. Without a file the ring is empty.
    ///
    /// # Errors
    /// If the file cannot be read, or is damaged.
    pub fn open(path: &Path, keys: Arc<Keys>) -> Result<Self, KeyError> {
        let ring = RwLock::new(read(path)?);
        Ok(Self { path: path.to_owned(), keys, ring })
    }

    /// Generation and creation time of the newest key; `None` if there is no key.
    ///
    /// # Errors
    /// As [`Keyring::open`].
    pub fn newest(&self) -> Result<Option<(i64, Instant)>, KeyError> {
        let ring = self.read_again()?;
        let generation = i64::try_from(ring.len()).unwrap_or(i64::MAX);
        Ok(ring.last().map(|newest| (generation, newest.drawn)))
    }

    /// Generates a new wrapping key, used from now on by every host with the file; older keys still
    /// unwrap. Returns its generation.
    ///
    /// # Errors
    /// If the file cannot be read and replaced.
    pub fn rotate(&self, now: Instant) -> Result<i64, KeyError> {
        let mut ring = self.read_again()?;
        ring.push(Wrapping { drawn: now, key: Some(ambient::random_bytes::<32>()) });
        self.write(ring)
    }

    /// Deletes all keys but the newest: what is still wrapped under them is lost. Returns their
    /// number.
    ///
    /// # Errors
    /// If the file cannot be read and replaced.
    pub fn retire(&self) -> Result<usize, KeyError> {
        let mut ring = self.read_again()?;
        let older = ring.len().saturating_sub(1);
        let retired = ring.iter_mut().take(older).filter_map(|one| one.key.take()).count();
        self.write(ring)?;
        Ok(retired)
    }

    fn write(&self, ring: Vec<Wrapping>) -> Result<i64, KeyError> {
        let line = |(index, Wrapping { drawn, key }): (usize, &Wrapping)| {
            let key = key.map_or_else(|| "retired".to_owned(), hex::encode);
            format!("{} {drawn} {key}\n", index + 1)
        };
        let text: String = ring.iter().enumerate().map(line).collect();
        replace(&self.path, text.as_bytes())
            .map_err(|source| KeyError::Io { path: self.path.display().to_string(), source })?;
        let newest = i64::try_from(ring.len()).unwrap_or(i64::MAX);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(newest)
    }

    /// Reads the file again, as another process may have changed it.
    fn read_again(&self) -> Result<Vec<Wrapping>, KeyError> {
        let ring = read(&self.path)?;
        self.ring.write().unwrap_or_else(PoisonError::into_inner).clone_from(&ring);
        Ok(ring)
    }

    fn wrapping(&self, generation: i64) -> Option<[u8; 32]> {
        let index = usize::try_from(generation).ok()?.checked_sub(1)?;
        let known = self.ring.read().unwrap_or_else(PoisonError::into_inner).get(index).cloned();
        let wrapping = match known {
            Some(known) => known,
            None => self.read_again().ok()?.get(index)?.clone(),
        };
        wrapping.key
    }

    fn wrap<'k>(&self, keys: impl IntoIterator<Item = (KeyOf<'k>, [u8; 32])>) -> Option<Vec<WrappedKey>> {
        let ring = self.read_again().inspect_err(|error| tracing::error!(%error, "the wrapping keys")).ok()?;
        let generation = i64::try_from(ring.len()).ok()?;
        let newest = ring.last()?.key?;
        let wrap = |(of, key): (KeyOf<'_>, [u8; 32])| {
            let wrapped = seal(&newest, &place(&of, &format!("key/{generation}")), &key);
            WrappedKey { generation, wrapped }
        };
        Some(keys.into_iter().map(wrap).collect())
    }

    fn unwrap(&self, of: &KeyOf<'_>, key: &WrappedKey) -> Option<[u8; 32]> {
        let wrapping = self.wrapping(key.generation)?;
        unseal(&wrapping, &place(of, &format!("key/{}", key.generation)), &key.wrapped)?.try_into().ok()
    }
}

fn place(of: &KeyOf<'_>, what: &str) -> Vec<u8> {
    let KeyOf { tenant, owner, serial } = of;
    joined(&[tenant.to_string().as_bytes(), owner.as_bytes(), &serial.to_be_bytes(), what.as_bytes()])
}

fn read(path: &Path) -> Result<Vec<Wrapping>, KeyError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(KeyError::Io { path: path.display().to_string(), source }),
    };
    let line = |(index, line): (usize, &str)| {
        let [generation, drawn, key] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let key = match key {
            "retired" => None,
            key => Some(hex::decode(key).ok()?.try_into().ok()?),
        };
        let is_next = generation.parse() == Ok(index + 1);
        is_next.then_some(Wrapping { drawn: Instant::parse(drawn)?, key })
    };
    let ring: Option<Vec<Wrapping>> = text.lines().enumerate().map(line).collect();
    ring.ok_or_else(|| KeyError::BadRing(path.display().to_string()))
}

impl Vault for Keyring {
    fn draw(&self, of: &[KeyOf<'_>]) -> Option<Vec<WrappedKey>> {
        self.wrap(of.iter().map(|of| (*of, ambient::random_bytes::<32>())))
    }

    fn wrap_anew(&self, keys: &[(KeyOf<'_>, &WrappedKey)]) -> Option<Vec<WrappedKey>> {
        let plain: Option<Vec<_>> = keys.iter().map(|(of, key)| Some((*of, self.unwrap(of, key)?))).collect();
        self.wrap(plain?)
    }

    fn seal(&self, of: &KeyOf<'_>, key: &WrappedKey, at: &str, text: &str) -> Option<Vec<u8>> {
        Some(seal(&self.unwrap(of, key)?, &place(of, at), text.as_bytes()))
    }

    fn unseal(&self, of: &KeyOf<'_>, key: &WrappedKey, at: &str, sealed: &[u8]) -> Option<String> {
        String::from_utf8(unseal(&self.unwrap(of, key)?, &place(of, at), sealed)?).ok()
    }

    fn blind(&self, tenant: TenantId, value: &str) -> String {
        hex::encode(&self.keys.blind(tenant, value)[..16])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_micros(1_790_000_000_000_000);

    fn ring(name: &str) -> (PathBuf, Keyring) {
        let folder = std::env::temp_dir().join(format!("xinglin-keyring-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&folder));
        crate::keys::private_folder(&folder).expect("a folder");
        let keys = Keys::open(&folder.join("host.key")).expect("a key");
        let ring = Keyring::open(&folder.join("record.keys"), Arc::new(keys)).expect("a ring");
        (folder, ring)
    }

    fn of(owner: &str) -> KeyOf<'_> {
        KeyOf { tenant: TenantId::from_u128(1), owner, serial: 1 }
    }

    fn draw(ring: &Keyring, owner: &str) -> Option<WrappedKey> {
        ring.draw(&[of(owner)])?.pop()
    }

    #[test]
    fn what_is_sealed_opens_for_its_owner_in_its_place() {
        let (folder, ring) = ring("owner");
        assert_eq!(draw(&ring, "pat-1"), None, "there is nothing to wrap it with");
        assert_eq!(ring.rotate(NOW).expect("drawn"), 1);
        let key = draw(&ring, "pat-1").expect("a key");
        let sealed = ring.seal(&of("pat-1"), &key, "Patient/pat-1/1", "欧阳明月").expect("sealed");
        let open = |of: &KeyOf<'_>, key: &WrappedKey, at: &str| ring.unseal(of, key, at, &sealed);
        assert_eq!(open(&of("pat-1"), &key, "Patient/pat-1/1").as_deref(), Some("欧阳明月"));
        assert_eq!(open(&of("pat-2"), &key, "Patient/pat-1/1"), None);
        assert_eq!(open(&of("pat-1"), &key, "Patient/pat-1/2"), None);
        let other = draw(&ring, "pat-1").expect("another key");
        assert_eq!(open(&of("pat-1"), &other, "Patient/pat-1/1"), None);
        assert_ne!(ring.blind(TenantId::from_u128(1), "1"), ring.blind(TenantId::from_u128(2), "1"));
        drop(std::fs::remove_dir_all(folder));
    }

    #[test]
    fn keys_are_changed_and_the_old_ones_forgotten() {
        let (folder, ring) = ring("rotate");
        ring.rotate(NOW).expect("drawn");
        // A second host with the same file.
        let keys = Arc::new(Keys::open(&folder.join("host.key")).expect("the key"));
        let other = Keyring::open(&folder.join("record.keys"), keys).expect("the ring");
        let old = draw(&ring, "pat-1").expect("a key");
        let sealed = ring.seal(&of("pat-1"), &old, "x", "name").expect("sealed");
        assert_eq!(ring.rotate(NOW.plus_seconds(1)).expect("drawn"), 2);
        assert_eq!(draw(&other, "pat-2").map(|key| key.generation), Some(2), "it looks each time");
        let new = ring.wrap_anew(&[(of("pat-1"), &old)]).and_then(|mut new| new.pop()).expect("wrapped anew");
        assert_eq!((new.generation, ring.newest().expect("read")), (2, Some((2, NOW.plus_seconds(1)))));
        assert_eq!(other.unseal(&of("pat-1"), &new, "x", &sealed).as_deref(), Some("name"));
        assert_eq!(ring.retire().expect("retired"), 1);
        assert_eq!(ring.unseal(&of("pat-1"), &old, "x", &sealed), None);
        assert_eq!(ring.unseal(&of("pat-1"), &new, "x", &sealed).as_deref(), Some("name"));
        let text = std::fs::read_to_string(folder.join("record.keys")).expect("read");
        assert!(text.starts_with("1 2026-09-21T") && text.lines().next().is_some_and(|one| one.ends_with(" retired")));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(folder.join("record.keys")).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::write(folder.join("record.keys"), "1 2026-09-21T00:00:00Z beef\n").expect("written");
        assert!(matches!(ring.newest(), Err(KeyError::BadRing(_))));
        drop(std::fs::remove_dir_all(folder));
    }
}
