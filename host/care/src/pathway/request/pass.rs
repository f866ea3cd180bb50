use xinglin_domain::{
    code::Code,
    coding::LocalizedText,
    enrolment::{
        RequestRecord,
        request::{Asked, Passed},
    },
    id::RequestId,
    pathway::{Event, Role},
    review::Severity,
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, boxed};
use xinglin_records::{
    patient,
    resource::{self, marked},
};
use xinglin_store::{Tenant, TenantTx, Work};

use super::{load, look_later, put};
use crate::{
    event::keep,
    pathway::{Ready, raise, ready, step::ask_patient},
};

/// Minutes within which somebody sees to a request that lapsed: a project default.
const LAPSED_MINUTES: u32 = 24 * 60;

/// The time of a request has come: a question is asked once more; what nobody has fulfilled lapses, with an alert, and
/// the pathway is told. Nothing of a patient of whom nothing more may be done.
///
/// # Errors
/// If the store fails; it is tried again.
#[tracing::instrument(target = "xinglin::trace", name = "pass_request", skip_all)]
#[boxed]
pub async fn pass(records: &Tenant, work: &Work, now: Instant) -> AppResult<()> {
    let id: RequestId = work.id.parse().map_err(AppError::internal)?;
    let enrolment = work.lane.parse().map_err(AppError::internal)?;
    let tx = records.begin().await?;
    // As in `deliver`.
    tx.lock(&format!("enrolment/{enrolment}")).await?;
    if !tx.finish_work(work).await? {
        return Ok(());
    }
    let stored = match load(&tx, id).await {
        Ok(stored) => stored,
        // Erased.
        Err(error) if error.code == Code::NotFound => return Ok(tx.commit().await?),
        Err(error) => return Err(error),
    };
    let record = stored.value.clone();
    match record.pass(now) {
        // It ended, or was moved, meanwhile.
        Err(_) => look_later(&tx, &stored.value).await?,
        Ok(Passed::AskedAgain(record)) => {
            put(&tx, stored.row, &record, now).await?;
            if patient::treatable(&tx, record.patient).await.is_ok() {
                let ready = ready(&tx, enrolment).await?;
                ask_again(&tx, &ready, &record, now).await?;
            }
        }
        Ok(Passed::Lapsed(record)) => {
            put(&tx, stored.row, &record, now).await?;
            if patient::treatable(&tx, record.patient).await.is_ok() {
                let ready = ready(&tx, enrolment).await?;
                lapsed(&tx, &ready, &record, now).await?;
            }
        }
    }
    Ok(tx.commit().await?)
}

async fn ask_again(tx: &TenantTx, ready: &Ready, record: &RequestRecord, now: Instant) -> AppResult<()> {
    match &record.asked {
        Asked::Question { questionnaire, respondent: Role::Patient | Role::Guardian } => {
            let key = format!("{}/again/{}", record.id, record.since.micros());
            ask_patient(tx, ready, (questionnaire, key), now).await
        }
        // Staff find it in their list.
        _ => Ok(()),
    }
}

async fn lapsed(tx: &TenantTx, ready: &Ready, record: &RequestRecord, now: Instant) -> AppResult<()> {
    let (code, owner, message) = notice(ready, record);
    let alert = ready.notice(code, Severity::Warning, message, owner, LAPSED_MINUTES);
    let projection = raise(tx, &ready.enrolment, alert, now).await?;
    resource::project(tx, marked(projection.into_iter().collect(), ready.compartments), now).await?;
    if ready.enrolment.is_active() {
        let told = record.report().map(Event::RequestEnded).into_iter().collect();
        keep(tx, record.enrolment, told, now).await?;
    }
    Ok(())
}

/// Code, owner and words of the alert.
fn notice(ready: &Ready, record: &RequestRecord) -> (&'static str, Role, LocalizedText) {
    let code = &record.code;
    match &record.asked {
        Asked::Question { questionnaire, .. } => {
            let known = ready.definition.questionnaires.iter().find(|known| known.code == *questionnaire);
            let title = |language| known.map_or(questionnaire.as_str(), |known| known.title.get(language)).to_owned();
            let words = LocalizedText::zh_en(
                &format!("问卷“{}”已再次提醒，仍未回答，请联系患者。", title("zh-CN")),
                &format!("“{}” was asked twice and not answered: contact the patient.", title("en")),
            );
            ("QUESTION_UNANSWERED", Role::Nurse, words)
        }
        Asked::Referral { reason, .. } => {
            let words = LocalizedText::zh_en(
                &format!("转诊未在期限内完成（{code}）：{}请核实患者是否已就诊。", reason.get("zh-CN")),
                &format!("A referral was not attended in time ({code}): {} Find out about it.", reason.get("en")),
            );
            ("REFERRAL_NOT_ATTENDED", Role::Doctor, words)
        }
        Asked::Laboratory { tests, found, .. } => {
            let missing: Vec<&str> = tests
                .iter()
                .filter(|test| !found.iter().any(|known| known.same(test)))
                .map(|test| test.display.as_deref().unwrap_or(&test.code))
                .collect();
            let missing = missing.join(", ");
            let words = LocalizedText::zh_en(
                &format!("检验结果未在期限内回报：{missing}。"),
                &format!("Results are not there in time: {missing}."),
            );
            ("LAB_RESULT_MISSING", Role::Doctor, words)
        }
        Asked::Team(decision) => {
            let (given, wanted) = (decision.opinions.len(), decision.participants.len());
            let words = LocalizedText::zh_en(
                &format!("会诊未在期限内形成共同方案（{code}）：已有{given}/{wanted}份意见。"),
                &format!("A team did not decide in time ({code}): {given} of {wanted} opinions are there."),
            );
            ("TEAM_UNDECIDED", Role::Doctor, words)
        }
    }
}
