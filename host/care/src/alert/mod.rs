//! Alerts to the care team, with the time until they are acknowledged. Each open alert has its work
//! in [`Queue::Alert`], due when it climbs to the next role. An alert for a [contact](crate::safety) with
//! a patient in danger is open until the contact has ended.

mod escalate;
mod list_told;
mod rules;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    coding::LocalizedText,
    compartment::{Compartment, Compartments},
    enrolment::{AlertRecord, AlertSource, Enrolment},
    id::AlertId,
    review::Severity,
    safety::SafetyContact,
    time::Instant,
};
use xinglin_fhir::project;
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document::Stored, grant};
use xinglin_records::{
    consent::{self, RESTRICTED},
    resource::{self, marked},
};
use xinglin_store::{Alert, AlertQuery, Executor, Queue, TenantScope, TenantTx, Work};

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
        let restricted = restricted || matches!(record.source, AlertSource::Contact(_));
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

/// An alert of a restricted compartment is listed for the whole care team; its content only
/// for those who may read the compartment. That of a patient in danger, for all who may speak with
/// them: to save a life asks for no consent (个人信息保护法 §13(4)). Who else was told of that one is told
/// whom to find.
pub(crate) async fn shown(platform: &Platform, caller: &Caller, record: AlertRecord) -> AppResult<AlertView> {
    let open = match record.source {
        AlertSource::Enrolment(enrolment) => {
            consent::may_see_enrolment(platform, caller, record.patient, enrolment).await?
        }
        AlertSource::Contact(_) => caller.may(Action::EndSafetyContact).is_ok(),
    };
    let is_told = || record.told().any(|told| caller.actor.is_live(told.to, caller.now));
    let to_find = matches!(record.source, AlertSource::Contact(_)) && is_told();
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
        if to_find {
            view.detail["alert"]["message"] = serde_json::to_value(find_a_clinician()).map_err(AppError::internal)?;
        }
    }
    Ok(view)
}

/// What an alert that nobody took up says to who may not know what it is about.
fn find_a_clinician() -> LocalizedText {
    LocalizedText::zh_en(
        "该患者急需与临床人员通话，尚无人完成：请立即找到一名医师、护士或心理治疗师处理此警报。",
        "A clinician must speak with this patient, and nobody has: find a doctor, a nurse or a psychotherapist now to \
         take up this alert.",
    )
}

pub(crate) fn record(row: Alert) -> AppResult<AlertRecord> {
    serde_json::from_value(row.body).map_err(AppError::internal)
}

/// Stores a new alert, with the work that makes it climb.
pub(crate) async fn insert(tx: &TenantTx, record: &AlertRecord) -> AppResult<()> {
    tx.insert_alert(&written(record)?).await?;
    climb_at(tx, record, record.climbs_at()).await
}

/// Stores a changed alert of a known version, with its projection.
pub(crate) async fn update(tx: &TenantTx, (row, record): (Alert, &AlertRecord), now: Instant) -> AppResult<()> {
    let of = origin(tx, record).await?;
    let changed = Alert { version: row.version, updated_at: now, ..written(record)? };
    tx.update_alert(&changed).await?;
    resource::project(tx, marked(vec![projection(record, &of.pathway)], of.compartments), now).await
}

/// Sets when an open alert climbs.
pub(crate) async fn climb_at(tx: &TenantTx, record: &AlertRecord, at: Instant) -> AppResult<()> {
    Ok(tx.put_work(&[Work::new(Queue::Alert, record.id, lane(record), at)]).await?)
}

fn lane(record: &AlertRecord) -> String {
    match record.source {
        AlertSource::Enrolment(enrolment) => enrolment.to_string(),
        AlertSource::Contact(contact) => contact.to_string(),
    }
}

/// What an alert belongs to.
pub(crate) struct Origin {
    /// Code of the pathway; `safety` of the host's own.
    pub(crate) pathway: String,
    /// Compartments of its projection.
    pub(crate) compartments: Compartments,
}

/// The origin of an alert. That somebody is in danger belongs to mental health, and to the compartments of the pathways
/// that asked for somebody to speak with them.
pub(crate) async fn origin<E: Executor>(records: &TenantScope<E>, record: &AlertRecord) -> AppResult<Origin> {
    match record.source {
        AlertSource::Enrolment(enrolment) => {
            let Stored::<_, Enrolment> { value, .. } = records.get_document(enrolment).await?.try_into()?;
            let compartments = consent::compartments_of(records, &value.plugin).await?;
            Ok(Origin { pathway: value.pathway, compartments })
        }
        AlertSource::Contact(contact) => {
            let Stored::<_, SafetyContact> { value, .. } = records.get_document(contact).await?.try_into()?;
            let mut compartments = Compartments::from(Compartment::MentalHealth);
            for asked in &value.asked {
                let Stored::<_, Enrolment> { value, .. } = records.get_document(asked.enrolment).await?.try_into()?;
                compartments = compartments.or(consent::compartments_of(records, &value.plugin).await?);
            }
            Ok(Origin { pathway: "safety".to_owned(), compartments })
        }
    }
}

fn written(record: &AlertRecord) -> AppResult<Alert> {
    let word = |value: Value| value.as_str().map(str::to_owned).unwrap_or_default();
    Ok(Alert {
        id: record.id,
        patient_id: record.patient.to_string(),
        enrolment_id: match record.source {
            AlertSource::Enrolment(enrolment) => Some(enrolment),
            AlertSource::Contact(_) => None,
        },
        code: record.alert.code.clone(),
        severity: word(serde_json::to_value(record.alert.severity).map_err(AppError::internal)?),
        urgency: match record.alert.severity {
            Severity::Critical => 0,
            Severity::Warning => 1,
            Severity::Info => 2,
        },
        owner: word(serde_json::to_value(record.alert.owner).map_err(AppError::internal)?),
        told: roles_told(record).into_iter().map(str::to_owned).collect(),
        state: if record.acknowledged.is_some() { "acknowledged" } else { "open" }.into(),
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
    let by = record.acknowledged.and_then(|taken| Some((taken.at, taken.by?.to_string())));
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
