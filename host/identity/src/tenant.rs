//! Tenants: hospitals, pharmacies and others, isolated from each other.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{access::Action, canonical::Digest, id::TenantId, practice::Bar};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, ambient, boxed,
    settings::{PLATFORM, Settings, settings},
};
use xinglin_store::TenantRow;

/// What kind of party a tenant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Hospital,
    Pharmacy,
    Insurer,
    Employer,
    School,
}

/// A tenant to found.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    /// What kind of party.
    pub kind: Kind,
    /// Its name, for people.
    pub name: String,
    /// The consent text that patients must agree to before a visit. A default
    /// is used if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
}

/// A tenant.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TenantView {
    /// `ten-…`
    #[schema(value_type = String)]
    pub id: TenantId,
    /// What kind of party.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// The consent text in force.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Consent {
    /// To be read.
    pub text: String,
    /// SHA-256 of the text; whoever agrees sends it back.
    pub sha256: String,
}

const DEFAULT_CONSENT: &str = "我已知悉：互联网诊疗仅限部分常见病、慢性病复诊；医师认为不适宜在线诊疗时将引导我线下就医；\
    我的诊疗信息将依法保存不少于15年。\nI understand that online care is for follow-up of diagnosed common and chronic \
    diseases only, that the doctor may send me to be seen in person, and that my records are kept by law for at least \
    15 years.";

/// Founds a tenant.
///
/// # Errors
/// If the caller does not run the platform.
#[boxed]
pub async fn create(platform: &Platform, caller: &Caller, new: NewTenant) -> AppResult<TenantView> {
    let id = TenantId::from_u128(ambient::fresh_id());
    caller.may_in(id, Action::ManageTenants)?;
    let consent = new.consent.unwrap_or_else(|| DEFAULT_CONSENT.to_owned());
    let settings = Settings { consent, ..Settings::default() };
    let kind = serde_json::to_value(new.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
    let row = TenantRow {
        id,
        kind: kind.unwrap_or_default(),
        name: new.name,
        settings: serde_json::to_value(settings).map_err(AppError::internal)?,
        second_factor: false,
        practice_years: Bar::LAW.years().into(),
        version: 0,
        created_at: caller.now,
        updated_at: caller.now,
    };
    let tx = platform.store().operator().begin().await?;
    tx.insert_tenant(&row).await?;
    tx.commit().await?;
    Ok(row.into())
}

/// All tenants.
///
/// # Errors
/// If the caller does not run the platform.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller) -> AppResult<Vec<TenantView>> {
    caller.may_in(PLATFORM, Action::ManageTenants)?;
    let rows = platform.store().operator().list_tenants().await?;
    Ok(rows.into_iter().filter(|row| row.id != PLATFORM).map(Into::into).collect())
}

/// The consent text of the caller's hospital.
///
/// # Errors
/// If the store fails.
#[boxed]
pub async fn consent(platform: &Platform, caller: &Caller) -> AppResult<Consent> {
    let settings = settings(&platform.records(caller)).await?;
    let sha256 = Digest::of_bytes(settings.consent.as_bytes()).to_string();
    Ok(Consent { text: settings.consent, sha256 })
}

impl From<TenantRow> for TenantView {
    fn from(row: TenantRow) -> Self {
        Self { id: row.id, kind: row.kind, name: row.name }
    }
}
