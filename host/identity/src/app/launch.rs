//! Launch of an app from a patient's record (SMART EHR launch).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::{AccountId, PatientId},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, one_time};
use xinglin_records::resource;

use crate::app::{authorize, client};

/// The kind of launches among one-time handles.
pub(crate) const KIND: &str = "launch";

/// Lifetime of a launch, in minutes.
const MINUTES: i64 = 5;

/// An app to start.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLaunch {
    /// Which app, by its `client_id`.
    pub client_id: String,
    /// The patient: `pat-…`
    #[schema(value_type = String)]
    pub patient: PatientId,
}

/// What to open the app with: `{its launch URL}?iss={iss}&launch={launch}`.
#[derive(Serialize, ToSchema)]
pub struct LaunchView {
    /// The FHIR server.
    pub iss: String,
    /// Valid once, for the requesting user in this app.
    pub launch: String,
    /// Until when (RFC 3339).
    pub expires_at: String,
}

/// The stored content of a launch.
#[derive(Serialize, Deserialize)]
pub(crate) struct Launched {
    pub account: AccountId,
    pub app: AccountId,
    pub patient: PatientId,
}

/// Creates a launch of an app from a patient's record.
///
/// # Errors
/// `AUTH_FORBIDDEN` for callers who are not staff; `NOT_FOUND` if there is no such patient whom
/// the caller may see, or no such app.
#[boxed]
pub async fn create(platform: &Platform, caller: &Caller, new: NewLaunch) -> AppResult<LaunchView> {
    caller.may(Action::ReadRecords)?;
    resource::read(platform, caller, "Patient", &new.patient.to_string()).await?;
    let app = client::find(platform, &new.client_id).await?;
    let app = app.filter(|app| app.account.tenant == caller.actor.tenant && !app.registration.redirect_uris.is_empty());
    let app = app.ok_or_else(|| AppError::new(Code::NotFound, "no such app"))?;
    let launched = Launched { account: caller.actor.account, app: app.account.id, patient: new.patient };
    let (launch, digest) = one_time::draw();
    let expires_at = caller.now.plus_minutes(MINUTES);
    let tx = platform.begin(caller).await?;
    tx.put_one_time(KIND, &digest, &launched, expires_at).await?;
    tx.commit().await?;
    Ok(LaunchView { iss: authorize::fhir_url(platform), launch, expires_at: expires_at.to_string() })
}
