//! Minisign signatures of packages, and their keys.
//!
//! The format is minisign's, prehashed, over the exact bytes of the component, and can be
//! verified with stock minisign: `minisign -Vm pkg.wasm -x pkg.wasm.KEYID.minisig -P KEY`.

use std::{fmt, io::Cursor, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD};
use semver::Version;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use xinglin_domain::time::Instant;

use super::Package;
use crate::{digest::Digest, error::PluginError};

/// Role of a signer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignerRole {
    /// The publisher of the plugin.
    Vendor,
    /// A clinical committee that reviewed it.
    Clinical,
    /// The hospital, or the operator of the host.
    Hospital,
}

impl SignerRole {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Vendor, Self::Clinical, Self::Hospital];

    /// The text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vendor => "vendor",
            Self::Clinical => "clinical",
            Self::Hospital => "hospital",
        }
    }
}

impl fmt::Display for SignerRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SignerRole {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|role| role.as_str() == text);
        known.ok_or_else(|| format!("`{text}` is no role; there are vendor, clinical and hospital"))
    }
}

/// Id of a key pair: 16 hexadecimal digits, as printed by minisign.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(u64);

impl KeyId {
    /// From minisign's key number.
    fn of(keynum: &[u8]) -> Option<Self> {
        Some(Self(u64::from_le_bytes(keynum.try_into().ok()?)))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A minisign public key: the base64 line that `minisign -P` takes.
#[derive(Clone)]
pub struct PublicKey {
    key: minisign::PublicKey,
    id: KeyId,
}

impl PublicKey {
    /// Its id.
    pub fn id(&self) -> KeyId {
        self.id
    }
}

/// Parses the bare line, or a whole `.pub` file.
impl FromStr for PublicKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = "not a minisign public key: it is the line that begins with RW in the .pub file".to_owned();
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        let bytes = STANDARD.decode(line).ok().filter(|bytes| bytes.len() == 42 && bytes.starts_with(b"Ed"));
        let key = bytes.and_then(|bytes| minisign::PublicKey::from_bytes(&bytes).ok()).ok_or_else(|| wrong.clone())?;
        let id = KeyId::of(key.keynum()).ok_or(wrong)?;
        Ok(Self { key, id })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key.to_base64())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.key.to_bytes() == other.key.to_bytes()
    }
}

impl Eq for PublicKey {}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A parsed signature file, not verified.
#[derive(Clone)]
pub struct Signature {
    text: String,
    parsed: minisign::SignatureBox,
    key: KeyId,
    comment: String,
}

impl Signature {
    /// Maximum size of a file, in bytes.
    pub const MAX_BYTES: usize = 16 << 10;
    /// Maximum number of signatures of a package.
    pub const MOST: usize = 16;

    /// Parses a `.minisig` file.
    ///
    /// # Errors
    /// `PLUGIN_INVALID` if it is not a minisign signature of four lines, prehashed (minisign's
    /// default since 0.10).
    pub fn parse(bytes: &[u8]) -> Result<Self, PluginError> {
        let wrong = |reason: &str| PluginError::Bundle(format!("not a minisign signature: {reason}"));
        if bytes.len() > Self::MAX_BYTES {
            return Err(PluginError::TooLarge { what: "a signature", size: bytes.len(), limit: Self::MAX_BYTES });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("it is no text"))?;
        let lines: Vec<&str> =
            text.trim_end_matches(['\n', '\r']).split('\n').map(|l| l.trim_end_matches('\r')).collect();
        let [untrusted, signature, comment, global] = lines.as_slice() else {
            return Err(wrong("it does not have four lines"));
        };
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(wrong("its comments hold control characters"));
        }
        // The library does not check the lengths, and relies on them later.
        let long = |line: &str, length: usize| STANDARD.decode(line).ok().filter(|bytes| bytes.len() == length);
        let head = long(signature, 74).ok_or_else(|| wrong("its second line is damaged"))?;
        long(global, 64).ok_or_else(|| wrong("its fourth line is damaged"))?;
        if head.starts_with(b"Ed") {
            return Err(wrong("it was made without prehashing; sign again with minisign 0.10 or later, without -l"));
        }
        let text = format!("{untrusted}\n{signature}\n{comment}\n{global}\n");
        let parsed = minisign::SignatureBox::from_string(&text).map_err(|e| wrong(&e.to_string()))?;
        let comment = parsed.trusted_comment().map_err(|e| wrong(&e.to_string()))?;
        let key = KeyId::of(parsed.keynum()).ok_or_else(|| wrong("it names no key"))?;
        Ok(Self { text, parsed, key, comment })
    }

    /// The key that it names.
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// The file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The trusted comment; authenticated only if [`Signature::fits`] returns `true`.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// Whether it is valid for this key, these bytes and its comment.
    pub fn fits(&self, key: &PublicKey, bytes: &[u8]) -> bool {
        minisign::verify(&key.key, &self.parsed, Cursor::new(bytes), true, false, false).is_ok()
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", self.key)
    }
}

/// The signer's statement in the trusted comment. Plugin and version are in the signed bytes
/// themselves; the statement shows a person what was signed, and reveals a wrong file or key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Id of the plugin.
    pub id: String,
    /// Its version.
    pub version: Version,
    /// SHA-256 of the package.
    pub digest: Digest,
    /// The signer's role.
    pub role: SignerRole,
    /// Time of signing.
    pub time: Instant,
    /// Free text: one line.
    pub comment: String,
}

impl Statement {
    const MARK: &str = "xinglin-1";
    const MAX_COMMENT: usize = 512;

    /// A statement on this package.
    ///
    /// # Errors
    /// If the comment is longer than 512 bytes or more than one line.
    pub fn of(package: &Package, role: SignerRole, time: Instant, comment: &str) -> Result<Self, String> {
        if comment.len() > Self::MAX_COMMENT || comment.chars().any(char::is_control) {
            return Err(format!("a comment is one line of at most {} bytes", Self::MAX_COMMENT));
        }
        let manifest = package.manifest();
        Ok(Self {
            id: manifest.id.clone(),
            version: manifest.version.clone(),
            digest: package.digest(),
            role,
            time,
            comment: comment.trim().to_owned(),
        })
    }

    /// Parses a trusted comment; `None` if it is not in this host's format, as those of stock
    /// minisign.
    ///
    /// # Errors
    /// If it is in this format and malformed.
    pub fn parse(comment: &str) -> Result<Option<Self>, String> {
        let Some(rest) = comment.strip_prefix(Self::MARK) else {
            return match comment.starts_with("xinglin-") {
                true => Err("its trusted comment is of a newer kind than this version reads".into()),
                false => Ok(None),
            };
        };
        let read = || {
            let mut rest = rest.strip_prefix(' ')?;
            let mut field = |name: &str| {
                let (value, after) = rest.strip_prefix(name)?.strip_prefix('=')?.split_once(' ')?;
                rest = after;
                Some(value)
            };
            Some(Self {
                id: field("id")?.to_owned(),
                version: field("version")?.parse().ok()?,
                digest: field("sha256")?.parse().ok()?,
                role: field("role")?.parse().ok()?,
                time: Instant::parse(field("time")?)?,
                comment: rest.strip_prefix("comment=")?.to_owned(),
            })
        };
        read().map(Some).ok_or_else(|| "its trusted comment cannot be read".to_owned())
    }

    /// The first difference from the package, if any.
    pub(crate) fn mismatch(&self, package: &Package) -> Option<String> {
        let manifest = package.manifest();
        if self.id != manifest.id {
            return Some(format!("it was made for {}", self.id));
        }
        if self.version != manifest.version {
            return Some(format!("it was made for version {}", self.version));
        }
        (self.digest != package.digest()).then(|| format!("it was made for sha256:{}", self.digest))
    }
}

/// The format of the trusted comment.
impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, version, digest, role, time, comment } = self;
        write!(f, "{} id={id} version={version} sha256={digest} role={role} time={time} comment={comment}", Self::MARK)
    }
}
