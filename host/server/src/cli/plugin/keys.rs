//! Signing keys, in minisign's format.

use std::{
    io::{Cursor, IsTerminal},
    path::Path,
};

use anyhow::{Context, Result, anyhow, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use minisign::{KeyPair, SecretKey, SecretKeyBox};
use xinglin_domain::time::Instant;
use xinglin_runtime::{Package, PublicKey, Signature, SignerRole, Statement};

/// Environment variable for the password of a key.
const PASSWORD: &str = "XINGLIN_KEY_PASSWORD";

/// A pair without a password, for unattended machines.
pub fn unprotected() -> Result<KeyPair> {
    KeyPair::generate_unencrypted_keypair().map_err(|error| anyhow!("{error}"))
}

/// A pair with a password.
pub fn protected() -> Result<KeyPair> {
    let password = password("protect the key")?;
    KeyPair::generate_encrypted_keypair(password).map_err(|error| anyhow!("{error}"))
}

/// The public half.
pub fn public(pair: &KeyPair) -> Result<PublicKey> {
    pair.pk.to_base64().parse().map_err(|error: String| anyhow!(error))
}

/// Reads a secret key from `xinglin plugin keygen` or `minisign -G`.
pub fn read(path: &Path) -> Result<SecretKey> {
    let named = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(named)?;
    let line = text.lines().nth(1).unwrap_or_default();
    let bytes = STANDARD.decode(line.trim()).ok().filter(|bytes| bytes.len() == 158 && bytes.starts_with(b"Ed"));
    let bytes = bytes.with_context(|| format!("{} is no minisign secret key", named()))?;
    let boxed = SecretKeyBox::from_string(&text).map_err(|error| anyhow!("{error}"))?;
    // Bytes 2 and 3 give the protection, the last 32 are a checksum, which minisign leaves empty in
    // unprotected keys.
    let key = match (bytes.get(2..4), bytes.iter().skip(126).all(|byte| *byte == 0)) {
        (Some([0, 0]), true) => SecretKey::from_bytes(&bytes),
        (Some([0, 0]), false) => boxed.into_unencrypted_secret_key(),
        _ => boxed.into_secret_key(password("open the key")?),
    };
    key.map_err(|error| anyhow!("{error}")).with_context(named)
}

/// From the environment; `None` to ask on the terminal.
fn password(what: &str) -> Result<Option<String>> {
    match std::env::var(PASSWORD) {
        Ok(password) => Ok(Some(password)),
        Err(_) if std::io::stdin().is_terminal() => Ok(None),
        Err(_) => bail!("no terminal to ask for the password on: set {PASSWORD} to {what}"),
    }
}

/// Signs a package, with a trusted comment that states role and time.
pub fn sign(key: &SecretKey, package: &Package, role: SignerRole, now: Instant, comment: &str) -> Result<Signature> {
    let statement = Statement::of(package, role, now, comment).map_err(|error| anyhow!(error))?;
    let (bytes, statement) = (Cursor::new(package.bytes()), statement.to_string());
    let signed = minisign::sign(None, key, bytes, Some(&statement), Some("signature of a Xinglin plugin"));
    let signed = signed.map_err(|error| anyhow!("{error}"))?;
    Ok(Signature::parse(signed.into_string().as_bytes())?)
}
