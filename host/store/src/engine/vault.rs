//! Keys of persons, stored wrapped; the store cannot use them.

use std::fmt;

use xinglin_domain::id::TenantId;

use crate::{Result, StoreError, db::Row};

/// Uses the wrapped keys of the store.
pub trait Vault: fmt::Debug + Send + Sync {
    /// Generates a key for each and wraps it with the newest wrapping key. `None` without a
    /// wrapping key.
    fn draw(&self, of: &[KeyOf<'_>]) -> Option<Vec<WrappedKey>>;
    /// Re-wraps keys with the newest wrapping key; `None` if one cannot be unwrapped.
    fn wrap_anew(&self, keys: &[(KeyOf<'_>, &WrappedKey)]) -> Option<Vec<WrappedKey>>;
    /// Encrypts a text, bound to one place; `None` if the key cannot be unwrapped.
    fn seal(&self, of: &KeyOf<'_>, key: &WrappedKey, place: &str, text: &str) -> Option<Vec<u8>>;
    /// Decrypts; `None` if it was not sealed with this key for this place.
    fn unseal(&self, of: &KeyOf<'_>, key: &WrappedKey, place: &str, sealed: &[u8]) -> Option<String>;
    /// A keyed digest of a value that is only compared, within one tenant.
    fn blind(&self, tenant: TenantId, value: &str) -> String;
}

/// Identifies a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyOf<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// The id of a patient, or `Type/id` of a person without a patient.
    pub owner: &'a str,
    /// From 1; increases with each new key of a person, after the former was destroyed.
    pub serial: i64,
}

/// A key that only a [`Vault`] can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// The generation of the wrapping key.
    pub generation: i64,
    /// The encrypted key.
    pub wrapped: Vec<u8>,
}

/// A key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonKey {
    /// See [`KeyOf::owner`].
    pub owner: String,
    /// See [`KeyOf::serial`].
    pub serial: i64,
    /// `None` if it was destroyed.
    pub key: Option<WrappedKey>,
}

impl TryFrom<Row> for PersonKey {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        let generation = row.get("generation")?;
        let wrapped: Option<Vec<u8>> = row.get("wrapped")?;
        Ok(Self {
            owner: row.get("owner")?,
            serial: row.get("serial")?,
            key: wrapped.map(|wrapped| WrappedKey { generation, wrapped }),
        })
    }
}
