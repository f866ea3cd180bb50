use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_care::{encounter, prescription};
use xinglin_domain::{
    access::Action,
    billing::{
        Charge, Claim, PayerKind, Subject,
        claim::{Open, Quotation},
        request,
    },
    code::Code,
    coding::Coding,
    consent::Purpose,
    id::{BillId, EncounterId, PatientId, PrescriptionId},
    pathway::HeldAct,
    payer::{Bill, Guaranteed, PayerError, Quoted as Quote},
    prescription::{Effective, Event, Medicine},
};
use xinglin_extensions::{Extensions, call::Calls};
use xinglin_platform::{AppError, AppResult, Caller, ambient, boxed, document::fresh, settings::settings};
use xinglin_records::consent;
use xinglin_store::{Queue, Tenant, Work};

use super::{
    ChargeView, NewItem, Served, Wanted, bill,
    guard::restricted,
    payer::{Payer, find_payers, unavailable},
    view,
};
use crate::{insurer, parties};

/// The most payers of a bill.
const MOST_PAYERS: usize = 5;

/// What to charge for: a prescription with its visit, or a visit alone. One of both is named.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCharge {
    /// The approved prescription.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub prescription: Option<PrescriptionId>,
    /// The visit, in progress or ended, of which no prescription is charged.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub encounter: Option<EncounterId>,
    /// Further items beside the visit and its medicines, by formulary code: at most what a clinician of
    /// the visit has ordered.
    #[serde(default)]
    pub items: Vec<NewItem>,
    /// Whether the patient pays everything: no payer is asked.
    #[serde(default)]
    pub self_pay: bool,
    /// Ids of the payers that may be asked; all that cover the patient if left out.
    #[serde(default)]
    pub payers: Option<Vec<String>>,
    /// Whether the personal account (个人账户) may be used; `true` if left out. It is left alone where a
    /// commercial insurer pays a share.
    #[serde(default = "yes")]
    pub use_account: bool,
}

impl NewCharge {
    fn subject(&self) -> AppResult<Subject> {
        match (self.prescription, self.encounter) {
            (Some(prescription), None) => Ok(Subject::Prescription(prescription)),
            (None, Some(visit)) => Ok(Subject::Visit(visit)),
            _ => Err(AppError::new(Code::BodyInvalid, "name a `prescription`, or an `encounter` alone")),
        }
    }
}

const fn yes() -> bool {
    true
}

/// Quotes the cost of an approved prescription and its visit, or of a visit alone, and the share of each
/// payer. Not binding; each quote is stored as a bill that awaits confirmation until its time is over, and
/// rests on the prices, coverages and figures of now.
///
/// # Errors
/// `ENC_…` if the visit cannot be charged; `ORDER_REQUIRED` or `ORDER_QTY_EXCEEDED` for items that no clinician of the
/// visit has ordered; `PAY_STATE` if nothing is left to be charged; `RX_DRUG_BEFORE_RX` before a pharmacist has approved; `PATIENT_…`, `ENC_RED_FLAG` or `RX_ALLERGY` for
/// what has changed since; `RX_FORBIDDEN_DRUG` or `FORMULARY_KIND` for an item of any kind that is a
/// medicine of the negative list, or a medicine sold as something else; `MONEY_INVALID` if the bill
/// would be too high; `PAY_UNAVAILABLE` if the payer cannot be asked, or its answer is no answer: ask
/// for a quote with `self_pay` then.
#[tracing::instrument(target = "xinglin::trace", name = "quote_charge", skip_all)]
#[boxed]
pub async fn quote(extensions: &Extensions, caller: &Caller, new: NewCharge) -> AppResult<ChargeView> {
    caller.may(Action::QuoteCharge)?;
    let subject = new.subject()?;
    let records = extensions.platform.records(caller);
    let Ordered { patient, visit, diagnoses, medicines } = ordered(extensions, caller, &records, subject).await?;
    let id = BillId::from_u128(ambient::fresh_id());
    let wanted = Wanted { extra: &new.items, use_account: new.use_account };
    let served = Served { visit, diagnoses: &diagnoses, medicines: &medicines };
    let (bill, items) = bill(&records, id, served, wanted, caller.now).await?;
    let tenant = records.id();
    let minutes = settings(&records).await?.quote_minutes();
    let mut open = Open { id, tenant, patient, bill, items, valid_until: caller.now.plus_minutes(i64::from(minutes)) };
    let mut calls =
        Calls::new(extensions, tenant, &caller.request_id, caller.now).of(patient, Purpose::Payment).about(id);
    let mut notes = Vec::new();

    let mut asked =
        match new.self_pay {
            true => Vec::new(),
            false => find_payers(extensions, &records, (patient, caller.now), new.payers.as_deref()).await.map_err(
                |error| match error.code {
                    Code::StoreUnavailable => error,
                    _ => unavailable(error),
                },
            )?,
        };
    let named = new.payers.iter().flatten();
    if let Some(unknown) = named.into_iter().find(|name| !asked.iter().any(|(_, payer)| payer.id() == **name)) {
        return Err(AppError::new(Code::PayUnavailable, format!("no payer `{unknown}` covers the patient here")));
    }
    if asked.len() > MOST_PAYERS {
        let detail = format!("the patient has {} payers; name at most {MOST_PAYERS} as `payers`", asked.len());
        return Err(AppError::new(Code::BodyInvalid, detail));
    }
    if !asked.is_empty() {
        let discloses = restricted(&records, &open.bill, &open.items, &medicines).await?;
        let mut willing = Vec::new();
        for (kind, payer) in asked {
            let id = &payer.install.plugin_id;
            if consent::may_bill(&extensions.platform, &records, id, patient, discloses).await? {
                willing.push((kind, payer));
            } else {
                notes.push(format!("`{id}` is not asked: the patient refused it"));
            }
        }
        asked = willing;
    }
    let insured = |kind: &PayerKind| *kind == PayerKind::Commercial;
    open.bill.use_account = new.use_account && !asked.iter().any(|(kind, _)| insured(kind));
    let named: Vec<(String, String)> = asked.iter().map(|(_, payer)| (payer.id().to_owned(), payer.name())).collect();
    parties::introduce(&extensions.platform, &records, &named, caller.now).await?;
    for (_, insurer) in asked.iter().filter(|(_, payer)| payer.decides_claims()) {
        if let Some(given) = insurer::guarantee_for(&records, patient, insurer.id(), &open.bill).await? {
            open.bill.guarantees.insert(insurer.id().to_owned(), Guaranteed::Given(given));
        }
    }
    let mut quotations = ask(extensions, &mut open.bill, &asked, &mut calls, &mut notes).await?;
    if new.use_account && !open.bill.use_account && !quotations.iter().any(|quotation| insured(&quotation.kind)) {
        // No insurer pays after the fund: the account may be used after all.
        asked.retain(|(kind, _)| !insured(kind));
        open.bill.use_account = true;
        quotations = ask(extensions, &mut open.bill, &asked, &mut calls, &mut notes).await?;
    }
    let valid_until = open.valid_until;
    let claim = Claim::quote(open, quotations, caller.now)
        // A mistake of the payer is logged and counted as such; the patient is told that the payer cannot
        // be asked.
        .map_err(|(_, error)| unavailable(error).with("calls", calls.views()))?;
    let charge = Charge::from(claim);
    let parent = Some(subject.to_string());
    let row = fresh(id, patient, parent, charge.state().as_str(), &charge, caller.now)?;
    let tx = records.begin().await?;
    tx.insert_document(&row).await?;
    tx.put_work(&[Work::new(Queue::Charge, id, id, valid_until)]).await?;
    let calls = calls.write(&tx).await?;
    tx.commit().await?;
    view(&charge, notes, calls)
}

/// What is ordered by who asks for a quote.
struct Ordered {
    patient: PatientId,
    visit: EncounterId,
    diagnoses: Vec<Coding>,
    medicines: Vec<Medicine>,
}

async fn ordered(extensions: &Extensions, caller: &Caller, records: &Tenant, subject: Subject) -> AppResult<Ordered> {
    match subject {
        Subject::Prescription(id) => {
            let wanted = (Event::Reserve, Action::QuoteCharge);
            let (_, rx) = prescription::take::<Effective>(&extensions.platform, caller, id, wanted).await?;
            prescription::still_checked(extensions, caller, records, (HeldAct::Charge, &rx, &rx.state().issue)).await?;
            Ok(Ordered {
                patient: rx.patient(),
                visit: rx.encounter(),
                diagnoses: rx.sheet().diagnoses.clone(),
                medicines: rx.sheet().medicines.clone(),
            })
        }
        Subject::Visit(id) => {
            let patient = encounter::patient_of(records, id).await?;
            caller.may_act_on(patient, "visit", id)?;
            let attended = encounter::attended(records, id).await?;
            Ok(Ordered { patient, visit: id, diagnoses: attended.diagnoses().to_vec(), medicines: Vec::new() })
        }
    }
}

/// Has the payers quote, each with what those before it decided. Who declines is noted, and left out; also
/// who declines since it wants a guarantee of payment first, without which the bill is not confirmed.
pub(super) async fn ask(
    extensions: &Extensions,
    whole: &mut Bill,
    payers: &[(PayerKind, Payer)],
    calls: &mut Calls<'_>,
    notes: &mut Vec<String>,
) -> AppResult<Vec<Quotation>> {
    let mut quotations: Vec<Quotation> = Vec::new();
    for (kind, payer) in payers {
        loop {
            let bill = whole.after(quotations.iter().map(|quotation| &quotation.adjudication));
            let refusals = match payer.quote(extensions, calls, (&bill, *kind)).await {
                Ok(Ok(Quote::Covered(adjudication))) => {
                    let (discount_per_mille, told) = (payer.discount_per_mille, payer.told.clone());
                    let payer = payer.id().to_owned();
                    quotations.push(Quotation { payer, kind: *kind, discount_per_mille, told, adjudication });
                    break;
                }
                Ok(Ok(Quote::Declined(refusals))) => refusals,
                Ok(Err(error)) => return Err(undecided(&error).with("calls", calls.views())),
                Err(failure) => return Err(unavailable(failure).with("calls", calls.views())),
            };
            notes.extend(refusals.iter().map(|why| format!("{}: {}", why.code, why.message.get("zh"))));
            if request::wants_guarantee(&refusals) {
                whole.guarantees.insert(payer.id().to_owned(), Guaranteed::Wanted);
                break;
            }
            // The guarantee may be used or taken back: what does the insurer say without it?
            if whole.guarantee_of(payer.id()).is_none() {
                break;
            }
            whole.guarantees.remove(payer.id());
        }
    }
    Ok(quotations)
}

/// What is missing is said to the patient; everything else only to the log.
fn undecided(error: &PayerError) -> AppError {
    match error {
        PayerError::MissingData(missing) => {
            AppError::new(Code::PayRefused, "the payer could not decide").with("missing", missing)
        }
        PayerError::Conflict(_) | PayerError::Unavailable(_) | PayerError::Other(_) => {
            unavailable(format!("the payer could not decide: {error:?}"))
        }
    }
}
