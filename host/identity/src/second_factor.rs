//! One-time codes beside the password (RFC 6238: SHA-1, six digits, 30 seconds).

use serde::{Deserialize, Serialize};
use totp_rs::{Builder, Secret, Totp};
use utoipa::ToSchema;
use xinglin_domain::{access::Action, code::Code, id::TenantId, time::Instant};
use xinglin_platform::{AppError, AppResult, Caller, Platform, ambient, keys::Place};
use xinglin_store::{Account, SecondFactor};

use crate::{Identity, password};

/// What to put into an authenticator. Shown once.
#[derive(Serialize, ToSchema)]
pub struct SecondFactorOffer {
    /// The secret in base32, to type.
    pub secret: String,
    /// `otpauth://totp/…`, to show as a QR code.
    pub url: String,
}

/// Who wants an authenticator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSecondFactor {
    /// The password, so that a borrowed screen is not enough.
    pub password: String,
}

/// What an authenticator shows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OneTimeCode {
    /// Six digits.
    pub code: String,
}

/// What a hospital wants of its staff.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInRules {
    /// Whether they need a second factor: an authenticator, a passkey, or a provider that
    /// asks for one. Whoever has none yet can do nothing but set one up.
    pub second_factor: bool,
}

/// What a tenant wants of its staff at sign-in.
///
/// # Errors
/// If the caller may not.
pub async fn rules(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<SignInRules> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let second_factor = platform.store().tenant(tenant).profile().await?.second_factor;
    Ok(SignInRules { second_factor })
}

/// Sets it. It holds with the next request of anybody, whoever is signed in.
///
/// # Errors
/// If the caller may not; `AUTH_SECOND_FACTOR` if they ask for what they have not shown
/// themselves, and so would lock themselves out.
pub async fn put_rules(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    rules: SignInRules,
) -> AppResult<SignInRules> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    if rules.second_factor && caller.actor.tenant == tenant {
        let strong = match caller.session {
            Some(session) => platform.records(caller).get_session(session).await?.strong,
            None => false,
        };
        if !strong {
            let detail = "set up a second factor of your own and sign in with it first";
            return Err(AppError::new(Code::AuthSecondFactor, detail));
        }
    }
    let mut row = platform.store().tenant(tenant).profile().await?;
    row.second_factor = rules.second_factor;
    row.updated_at = caller.now;
    let tx = platform.store().operator().begin().await?;
    tx.update_tenant(&row).await?;
    tx.commit().await?;
    let (wanted, by) = (rules.second_factor, caller.actor.account);
    tracing::info!(%tenant, wanted, %by, "whether staff need a second factor was set");
    Ok(rules)
}

/// Draws a secret for the caller's authenticator. It counts from when a code was
/// confirmed; an earlier one counts until then.
///
/// # Errors
/// `ALREADY_EXISTS` if one counts: remove it first; `AUTH_FORBIDDEN` if the password
/// is wrong.
pub async fn offer(identity: &Identity, caller: &Caller, ask: NewSecondFactor) -> AppResult<SecondFactorOffer> {
    password::prove(identity, caller, ask.password).await?;
    let (tenant, account) = (caller.actor.tenant, caller.actor.account);
    let records = identity.platform.records(caller);
    if records.find_second_factor(account).await?.is_some_and(|factor| factor.confirmed_at.is_some()) {
        return Err(AppError::new(Code::AlreadyExists, "there is an authenticator already; remove it first"));
    }
    let secret = ambient::random_bytes::<20>();
    let login = records.get_account(account).await?.login;
    let totp = totp(secret, &login)?;
    let tx = identity.platform.begin(caller).await?;
    let sealed = identity.platform.keys().seal(&place(tenant, &account.to_string()), &secret);
    tx.put_second_factor(&SecondFactor { account, sealed, confirmed_at: None, last_step: 0 }).await?;
    tx.commit().await?;
    let url = totp.to_url().map_err(AppError::internal)?;
    Ok(SecondFactorOffer { secret: totp.secret().to_base32(), url })
}

/// From now on a code is asked for at sign-in.
///
/// # Errors
/// `AUTH_SECOND_FACTOR` if the code is wrong, `NOT_FOUND` if none was offered.
pub async fn confirm(platform: &Platform, caller: &Caller, code: &str) -> AppResult<()> {
    let (account, records) = (caller.actor.account, platform.records(caller));
    let factor = records.find_second_factor(account).await?;
    let factor = factor.filter(|factor| factor.confirmed_at.is_none());
    let factor = factor.ok_or_else(|| AppError::not_found("authenticator to confirm", account))?;
    let step = step(platform, caller.actor.tenant, &factor, code, caller.now)?;
    let tx = platform.begin(caller).await?;
    tx.put_second_factor(&SecondFactor { confirmed_at: Some(caller.now), last_step: step, ..factor }).await?;
    if let Some(session) = caller.session {
        tx.strengthen_session(session).await?;
    }
    Ok(tx.commit().await?)
}

/// Passwords alone again, for who shows a last code.
///
/// # Errors
/// `AUTH_SECOND_FACTOR` if the code is wrong, `NOT_FOUND` if there is none.
pub async fn remove(identity: &Identity, caller: &Caller, code: &str) -> AppResult<()> {
    let (account, records) = (caller.actor.account, identity.platform.records(caller));
    if records.find_second_factor(account).await?.is_none_or(|factor| factor.confirmed_at.is_none()) {
        return Err(AppError::not_found("authenticator", account));
    }
    check_code(identity, caller.actor.tenant, &records.get_account(account).await?, Some(code), caller.now).await?;
    let tx = identity.platform.begin(caller).await?;
    tx.delete_second_factor(account).await?;
    Ok(tx.commit().await?)
}

/// Checks the code of an account that has an authenticator, and says whether it has
/// one. A right code is used up, a wrong one counts as a wrong password: six digits
/// are soon guessed.
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

/// The step whose code this is: now, or the one before or after.
fn step(platform: &Platform, tenant: TenantId, factor: &SecondFactor, code: &str, now: Instant) -> AppResult<i64> {
    let account = factor.account.to_string();
    let secret = platform.keys().unseal(&place(tenant, &account), &factor.sealed);
    let secret = secret.and_then(|secret| secret.try_into().ok());
    let secret = secret.ok_or_else(|| AppError::internal("a second factor that another host key sealed"))?;
    let seconds = u64::try_from(now.micros() / 1_000_000).unwrap_or_default();
    let step = totp(secret, &account)?.check(code.trim(), seconds).ok_or_else(wrong)?;
    i64::try_from(step).map_err(AppError::internal)
}

fn wrong() -> AppError {
    AppError::new(Code::AuthSecondFactor, "the code is wrong, or was used already: wait for the next one")
}

fn totp(secret: [u8; 20], login: &str) -> AppResult<Totp> {
    // A colon divides issuer and account in the URL.
    let builder = Builder::new().with_secret(Secret::new_stack(secret)).with_issuer(Some("Xinglin"));
    builder.with_account_name(login.replace(':', "_")).build().map_err(AppError::internal)
}

fn place(tenant: TenantId, account: &str) -> Place<'_> {
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
