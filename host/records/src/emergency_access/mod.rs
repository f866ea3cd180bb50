//! Emergency access (break-the-glass): a doctor opens a restricted compartment in an emergency. The
//! patient is notified in the same transaction, and an administrator reviews it.

mod judge;
mod list;
mod open;

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    compartment::Compartment,
    emergency_access::{EmergencyAccess, Finding},
    id::{AccountId, EmergencyAccessId, PatientId},
};
use xinglin_platform::{AppError, AppResult, Caller, boxed};
use xinglin_store::{EmergencyAccessRow, Tenant};

pub use self::judge::{JudgeEmergencyAccess, judge};
pub use self::list::list;
pub use self::open::{OpenEmergencyAccess, open};

/// An emergency access.
#[derive(Serialize, ToSchema)]
#[schema(as = GlassView)]
pub struct EmergencyAccessView {
    /// `glass-…`
    #[schema(value_type = String)]
    pub id: EmergencyAccessId,
    /// Whose record.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// Which part of it.
    #[schema(value_type = String)]
    pub compartment: Compartment,
    /// By whom.
    #[schema(value_type = String)]
    pub by: AccountId,
    /// Why.
    pub reason: String,
    /// Since when (RFC 3339).
    pub opened: String,
    /// Until just before then.
    pub until: String,
    /// Whether it is open now.
    pub open: bool,
    /// `justified` or `unjustified`, once it was judged.
    #[schema(value_type = Option<String>)]
    pub finding: Option<Finding>,
    /// Why.
    pub note: Option<String>,
}

/// Compartments of patients' records that the caller has emergency access to.
#[boxed]
pub(crate) async fn opened(
    caller: &Caller,
    records: &Tenant,
    patients: &[String],
) -> AppResult<Vec<(PatientId, Compartment)>> {
    if caller.may(Action::OpenEmergencyAccess).is_err() {
        return Ok(Vec::new());
    }
    let account = caller.actor.account.to_string();
    let rows = records.list_emergency_accesses_of(patients, &account, caller.now).await?;
    let access = rows.into_iter().map(parse).collect::<AppResult<Vec<_>>>()?;
    let open = access.into_iter().filter(|access| access.is_open(caller.now));
    Ok(open.map(|access| (access.patient, access.compartment)).collect())
}

fn row(access: &EmergencyAccess) -> AppResult<EmergencyAccessRow> {
    Ok(EmergencyAccessRow {
        id: access.id,
        patient_id: access.patient.to_string(),
        account_id: access.by.to_string(),
        body: serde_json::to_value(access).map_err(AppError::internal)?,
        opened_at: access.opened,
        until_at: access.until,
        judged_at: access.judgement.as_ref().map(|judgement| judgement.at),
    })
}

fn parse(row: EmergencyAccessRow) -> AppResult<EmergencyAccess> {
    serde_json::from_value(row.body).map_err(AppError::internal)
}

fn view(access: EmergencyAccess, caller: &Caller) -> EmergencyAccessView {
    let open = access.is_open(caller.now);
    let EmergencyAccess { id, patient, by, compartment, reason, opened, until, judgement } = access;
    let (finding, note) = judgement.map(|judgement| (judgement.finding, judgement.note)).unzip();
    EmergencyAccessView {
        id,
        patient,
        compartment,
        by,
        reason,
        opened: opened.to_string(),
        until: until.to_string(),
        open,
        finding,
        note,
    }
}
