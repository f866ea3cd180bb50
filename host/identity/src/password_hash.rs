//! Passwords, kept as argon2id with a salt of their own (OWASP parameters).

use std::sync::{Arc, LazyLock};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use xinglin_domain::code::Code;
use xinglin_platform::{AppError, AppResult, Platform, ambient, blocking, boxed};

/// A password that cannot be taken.
#[derive(Debug, Error)]
pub enum PasswordError {
    /// NIST SP 800-63B asks for at least 8; we ask for 12 where it is the only factor.
    #[error("a password needs 12 to 128 characters")]
    Length,
    /// The hash could not be computed.
    #[error("the password could not be hashed: {0}")]
    Hash(String),
}

/// Each hash takes 19 MiB and a core: whoever knocks in a crowd waits in line.
static AT_ONCE: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(4)));

/// A place in the line, held by the work itself: a caller who hangs up does not
/// give it back before the work is done.
async fn turn() -> Option<OwnedSemaphorePermit> {
    AT_ONCE.clone().acquire_owned().await.ok()
}

/// With the work that the settings ask for. A stored hash says itself how much it takes
/// to verify.
fn hasher(cheap: bool) -> Argon2<'static> {
    if !cheap {
        return Argon2::default();
    }
    let least = Params::new(Params::MIN_M_COST, Params::MIN_T_COST, Params::MIN_P_COST, None);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, least.unwrap_or_default())
}

/// Hashes a new password. Takes some tens of milliseconds by design, unless it is to be
/// cheap: see [`Config::cheap_passwords`](xinglin_platform::Config::cheap_passwords).
///
/// # Errors
/// If it is too short or too long.
#[boxed]
pub async fn hash(password: String, cheap: bool) -> Result<String, PasswordError> {
    if !(12..=128).contains(&password.chars().count()) {
        return Err(PasswordError::Length);
    }
    let turn = turn().await;
    let hashed = blocking(move || {
        let _turn = turn;
        hasher(cheap).hash_password(password.as_bytes()).map(|phc| phc.to_string())
    });
    hashed.await.map_err(|e| PasswordError::Hash(e.to_string()))?.map_err(|e| PasswordError::Hash(e.to_string()))
}

/// Whether the password is the one behind `stored`. Without a stored hash the
/// same work is done in vain, so that the time does not tell whether a login
/// exists.
#[boxed]
pub async fn verify(password: String, stored: Option<String>) -> bool {
    let known = stored.is_some();
    let turn = turn().await;
    let verified = blocking(move || {
        let _turn = turn;
        let stored = stored.as_deref().unwrap_or(&NOBODY);
        PasswordHash::new(stored)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    });
    verified.await.unwrap_or(false) && known
}

/// The hash of a password that nobody has.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let nobody = ambient::random_bytes::<32>();
    Argon2::default().hash_password(&nobody).map(|phc| phc.to_string()).unwrap_or_default()
});

/// A new password as it is kept.
///
/// # Errors
/// `BODY_INVALID`, naming the field, if it is too short or too long.
#[boxed]
pub(crate) async fn hashed(platform: &Platform, password: String, field: &'static str) -> AppResult<String> {
    let refused = |error: PasswordError| AppError::new(Code::BodyInvalid, error.to_string());
    hash(password, platform.config().cheap_passwords).await.map_err(|error| refused(error).with("path", field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_opens() {
        let stored = hash("correct horse battery".into(), false).await.unwrap();
        assert!(stored.starts_with("$argon2id$"), "{stored}");
        assert!(verify("correct horse battery".into(), Some(stored.clone())).await);
        assert!(!verify("correct horse batterz".into(), Some(stored)).await);
        assert!(!verify("correct horse battery".into(), None).await);
        assert!(matches!(hash("short".into(), false).await, Err(PasswordError::Length)));
    }
}
