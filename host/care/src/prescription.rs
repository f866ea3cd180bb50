//! The prescription, from the draft to the dispensed medicine. The rules are in
//! `xinglin_domain::prescription`; here they are given what they need to know.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::Instrument;
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Actor},
    clinical::{DataNeed, Snapshot},
    code::Code,
    coding::{Coding, Decimal, Quantity},
    compartment::Compartments,
    consent::Purpose,
    id::{EncounterId, PatientId, PrescriptionId},
    payer::LineKind,
    prescription::{
        Checklist, Course, Create, Draft, Effective, Event, LongTerm, Medicine, PendingReview, Prescription, Returned,
        Rules, Rx, RxError, RxStage, RxState, SignWith, Supply,
    },
    review::{Answer, Checker, Finding, Line, ReviewOutcome, fold},
    signature::AuthorKind,
    time::Instant,
};
use xinglin_extensions::{
    Extensions,
    call::{CallView, Calls, failed},
    plugin,
};
use xinglin_fhir::project;
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, ambient,
    document::{Stored, fresh, next},
    settings::{Settings, settings},
};
use xinglin_records::{consent, record};
use xinglin_runtime::Interface;
use xinglin_store::{Document, Executor, TenantScope, TenantTx};

use crate::{
    encounter::{self, human},
    hold,
};

/// A prescription to begin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPrescription {
    /// The follow-up visit in progress.
    #[schema(value_type = String)]
    pub encounter: EncounterId,
    /// For how long: `ordinary`, `extended` with a reason, or `long_term`.
    #[serde(default)]
    pub course: NewCourse,
    /// The medicines.
    pub lines: Vec<NewLine>,
    /// `human`; anything else is refused (`RX_AI_ORIGIN`).
    #[serde(default = "human")]
    #[schema(value_type = String)]
    pub author_kind: AuthorKind,
}

/// Lines to put in place of those there are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// The version that was read, for a prescription that came back from the
    /// pharmacist.
    #[serde(default)]
    pub version: Option<u32>,
    /// For how long.
    #[serde(default)]
    pub course: NewCourse,
    /// The medicines.
    pub lines: Vec<NewLine>,
}

/// For how long is prescribed.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NewCourse {
    /// At most 7 days.
    #[default]
    Ordinary,
    /// At most 30 days, for a chronic disease, old age or another reason.
    Extended {
        /// Which.
        reason: String,
    },
    /// 长期处方: up to 12 weeks.
    #[schema(value_type = Object)]
    LongTerm(LongTerm),
}

/// One medicine, by its code in the hospital's formulary.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLine {
    /// Code of the formulary.
    pub item: String,
    /// One dose.
    #[schema(value_type = Object)]
    pub dose: Quantity,
    /// Doses a day, as a decimal text: `"2"`.
    #[schema(value_type = String)]
    pub doses_per_day: Decimal,
    /// Length of treatment.
    pub days: u16,
    /// Packs to hand out.
    pub packs: u32,
    /// How it is taken.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub route: Option<Coding>,
}

/// The prescriber's signature.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// Days of validity, 1 to 3.
    pub valid_days: u8,
    /// Codes of the warnings that the prescriber has seen and accepts.
    #[serde(default)]
    pub acknowledged: BTreeSet<String>,
}

/// The pharmacist's approval, with the checks made (四查十对).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// Each must have been made.
    #[schema(value_type = Object)]
    pub checklist: Checklist,
}

/// The pharmacist's objection.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// The hospital's code for the reason.
    pub code: String,
    /// In words.
    pub text: String,
}

/// The prescriber insists.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Insist {
    /// Why.
    pub reason: String,
}

/// A prescription.
#[derive(Serialize, ToSchema)]
pub struct PrescriptionView {
    /// `rx-…`
    #[schema(value_type = String)]
    pub id: PrescriptionId,
    /// State of the machine, for example `PENDING_REVIEW`.
    pub status: String,
    /// Counts the amendments.
    pub version: u32,
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// When it ceases to be valid, once signed.
    pub valid_until: Option<String>,
    /// Findings that were acknowledged, or that the review of this request made.
    #[schema(value_type = Vec<Object>)]
    pub findings: Vec<Finding>,
    /// All that is known of it.
    #[schema(value_type = Object)]
    pub detail: Value,
    /// Plugin calls that this request made.
    pub calls: Vec<CallView>,
}

type Row = Stored<PrescriptionId, Prescription>;

/// The doctor begins a prescription in a visit of theirs.
///
/// # Errors
/// `RX_…` if a rule is against it; nothing is kept then.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
pub async fn draft(platform: &Platform, caller: &Caller, new: NewPrescription) -> AppResult<PrescriptionView> {
    caller.may(Action::DraftPrescription)?;
    let records = platform.records(caller);
    let settings = settings(&records).await?;
    let follow_up = encounter::follow_up(&records, new.encounter, caller.now).await?;
    let id = PrescriptionId::from_u128(ambient::fresh_id());
    let create = Create { id, follow_up: &follow_up, author: new.author_kind };
    let draft = Rx::create(&caller.actor, create, caller.now)?;
    let allergies = facts(platform, &records, follow_up.patient(), caller.now).await?;
    let draft = write_lines(&caller.actor, draft, new.course, new.lines, &allergies, &settings, caller.now)?;
    let rx = Prescription::from(draft);
    let parent = Some(rx.encounter().to_string());
    let row = fresh(id, rx.patient(), parent, rx.state().as_str(), &rx, caller.now)?;
    let tx = platform.begin(caller).await?;
    tx.insert_document(&row).await?;
    record::project(&tx, requests(&rx), caller.now).await?;
    tx.commit().await?;
    view(rx, Vec::new(), Vec::new())
}

/// The doctor rewrites a draft, or what the pharmacist sent back. Signatures
/// that there were are void.
///
/// # Errors
/// `RX_…` if a rule is against it; the prescription stays as it was.
pub async fn rewrite(
    platform: &Platform,
    caller: &Caller,
    id: PrescriptionId,
    rewrite: Rewrite,
) -> AppResult<PrescriptionView> {
    caller.may(Action::DraftPrescription)?;
    let records = platform.records(caller);
    let settings = settings(&records).await?;
    let Stored { row, value } = load(&records, id).await?;
    caller.trail.saw(value.patient());
    let allergies = facts(platform, &records, value.patient(), caller.now).await?;
    let before = requests(&value);
    let draft = match value {
        Prescription::Returned(returned) => {
            let version = rewrite.version.unwrap_or_else(|| returned.version());
            returned.amend(&caller.actor, version, caller.now)?
        }
        other => other.expecting::<Draft>(Event::Edit)?,
    };
    let draft = write_lines(&caller.actor, draft, rewrite.course, rewrite.lines, &allergies, &settings, caller.now)?;
    let rx = Prescription::from(draft);
    let dropped = dropped(before, &requests(&rx));
    put_next(platform, caller, row, rx, async |tx| record::project(tx, dropped, caller.now).await).await
}

/// The doctor signs. Every enabled checker is asked first, all at once; a
/// veto, or a checker that gave no answer, stops the signature.
///
/// # Errors
/// `RX_VETOED`, `RX_NOT_CHECKED` or `RX_WARNING_UNACKNOWLEDGED` with the
/// findings; `ENC_RED_FLAG` while a hold stands; other `RX_…`.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
pub async fn sign(
    extensions: &Extensions,
    caller: &Caller,
    id: PrescriptionId,
    sign: Sign,
) -> AppResult<PrescriptionView> {
    caller.may(Action::SignPrescription)?;
    let records = extensions.platform.records(caller);
    let Stored { row, value } = load(&records, id).await?;
    caller.trail.saw(value.patient());
    let draft = value.expecting::<Draft>(Event::Sign)?;
    let encounter = draft_encounter(&row)?;
    let follow_up = encounter::follow_up(&records, encounter, caller.now).await?;
    let holds = hold::of_patient(&records, draft.patient()).await?;
    if let Some(hold) = holds.iter().find(|hold| hold.is_active()) {
        // Said before any plugin is asked: nothing they say could lift it.
        return Err(RxError::OnHold(hold::shown(&extensions.platform, caller, hold.clone()).await?.code).into());
    }

    let (outcome, calls) = review(extensions, caller, &records, &draft).await?;
    let findings = findings(&outcome);
    let reviewed = match outcome.acknowledge(&sign.acknowledged) {
        Ok(reviewed) => reviewed,
        Err(refused) => {
            let calls = calls.views();
            let unchecked: Vec<_> = outcome.unchecked().collect();
            return Err(AppError::new(refused.code(), refused.to_string())
                .with("findings", findings)
                .with("unchecked", unchecked)
                .with("calls", calls));
        }
    };
    let digest = draft.signing_digest(sign.valid_days, caller.now).map_err(AppError::internal)?;
    let with = SignWith {
        follow_up: &follow_up,
        reviewed: &reviewed,
        holds: &holds,
        valid_days: sign.valid_days,
        signature: extensions.platform.sign(caller, &digest),
    };
    let signed = match draft.sign(&caller.actor, with, &rules()?, &extensions.platform, caller.now) {
        Ok(signed) => signed,
        Err(refused) => {
            return Err(AppError::from(refused).with("calls", calls.views()));
        }
    };
    let rx = Prescription::from(signed);
    let patient = rx.patient();
    let row = next(row, rx.state().as_str(), &rx, caller.now)?;
    let tx = extensions.platform.begin(caller).await?;
    // A hold may have come while the checkers thought.
    if let Some(hold) = hold::of_patient(&tx, patient).await?.into_iter().find(|hold| hold.is_active()) {
        tx.rollback().await?;
        return Err(RxError::OnHold(hold::shown(&extensions.platform, caller, hold).await?.code).into());
    }
    // Or the guardian have ceased to be one.
    encounter::follow_up(&tx, encounter, caller.now).await?;
    tx.update_document(&row).await?;
    record::project(&tx, requests(&rx), caller.now).await?;
    let calls = calls.write(&tx).await?;
    tx.commit().await?;
    view(rx, findings, calls)
}

/// Asks every enabled checker about a draft, in parallel, each in a fresh
/// instance with its own cut of the record.
async fn review<'a, E: Executor>(
    extensions: &'a Extensions,
    caller: &Caller,
    records: &TenantScope<E>,
    draft: &Rx<Draft>,
) -> AppResult<(ReviewOutcome, Calls<'a>)> {
    let mut calls = Calls::new(extensions, records.id(), &caller.request_id, caller.now)
        .of(draft.patient(), Purpose::Treatment)
        .about(draft.id());
    let order = draft.order();
    let playing = plugin::playing(extensions, records, Interface::Review).await?;
    let mut asked = Vec::with_capacity(playing.len());
    for (install, plugin) in &playing {
        let needs = plugin.data_needs().to_vec();
        let snapshot = record::snapshot(
            &extensions.platform,
            records,
            (&install.plugin_id, Purpose::Treatment),
            &needs,
            draft.patient(),
            caller.now,
        )
        .await?;
        asked.push((calls.context(install, plugin)?, plugin, snapshot));
    }
    let reviews = asked.into_iter().map(|(context, plugin, snapshot)| {
        let (runtime, order, plugin, now) = (extensions.runtime().clone(), order.clone(), plugin.clone(), caller.now);
        let review = async move { runtime.review(&plugin, context, &order, &snapshot, now).await };
        tokio::spawn(review.in_current_span())
    });
    let running: Vec<_> = reviews.collect();
    let mut reviewed = Vec::with_capacity(playing.len());
    for ((install, _), review) in playing.iter().zip(running) {
        reviewed.push((install, review.await.map_err(AppError::internal)?));
    }
    let verdicts = calls.note(reviewed).await?;
    let answers = playing.iter().zip(verdicts).map(|((install, _), verdict)| {
        (install.plugin_id.clone(), Answer::from_call(verdict.map_err(|failure| failed(&failure))))
    });
    let answers = answers.collect();
    let checkers: Vec<Checker> =
        playing.iter().map(|(install, _)| Checker { plugin: install.plugin_id.clone(), required: true }).collect();
    let subject = draft.fingerprint().map_err(AppError::internal)?;
    Ok((fold(subject, &checkers, answers), calls))
}

/// A pharmacist, never the prescriber, approves and signs.
///
/// # Errors
/// `RX_SELF_REVIEW`, `RX_REVIEWER_UNQUALIFIED`, `RX_CHECKLIST_INCOMPLETE`, …
#[tracing::instrument(target = "xinglin::trace", skip_all)]
pub async fn approve(
    platform: &Platform,
    caller: &Caller,
    id: PrescriptionId,
    approve: Approve,
) -> AppResult<PrescriptionView> {
    let (row, pending) =
        take::<PendingReview>(platform, caller, id, (Event::Approve, Action::ReviewPrescription)).await?;
    let digest = pending.approval_digest(caller.actor.account, caller.now).map_err(AppError::internal)?;
    let signature = platform.sign(caller, &digest);
    let effective = pending.approve(&caller.actor, approve.checklist, signature, platform, caller.now)?;
    put_next(platform, caller, row, effective.into(), async |_| Ok(())).await
}

/// A pharmacist sends it back to the prescriber.
///
/// # Errors
/// `RX_REASON_REQUIRED`, …
pub async fn send_back(
    platform: &Platform,
    caller: &Caller,
    id: PrescriptionId,
    why: Object,
) -> AppResult<PrescriptionView> {
    let (row, pending) =
        take::<PendingReview>(platform, caller, id, (Event::Return, Action::ReviewPrescription)).await?;
    let returned = pending.send_back(&caller.actor, why.code, why.text, caller.now)?;
    put_next(platform, caller, row, returned.into(), async |_| Ok(())).await
}

/// A pharmacist refuses it for good.
///
/// # Errors
/// `RX_REASON_REQUIRED`, …
pub async fn reject(
    platform: &Platform,
    caller: &Caller,
    id: PrescriptionId,
    why: Object,
) -> AppResult<PrescriptionView> {
    let (row, pending) =
        take::<PendingReview>(platform, caller, id, (Event::Reject, Action::ReviewPrescription)).await?;
    let rejected = pending.reject(&caller.actor, why.code, why.text, caller.now)?;
    put_next(platform, caller, row, rejected.into(), async |_| Ok(())).await
}

/// The prescriber insists on what came back, with a reason and a second
/// signature.
///
/// # Errors
/// `RX_SECOND_SIGN`, …
pub async fn insist(
    platform: &Platform,
    caller: &Caller,
    id: PrescriptionId,
    insist: Insist,
) -> AppResult<PrescriptionView> {
    let (row, returned) = take::<Returned>(platform, caller, id, (Event::Confirm, Action::SignPrescription)).await?;
    let digest = returned.insistence_digest(&insist.reason, caller.now).map_err(AppError::internal)?;
    let signature = platform.sign(caller, &digest);
    let holds = hold::of_patient(&platform.records(caller), returned.patient()).await?;
    let pending = returned.confirm(&caller.actor, insist.reason, signature, &holds, platform, caller.now)?;
    put_next(platform, caller, row, pending.into(), async |_| Ok(())).await
}

/// The prescriber withdraws an approved prescription that is not yet ordered.
///
/// # Errors
/// `RX_ALREADY_USED`, …
pub async fn withdraw(platform: &Platform, caller: &Caller, id: PrescriptionId) -> AppResult<PrescriptionView> {
    let (row, effective) = take::<Effective>(platform, caller, id, (Event::Withdraw, Action::SignPrescription)).await?;
    let cancelled = effective.withdraw(&caller.actor, caller.now)?;
    put_next(platform, caller, row, cancelled.into(), async |_| Ok(())).await
}

/// One prescription.
///
/// # Errors
/// If there is none that the caller may see.
pub async fn get(platform: &Platform, caller: &Caller, id: PrescriptionId) -> AppResult<PrescriptionView> {
    let Stored { row, value } = load(&platform.records(caller), id).await?;
    // Who is to review, prepare or hand it over must see it.
    let pharmacy = matches!(
        value,
        Prescription::PendingReview(_)
            | Prescription::Returned(_)
            | Prescription::Effective(_)
            | Prescription::Reserved(_)
            | Prescription::Dispensed(_)
    ) && caller.may(Action::PreparePrescription).is_ok();
    let known = pharmacy || value.prescriber() == caller.actor.account;
    consent::may_open(platform, caller, value.patient(), (Compartments::of(&row.body), known), "prescription", id)
        .await?;
    view(value, Vec::new(), Vec::new())
}

/// The prescription in the state that an act needs. What has expired
/// meanwhile is written down as expired first.
pub async fn take<S: RxStage>(
    platform: &Platform,
    caller: &Caller,
    id: PrescriptionId,
    (event, action): (Event, Action),
) -> AppResult<(Document<PrescriptionId>, Rx<S>)> {
    let Stored { mut row, value } = load(&platform.records(caller), id).await?;
    caller.may_act_on(value.patient(), "prescription", id)?;
    caller.may(action)?;
    let value = match value.expire(caller.now) {
        Err(still_valid) => *still_valid.value,
        Ok(expired) => {
            let expired = Prescription::from(expired);
            row = next(row, expired.state().as_str(), &expired, caller.now)?;
            let tx = platform.begin(caller).await?;
            tx.update_document(&row).await?;
            record::project(&tx, requests(&expired), caller.now).await?;
            tx.commit().await?;
            expired
        }
    };
    Ok((row, value.expecting::<S>(event)?))
}

/// Writes the next state with its projection, and what else must become true
/// in the same transaction.
pub async fn put_next(
    platform: &Platform,
    caller: &Caller,
    row: Document<PrescriptionId>,
    rx: Prescription,
    also: impl AsyncFnOnce(&TenantTx) -> AppResult<()>,
) -> AppResult<PrescriptionView> {
    let tx = platform.begin(caller).await?;
    put(&tx, row, &rx, caller.now).await?;
    also(&tx).await?;
    tx.commit().await?;
    view(rx, Vec::new(), Vec::new())
}

/// Allergies and the rest that the law wants looked at while lines are written.
async fn facts<E: Executor>(
    platform: &Platform,
    records: &TenantScope<E>,
    patient: PatientId,
    now: Instant,
) -> AppResult<Snapshot> {
    record::snapshot(platform, records, ("xinglin.host", Purpose::Safety), &[DataNeed::Allergies], patient, now).await
}

/// Writes the next state of a prescription with its projection.
pub async fn put(tx: &TenantTx, row: Document<PrescriptionId>, rx: &Prescription, now: Instant) -> AppResult<()> {
    tx.update_document(&next(row, rx.state().as_str(), rx, now)?).await?;
    let mut projections = requests(rx);
    projections.extend(dispenses(rx));
    record::project(tx, projections, now).await
}

/// A prescription with its row.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn load<E: Executor>(records: &TenantScope<E>, id: PrescriptionId) -> AppResult<Row> {
    records.get_document(id).await?.try_into()
}

fn draft_encounter(row: &Document<PrescriptionId>) -> AppResult<EncounterId> {
    let parent = row.parent_id.as_deref().unwrap_or_default();
    parent.parse().map_err(AppError::internal)
}

/// The rules of prescribing in force.
fn rules() -> AppResult<Rules> {
    Rules::national().map_err(AppError::internal)
}

/// Puts lines in place of those there are.
fn write_lines(
    by: &Actor,
    mut draft: Rx<Draft>,
    course: NewCourse,
    lines: Vec<NewLine>,
    facts: &Snapshot,
    settings: &Settings,
    now: Instant,
) -> AppResult<Rx<Draft>> {
    let rules = rules()?;
    for number in draft.sheet().medicines.iter().map(|medicine| medicine.line.number).collect::<Vec<_>>() {
        draft = draft.remove(by, number, now)?;
    }
    let course = match course {
        NewCourse::Ordinary => Course::Ordinary,
        NewCourse::Extended { reason } => Course::Extended { reason },
        NewCourse::LongTerm(terms) => Course::LongTerm(terms),
    };
    draft = draft.set_course(by, course, now)?;
    for line in lines {
        draft = draft.add(by, medicine(line, settings)?, &facts.allergies, &rules, now)?;
    }
    Ok(draft)
}

/// A line with what the formulary says of its item.
fn medicine(line: NewLine, settings: &Settings) -> AppResult<Medicine> {
    let item = settings.item(&line.item)?;
    let (LineKind::Medicine, Some(pack)) = (item.kind, item.pack.clone()) else {
        return Err(AppError::new(Code::BodyInvalid, format!("`{}` is no medicine", line.item)));
    };
    Ok(Medicine {
        line: Line {
            number: 1,
            code: item.codings.clone(),
            ingredients: item.ingredients.clone(),
            dose: line.dose,
            doses_per_day: line.doses_per_day,
            days: line.days,
            route: line.route,
            attributes: Vec::new(),
        },
        supply: Supply { packs: line.packs, pack },
        classes: item.classes.clone(),
    })
}

fn findings(outcome: &ReviewOutcome) -> Vec<Finding> {
    let vetoes = outcome.vetoes().flat_map(|(_, findings)| findings.to_vec());
    vetoes.chain(outcome.warnings().map(|(_, finding)| finding.clone())).collect()
}

fn requests(rx: &Prescription) -> Vec<Value> {
    use RxState as S;
    use project::RequestStatus as R;
    project::medication_requests(&project::Prescription {
        id: rx.id(),
        patient: &rx.patient().to_string(),
        encounter: rx.encounter(),
        prescriber: &rx.prescriber().to_string(),
        order: &rx.sheet().order(),
        status: match rx.state() {
            S::Draft | S::PendingReview | S::Returned => R::Draft,
            S::Effective | S::Reserved => R::Active,
            S::Dispensed | S::Shipped | S::Delivered | S::Closed => R::Completed,
            S::Cancelled | S::Rejected => R::Cancelled,
            S::Expired | S::Refunded => R::Stopped,
        },
        authored: rx.signing().map_or(rx.created(), |signing| signing.signature.at),
        valid_until: rx.valid_until(),
    })
}

/// Lines that were projected and are no longer written: without this they would
/// stand in the record for ever.
fn dropped(before: Vec<Value>, after: &[Value]) -> Vec<Value> {
    let gone = before.into_iter().filter(|old| after.iter().all(|new| new["id"] != old["id"]));
    gone.map(|mut old| {
        old["status"] = "cancelled".into();
        old
    })
    .collect()
}

fn dispenses(rx: &Prescription) -> Vec<Value> {
    let Some(supplied) = rx.supplied() else { return Vec::new() };
    let (prepared, checked) = (supplied.dispensing.prepared_by.to_string(), supplied.dispensing.checked_by.to_string());
    project::medication_dispenses(&project::Dispense {
        prescription: rx.id(),
        patient: &rx.patient().to_string(),
        order: &rx.sheet().order(),
        pharmacists: &[&prepared, &checked],
        prepared: supplied.dispensing.at,
        handed_over: match rx {
            Prescription::Delivered(rx) => Some(rx.state().receipt.at),
            Prescription::Closed(rx) => Some(rx.state().receipt.at),
            _ => None,
        },
        returned: rx.state() == RxState::Refunded,
    })
}

fn view(rx: Prescription, findings: Vec<Finding>, calls: Vec<CallView>) -> AppResult<PrescriptionView> {
    Ok(PrescriptionView {
        id: rx.id(),
        status: rx.state().as_str().to_owned(),
        version: rx.version(),
        patient: rx.patient(),
        valid_until: rx.valid_until().map(|until| until.to_string()),
        findings,
        detail: serde_json::to_value(rx).map_err(AppError::internal)?,
        calls,
    })
}
