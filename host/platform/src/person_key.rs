//! Rotation of the keys that wrap persons' keys.

use xinglin_domain::{code::Code, id::TenantId, time::Instant};

use crate::{AppError, AppResult, Platform};

/// Number of keys re-wrapped in one transaction.
const PIECE: u32 = 200;

/// Minimum lifetime of former wrapping keys after a rotation, in seconds: transactions begun before
/// it have ended by then.
const GRACE: i64 = 600;

/// The result of a rotation.
#[derive(Debug, serde::Serialize)]
pub struct Rotation {
    /// The generation of the wrapping key now used for all keys.
    pub generation: i64,
    /// Number of re-wrapped keys.
    pub wrapped: u64,
    /// Number of deleted former wrapping keys.
    pub retired: usize,
}

/// Generates a new wrapping key and re-wraps every person's key with it. Data sealed under persons'
/// keys does not change. `told` receives the number done.
///
/// # Errors
/// If file or store fails; keys already re-wrapped stay so, and the rotation can be repeated.
pub async fn rotate(platform: &Platform, now: Instant, told: impl Fn(u64)) -> AppResult<Rotation> {
    let generation = platform.keyring().rotate(now).map_err(AppError::internal)?;
    let wrapped = wrap_all(platform, generation, told).await?;
    Ok(Rotation { generation, wrapped, retired: 0 })
}

/// Deletes all wrapping keys but the newest, so that a copy of the old ones decrypts nothing stored
/// later.
///
/// # Errors
/// `PRECONDITION_FAILED` if the newest was generated within ten minutes; as [`rotate`].
pub async fn retire(platform: &Platform, now: Instant, told: impl Fn(u64)) -> AppResult<Rotation> {
    let newest = platform.keyring().newest().map_err(AppError::internal)?;
    let (generation, drawn) = newest.ok_or_else(|| AppError::internal("there is no wrapping key"))?;
    if now < drawn.plus_seconds(GRACE) {
        let detail = format!(
            "the newest wrapping key is of {drawn}; somebody may still write with the one before: \
             try again ten minutes after"
        );
        return Err(AppError::new(Code::PreconditionFailed, detail));
    }
    let wrapped = wrap_all(platform, generation, told).await?;
    let retired = platform.keyring().retire().map_err(AppError::internal)?;
    Ok(Rotation { generation, wrapped, retired })
}

async fn wrap_all(platform: &Platform, generation: i64, told: impl Fn(u64)) -> AppResult<u64> {
    let tenants = platform.store().operator().list_tenants().await?;
    let mut wrapped = 0;
    for tenant in tenants {
        loop {
            let done = wrap_some(platform, tenant.id, generation).await?;
            if done == 0 {
                break;
            }
            wrapped += done;
            told(wrapped);
        }
    }
    Ok(wrapped)
}

async fn wrap_some(platform: &Platform, tenant: TenantId, generation: i64) -> AppResult<u64> {
    let records = platform.store().tenant(tenant);
    let keys = records.list_keys_before(generation, PIECE).await?;
    if keys.is_empty() {
        return Ok(0);
    }
    let tx = records.begin().await?;
    let wrapped = tx.wrap_keys_anew(&keys).await?;
    tx.commit().await?;
    // Keys destroyed meanwhile are not listed again.
    Ok(wrapped.max(1))
}
