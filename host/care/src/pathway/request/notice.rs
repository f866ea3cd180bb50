//! The alerts of the host's own that nobody fulfils a request.

use xinglin_domain::{
    coding::LocalizedText,
    enrolment::{
        RequestRecord,
        request::{Asked, Ended},
    },
    pathway::{Alert, Role},
    review::Severity,
    time::Instant,
};
use xinglin_platform::{AppResult, Caller};
use xinglin_records::resource::{self, marked};
use xinglin_store::TenantTx;

use crate::pathway::{Ready, raise};

/// Minutes within which somebody sees to a request that lapsed or was turned down: a project default.
const MINUTES: u32 = 24 * 60;

/// The same if the patient was sent to an emergency department: a project default.
const EMERGENCY_MINUTES: u32 = 60;

/// The same if who turned it down decided what is theirs: a project default.
const INFO_MINUTES: u32 = 3 * 24 * 60;

/// Tells the care team.
pub(super) async fn tell(tx: &TenantTx, ready: &Ready, alert: Alert, now: Instant) -> AppResult<()> {
    let projection = raise(tx, &ready.enrolment, alert, now).await?;
    resource::project(tx, marked(projection.into_iter().collect(), ready.compartments), now).await
}

/// That its time is over.
pub(super) fn of_lapsed(ready: &Ready, record: &RequestRecord) -> Alert {
    let code = &record.code;
    let words = match &record.asked {
        Asked::Question { questionnaire, .. } => {
            let title = title(ready, questionnaire);
            LocalizedText::zh_en(
                &format!("问卷“{}”已再次提醒，仍未回答，请联系患者。", title.get("zh-CN")),
                &format!("“{}” was asked twice and not answered: contact the patient.", title.get("en")),
            )
        }
        Asked::Referral { reason, .. } => LocalizedText::zh_en(
            &format!("转诊未在期限内完成（{code}）：{}请核实患者是否已就诊。", reason.get("zh-CN")),
            &format!("A referral was not attended in time ({code}): {} Find out about it.", reason.get("en")),
        ),
        Asked::Laboratory { tests, found, .. } => {
            let missing = tests.iter().filter(|test| !found.iter().any(|known| known.same(test)));
            let missing: Vec<&str> = missing.map(|test| test.display.as_deref().unwrap_or(&test.code)).collect();
            let missing = missing.join(", ");
            LocalizedText::zh_en(
                &format!("检验结果未在期限内回报：{missing}。"),
                &format!("Results are not there in time: {missing}."),
            )
        }
        Asked::Team(decision) => {
            let (given, wanted) = (decision.heard(), decision.participants.len());
            LocalizedText::zh_en(
                &format!("会诊未在期限内形成共同方案（{code}）：已有{given}/{wanted}份意见。"),
                &format!("A team did not decide in time ({code}): {given} of {wanted} opinions are there."),
            )
        }
    };
    alert(ready, record, words, (Severity::Warning, MINUTES))
}

/// That somebody turned it down, who, and why. None if it was not.
pub(super) fn of_declined(ready: &Ready, record: &RequestRecord, caller: &Caller) -> Option<Alert> {
    let Some(Ended::Declined { by, reason, .. }) = &record.ended else { return None };
    let who = if caller.actor.patients.contains(&record.patient) {
        ("患者", "the patient")
    } else if caller.actor.acts_for(record.patient) {
        ("监护人", "a guardian")
    } else {
        ("医务人员", "staff")
    };
    let code = &record.code;
    let what = match &record.asked {
        Asked::Question { questionnaire, .. } => {
            let title = title(ready, questionnaire);
            (format!("问卷“{}”", title.get("zh-CN")), format!("The questions “{}”", title.get("en")))
        }
        Asked::Referral { reason, .. } => {
            (format!("转诊（{code}：{}）", reason.get("zh-CN")), format!("A referral ({code}: {})", reason.get("en")))
        }
        Asked::Laboratory { tests, .. } => {
            let names: Vec<&str> = tests.iter().map(|test| test.display.as_deref().unwrap_or(&test.code)).collect();
            let names = names.join(", ");
            (format!("检验（{names}）"), format!("Tests ({names})"))
        }
        Asked::Team(_) => (format!("会诊（{code}）"), format!("A team ({code})")),
    };
    // What staff say of a team is for the team: the alert is in the record, which the patient reads.
    let words = match &record.asked {
        Asked::Team(_) => LocalizedText::zh_en(
            &format!("{}被{}拒绝，理由见该请求。", what.0, who.0),
            &format!("{} was turned down by {}: the request says why.", what.1, who.1),
        ),
        _ => LocalizedText::zh_en(
            &format!("{}被{}（{by}）拒绝：{reason}", what.0, who.0),
            &format!("{} was turned down by {} ({by}): {reason}", what.1, who.1),
        ),
    };
    let weight = match record.is_closed_by(&caller.actor, caller.now) {
        true => (Severity::Info, INFO_MINUTES),
        false => (Severity::Warning, MINUTES),
    };
    Some(alert(ready, record, words, weight))
}

fn alert(ready: &Ready, record: &RequestRecord, words: LocalizedText, (severity, minutes): (Severity, u32)) -> Alert {
    let (code, owner) = match &record.asked {
        Asked::Question { .. } => ("QUESTION_UNANSWERED", Role::Nurse),
        Asked::Referral { .. } => ("REFERRAL_NOT_ATTENDED", Role::Doctor),
        Asked::Laboratory { .. } => ("LAB_RESULT_MISSING", Role::Doctor),
        Asked::Team(_) => ("TEAM_UNDECIDED", Role::Doctor),
    };
    let (severity, minutes) =
        if record.is_emergency() { (Severity::Critical, EMERGENCY_MINUTES) } else { (severity, minutes) };
    ready.notice(code, severity, words, owner, minutes)
}

/// Of a questionnaire; its code if the pathway has none of it any more.
fn title(ready: &Ready, questionnaire: &str) -> LocalizedText {
    let known = ready.definition.questionnaires.iter().find(|known| known.code == questionnaire);
    known.map_or_else(|| LocalizedText::zh_en(questionnaire, questionnaire), |known| known.title.clone())
}
