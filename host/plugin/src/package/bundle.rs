//! A bundle: a package with its signatures in one file, written by `plugin save`, and used to
//! transfer signatures over HTTP.
//!
//! A tar archive (ustar) of `index.json`, `plugin.wasm` and `plugin.wasm.KEYID.minisig`, readable
//! with tar and minisign. The index comes first and lists every other entry with size and
//! SHA-256. Any deviation is refused. Nothing is written to a path, and sizes are compared with
//! their limits before use.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::Package;
use super::signature::{KeyId, Signature};
use crate::{digest::Digest, error::PluginError};

/// A package with its signatures; only the index is checked.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The component.
    pub component: Arc<[u8]>,
    /// Its signatures, one for each key.
    pub signatures: Vec<Signature>,
}

/// The index.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    format: String,
    entries: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    size: usize,
    sha256: Digest,
}

const FORMAT: &str = "xinglin-bundle-1";
const INDEX: &str = "index.json";
const COMPONENT: &str = "plugin.wasm";
const BLOCK: usize = 512;

impl Bundle {
    /// The media type.
    pub const MEDIA_TYPE: &str = "application/vnd.xinglin.bundle+tar";
    /// Maximum size: a component, its signatures, the index and the tar headers.
    pub const MAX_BYTES: usize = Package::MAX_BYTES + (1 << 20);
    const MAX_INDEX: usize = 16 << 10;

    /// A bundle without signatures.
    pub fn unsigned(component: impl Into<Arc<[u8]>>) -> Self {
        Self { component: component.into(), signatures: Vec::new() }
    }

    /// Whether bytes look like a bundle rather than a component.
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(b"index.json\0")
    }

    /// File name of a signature, next to the file of its package.
    pub fn signature_name(package: &str, key: KeyId) -> String {
        format!("{package}.{key}.minisig")
    }

    /// Writes the file; deterministic.
    ///
    /// # Errors
    /// If the index cannot be serialised, which does not happen.
    pub fn to_bytes(&self) -> Result<Vec<u8>, PluginError> {
        let mut files: Vec<(String, &[u8])> = vec![(COMPONENT.to_owned(), &self.component)];
        for signature in &self.signatures {
            files.push((Self::signature_name(COMPONENT, signature.key()), signature.text().as_bytes()));
        }
        let entry = |(name, bytes): &(String, &[u8])| Entry {
            name: name.clone(),
            size: bytes.len(),
            sha256: Digest::of(bytes),
        };
        let index = Index { format: FORMAT.to_owned(), entries: files.iter().map(entry).collect() };
        let index = serde_json::to_vec_pretty(&index).map_err(|e| PluginError::Bundle(e.to_string()))?;
        let mut out = Vec::with_capacity(self.component.len() + (16 << 10));
        append(&mut out, INDEX, &index);
        for (name, bytes) in &files {
            append(&mut out, name, bytes);
        }
        out.resize(out.len() + 2 * BLOCK, 0);
        Ok(out)
    }

    /// Parses the file.
    ///
    /// # Errors
    /// `PLUGIN_INVALID` if it is truncated, differs from the index, or contains anything else.
    pub fn read(bytes: &[u8]) -> Result<Self, PluginError> {
        let wrong = |reason: String| PluginError::Bundle(reason);
        if bytes.len() > Self::MAX_BYTES {
            return Err(PluginError::TooLarge { what: "the bundle", size: bytes.len(), limit: Self::MAX_BYTES });
        }
        let mut files = Files { rest: bytes };
        let index = match files.next()? {
            Some((INDEX, index)) if index.len() <= Self::MAX_INDEX => index,
            Some((INDEX, _)) => return Err(wrong("its index is too large".into())),
            _ => return Err(wrong("it does not begin with index.json".into())),
        };
        let index: Index = serde_json::from_slice(index).map_err(|e| wrong(format!("its index: {e}")))?;
        if index.format != FORMAT {
            return Err(wrong("its index is of a kind that this version does not read".into()));
        }
        let mut listed = BTreeMap::new();
        for entry in index.entries {
            let limit = if entry.name == COMPONENT { Package::MAX_BYTES } else { Signature::MAX_BYTES };
            if entry.size > limit {
                return Err(wrong(format!("its index lists {} bytes for `{}`", entry.size, short(&entry.name))));
            }
            if let Some(twice) = listed.insert(entry.name.clone(), entry) {
                return Err(wrong(format!("its index lists `{}` twice", short(&twice.name))));
            }
        }
        let (mut component, mut signatures) = (None, Vec::<Signature>::new());
        while let Some((name, content)) = files.next()? {
            let Some(entry) = listed.remove(name) else {
                return Err(wrong(format!("`{}` is not in its index, or there twice", short(name))));
            };
            if entry.size != content.len() || entry.sha256 != Digest::of(content) {
                return Err(wrong(format!("`{}` is not what its index says", short(name))));
            }
            if name == COMPONENT {
                component = Some(Arc::from(content));
                continue;
            }
            let signature = Signature::parse(content)?;
            if name != Self::signature_name(COMPONENT, signature.key()) {
                return Err(wrong(format!("`{}` is neither the package nor a signature of it", short(name))));
            }
            signatures.push(signature);
            if signatures.len() > Signature::MOST {
                return Err(wrong(format!("it has more than {} signatures", Signature::MOST)));
            }
        }
        if let Some(name) = listed.keys().next() {
            return Err(wrong(format!("`{}` is missing", short(name))));
        }
        let component = component.ok_or_else(|| wrong(format!("it has no {COMPONENT}")))?;
        Ok(Self { component, signatures })
    }
}

/// A name of the archive, shortened for an error message.
fn short(name: &str) -> String {
    name.chars().take(64).map(|c| if c.is_control() { '?' } else { c }).collect()
}

// --- the subset of tar in use ----------------------------------------------------

/// Iterates over regular files with plain names.
struct Files<'a> {
    rest: &'a [u8],
}

impl<'a> Files<'a> {
    /// The next file; `None` at the end mark.
    fn next(&mut self) -> Result<Option<(&'a str, &'a [u8])>, PluginError> {
        let wrong = |reason: &str| PluginError::Bundle(reason.to_owned());
        let cut = || wrong("it is cut short");
        let (header, after) = self.rest.split_at_checked(BLOCK).ok_or_else(cut)?;
        if header.iter().all(|byte| *byte == 0) {
            // Two empty blocks, then only padding.
            let ended = after.len() >= BLOCK && after.len() <= 64 * BLOCK && after.iter().all(|byte| *byte == 0);
            return if ended { Ok(None) } else { Err(wrong("something follows its end, or its end is missing")) };
        }
        let field = |at: usize, length: usize| header.get(at..at + length).unwrap_or_default();
        if !field(257, 6).starts_with(b"ustar") || number(field(148, 8)) != Some(checksum(header)) {
            return Err(wrong("it is not a tar, or its header is damaged"));
        }
        let plain_file = matches!(field(156, 1), b"0" | b"\0");
        if !plain_file || field(157, 100).iter().any(|byte| *byte != 0) || field(345, 155).iter().any(|byte| *byte != 0)
        {
            return Err(wrong("it holds something else than plain files: a link, a folder, a long name"));
        }
        let name = field(0, 100);
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let name = std::str::from_utf8(name).ok().filter(|name| !name.starts_with('.') && !name.is_empty());
        let name = name.filter(|name| name.bytes().all(|byte| plain(&byte)));
        let name = name.ok_or_else(|| wrong("an entry has a name with a path, or none"))?;
        let size = number(field(124, 12)).and_then(|size| usize::try_from(size).ok()).ok_or_else(cut)?;
        let padded = size.checked_next_multiple_of(BLOCK).ok_or_else(cut)?;
        let (content, rest) = after.split_at_checked(padded).ok_or_else(cut)?;
        let (content, padding) = content.split_at_checked(size).ok_or_else(cut)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(wrong("something is hidden between its entries"));
        }
        self.rest = rest;
        Ok(Some((name, content)))
    }
}

/// An octal number, terminated by blanks or zeros.
fn number(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    u64::from_str_radix(text, 8).ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

/// The sum of all bytes of a header, with the checksum field as blanks.
fn checksum(header: &[u8]) -> u64 {
    header.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) }).sum()
}

fn append(out: &mut Vec<u8>, name: &str, content: &[u8]) {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &str| {
        for (to, byte) in header.iter_mut().skip(at).zip(text.bytes()) {
            *to = byte;
        }
    };
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum = checksum(&header);
    let mut put = |at: usize, text: &str| {
        for (to, byte) in header.iter_mut().skip(at).zip(text.bytes()) {
            *to = byte;
        }
    };
    put(148, &format!("{sum:06o}\0 "));
    out.extend_from_slice(&header);
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}
