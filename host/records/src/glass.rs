//! Breaking the glass: a doctor opens a restricted compartment in an emergency. The
//! patient is told in the same transaction, and an administrator judges it.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    compartment::{Compartment, Compartments},
    glass::{BrokenGlass, Finding},
    id::{AccountId, GlassId, PatientId},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, ambient};
use xinglin_store::{Glass, Tenant};

/// Longest list.
const MOST: u32 = 500;

/// Why, and for how long.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakGlass {
    /// `hiv` or `mental-health`.
    #[schema(value_type = String)]
    pub compartment: Compartment,
    /// What the emergency is; somebody will judge it.
    pub reason: String,
    /// For how long: 1 to 240; 60 if left out.
    pub minutes: Option<u32>,
}

/// What the review found.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JudgeGlass {
    /// `justified`, or `unjustified`, which closes it at once.
    #[schema(value_type = String)]
    pub finding: Finding,
    /// Why.
    pub note: String,
}

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

/// A doctor opens a compartment of a patient's record for a while.
///
/// # Errors
/// `GLASS_REASON_REQUIRED`; `NOT_FOUND` if there is no such patient.
pub async fn break_glass(
    platform: &Platform,
    caller: &Caller,
    patient: PatientId,
    ask: BreakGlass,
) -> AppResult<GlassView> {
    caller.may(Action::BreakGlass)?;
    let id = GlassId::from_u128(ambient::fresh_id());
    let what = (patient, ask.compartment);
    let why = (ask.reason.as_str(), ask.minutes.unwrap_or(60));
    let glass = BrokenGlass::open(id, what, why, &caller.actor, caller.now)?;
    caller.trail.saw(patient);
    platform.records(caller).get_resource("Patient", &patient.to_string()).await?;
    caller.trail.emergency();
    // Which part it was is not said where others might read along.
    let notice = json!({
        "kind": "notice",
        "text": [
            { "language": "zh-CN", "text": format!("医师因紧急情况查看了您的受限病历，理由：{}。如有疑问请联系医院。", glass.reason) },
            { "language": "en", "text": format!("A doctor opened a restricted part of your record in an emergency: {}. Ask the hospital if you have any doubt.", glass.reason) },
        ],
        "glass": id, "until": glass.until.to_string(),
    });
    let message = xinglin_store::Message {
        id: format!("msg-{:032x}", ambient::fresh_id()),
        patient_id: patient.to_string(),
        dedupe_key: format!("{id}/opened"),
        body: notice,
        created_at: caller.now,
        read_at: None,
    };
    let tx = platform.begin(caller).await?;
    tx.insert_glass(&row(&glass)?).await?;
    tx.insert_message(&message).await?;
    caller.write_trail(&tx).await?;
    tx.commit().await?;
    tracing::warn!(glass = %id, by = %glass.by, "the glass was broken");
    Ok(view(glass, caller))
}

/// What waits to be judged, oldest first, or what was.
///
/// # Errors
/// If the caller may not judge.
pub async fn list(platform: &Platform, caller: &Caller, judged: bool) -> AppResult<Vec<GlassView>> {
    caller.may(Action::ReviewBrokenGlass)?;
    let rows = platform.records(caller).list_glass(judged, MOST).await?;
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let glass = parse(row)?;
        caller.trail.saw(glass.patient);
        views.push(view(glass, caller));
    }
    Ok(views)
}

/// Somebody else says whether it was right.
///
/// # Errors
/// `GLASS_STATE` if it was judged before; `AUTH_FORBIDDEN` for whoever did it.
pub async fn judge(platform: &Platform, caller: &Caller, id: GlassId, ask: JudgeGlass) -> AppResult<GlassView> {
    caller.may(Action::ReviewBrokenGlass)?;
    let glass = parse(platform.records(caller).get_glass(id).await?)?;
    caller.trail.saw(glass.patient);
    let glass = glass.judge(ask.finding, &ask.note, &caller.actor, caller.now)?;
    let body = row(&glass)?.body;
    let tx = platform.begin(caller).await?;
    tx.judge_glass(id, &body, caller.now).await?;
    caller.write_trail(&tx).await?;
    tx.commit().await?;
    Ok(view(glass, caller))
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
