use xinglin_domain::{access::Role, id::AccountId, practice::Bar};
use xinglin_platform::{
    AppError, AppResult, Platform, ambient, boxed,
    settings::{PLATFORM, Settings},
    standing::Standing,
};
use xinglin_store::TenantRow;

use super::{account_row, has_operator};

/// Makes the first operator, `operator`, if there is none yet.
///
/// # Errors
/// If the password is too short or the store fails.
#[boxed]
pub async fn ensure_operator(platform: &Platform, password: String) -> AppResult<()> {
    if has_operator(platform).await? {
        return Ok(());
    }
    let now = platform.now();
    let settings = Settings::default();
    let tenant = TenantRow {
        id: PLATFORM,
        kind: "platform".into(),
        name: "Platform".into(),
        settings: serde_json::to_value(settings).map_err(AppError::internal)?,
        second_factor: false,
        practice_years: Bar::LAW.years().into(),
        version: 0,
        created_at: now,
        updated_at: now,
    };
    let id = AccountId::from_u128(ambient::fresh_id());
    let roles = vec![Role::Operator];
    let row = account_row(platform, id, "operator".into(), password, roles, Standing::default(), now).await?;
    let founded = platform.store().operator().list_tenants().await?.iter().any(|tenant| tenant.id == PLATFORM);
    if !founded {
        let tx = platform.store().operator().begin().await?;
        tx.insert_tenant(&tenant).await?;
        tx.commit().await?;
    }
    let tx = platform.store().tenant(PLATFORM).begin().await?;
    tx.insert_account(&row).await?;
    tx.commit().await?;
    Ok(())
}
