//! The host's secrets, all derived from one file.

use std::{io::Write, path::Path, sync::OnceLock};

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, Payload},
};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, EncodingKey, jwk::Jwk};
use sha2::Sha256;
use thiserror::Error;
use xinglin_domain::id::{AccountId, PatientId, SessionId, TenantId};

use crate::ambient;

/// A key file cannot be used.
#[derive(Debug, Error)]
pub enum KeyError {
    /// It cannot be read or written.
    #[error("the host key at {path}: {source}")]
    Io {
        /// Where it should be.
        path: String,
        /// What went wrong.
        source: std::io::Error,
    },
    /// It is not 32 bytes long.
    #[error(
        "the host key at {0} is damaged: expected 32 bytes; restore it from a backup, since sessions and signatures depend on it"
    )]
    Damaged(String),
    /// It is not a list of wrapping keys.
    #[error(
        "the wrapping keys at {0} are damaged; restore the file from a backup, since who patients are is sealed under them"
    )]
    BadRing(String),
    /// It is missing, although stored data is sealed under its keys.
    #[error("there are no wrapping keys at {0}, but the records are sealed under some: restore the file from a backup")]
    NoRing(String),
}

/// Keys derived from the host key. Never printed.
pub struct Keys {
    master: Hmac<Sha256>,
    id_tokens: OnceLock<EncodingKey>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    /// Reads the host key, or generates one if there is none (readable by the owner only).
    ///
    /// # Errors
    /// If the file can be neither read nor created, or is damaged.
    pub fn open(path: &Path) -> Result<Self, KeyError> {
        let io = |source| KeyError::Io { path: path.display().to_string(), source };
        match std::fs::read(path) {
            Ok(bytes) => {
                let bytes: [u8; 32] = bytes.try_into().map_err(|_| KeyError::Damaged(path.display().to_string()))?;
                Self::of(&bytes, path)
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let master = ambient::random_bytes::<32>();
                write_new(path, &master).map_err(io)?;
                Self::of(&master, path)
            }
            Err(e) => Err(io(e)),
        }
    }

    fn of(master: &[u8; 32], path: &Path) -> Result<Self, KeyError> {
        let master = <Hmac<Sha256> as KeyInit>::new_from_slice(master);
        let master = master.map_err(|_| KeyError::Damaged(path.display().to_string()))?;
        Ok(Self { master, id_tokens: OnceLock::new() })
    }

    /// Key of access tokens.
    pub fn tokens(&self) -> [u8; 32] {
        self.derive(&[b"access-token"])
    }

    /// Key that authenticates compiled plugins on disk.
    pub fn aot_cache(&self) -> [u8; 32] {
        self.derive(&[b"aot-cache"])
    }

    /// The pseudonym of a patient for one plugin. Two plugins cannot join their data on it.
    pub fn pseudonym(&self, tenant: TenantId, plugin: &str, patient: PatientId) -> String {
        let mac = self.derive(&[
            b"pseudonym",
            tenant.to_string().as_bytes(),
            plugin.as_bytes(),
            patient.to_string().as_bytes(),
        ]);
        hex::encode(&mac[..16])
    }

    /// The pseudonym of a member of staff for one plugin.
    pub fn pseudonym_of_account(&self, tenant: TenantId, plugin: &str, account: AccountId) -> String {
        let [tenant, account] = [tenant.to_string(), account.to_string()];
        let mac = self.derive(&[b"pseudonym-account", tenant.as_bytes(), plugin.as_bytes(), account.as_bytes()]);
        hex::encode(&mac[..16])
    }

    /// The MAC of a link to the next page, for one account.
    pub fn page(&self, tenant: TenantId, account: AccountId, content: &[u8]) -> [u8; 32] {
        self.derive(&[b"page", tenant.to_string().as_bytes(), account.to_string().as_bytes(), content])
    }

    /// The MAC of a refresh token of a session and generation.
    pub fn refresh_token(&self, tenant: TenantId, session: SessionId, generation: i64) -> [u8; 32] {
        let parts = [tenant.to_string(), session.to_string()];
        let [tenant, session] = parts.each_ref().map(|part| part.as_bytes());
        self.derive(&[b"refresh-token", tenant, session, &generation.to_be_bytes()])
    }

    /// Key of id tokens: ECDSA on P-256 (ES256), with a public half that is published.
    pub fn id_tokens(&self) -> &EncodingKey {
        self.id_tokens.get_or_init(|| self.derive_id_tokens())
    }

    fn derive_id_tokens(&self) -> EncodingKey {
        // PKCS #8 before the scalar: version 0, id-ecPublicKey, prime256v1, ECPrivateKey 1.
        const HEAD: [u8; 35] = [
            0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
            0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20,
        ];
        // One value in 2^32 is not a valid scalar.
        let numbers = (0u8..).map(|attempt| self.derive(&[b"id-token", &[attempt]]));
        let mut keys = numbers.map(|number| EncodingKey::from_ec_der(&[HEAD.as_slice(), &number].concat()));
        let sound = keys.find(|key| Jwk::from_encoding_key(key, Algorithm::ES256).is_ok());
        sound.unwrap_or_else(|| EncodingKey::from_ec_der(&[]))
    }

    /// Encrypts a value of a plugin or account, bound to its place: tenant, owner, kind and name. A
    /// row that is moved elsewhere cannot be decrypted.
    pub fn seal(&self, place: &Place<'_>, content: &[u8]) -> Vec<u8> {
        seal(&self.plugin_secret(), &place.bytes(), content)
    }

    /// Decrypts; `None` if it was not sealed for this place by this host.
    pub fn unseal(&self, place: &Place<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
        unseal(&self.plugin_secret(), &place.bytes(), sealed)
    }

    fn plugin_secret(&self) -> [u8; 32] {
        self.derive(&[b"plugin-secret"])
    }

    /// A keyed digest of an identifying value that is only compared, within one tenant.
    pub fn blind(&self, tenant: TenantId, value: &str) -> [u8; 32] {
        self.derive(&[b"blind-index", tenant.to_string().as_bytes(), value.as_bytes()])
    }

    /// Signs as a practitioner, with the key that the host holds for them.
    pub fn sign(&self, account: AccountId, message: &[u8]) -> [u8; 64] {
        self.practitioner(account).sign(message).to_bytes()
    }

    /// The public half of a practitioner's key.
    pub fn public_key(&self, account: AccountId) -> [u8; 32] {
        self.practitioner(account).verifying_key().to_bytes()
    }

    fn practitioner(&self, account: AccountId) -> SigningKey {
        SigningKey::from_bytes(&self.derive(&[b"practitioner", account.to_string().as_bytes()]))
    }

    /// HMAC-SHA256 over length-prefixed parts, so that different lists of parts give different
    /// input.
    fn derive(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.master.clone().chain_update(joined(parts)).finalize().into_bytes().into()
    }
}

/// Encrypts with a key, bound to one place. AES-256-GCM: 12 bytes of nonce, ciphertext, 16 bytes of
/// tag.
pub fn seal(key: &[u8; 32], place: &[u8], content: &[u8]) -> Vec<u8> {
    let nonce = ambient::random_bytes::<12>();
    let payload = Payload { msg: content, aad: place };
    // Fails only beyond 64 GiB.
    let sealed = cipher(key).encrypt(&Nonce::from(nonce), payload).unwrap_or_default();
    [nonce.as_slice(), &sealed].concat()
}

/// Decrypts; `None` if it was not sealed with this key for this place.
pub fn unseal(key: &[u8; 32], place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_first_chunk::<12>()?;
    let payload = Payload { msg: sealed, aad: place };
    cipher(key).decrypt(&Nonce::from(*nonce), payload).ok()
}

fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    <Aes256Gcm as aes_gcm::KeyInit>::new(&(*key).into())
}

/// Length-prefixed, so that different lists of parts give different bytes.
pub fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().flat_map(|part| [(part.len() as u64).to_be_bytes().as_slice(), part].concat()).collect()
}

/// The place of a sealed value.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// The plugin or account.
    pub owner: &'a str,
    /// `secret`, `second-factor`, `authorize`, `provider`, or the kind of the key.
    pub kind: &'a str,
    /// The name in the manifest; empty if there is one of a kind.
    pub name: &'a str,
}

impl Place<'_> {
    fn bytes(&self) -> Vec<u8> {
        let tenant = self.tenant.to_string();
        joined(&[tenant.as_str(), self.owner, self.kind, self.name].map(str::as_bytes))
    }
}

/// Writes a new file, accessible to its owner only, synced to disk.
fn write_new(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Replaces a file atomically; accessible to its owner only.
pub(crate) fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension(format!("{:032x}", ambient::fresh_id()));
    write_new(&beside, content)?;
    std::fs::rename(&beside, path)?;
    // Syncs the directory entry.
    path.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
}

/// Creates the folder, if it does not exist, accessible to its owner only: it holds patients'
/// records.
///
/// # Errors
/// If it cannot be created.
pub fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Verifies a signature. Strict: no malleable signatures or small-order keys.
pub fn verify(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(key) = <[u8; 32]>::try_from(public_key) else { return false };
    let (Ok(key), Ok(signature)) = (VerifyingKey::from_bytes(&key), ed25519_dalek::Signature::from_slice(signature))
    else {
        return false;
    };
    key.verify_strict(message, &signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let keys = Keys::of(&[7; 32], Path::new("host.key")).unwrap();
        let here = Place { tenant: TenantId::from_u128(1), owner: "acme.gateway", kind: "secret", name: "token" };
        let sealed = keys.seal(&here, b"s3cret");
        assert_eq!(keys.unseal(&here, &sealed).as_deref(), Some(b"s3cret".as_slice()));
        assert_ne!(keys.seal(&here, b"s3cret"), sealed, "a fresh nonce each time");
        assert!(!sealed.windows(6).any(|bytes| bytes == b"s3cret"));
        for elsewhere in [
            Place { tenant: TenantId::from_u128(2), ..here },
            Place { owner: "acme.gatewa", kind: "ysecret", ..here },
            Place { kind: "sm4", ..here },
            Place { name: "token2", ..here },
        ] {
            assert_eq!(keys.unseal(&elsewhere, &sealed), None, "{elsewhere:?}");
        }
        let other = Keys::of(&[8; 32], Path::new("host.key")).unwrap();
        assert_eq!(other.unseal(&here, &sealed), None);
        let mut bent = sealed.clone();
        bent[14] ^= 1;
        assert_eq!(keys.unseal(&here, &bent), None);
        assert_eq!(keys.unseal(&here, &sealed[..11]), None);
    }
}
