//! Breaking the glass: a doctor opens a restricted compartment in an emergency. The
//! patient is told in the same transaction, and an administrator judges it.

mod break_glass;
mod judge;
mod list;

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    compartment::{Compartment, Compartments},
    glass::{BrokenGlass, Finding},
    id::{AccountId, GlassId, PatientId},
};
use xinglin_platform::{AppError, AppResult, Caller};
use xinglin_store::{Glass, Tenant};

pub use self::break_glass::{BreakGlass, break_glass};
pub use self::judge::{JudgeGlass, judge};
pub use self::list::list;

/// One opening.
#[derive(Serialize, ToSchema)]
pub struct GlassView {
    /// `glass-…`
    #[schema(value_type = String)]
    pub id: GlassId,
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

/// Compartments of a patient's record that the caller has open.
pub(crate) async fn opened(caller: &Caller, records: &Tenant, patient: PatientId) -> AppResult<Compartments> {
    if caller.may(Action::BreakGlass).is_err() {
        return Ok(Compartments::NONE);
    }
    let account = caller.actor.account.to_string();
    let rows = records.list_glass_of(&patient.to_string(), &account, caller.now).await?;
    let glass = rows.into_iter().map(parse).collect::<AppResult<Vec<_>>>()?;
    Ok(glass.into_iter().filter(|glass| glass.is_open(caller.now)).map(|glass| glass.compartment).collect())
}

fn row(glass: &BrokenGlass) -> AppResult<Glass> {
    Ok(Glass {
        id: glass.id,
        patient_id: glass.patient.to_string(),
        account_id: glass.by.to_string(),
        body: serde_json::to_value(glass).map_err(AppError::internal)?,
        opened_at: glass.opened,
        until_at: glass.until,
        judged_at: glass.judgement.as_ref().map(|judgement| judgement.at),
    })
}

fn parse(row: Glass) -> AppResult<BrokenGlass> {
    serde_json::from_value(row.body).map_err(AppError::internal)
}

fn view(glass: BrokenGlass, caller: &Caller) -> GlassView {
    let open = glass.is_open(caller.now);
    let BrokenGlass { id, patient, by, compartment, reason, opened, until, judgement } = glass;
    let (finding, note) = judgement.map(|judgement| (judgement.finding, judgement.note)).unzip();
    GlassView {
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
