//! What a visit and its medicines cost, who pays it, and that it is paid once.
//!
//! A payment is written down before the payer is asked, so that a host that dies
//! in between knows what to ask after. Nothing is ever sent blindly again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_care::{enrolment::Occasion, prescription};
use xinglin_domain::{
    access::Action,
    billing::{
        Act, Allocation, BillingError, Charge, Claim, Paid, PayerKind,
        claim::{Confirmed, Drifted, Open, Pending, Reversing, Settled, Settling, Unknown},
    },
    code::Code,
    coding::{Attribute, AttributeValue, Decimal},
    compartment::Compartments,
    consent::Purpose,
    id::{BillId, PaymentId, PrescriptionId},
    money::Money,
    payer::{self, Authorized, Bill, Coverage, Line, Operation, PayerError, Quoted as Quote, Source, Status},
    prescription::{Effective, Event, LinePacks, Prescription, Purchase, Reserved, RxError},
    time::Instant,
};
use xinglin_extensions::{
    Extensions,
    call::{CallView, Calls},
    plugin,
};
use xinglin_fhir::project;
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, ambient,
    document::{Stored, fresh, next, touch},
    grant,
    settings::{FOLLOW_UP_VISIT, settings},
};
use xinglin_records::{consent, record};
use xinglin_runtime::{Interface, Plugin};
use xinglin_store::{
    Document, Executor, Install, Operation as StoredOperation, OperationState, Started, StoreError, Tenant,
    TenantScope, TenantTx,
};

use crate::{coverage, ledger};

/// Most of one item on a bill.
const MOST_OF_ONE: u32 = 10_000;

/// Which line of the prescription a line of the bill is for.
const RX_LINE: &str = "xinglin.prescription-line";

/// What to charge for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCharge {
    /// The approved prescription.
    #[schema(value_type = String)]
    pub prescription: PrescriptionId,
    /// Things beside the visit and its medicines, by their code in the formulary.
    #[serde(default)]
    pub items: Vec<NewItem>,
}

/// So many of something.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewItem {
    /// Code of the formulary.
    pub item: String,
    /// How many.
    pub quantity: u32,
}

/// The patient's agreement to a quote.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// The cash that the patient agrees to pay, in fen; must be what was quoted.
    #[schema(value_type = i64)]
    pub cash_fen: Money,
    /// That the risk notice of the medicines was read.
    pub risk_acknowledged: bool,
}

/// A bill and who pays it.
#[derive(Serialize, ToSchema)]
pub struct ChargeView {
    /// `bill-…`
    #[schema(value_type = String)]
    pub id: BillId,
    /// State of the machine, for example `QUOTED`.
    pub status: String,
    /// Id of the payer's plugin, if one shares in it.
    pub payer: Option<String>,
    /// What is charged.
    pub lines: Vec<ChargeLine>,
    /// Who pays what.
    pub parts: Vec<PartView>,
    /// All of it, in fen.
    #[schema(value_type = i64)]
    pub total_fen: Money,
    /// What the patient should know of how this was reckoned.
    pub notes: Vec<String>,
    /// Plugin calls that this request made.
    pub calls: Vec<CallView>,
}

/// A line of a bill, as the payer sees it.
#[derive(Serialize, ToSchema)]
pub struct ChargeLine {
    /// Its number.
    pub number: u32,
    /// For people.
    pub title: String,
    /// How many.
    pub quantity: String,
    /// What is charged, in fen.
    #[schema(value_type = i64)]
    pub gross_fen: Money,
    /// 全自费.
    #[schema(value_type = Option<i64>)]
    pub self_funded_fen: Option<Money>,
    /// 超限价自费.
    #[schema(value_type = Option<i64>)]
    pub over_limit_fen: Option<Money>,
    /// 先行自付.
    #[schema(value_type = Option<i64>)]
    pub pre_self_pay_fen: Option<Money>,
    /// 符合范围.
    #[schema(value_type = Option<i64>)]
    pub in_scope_fen: Option<Money>,
}

/// Someone's share.
#[derive(Serialize, ToSchema)]
pub struct PartView {
    /// `basic_fund`, `personal_account`, `cash`, …
    #[schema(value_type = String)]
    pub source: Source,
    /// How much, in fen.
    #[schema(value_type = i64)]
    pub fen: Money,
}

/// A payer that is ready to be asked about one patient.
struct Payer {
    install: Install,
    plugin: Arc<Plugin>,
    row: xinglin_store::Coverage,
    coverage: Coverage,
}

type Row = Document<BillId>;

/// What a payer is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Settle,
    Reverse,
}

impl Verb {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Settle => "settle",
            Self::Reverse => "reverse",
        }
    }
}

/// What became of an operation that was written down.
struct Outcome {
    verb: Verb,
    key: String,
    /// The payer says that it never saw it: it is safe to send.
    unsent: bool,
    after: Charge,
}

/// An outcome as it was written. A charge that is settling or reversing has a
/// new operation, written down and to be sent after the commit.
struct Finished {
    row: Row,
    charge: Charge,
    calls: Vec<CallView>,
}

/// Quotes what an approved prescription and its visit cost, and who pays.
/// Binds nobody; each quote is kept as a bill that waits for the patient.
///
/// # Errors
/// `RX_DRUG_BEFORE_RX` before a pharmacist has approved.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
pub async fn quote(extensions: &Extensions, caller: &Caller, new: NewCharge) -> AppResult<ChargeView> {
    caller.may(Action::QuoteCharge)?;
    let (_, effective) = prescription::take::<Effective>(
        &extensions.platform,
        caller,
        new.prescription,
        (Event::Reserve, Action::QuoteCharge),
    )
    .await?;
    let records = extensions.platform.records(caller);
    let id = BillId::from_u128(ambient::fresh_id());
    let bill = bill(&records, id, effective.sheet(), &new.items, caller.now).await?;
    let (tenant, patient) = (records.id(), effective.patient());
    let open = Open { id, tenant, patient, bill };
    let mut calls =
        Calls::new(extensions, tenant, &caller.request_id, caller.now).of(patient, Purpose::Payment).about(id);
    let mut notes = Vec::new();

    let mut payer = payer(extensions, &records, patient, None, &mut notes).await?;
    if let Some(Payer { install, .. }) = &payer
        && !consent::may_bill(&extensions.platform, &records, &install.plugin_id, patient, restricted(&open.bill)?)
            .await?
    {
        notes.push(format!("`{}` is not asked: the patient refused it", install.plugin_id));
        payer = None;
    }
    let claim = match payer {
        None => Claim::self_pay(open, caller.now)?,
        Some(payer) => {
            let Payer { install, plugin, coverage, .. } = &payer;
            let context = calls.context(install, plugin)?;
            let call = extensions.runtime().quote(plugin, context, &open.bill, coverage, caller.now).await;
            match calls.took(install, call).await {
                Ok(Ok(Quote::Covered(adjudication))) => {
                    let kind = grant::payer_kind(install)?;
                    Claim::quote(open, install.plugin_id.clone(), kind, &adjudication, caller.now)?
                }
                Ok(Ok(Quote::Declined(refusals))) => {
                    notes.extend(refusals.iter().map(|why| format!("{}: {}", why.code, why.message.get("zh"))));
                    Claim::self_pay(open, caller.now)?
                }
                Ok(Err(error)) => return Err(undecided(&error).with("calls", calls.views())),
                Err(failure) => return Err(failure.with("calls", calls.views())),
            }
        }
    };
    let charge = Charge::from(claim);
    let parent = Some(new.prescription.to_string());
    let row = fresh(id, patient, parent, charge.state().as_str(), &charge, caller.now)?;
    let tx = records.begin().await?;
    tx.insert_document(&row).await?;
    let calls = calls.write(&tx).await?;
    tx.commit().await?;
    view(&records, &charge, notes, calls).await
}

/// The patient agrees: the prescription is reserved, the payer settles, the
/// books are posted. Asked again with the same amount, it answers the same, or
/// asks a payer again that could not settle before.
///
/// # Errors
/// `RX_ALREADY_USED` if another order was first; `PAY_IDEMPOTENCY_CONFLICT`
/// if it was confirmed with another amount.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
pub async fn confirm(extensions: &Extensions, caller: &Caller, id: BillId, confirm: Confirm) -> AppResult<ChargeView> {
    caller.may(Action::ConfirmCharge)?;
    let records = extensions.platform.records(caller);
    let Stored { row, value } = load(&records, id).await?;
    caller.may_see(value.patient(), "bill", id)?;
    let (payer, patient) = (value.payer().map(str::to_owned), value.patient());
    let quoted = match value {
        Charge::Quoted(quoted) => quoted,
        Charge::Confirmed(confirmed) => return confirm_again(extensions, caller, row, confirmed, &confirm).await,
        other => return confirmed_before(&records, other, &confirm).await,
    };
    if let Some(payer) = payer
        && !consent::may_bill(&extensions.platform, &records, &payer, patient, restricted(quoted.bill())?).await?
    {
        let detail = format!("the patient has refused `{payer}` this bill; ask for another quote");
        return Err(AppError::new(Code::PayState, detail));
    }
    let prescription = parent(&row)?;
    let (rx_row, effective) = prescription::take::<Effective>(
        &extensions.platform,
        caller,
        prescription,
        (Event::Reserve, Action::ReservePrescription),
    )
    .await?;
    let purchase = Purchase {
        bill: id,
        pharmacy: records.id(),
        lines: purchased(quoted.bill()),
        risk_acknowledged: confirm.risk_acknowledged,
    };
    let lines: Vec<u32> = purchase.lines.iter().map(|line| line.line).collect();
    let confirmed = quoted.confirm(&caller.actor, confirm.cash_fen, caller.now)?;
    let reserved = effective.reserve(&caller.actor, purchase, &extensions.platform, caller.now)?;

    let tx = records.begin().await?;
    // The constraint decides between two orders at once: one wins.
    tx.mark_used(prescription, &lines, &id.to_string(), caller.now).await.map_err(|error| match error {
        StoreError::Unique { .. } => AppError::new(Code::RxAlreadyUsed, "another order was first"),
        other => other.into(),
    })?;
    prescription::put(&tx, rx_row, &reserved.into(), caller.now).await?;
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    if confirmed.state().allocation.kind() == PayerKind::SelfPay {
        let charge = Charge::from(confirmed.collect(caller.now)?);
        post_settled(&tx, row, &charge, None, caller.now).await?;
        tx.commit().await?;
        return view(&records, &charge, Vec::new(), Vec::new()).await;
    }
    let (row, settling) = begin(&tx, row, confirmed, caller.now).await?;
    tx.commit().await?;
    let (charge, calls) = settle(extensions, &records, row, settling, &occasion).await?;
    view(&records, &charge, Vec::new(), calls).await
}

/// Takes a payment back as a whole, as long as nothing was dispensed for it.
/// A bill that is not paid yet is given up.
///
/// # Errors
/// `PAY_ALREADY_REVERSED`, `REFUND_DRUG_NOT_RETURNABLE`, …
#[tracing::instrument(target = "xinglin::trace", skip_all)]
pub async fn reverse(extensions: &Extensions, caller: &Caller, id: BillId) -> AppResult<ChargeView> {
    caller.may(Action::ReverseCharge)?;
    let records = extensions.platform.records(caller);
    let Stored { row, value } = load(&records, id).await?;
    caller.trail.saw(value.patient());
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    let settled = match value {
        Charge::Quoted(quoted) => {
            let abandoned = quoted.abandon(&caller.actor, caller.now)?;
            return give_up(&records, row, abandoned.into(), caller.now).await;
        }
        Charge::Confirmed(confirmed) => {
            let abandoned = confirmed.abandon(&caller.actor, caller.now)?;
            return give_up(&records, row, abandoned.into(), caller.now).await;
        }
        Charge::Drifted(drifted) => {
            let tx = records.begin().await?;
            let (row, reversing) = take_back(&tx, row, drifted, caller.now).await?;
            tx.commit().await?;
            let (charge, calls) = reverse_payment(extensions, &records, row, reversing, &occasion).await?;
            return view(&records, &charge, Vec::new(), calls).await;
        }
        other => other.expecting::<Settled>(Act::Reverse)?,
    };
    let Stored { row: rx_row, value: rx } = prescription::load(&records, parent(&row)?).await?;
    if rx.supplied().is_some() {
        return Err(AppError::new(
            Code::RefundDrugNotReturnable,
            "the medicines were handed out; they come back only for faults of quality, recall, courier or hospital",
        ));
    }
    // Whoever dispenses at this moment touches the same two rows: one of us is late.
    if settled.state().allocation.kind() == PayerKind::SelfPay {
        let charge = Charge::from(settled.refund_all(&caller.actor, caller.now)?);
        let tx = records.begin().await?;
        touch(&tx, rx_row, caller.now).await?;
        post_reversed(&tx, row, &charge, None, caller.now).await?;
        tx.commit().await?;
        return view(&records, &charge, Vec::new(), Vec::new()).await;
    }
    let reversing = settled.reverse(&caller.actor, caller.now)?;
    let tx = records.begin().await?;
    touch(&tx, rx_row, caller.now).await?;
    let row = write_down(&tx, row, reversing.clone().into(), Verb::Reverse, caller.now).await?;
    tx.commit().await?;
    let (charge, calls) = reverse_payment(extensions, &records, row, reversing, &occasion).await?;
    view(&records, &charge, Vec::new(), calls).await
}

/// One bill.
///
/// # Errors
/// If there is none that the caller may see.
pub async fn get(platform: &Platform, caller: &Caller, id: BillId) -> AppResult<ChargeView> {
    let records = platform.records(caller);
    let Stored { row, value } = load(&records, id).await?;
    consent::may_open(platform, caller, value.patient(), (Compartments::of(&row.body), false), "bill", id).await?;
    view(&records, &value, Vec::new(), Vec::new()).await
}

/// Finds out what became of an operation that nobody heard of again: the
/// host died over it, or the payer did not answer.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
pub async fn resolve(extensions: &Extensions, pending: StoredOperation, occasion: &Occasion) -> AppResult<()> {
    let records = extensions.platform.store().tenant(pending.tenant);
    let Stored { row, value } = load(&records, pending.bill_id).await?;
    let unknown = match value {
        Charge::Unknown(unknown) => unknown,
        Charge::Settling(settling) => settling.unanswered(occasion.now),
        Charge::Reversing(reversing) => reversing.unanswered(occasion.now),
        _ => return Err(AppError::internal(format!("operation {} is pending, its bill is not", pending.key))),
    };
    let asked_about = unknown_charge(&unknown);
    let payer = payer_of(extensions, &records, &asked_about).await?;
    let mut calls = Calls::new(extensions, records.id(), &occasion.request_id, occasion.now)
        .of(asked_about.patient(), Purpose::Payment)
        .about(row.id);
    let context = calls.context(&payer.install, &payer.plugin)?;
    let operation = unknown.state().pending.attempt().operation.clone();
    let answer = calls.took(&payer.install, extensions.runtime().query(&payer.plugin, context, &operation).await).await;
    let Ok(Ok(status)) = answer else {
        // Still unknown: asked again later.
        let tx = records.begin().await?;
        let charge = Charge::from(unknown);
        tx.update_document(&next(row, charge.state().as_str(), &charge, occasion.now)?).await?;
        mark(&tx, &operation.key, OperationState::Unknown, None, occasion.now).await?;
        calls.write(&tx).await?;
        tx.commit().await?;
        return Ok(());
    };
    tracing::info!(bill = %row.id, operation = operation.key, ?status, "asked after a payment");
    let outcome = Outcome {
        verb: match unknown.state().pending {
            Pending::Settle(_) => Verb::Settle,
            Pending::Reverse(_) => Verb::Reverse,
        },
        key: operation.key,
        unsent: matches!(status, Status::NeverSeen),
        after: unknown.resolve(status, occasion.now),
    };
    let tx = records.begin().await?;
    let Finished { row, charge, .. } = finish(&tx, row, outcome, &payer, calls, occasion.now).await?;
    tx.commit().await?;
    match charge {
        Charge::Settling(settling) => settle(extensions, &records, row, settling, occasion).await.map(drop),
        Charge::Reversing(reversing) => reverse_payment(extensions, &records, row, reversing, occasion).await.map(drop),
        _ => Ok(()),
    }
}

/// Asks the payer to settle, and writes down what it answered. The operation
/// stands in the store already.
async fn settle(
    extensions: &Extensions,
    records: &Tenant,
    row: Row,
    settling: Claim<Settling>,
    occasion: &Occasion,
) -> AppResult<(Charge, Vec<CallView>)> {
    let now = occasion.now;
    let charge = Charge::from(settling.clone());
    let payer = payer_of(extensions, records, &charge).await?;
    let Payer { install, plugin, coverage, .. } = &payer;
    let operation = settling.state().attempt.operation.clone();
    let bill = settling.bill().clone();
    let fresh = || {
        let calls = Calls::new(extensions, records.id(), &occasion.request_id, now);
        calls.of(charge.patient(), Purpose::Payment).about(row.id)
    };

    let mut calls = fresh();
    let context = calls.context(install, plugin)?;
    let authorize = Operation { key: format!("{}/authorize", operation.key), at: now };
    let authorized =
        calls.took(install, extensions.runtime().authorize(plugin, context, &authorize, &bill, coverage).await).await;
    // What the payer noted of it must stand before it is asked to settle.
    let tx = records.begin().await?;
    let mut earlier = calls.write(&tx).await?;
    tx.commit().await?;

    let mut calls = fresh();
    let after = match authorized {
        Ok(Ok(Authorized::Granted(authorization))) => {
            let context = calls.context(install, plugin)?;
            let call = extensions.runtime().settle(plugin, context, &operation, &authorization, &bill, coverage).await;
            match calls.took(install, call).await {
                Ok(Ok(answer)) => settling.answered(answer, now),
                Ok(Err(error)) => settling.failed(&error, now),
                Err(_) => settling.unanswered(now).into(),
            }
        }
        Ok(Ok(Authorized::Refused(refusals))) => settling.answered(payer::Settled::Refused(refusals), now),
        // An authorization moves no money: without one, nothing was settled.
        Ok(Err(error)) => settling.failed(&PayerError::Unavailable(format!("{error:?}")), now),
        Err(error) => settling.failed(&PayerError::Unavailable(error.to_string()), now),
    };
    let outcome = Outcome { verb: Verb::Settle, key: operation.key, unsent: false, after };
    let tx = records.begin().await?;
    let Finished { row, charge, calls } = finish(&tx, row, outcome, &payer, calls, now).await?;
    tx.commit().await?;
    earlier.extend(calls);
    let views = earlier;
    match charge {
        Charge::Reversing(reversing) => {
            let (charge, more) = Box::pin(reverse_payment(extensions, records, row, reversing, occasion)).await?;
            let message = match charge {
                Charge::Reversed(_) => "the payer settled other figures; it was taken back",
                Charge::Drifted(_) => "the payer settled other figures and did not take it back: reverse it again",
                _ => "the payer settled other figures; it is being taken back",
            };
            Err(AppError::new(Code::InsPresettleDrift, message).with("calls", [views, more].concat()))
        }
        Charge::Declined(declined) => Err(AppError::new(Code::PayRefused, "the payer refused to settle")
            .with("refusals", &declined.state().refusals)
            .with("calls", views)),
        Charge::Confirmed(_) => Err(AppError::new(
            Code::PayUnavailable,
            "the payer cannot settle just now; nothing was charged: confirm again to try again",
        )
        .with("calls", views)),
        after => Ok((after, views)),
    }
}

/// Asks the payer to take a settlement back, and writes down what it answered.
async fn reverse_payment(
    extensions: &Extensions,
    records: &Tenant,
    row: Row,
    reversing: Claim<Reversing>,
    occasion: &Occasion,
) -> AppResult<(Charge, Vec<CallView>)> {
    let now = occasion.now;
    let charge = Charge::from(reversing.clone());
    let payer = payer_of(extensions, records, &charge).await?;
    let Payer { install, plugin, coverage, .. } = &payer;
    let operation = reversing.state().attempt.operation.clone();
    let mut calls = Calls::new(extensions, records.id(), &occasion.request_id, now)
        .of(charge.patient(), Purpose::Payment)
        .about(row.id);
    let Some(settlement) = reversing.state().origin.settlement().cloned() else {
        return Err(AppError::internal("a settlement without an answer is being reversed"));
    };
    let context = calls.context(install, plugin)?;
    let call = extensions.runtime().reverse(plugin, context, &operation, &settlement, coverage).await;
    let after = match calls.took(install, call).await {
        Ok(Ok(answer)) => reversing.answered(answer, now),
        Ok(Err(error)) => reversing.failed(&error, now),
        Err(_) => reversing.unanswered(now).into(),
    };
    let outcome = Outcome { verb: Verb::Reverse, key: operation.key, unsent: false, after };
    let tx = records.begin().await?;
    let Finished { charge, calls, .. } = finish(&tx, row, outcome, &payer, calls, now).await?;
    tx.commit().await?;
    Ok((charge, calls))
}

/// The payer could not settle when the patient confirmed, and did nothing: it
/// is asked again, under a new name.
async fn confirm_again(
    extensions: &Extensions,
    caller: &Caller,
    row: Row,
    confirmed: Claim<Confirmed>,
    confirm: &Confirm,
) -> AppResult<ChargeView> {
    let records = extensions.platform.records(caller);
    let confirmed = confirmed.confirm_again(&caller.actor, confirm.cash_fen, caller.now)?;
    let Stored { row: rx_row, value: rx } = prescription::load(&records, parent(&row)?).await?;
    if rx.valid_until().is_none_or(|until| caller.now >= until) {
        return Err(RxError::Expired.into());
    }
    rx.expecting::<Reserved>(Event::Dispense)?;
    let tx = records.begin().await?;
    touch(&tx, rx_row, caller.now).await?;
    let (row, settling) = begin(&tx, row, confirmed, caller.now).await?;
    tx.commit().await?;
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    let (charge, calls) = settle(extensions, &records, row, settling, &occasion).await?;
    view(&records, &charge, Vec::new(), calls).await
}

/// A bill that nobody has paid ends, and the prescription may be ordered anew.
async fn give_up(records: &Tenant, row: Row, abandoned: Charge, now: Instant) -> AppResult<ChargeView> {
    let tx = records.begin().await?;
    free(&tx, parent(&row)?, row.id, now).await?;
    update(&tx, row, &abandoned, now).await?;
    tx.commit().await?;
    view(records, &abandoned, Vec::new(), Vec::new()).await
}

/// A bill that is past its confirmation: the same request again gets the same
/// answer, another amount is refused.
async fn confirmed_before(records: &Tenant, charge: Charge, confirm: &Confirm) -> AppResult<ChargeView> {
    match charge.allocation() {
        Some(allocation) if allocation.part(Source::Cash) != confirm.cash_fen => {
            Err(BillingError::Conflict(charge.id().to_string()).into())
        }
        Some(_) => view(records, &charge, Vec::new(), Vec::new()).await,
        None => Err(AppError::new(Code::PayState, format!("the bill is {}", charge.state()))),
    }
}

/// The payer of a patient: the one named, or the first that there is.
async fn payer<E: Executor>(
    extensions: &Extensions,
    records: &TenantScope<E>,
    patient: xinglin_domain::id::PatientId,
    named: Option<&str>,
    notes: &mut Vec<String>,
) -> AppResult<Option<Payer>> {
    let mut payers = Vec::new();
    let playing = plugin::playing(extensions, records, Interface::Payer).await?;
    for (row, coverage) in coverage::of_patient(records, patient).await? {
        if named.is_some_and(|named| named != row.payer) {
            continue;
        }
        if let Some((install, plugin)) = playing.iter().find(|(install, _)| install.plugin_id == row.payer) {
            let (install, plugin) = (install.clone(), plugin.clone());
            payers.push((grant::payer_kind(&install)?, Payer { install, plugin, row, coverage }));
        }
    }
    // The basic fund is asked first.
    payers.sort_by_key(|(kind, _)| *kind != PayerKind::BasicInsurance);
    for (_, unasked) in payers.iter().skip(1) {
        notes.push(format!("coverage by `{}` is not asked: this version asks one payer a bill", unasked.row.payer));
    }
    Ok(payers.into_iter().next().map(|(_, payer)| payer))
}

async fn payer_of(extensions: &Extensions, records: &Tenant, charge: &Charge) -> AppResult<Payer> {
    let named = charge.payer();
    let payer = payer(extensions, records, charge.patient(), named, &mut Vec::new()).await?;
    payer.ok_or_else(|| {
        let named = named.unwrap_or_default();
        AppError::new(Code::PluginState, format!("the payer `{named}` of this bill is not enabled any more"))
    })
}

async fn view(records: &Tenant, charge: &Charge, notes: Vec<String>, calls: Vec<CallView>) -> AppResult<ChargeView> {
    let formulary = settings(records).await?.formulary;
    let title = |line: &Line| {
        let item = formulary.iter().find(|item| item.codings == line.code);
        item.map_or_else(
            || line.code.first().map(|code| code.code.clone()).unwrap_or_default(),
            |item| item.title.clone(),
        )
    };
    let seen = |line: &Line| {
        let lines = charge.allocation().map_or(&[][..], Allocation::lines);
        lines.iter().find(|result| result.number == line.number)
    };
    let lines: Vec<ChargeLine> = charge
        .bill()
        .lines
        .iter()
        .map(|line| ChargeLine {
            number: line.number,
            title: title(line),
            quantity: line.quantity.to_string(),
            gross_fen: line.gross,
            self_funded_fen: seen(line).map(|result| result.self_funded),
            over_limit_fen: seen(line).map(|result| result.over_limit),
            pre_self_pay_fen: seen(line).map(|result| result.pre_self_pay),
            in_scope_fen: seen(line).map(|result| result.in_scope),
        })
        .collect();
    let total = Money::sum(charge.bill().lines.iter().map(|line| line.gross)).map_err(AppError::internal)?;
    let parts = charge.allocation().map_or_else(Vec::new, |allocation| {
        allocation.parts().iter().map(|(source, fen)| PartView { source: *source, fen: *fen }).collect()
    });
    Ok(ChargeView {
        id: charge.id(),
        status: charge.state().as_str().to_owned(),
        payer: charge.payer().map(str::to_owned),
        lines,
        parts,
        total_fen: total,
        notes,
        calls,
    })
}

/// What a bill would tell of, by its lines.
fn restricted(bill: &impl Serialize) -> AppResult<Compartments> {
    Ok(Compartments::of(&serde_json::to_value(bill).map_err(AppError::internal)?))
}

async fn load<E: Executor>(records: &TenantScope<E>, id: BillId) -> AppResult<Stored<BillId, Charge>> {
    records.get_document(id).await?.try_into()
}

fn parent(row: &Row) -> AppResult<PrescriptionId> {
    row.parent_id.as_deref().unwrap_or_default().parse().map_err(AppError::internal)
}

/// The proof that a bill is paid, and the row that said so: whoever acts on the
/// proof touches the row.
pub async fn paid<E: Executor>(records: &TenantScope<E>, id: BillId) -> AppResult<(Document<BillId>, Paid)> {
    let Stored { row, value } = load(records, id).await?;
    Ok((row, value.paid()?))
}

/// The visit, the medicines, and what else is wanted, at the formulary's prices.
async fn bill<E: Executor>(
    records: &TenantScope<E>,
    id: BillId,
    sheet: &xinglin_domain::prescription::Sheet,
    extra: &[NewItem],
    now: Instant,
) -> AppResult<Bill> {
    let settings = settings(records).await?;
    let mut lines: Vec<Line> = Vec::new();
    let mut add = |item: &xinglin_platform::settings::Item, quantity: u32, attributes: Vec<Attribute>| {
        let gross = item.price_fen.share(i64::from(quantity), 1, xinglin_domain::money::Rounding::HalfUp);
        let number = u32::try_from(lines.len()).unwrap_or(u32::MAX).saturating_add(1);
        lines.push(Line {
            number,
            kind: item.kind,
            code: item.codings.clone(),
            quantity: Decimal::whole(i64::from(quantity)),
            gross: gross.map_err(|error| AppError::new(Code::MoneyInvalid, error.to_string()))?,
            attributes,
        });
        Ok::<_, AppError>(())
    };
    add(settings.item(FOLLOW_UP_VISIT)?, 1, Vec::new())?;
    for medicine in &sheet.medicines {
        let item = settings.formulary.iter().find(|item| item.codings == medicine.line.code);
        let item = item.ok_or_else(|| {
            AppError::new(Code::BodyInvalid, format!("line {} is no longer in the formulary", medicine.line.number))
        })?;
        let line =
            Attribute { key: RX_LINE.to_owned(), value: AttributeValue::Integer(i64::from(medicine.line.number)) };
        add(item, medicine.supply.packs, vec![line])?;
    }
    for NewItem { item, quantity } in extra {
        let item = settings.item(item)?;
        if item.kind == payer::LineKind::Medicine {
            return Err(AppError::new(Code::RxDrugBeforeRx, format!("`{}` needs a prescription", item.code)));
        }
        if !(1..=MOST_OF_ONE).contains(quantity) {
            return Err(AppError::new(Code::BodyInvalid, format!("`{}`: 1 to {MOST_OF_ONE}", item.code)));
        }
        add(item, *quantity, Vec::new())?;
    }
    Ok(Bill {
        id: id.to_string(),
        served_at: now,
        diagnoses: sheet.diagnoses.clone(),
        lines,
        prior: Vec::new(),
        use_account: true,
        attributes: Vec::new(),
    })
}

/// What of the prescription a bill is for.
fn purchased(bill: &Bill) -> Vec<LinePacks> {
    let line = |line: &Line| {
        let number = line.attributes.iter().find(|attribute| attribute.key == RX_LINE)?;
        let AttributeValue::Integer(number) = number.value else { return None };
        Some(LinePacks { line: u32::try_from(number).ok()?, packs: u32::try_from(line.quantity.unscaled()).ok()? })
    };
    bill.lines.iter().filter_map(line).collect()
}

/// Names the operation and writes it down, before anybody is asked.
async fn begin(
    tx: &TenantTx,
    row: Row,
    confirmed: Claim<Confirmed>,
    now: Instant,
) -> AppResult<(Row, Claim<Settling>)> {
    let settling = confirmed.begin(now)?;
    let row = write_down(tx, row, settling.clone().into(), Verb::Settle, now).await?;
    Ok((row, settling))
}

/// As [`begin`], for what was settled and is not what the patient agreed to.
async fn take_back(
    tx: &TenantTx,
    row: Row,
    drifted: Claim<Drifted>,
    now: Instant,
) -> AppResult<(Row, Claim<Reversing>)> {
    let reversing = drifted.reverse(now)?;
    let row = write_down(tx, row, reversing.clone().into(), Verb::Reverse, now).await?;
    Ok((row, reversing))
}

async fn write_down(tx: &TenantTx, row: Row, charge: Charge, verb: Verb, now: Instant) -> AppResult<Row> {
    let attempt = charge.attempt().ok_or_else(|| AppError::internal("an operation without a name"))?;
    let started = tx
        .start_payment(&StoredOperation {
            tenant: tx.id(),
            key: attempt.operation.key.clone(),
            bill_id: charge.id(),
            payer: charge.payer().unwrap_or_default().to_owned(),
            verb: verb.as_str().to_owned(),
            request_digest: attempt.request.to_string(),
            state: OperationState::Pending,
            response: None,
            version: 0,
            created_at: now,
            updated_at: now,
        })
        .await?;
    if let Started::Known(before) = started {
        return Err(BillingError::Conflict(before.key).into());
    }
    update(tx, row, &charge, now).await
}

/// Writes what came of an operation: the bill's next state, the books, the
/// running figures of the insured person, the prescription if it is freed. What
/// must follow is written with it, so that it follows even if the host dies.
async fn finish(
    tx: &TenantTx,
    row: Row,
    outcome: Outcome,
    payer: &Payer,
    calls: Calls<'_>,
    now: Instant,
) -> AppResult<Finished> {
    let Outcome { verb, key, unsent, after } = outcome;
    let state = match (verb, &after) {
        (_, Charge::Unknown(_)) => OperationState::Unknown,
        (Verb::Settle, Charge::Settled(_) | Charge::Drifted(_) | Charge::Declined(_))
        | (Verb::Reverse, Charge::Reversed(_)) => OperationState::Done,
        _ => OperationState::Failed,
    };
    let response = serde_json::to_value(&after).map_err(AppError::internal)?;
    mark(tx, &key, state, Some(response), now).await?;
    let (row, charge) = match (verb, after) {
        (Verb::Settle, Charge::Confirmed(confirmed)) if unsent => {
            let (row, settling) = begin(tx, row, confirmed, now).await?;
            (row, settling.into())
        }
        (verb, Charge::Drifted(drifted)) if unsent || verb == Verb::Settle => {
            // It did happen: the payer takes back from the figures that it left.
            let drift = drifted.state();
            if verb == Verb::Settle && drift.problem == Code::InsPresettleDrift {
                run_on(tx, payer, &drift.settlement.adjudication.accumulators, now).await?;
            }
            let (row, reversing) = take_back(tx, row, drifted, now).await?;
            (row, reversing.into())
        }
        (Verb::Settle, settled @ Charge::Settled(_)) => {
            (post_settled(tx, row, &settled, Some(payer), now).await?, settled)
        }
        (_, reversed @ Charge::Reversed(_)) => (post_reversed(tx, row, &reversed, Some(payer), now).await?, reversed),
        (_, declined @ Charge::Declined(_)) => {
            free(tx, parent(&row)?, row.id, now).await?;
            (update(tx, row, &declined, now).await?, declined)
        }
        (_, after) => (update(tx, row, &after, now).await?, after),
    };
    Ok(Finished { row, charge, calls: calls.write(tx).await? })
}

async fn update(tx: &TenantTx, row: Row, charge: &Charge, now: Instant) -> AppResult<Row> {
    let mut row = next(row, charge.state().as_str(), charge, now)?;
    row.version = tx.update_document(&row).await?;
    Ok(row)
}

async fn mark(tx: &TenantTx, key: &str, state: OperationState, response: Option<Value>, now: Instant) -> AppResult<()> {
    let mut operation = tx.get_payment(key).await?;
    operation.state = state;
    operation.response = response;
    operation.updated_at = now;
    tx.update_payment(&operation).await?;
    Ok(())
}

/// Books a settled bill.
async fn post_settled(tx: &TenantTx, row: Row, charge: &Charge, payer: Option<&Payer>, now: Instant) -> AppResult<Row> {
    let Some(allocation) = charge.allocation().cloned() else {
        return Err(AppError::internal("a settled bill without figures"));
    };
    ledger::book_settlement(tx, charge.id(), &allocation, now).await?;
    if let Some(payer) = payer {
        run_on(tx, payer, allocation.accumulators(), now).await?;
    }
    let patient = charge.patient().to_string();
    let payment = PaymentId::from_u128(ambient::fresh_id());
    let mut projections = vec![claim_projection(charge, now)];
    if let (Some(payer), Charge::Settled(settled)) = (payer, charge)
        && let Some(settlement) = &settled.state().settlement
    {
        projections.push(project::claim_response(&project::Answered {
            id: payment,
            bill: charge.id(),
            patient: &patient,
            payer: &payer.install.plugin_id,
            decision: project::Decision::Settled {
                reference: &settlement.reference,
                adjudication: &settlement.adjudication,
            },
            created: now,
        }));
    }
    record::project(tx, projections, now).await?;
    update(tx, row, charge, now).await
}

/// Books that a bill was taken back, and frees the prescription.
async fn post_reversed(
    tx: &TenantTx,
    row: Row,
    reversed: &Charge,
    payer: Option<&Payer>,
    now: Instant,
) -> AppResult<Row> {
    ledger::unwind(tx, reversed.id(), now).await?;
    if let (Some(payer), Charge::Reversed(claim)) = (payer, reversed)
        && let Some(reversal) = &claim.state().reversal
    {
        run_on(tx, payer, &reversal.accumulators, now).await?;
    }
    record::project(tx, vec![claim_projection(reversed, now)], now).await?;
    free(tx, parent(&row)?, row.id, now).await?;
    update(tx, row, reversed, now).await
}

/// The order fell through: the used-mark goes, and the prescription may be used
/// again while it is valid. Done before the bill is written: all who write both
/// take the prescription first, so that none waits for another in a circle.
async fn free(tx: &TenantTx, id: PrescriptionId, bill: BillId, now: Instant) -> AppResult<()> {
    let Stored { row, value } = prescription::load(tx, id).await?;
    let ordered = value.reservation().is_some_and(|reservation| reservation.purchase.bill == bill);
    if let Prescription::Reserved(reserved) = value
        && ordered
    {
        tx.free_used(id, &bill.to_string()).await?;
        prescription::put(tx, row, &reserved.release(now), now).await?;
    }
    Ok(())
}

/// The insured person's running figures become what the payer says.
async fn run_on(tx: &TenantTx, payer: &Payer, figures: &[payer::Accumulator], now: Instant) -> AppResult<()> {
    let mut coverage = payer.coverage.clone();
    for figure in figures {
        match coverage.accumulators.iter_mut().find(|known| known.code == figure.code) {
            Some(known) => known.amount = figure.amount,
            None => coverage.accumulators.push(figure.clone()),
        }
    }
    let body = serde_json::to_value(&coverage).map_err(AppError::internal)?;
    tx.put_coverage(&xinglin_store::Coverage { body, updated_at: now, ..payer.row.clone() }).await?;
    Ok(())
}

fn claim_projection(charge: &Charge, now: Instant) -> Value {
    let total = Money::sum(charge.bill().lines.iter().map(|line| line.gross)).unwrap_or_default();
    project::claim(&project::Charge {
        id: charge.id(),
        patient: &charge.patient().to_string(),
        provider: &charge.tenant().to_string(),
        bill: charge.bill(),
        total,
        coverage: None,
        reversed: matches!(charge, Charge::Reversed(_)),
        created: now,
    })
}

fn unknown_charge(unknown: &Claim<Unknown>) -> Charge {
    unknown.clone().into()
}

fn undecided(error: &PayerError) -> AppError {
    let code = match error {
        PayerError::Conflict(_) => Code::PayIdempotencyConflict,
        PayerError::MissingData(_) => Code::PayRefused,
        PayerError::Unavailable(_) | PayerError::Other(_) => Code::PayUnavailable,
    };
    AppError::new(code, "the payer could not decide").with("error", error)
}
