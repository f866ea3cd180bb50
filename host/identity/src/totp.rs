//! Time-based one-time codes (RFC 6238); each is accepted once.

use totp_rs::{Builder, Secret, Totp};
use xinglin_domain::{code::Code, id::TenantId, time::Instant};
use xinglin_platform::{AppError, AppResult, Platform, boxed, keys::Place};
use xinglin_store::{Account, SecondFactor};

use crate::Identity;

/// Checks the code of an account that has an authenticator; returns whether it has one. A
/// correct code cannot be used again, a wrong one counts as a wrong password against guessing.
#[boxed]
pub(crate) async fn check_code(
    identity: &Identity,
    tenant: TenantId,
    account: &Account,
    code: Option<&str>,
    now: Instant,
) -> AppResult<bool> {
    let records = identity.platform.store().tenant(tenant);
    let factor = records.find_second_factor(account.id).await?.filter(|factor| factor.confirmed_at.is_some());
    let Some(factor) = factor else {
        return Ok(false);
    };
    let code = code.ok_or_else(|| AppError::new(Code::AuthSecondFactor, "send the authenticator's code too"))?;
    identity.attempts().check(tenant, &account.login, now)?;
    let noted = |error| {
        identity.attempts().note_wrong(tenant, &account.login, now);
        error
    };
    let step = step(&identity.platform, tenant, &factor, code, now).map_err(noted)?;
    let tx = records.begin().await?;
    if !tx.take_step(account.id, step).await? {
        return Err(noted(wrong()));
    }
    tx.commit().await?;
    Ok(true)
}

/// The time step of this code: the current one, or the one before or after.
pub(crate) fn step(
    platform: &Platform,
    tenant: TenantId,
    factor: &SecondFactor,
    code: &str,
    now: Instant,
) -> AppResult<i64> {
    let account = factor.account.to_string();
    let secret = platform.keys().unseal(&place(tenant, &account), &factor.sealed);
    let secret = secret.and_then(|secret| secret.try_into().ok());
    let secret = secret.ok_or_else(|| AppError::internal("a second factor that another host key sealed"))?;
    let seconds = u64::try_from(now.micros() / 1_000_000).unwrap_or_default();
    let step = totp(secret, &account)?.check(code.trim(), seconds).ok_or_else(wrong)?;
    i64::try_from(step).map_err(AppError::internal)
}

pub(crate) fn wrong() -> AppError {
    AppError::new(Code::AuthSecondFactor, "the code is wrong, or was used already: wait for the next one")
}

pub(crate) fn totp(secret: [u8; 20], login: &str) -> AppResult<Totp> {
    // A colon divides issuer and account in the URL.
    let builder = Builder::new().with_secret(Secret::new_stack(secret)).with_issuer(Some("Xinglin"));
    builder.with_account_name(login.replace(':', "_")).build().map_err(AppError::internal)
}

pub(crate) fn place(tenant: TenantId, account: &str) -> Place<'_> {
    Place { tenant, owner: account, kind: "second-factor", name: "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, by its last six digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let totp = totp(*b"12345678901234567890", "a:doctor").expect("a secret");
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924")] {
            assert_eq!(totp.check(code, seconds), Some(seconds / 30));
            assert_eq!(totp.check(code, seconds + 30), Some(seconds / 30), "a slow clock");
            assert_eq!(totp.check(code, seconds + 90), None);
        }
        assert!(totp.to_url().expect("a URL").starts_with("otpauth://totp/Xinglin:a_doctor?secret=GEZDGNBVGY3TQOJQ"));
    }
}
