use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    compartment::Compartment,
    emergency_access::EmergencyAccess,
    id::{EmergencyAccessId, PatientId},
};
use xinglin_platform::{AppResult, Caller, Platform, ambient, boxed};

use super::{EmergencyAccessView, row, view};
use crate::notice::{self, Notice};

/// An emergency access to open.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BreakGlass)]
pub struct OpenEmergencyAccess {
    /// `hiv` or `mental-health`.
    #[schema(value_type = String)]
    pub compartment: Compartment,
    /// What the emergency is; an administrator reviews it.
    pub reason: String,
    /// For how long: 1 to 240; 60 if left out.
    pub minutes: Option<u32>,
}

/// Opens one restricted compartment of a patient's record to the calling doctor for a
/// limited time. The patient is notified in the same transaction.
///
/// # Errors
/// `GLASS_REASON_REQUIRED`; `NOT_FOUND` if there is no such patient.
#[boxed]
pub async fn open(
    platform: &Platform,
    caller: &Caller,
    patient: PatientId,
    ask: OpenEmergencyAccess,
) -> AppResult<EmergencyAccessView> {
    caller.may(Action::OpenEmergencyAccess)?;
    let id = EmergencyAccessId::from_u128(ambient::fresh_id());
    let what = (patient, ask.compartment);
    let why = (ask.reason.as_str(), ask.minutes.unwrap_or(60));
    let access = EmergencyAccess::open(id, what, why, &caller.actor, caller.now)?;
    caller.trail.saw(patient);
    platform.records(caller).get_resource("Patient", &patient.to_string()).await?;
    caller.trail.emergency();
    // Which part it was is not said where others might read along.
    let zh = format!("医师因紧急情况查看了您的受限病历，理由：{}。如有疑问请联系医院。", access.reason);
    let en = format!(
        "A doctor opened a restricted part of your record in an emergency: {}. Ask the hospital if you have any doubt.",
        access.reason
    );
    let notice = Notice {
        patient,
        key: format!("{id}/opened"),
        text: [&zh, &en],
        about: json!({ "glass": id, "until": access.until.to_string() }),
    };
    let tx = platform.begin(caller).await?;
    tx.insert_emergency_access(&row(&access)?).await?;
    notice::tell(&tx, notice, caller.now).await?;
    caller.write_trail(&tx).await?;
    tx.commit().await?;
    tracing::warn!(glass = %id, by = %access.by, "emergency access was opened");
    Ok(view(access, caller))
}
