use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Role,
    audit::{Access, Act, Who},
    consent::Purpose,
    id::{AccountId, PatientId},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::{AuditEntry, AuditQuery, StoreError};

use super::MOST;

/// An access, as shown to the patient.
#[derive(Serialize, ToSchema)]
pub struct AccessView {
    /// Its number in the trail; pass it as `before` for the next page.
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
    /// Whether it was refused.
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

/// Accesses to the patient's record, also refused ones, newest first, for the patient.
///
/// # Errors
/// `NOT_FOUND` for anybody else.
#[boxed]
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

/// Description of an access in plain language.
fn words(access: &Access) -> [Words; 2] {
    const NOUNS: [(&str, &str, &str); 37] = [
        ("$export", "批量导出", "your record, among others"),
        ("/AllergyIntolerance", "过敏史", "allergies"),
        ("/Binary", "附件", "attachments"),
        ("/CarePlan", "管理方案", "care plan"),
        ("/ClaimResponse", "结算结果", "settlements"),
        ("/CoverageEligibility", "参保资格核验", "checks of insurance"),
        ("/Coverage", "保险", "insurance"),
        ("/ExplanationOfBenefit", "理赔说明", "decisions of insurers"),
        ("/Invoice", "账单", "invoices"),
        ("/insurance", "商保核验与预授权", "questions to insurers"),
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
        ("/organisation/figures", "计入单位的群体统计（不含姓名）", "a figure of a group that you are counted in"),
        ("/organisation/members", "告知学校的就诊状态", "whether you are in care, as you told your school"),
        ("/prescriptions", "处方", "prescriptions"),
        ("/shared-view", "您同意家人查看的内容", "what you agreed to show your family"),
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
