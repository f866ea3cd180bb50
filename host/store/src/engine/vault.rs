//! Keys of people, which the store keeps and cannot use.

use std::fmt;

use xinglin_domain::id::TenantId;

use crate::{Result, StoreError, db::Row};

/// Uses keys that the store keeps and cannot use.
pub trait Vault: fmt::Debug + Send + Sync {
    /// Draws a key for each and wraps it under the newest wrapping key. `None` if there
    /// is none to wrap them with.
    fn draw(&self, of: &[KeyOf<'_>]) -> Option<Vec<WrappedKey>>;
    /// The same keys under the newest wrapping key; `None` if one cannot be unwrapped.
    fn wrap_anew(&self, keys: &[(KeyOf<'_>, &WrappedKey)]) -> Option<Vec<WrappedKey>>;
    /// Seals a text for one place, or `None` if the key cannot be unwrapped.
    fn seal(&self, of: &KeyOf<'_>, key: &WrappedKey, place: &str, text: &str) -> Option<Vec<u8>>;
    /// What was sealed for this place under this key, or `None` if it was not.
    fn unseal(&self, of: &KeyOf<'_>, key: &WrappedKey, place: &str, sealed: &[u8]) -> Option<String>;
    /// Stands for a value that is only ever compared, in one tenant.
    fn blind(&self, tenant: TenantId, value: &str) -> String;
}

/// Which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyOf<'a> {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Of whom: the id of a patient, or `Type/id` of somebody who is not tied to one.
    pub owner: &'a str,
    /// Tells the key from those of the same person that were destroyed before. From 1.
    pub serial: i64,
}

/// A key that only a [`Vault`] can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Which of the wrapping keys it takes to unwrap it.
    pub generation: i64,
    /// The key, sealed.
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
