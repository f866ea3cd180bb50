//! Alerts to the care team, with the time until they are acknowledged. Each open alert has its work
//! in [`Queue::Alert`], due when it climbs to the next role.

mod escalate;
mod list_told;
mod rules;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    enrolment::{AlertRecord, Enrolment},
    id::AlertId,
    pathway::Event,
    review::Severity,
};
use xinglin_extensions::Extensions;
use xinglin_fhir::project;
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document::Stored, grant};
use xinglin_records::{
    consent::{self, RESTRICTED},
    resource,
};
use xinglin_store::{Alert, AlertQuery, Queue, TenantTx, Work};

use crate::pathway::{self, Occasion};

pub use self::escalate::escalate;
pub use self::list_told::{NotificationView, list_told};
pub use self::rules::{EscalationRules, put_rules, rules};

/// An alert.
#[derive(Serialize, ToSchema)]
pub struct AlertView {
    /// `alert-…`
    #[schema(value_type = String)]
    pub id: AlertId,
    /// For example `GLUCOSE_CRITICAL_HIGH`.
    pub code: String,
    /// `open` or `acknowledged`.
    pub state: String,
    /// Deadline for the acknowledgement (RFC 3339).
    pub deadline: String,
    /// The roles that were told, in order; the first owns it.
    pub told: Vec<&'static str>,
    /// Whether the deadline passed without an acknowledgement.
    pub overdue: bool,
    /// Whether it was acknowledged in time; none before.
    pub in_time: Option<bool>,
    /// Text, addressee, severity, and the source of the rule.
    #[schema(value_type = Object)]
    pub detail: Value,
}

/// Most alerts of a page.
const MOST: u32 = 500;

/// Which page of a list of alerts.
#[derive(Debug, Clone, Copy)]
pub struct AlertPage {
    /// Those that follow this alert in the list.
    pub after: Option<AlertId>,
    /// How many, at most [`MOST`].
    pub limit: u32,
}

/// The state of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Nobody has acknowledged it.
    Open,
    /// Somebody has.
    Acknowledged,
}

impl AlertState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
        }
    }
}

/// Alerts of the caller's hospital in a state, whoever was told: the critical ones first, of equal
/// severity the first that is due.
///
/// # Errors
/// If the caller is not of the care team; `NOT_FOUND` if there is no alert that the page follows.
#[boxed]
pub async fn list(
    platform: &Platform,
    caller: &Caller,
    state: AlertState,
    page: AlertPage,
) -> AppResult<Vec<AlertView>> {
    caller.may(Action::AcknowledgeAlert)?;
    let query = AlertQuery { state: Some(state.as_str().to_owned()), ..AlertQuery::default() };
    let mut restricted = false;
    for install in platform.records(caller).list_installs(None).await? {
        restricted |= !grant::compartments(&install)?.is_empty();
    }
    let mut views = Vec::new();
    for row in page_of(platform, caller, &query, page).await? {
        let record = record(row)?;
        caller.trail.saw(record.patient);
        views.push(if restricted { shown(platform, caller, record).await? } else { view(record, caller) });
    }
    Ok(views)
}

async fn page_of(platform: &Platform, caller: &Caller, query: &AlertQuery, page: AlertPage) -> AppResult<Vec<Alert>> {
    let records = platform.records(caller);
    let after = match page.after {
        Some(last) => Some(records.get_alert(last).await?),
        None => None,
    };
    Ok(records.list_alerts(query, after.as_ref(), page.limit.clamp(1, MOST)).await?)
}

/// Acknowledges an alert.
///
/// # Errors
/// If it was acknowledged before, or is addressed to another role.
#[tracing::instrument(target = "xinglin::trace", name = "acknowledge_alert", skip_all)]
#[boxed]
pub async fn acknowledge(extensions: &Extensions, caller: &Caller, id: AlertId) -> AppResult<AlertView> {
    caller.may(Action::AcknowledgeAlert)?;
    let records = extensions.platform.records(caller);
    let mut row = records.get_alert(id).await?;
    let taken = record(row.clone())?.acknowledge(&caller.actor, caller.now)?;
    row.state = "acknowledged".into();
    row.body = serde_json::to_value(&taken).map_err(AppError::internal)?;
    row.updated_at = caller.now;
    let Stored::<_, Enrolment> { value: enrolment, .. } = records.get_document(taken.enrolment).await?.try_into()?;
    let tx = records.begin().await?;
    tx.update_alert(&row).await?;
    tx.drop_work(Queue::Alert, &id.to_string()).await?;
    resource::project(&tx, vec![projection(&taken, &enrolment.pathway)], caller.now).await?;
    // To tell a silent pathway that somebody knows would only raise the same alert again.
    let told = enrolment.is_active() && taken.alert.code != pathway::SILENT;
    let events = told.then(|| Event::AlertAcknowledged(taken.alert.code.clone()));
    let kept = pathway::keep(&tx, taken.enrolment, events.into_iter().collect(), caller.now).await?;
    tx.commit().await?;
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    pathway::tell(extensions, &records, kept, &occasion).await;
    shown(&extensions.platform, caller, taken).await
}

/// An alert of a restricted compartment is listed for the whole care team; its content only
/// for those who may read the compartment.
async fn shown(platform: &Platform, caller: &Caller, record: AlertRecord) -> AppResult<AlertView> {
    let open = consent::may_see_enrolment(platform, caller, record.patient, record.enrolment).await?;
    let mut view = view(record.clone(), caller);
    if !open {
        view.code = RESTRICTED.to_owned();
        view.detail = json!({
            "id": record.id, "patient": record.patient, "raised": record.raised,
            "alert": {
                "code": RESTRICTED, "severity": record.alert.severity, "owner": record.alert.owner,
                "sla_minutes": record.alert.sla_minutes,
            },
        });
    }
    Ok(view)
}

pub(crate) fn record(row: Alert) -> AppResult<AlertRecord> {
    serde_json::from_value(row.body).map_err(AppError::internal)
}

/// Stores a new alert, with the work that makes it climb.
pub(crate) async fn insert(tx: &TenantTx, record: &AlertRecord) -> AppResult<()> {
    tx.insert_alert(&written(record)?).await?;
    let work = Work::new(Queue::Alert, record.id, record.enrolment, record.climbs_at());
    Ok(tx.put_work(&[work]).await?)
}

fn written(record: &AlertRecord) -> AppResult<Alert> {
    let word = |value: Value| value.as_str().map(str::to_owned).unwrap_or_default();
    Ok(Alert {
        id: record.id,
        patient_id: record.patient.to_string(),
        enrolment_id: Some(record.enrolment),
        code: record.alert.code.clone(),
        severity: word(serde_json::to_value(record.alert.severity).map_err(AppError::internal)?),
        urgency: match record.alert.severity {
            Severity::Critical => 0,
            Severity::Warning => 1,
            Severity::Info => 2,
        },
        owner: word(serde_json::to_value(record.alert.owner).map_err(AppError::internal)?),
        told: roles_told(record).into_iter().map(str::to_owned).collect(),
        state: "open".into(),
        due_at: record.deadline(),
        body: serde_json::to_value(record).map_err(AppError::internal)?,
        version: 0,
        created_at: record.raised,
        updated_at: record.raised,
    })
}

/// Each once.
fn roles_told(record: &AlertRecord) -> BTreeSet<&'static str> {
    record.told().map(|told| told.to.as_str()).collect()
}

pub(crate) fn projection(record: &AlertRecord, pathway: &str) -> Value {
    let by = record.acknowledged.map(|taken| (taken.at, taken.by.to_string()));
    project::detected_issue(&project::Alert {
        id: record.id,
        patient: &record.patient.to_string(),
        alert: &record.alert,
        pathway,
        raised: record.raised,
        acknowledged: by.as_ref().map(|(at, by)| (*at, by.as_str())),
        escalated: &record.escalated,
    })
}

fn view(record: AlertRecord, caller: &Caller) -> AlertView {
    AlertView {
        id: record.id,
        code: record.alert.code.clone(),
        state: if record.acknowledged.is_some() { "acknowledged" } else { "open" }.into(),
        deadline: record.deadline().to_string(),
        told: record.told().map(|told| told.to.as_str()).collect(),
        overdue: record.is_overdue(caller.now),
        in_time: record.in_time(),
        detail: serde_json::to_value(&record).unwrap_or_default(),
    }
}
