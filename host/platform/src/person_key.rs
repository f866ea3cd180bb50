//! Changing the keys that people's keys are wrapped under.

use xinglin_domain::{code::Code, id::TenantId, time::Instant};

use crate::{AppError, AppResult, Platform};

/// How many keys one transaction wraps anew.
const PIECE: u32 = 200;

/// How long the former wrapping keys stay at least: whoever began to write before the
/// change has long ended. In seconds.
const GRACE: i64 = 600;

/// What changed.
#[derive(Debug, serde::Serialize)]
pub struct Rotation {
    /// The wrapping key that all keys are under now.
    pub generation: i64,
    /// How many keys were wrapped anew.
    pub wrapped: u64,
    /// How many former wrapping keys were forgotten.
    pub retired: usize,
}

/// Draws a new wrapping key and wraps everybody's key under it. What they seal stays
/// as it is. `told` hears how many are done.
///
/// # Errors
/// If file or records fail; what was wrapped anew stays so, and to begin again does
/// no harm.
pub async fn rotate(platform: &Platform, now: Instant, told: impl Fn(u64)) -> AppResult<Rotation> {
    let generation = platform.keyring().rotate(now).map_err(AppError::internal)?;
    let wrapped = wrap_all(platform, generation, told).await?;
    Ok(Rotation { generation, wrapped, retired: 0 })
}

/// Forgets all wrapping keys but the newest, so that what was copied with them opens
/// nothing that is kept from now on.
///
/// # Errors
/// `PRECONDITION_FAILED` if the newest was drawn within ten minutes; as
/// [`rotate`].
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
    // Those that were destroyed meanwhile are not listed again.
    Ok(wrapped.max(1))
}
