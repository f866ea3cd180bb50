//! The audit trail: what a request or a plugin saw and changed of patients, written
//! down before anybody is answered.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role},
    audit::{Access, Act, Who},
    compartment::Compartments,
    consent::Purpose,
    id::{AccountId, PatientId},
    time::Instant,
};
use xinglin_fhir::audit_event;
use xinglin_platform::{AppError, AppResult, Caller, Platform};
use xinglin_runtime::Tape;
use xinglin_store::{AuditEntry, AuditQuery, ChainState, StoreError, Tenant};

use crate::consent;

/// Longest list of entries.
const MOST: u32 = 500;

/// One access, as it is told to the patient.
#[derive(Serialize, ToSchema)]
pub struct AccessView {
    /// Its place in the trail; a list goes on with `before`.
    pub seq: i64,
    /// When (RFC 3339).
    pub at: String,
    /// Login of the person, or id of the plugin.
    pub who: String,
    /// Roles that the person could act in; empty for a plugin.
    #[schema(value_type = Vec<String>)]
    pub roles: Vec<Role>,
    /// `read`, `write` or `disclose`.
    #[schema(value_type = String)]
    pub act: Act,
    /// What, in words.
    pub what: [Words; 2],
    /// What for.
    #[schema(value_type = String)]
    pub purpose: Purpose,
    /// Whether they were refused, and so saw nothing.
    pub refused: bool,
    /// Whether it was opened in an emergency.
    pub emergency: bool,
}

/// A text in one language.
#[derive(Serialize, ToSchema)]
pub struct Words {
    /// `zh-CN` or `en`.
    pub language: &'static str,
    /// The text.
    pub text: String,
}

/// An entry of the trail.
#[derive(Serialize, ToSchema)]
pub struct AuditView {
    /// Its place in the chain.
    pub seq: i64,
    /// Ties it to all before it.
    pub link: String,
    /// FHIR R4 AuditEvent, in the shape of IHE BALP.
    #[schema(value_type = Object)]
    pub event: Value,
}

/// Which entries.
#[derive(Debug, Default)]
pub struct AuditFilter {
    /// About whom.
    pub patient: Option<PatientId>,
    /// By which account or plugin.
    pub who: Option<String>,
    /// `read`, `write` or `disclose`.
    pub act: Option<String>,
    /// Then or later.
    pub from: Option<Instant>,
    /// Before then.
    pub until: Option<Instant>,
    /// Before this place.
    pub before: Option<i64>,
    /// How many.
    pub limit: u32,
}

/// Who saw the patient's record, or tried to, newest first: for the patient.
///
/// # Errors
/// `NOT_FOUND` for anybody else.
pub async fn list_accesses(
    platform: &Platform,
    caller: &Caller,
    patient: PatientId,
    before: Option<i64>,
    limit: u32,
) -> AppResult<Vec<AccessView>> {
    if !caller.actor.acts_for(patient) {
        return Err(AppError::not_found("patient", patient));
    }
    caller.trail.saw(patient);
    let records = platform.records(caller);
    let query = AuditQuery { patient_id: Some(patient.to_string()), ..AuditQuery::default() };
    let mut names: BTreeMap<AccountId, String> = BTreeMap::new();
    let mut views = Vec::new();
    for entry in records.list_audit(&query, before, limit.min(MOST)).await? {
        let AuditEntry { seq, access, .. } = entry;
        let (who, roles) = match &access.who {
            Who::Plugin { id, .. } => (id.clone(), Vec::new()),
            Who::Person { account, roles } => {
                if !names.contains_key(account) {
                    let login = match records.get_account(*account).await {
                        Ok(row) => row.login,
                        Err(StoreError::NotFound { .. }) => account.to_string(),
                        Err(error) => return Err(error.into()),
                    };
                    names.insert(*account, login);
                }
                (names.get(account).cloned().unwrap_or_default(), roles.clone())
            }
        };
        views.push(AccessView {
            seq,
            at: access.at.to_string(),
            who,
            roles,
            act: access.act,
            what: words(&access),
            purpose: access.purpose,
            refused: access.refused.is_some(),
            emergency: access.emergency,
        });
    }
    Ok(views)
}

/// The trail of the caller's hospital, newest first.
///
/// # Errors
/// If the caller may not read it.
pub async fn list(platform: &Platform, caller: &Caller, filter: AuditFilter) -> AppResult<Vec<AuditView>> {
    caller.may(Action::ReadAudit)?;
    caller.trail.asked();
    let AuditFilter { patient, who, act, from, until, before, limit } = filter;
    let query = AuditQuery { patient_id: patient.map(|id| id.to_string()), who, act, from, until };
    let records = platform.records(caller);
    let mut restricted = Restricted::for_the(caller);
    let mut views = Vec::new();
    for entry in records.list_audit(&query, before, limit.min(MOST)).await? {
        // Which plugin it was would say what the patient has.
        if let Who::Plugin { id, .. } = &entry.access.who
            && restricted.hides(&records, id).await?
        {
            continue;
        }
        let event = audit_event::audit_event(entry.seq, &entry.access);
        views.push(AuditView { seq: entry.seq, link: hex::encode(entry.link), event });
    }
    Ok(views)
}

/// Walks the audit trail.
///
/// # Errors
/// If the caller may not read it.
pub async fn verify(platform: &Platform, caller: &Caller) -> AppResult<ChainView> {
    caller.may(Action::ReadAudit)?;
    Ok(platform.records(caller).verify_audit().await?.into())
}

/// Which plugins are not to be named: those of a compartment, but to the regulator.
/// Each is looked up once.
pub struct Restricted {
    to_the_regulator: bool,
    known: BTreeMap<String, bool>,
}

impl Restricted {
    /// For what this caller may be shown.
    pub fn for_the(caller: &Caller) -> Self {
        let to_the_regulator = caller.actor.live_roles(caller.now).contains(&Role::Regulator);
        Self { to_the_regulator, known: BTreeMap::new() }
    }

    /// Whether this plugin is not to be named.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn hides(&mut self, records: &Tenant, plugin: &str) -> AppResult<bool> {
        if self.to_the_regulator {
            return Ok(false);
        }
        if let Some(hidden) = self.known.get(plugin) {
            return Ok(*hidden);
        }
        let hidden = !consent::compartments_of(records, plugin).await?.is_empty();
        self.known.insert(plugin.to_owned(), hidden);
        Ok(hidden)
    }

    /// Whether this is shown: the regulator sees all, others what is in no compartment.
    pub fn shows(&self, content: &Value) -> bool {
        self.to_the_regulator || Compartments::of(content).is_empty()
    }
}

/// What a plugin was shown of a patient in a call.
pub fn of_call(tape: &Tape, patient: PatientId, purpose: Purpose) -> Access {
    let read: BTreeSet<&str> = tape
        .answers
        .iter()
        .map(|answer| answer.import.as_str())
        .filter(|import| import.starts_with("records."))
        .collect();
    let target: Vec<&str> = std::iter::once(tape.hook.as_str()).chain(read).collect();
    Access {
        at: tape.started,
        who: Who::Plugin { id: tape.plugin.clone(), call: tape.call },
        act: Act::Read,
        purpose,
        patients: vec![patient],
        target: target.join(" "),
        refused: None,
        emergency: false,
        request: String::new(),
    }
}

/// What was done, as a patient would say it.
fn words(access: &Access) -> [Words; 2] {
    const NOUNS: [(&str, &str, &str); 29] = [
        ("$export", "批量导出", "your record, among others"),
        ("/AllergyIntolerance", "过敏史", "allergies"),
        ("/Binary", "附件", "attachments"),
        ("/CarePlan", "管理方案", "care plan"),
        ("/ClaimResponse", "结算结果", "settlements"),
        ("/Claim", "费用", "charges"),
        ("/Condition", "诊断", "diagnoses"),
        ("/DetectedIssue", "预警", "alerts"),
        ("/DiagnosticReport", "检查报告", "reports"),
        ("/DocumentReference", "文书", "documents"),
        ("/Encounter", "就诊记录", "visits"),
        ("/Flag", "处方暂停", "holds on prescribing"),
        ("/Immunization", "免疫接种", "vaccinations"),
        ("/MedicationDispense", "发药记录", "medicines handed out"),
        ("/Medication", "用药", "medicines"),
        ("/Observation", "检验与测量", "results and measurements"),
        ("/Patient", "基本信息", "who you are"),
        ("/Procedure", "操作", "procedures"),
        ("/Task", "随访任务", "follow-up tasks"),
        ("/accesses", "访问记录", "who saw your record"),
        ("/alerts", "预警", "alerts"),
        ("/blobs", "附件", "attachments"),
        ("/break-glass", "受限内容(紧急)", "a restricted part, in an emergency"),
        ("/charges", "费用", "charges"),
        ("/consents", "授权", "what you agreed to"),
        ("/encounters", "就诊", "visits"),
        ("/enrolments", "专病管理", "your pathway"),
        ("/messages", "消息", "messages"),
        ("/prescriptions", "处方", "prescriptions"),
    ];
    let (zh, en) = match &access.who {
        Who::Plugin { .. } if access.act == Act::Disclose => ("身份信息", "who you are"),
        Who::Plugin { .. } => ("病历摘要", "an extract of your record, without your name"),
        Who::Person { .. } => NOUNS
            .iter()
            .find(|(path, _, _)| access.target.contains(path))
            .map_or(("病历", "your record"), |(_, zh, en)| (*zh, *en)),
    };
    let (verb_zh, verb_en) = match access.act {
        Act::Read => ("查看", "saw"),
        Act::Write => ("处理", "worked on"),
        Act::Disclose => ("对外发送", "sent out"),
    };
    [
        Words { language: "zh-CN", text: format!("{verb_zh}：{zh}") },
        Words { language: "en", text: format!("{verb_en}: {en}") },
    ]
}

/// What a walk along the chain of tapes found.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChainView {
    /// Whether every link holds.
    pub intact: bool,
    /// How many tapes there are, with those that were purged.
    pub length: Option<i64>,
    /// Place of the last tape that was purged; 0 if none was.
    pub purged: Option<i64>,
    /// The last link; whoever keeps a copy can prove what came before.
    pub head: Option<String>,
    /// Place of the first tape that is not what was written.
    pub first_broken: Option<i64>,
}

impl From<ChainState> for ChainView {
    fn from(state: ChainState) -> Self {
        match state {
            ChainState::Intact { purged, length, head } => Self {
                intact: true,
                length: Some(length),
                purged: Some(purged),
                head: Some(hex::encode(head)),
                first_broken: None,
            },
            ChainState::Broken { seq } => {
                Self { intact: false, length: None, purged: None, head: None, first_broken: Some(seq) }
            }
        }
    }
}
