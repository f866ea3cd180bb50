//! The audit trail: what a request or a plugin saw and changed of patients, written
//! down before anybody is answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role},
    audit::{Access, Act, Who},
    compartment::Compartments,
    consent::Purpose,
    id::{AccountId, PatientId, TenantId},
    time::Instant,
};
use xinglin_runtime::Tape;
use xinglin_store::{AuditEntry, AuditQuery, StoreError, Tenant, TenantTx};

use super::{AppError, AppResult, Caller, Hospital, call::ChainView};
use crate::fhir::audit_event;

/// Longest list of entries.
const MOST: u32 = 500;

/// What a request touches, noted on its way by whoever looks at a record.
#[derive(Debug, Clone, Default)]
pub struct Trail(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    /// Method and path, without the query.
    target: String,
    writes: bool,
    /// Whose request it is: their tenant, and an entry of theirs to be completed.
    by: Option<(TenantId, Access)>,
    /// Whether a record was asked for at all.
    asked: bool,
    patients: BTreeSet<PatientId>,
    emergency: bool,
}

impl Trail {
    /// Of a request.
    pub fn of(method: &str, path: &str) -> Self {
        let path: String = path.chars().take(300).collect();
        let writes = !matches!(method, "GET" | "HEAD");
        Self(Arc::new(Mutex::new(Noted { target: format!("{method} {path}"), writes, ..Noted::default() })))
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whose request it is.
    pub fn is_of(&self, caller: &Caller) {
        let mut noted = self.noted();
        let act = if noted.writes { Act::Write } else { Act::Read };
        noted.by = Some((caller.actor.tenant, caller.access(act, [], noted.target.clone())));
    }

    /// The record of this patient was looked at, or would have been.
    pub(super) fn saw(&self, patient: PatientId) {
        let mut noted = self.noted();
        noted.asked = true;
        noted.patients.insert(patient);
    }

    /// A record was asked for. It takes as long to be told that there is none as that
    /// it is closed.
    pub(super) fn asked(&self) {
        self.noted().asked = true;
    }

    /// The glass was broken for it.
    pub(super) fn emergency(&self) {
        self.noted().emergency = true;
    }

    /// The entry that it comes to since the last one, if anything was asked: what is
    /// seen after a transaction wrote its entry gets one of its own.
    fn entry(&self, refused: Option<String>) -> Option<(TenantId, Access)> {
        let mut noted = self.noted();
        if !std::mem::take(&mut noted.asked) {
            return None;
        }
        let patients = std::mem::take(&mut noted.patients);
        let (tenant, access) = noted.by.clone()?;
        let patients = patients.into_iter().collect();
        Some((tenant, Access { patients, refused, emergency: noted.emergency, ..access }))
    }
}

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

impl Hospital {
    /// Writes down what a request came to, but for what its transactions did. Whoever
    /// cannot be written down is not answered.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn write_trail(&self, trail: &Trail, status: u16) -> AppResult<()> {
        let refused = (status >= 400).then(|| status.to_string());
        let Some((tenant, access)) = trail.entry(refused) else { return Ok(()) };
        Ok(self.store().append_access(tenant, access).await?)
    }

    /// Who saw the patient's record, or tried to, newest first: for the patient.
    ///
    /// # Errors
    /// `NOT_FOUND` for anybody else.
    pub async fn list_accesses(
        &self,
        caller: &Caller,
        patient: PatientId,
        before: Option<i64>,
        limit: u32,
    ) -> AppResult<Vec<AccessView>> {
        if !caller.actor.acts_for(patient) {
            return Err(AppError::not_found("patient", patient));
        }
        caller.trail.saw(patient);
        let records = self.records(caller);
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
    pub async fn list_audit(&self, caller: &Caller, filter: AuditFilter) -> AppResult<Vec<AuditView>> {
        caller.may(Action::ReadAudit)?;
        caller.trail.asked();
        let AuditFilter { patient, who, act, from, until, before, limit } = filter;
        let query = AuditQuery { patient_id: patient.map(|id| id.to_string()), who, act, from, until };
        let records = self.records(caller);
        let mut restricted = Restricted::for_the(caller);
        let mut views = Vec::new();
        for entry in records.list_audit(&query, before, limit.min(MOST)).await? {
            // Which plugin it was would say what the patient has.
            if let Who::Plugin { id, .. } = &entry.access.who
                && restricted.hides(self, &records, id).await?
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
    pub async fn verify_audit(&self, caller: &Caller) -> AppResult<ChainView> {
        caller.may(Action::ReadAudit)?;
        Ok(self.records(caller).verify_audit().await?.into())
    }
}

impl Caller {
    /// An entry of what they do in this request.
    pub(super) fn access(&self, act: Act, patients: impl IntoIterator<Item = PatientId>, target: String) -> Access {
        Access {
            at: self.now,
            who: Who::Person { account: self.actor.account, roles: self.actor.live_roles(self.now) },
            act,
            purpose: self.purpose(),
            patients: patients.into_iter().collect(),
            target,
            refused: None,
            emergency: false,
            request: self.request_id.clone(),
        }
    }

    /// Writes down what this request came to in the transaction of what it did.
    pub(super) async fn write_trail(&self, tx: &TenantTx) -> AppResult<()> {
        if let Some((tenant, access)) = self.trail.entry(None)
            && tenant == tx.id()
        {
            tx.append_audit(&[access]).await?;
        }
        Ok(())
    }
}

/// Which plugins are not to be named: those of a compartment, but to the regulator.
/// Each is looked up once.
pub(super) struct Restricted {
    to_the_regulator: bool,
    known: BTreeMap<String, bool>,
}

impl Restricted {
    pub(super) fn for_the(caller: &Caller) -> Self {
        let to_the_regulator = caller.actor.live_roles(caller.now).contains(&Role::Regulator);
        Self { to_the_regulator, known: BTreeMap::new() }
    }

    pub(super) async fn hides(&mut self, hospital: &Hospital, records: &Tenant, plugin: &str) -> AppResult<bool> {
        if self.to_the_regulator {
            return Ok(false);
        }
        if let Some(hidden) = self.known.get(plugin) {
            return Ok(*hidden);
        }
        let hidden = !hospital.compartments_of(records, plugin).await?.is_empty();
        self.known.insert(plugin.to_owned(), hidden);
        Ok(hidden)
    }

    /// Whether this is shown: the regulator sees all, others what is in no compartment.
    pub(super) fn shows(&self, content: &Value) -> bool {
        self.to_the_regulator || Compartments::of(content).is_empty()
    }
}

/// What a plugin was shown of a patient in a call.
pub(super) fn of_call(tape: &Tape, patient: PatientId, purpose: Purpose) -> Access {
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
