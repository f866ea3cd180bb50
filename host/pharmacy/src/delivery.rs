//! What becomes of dispensed medicines: shipped or handed over, received, lost, taken back,
//! counselled. The rules are in `xinglin_domain::prescription`. Who brings a parcel is answered about
//! the parcel only, never with the prescription. What was paid for medicines that were
//! lost or taken back is refunded by the job that ends prescriptions.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use xinglin_care::prescription::{self, PrescriptionView};
use xinglin_domain::{
    access::Action,
    canonical::Digest,
    code::Code,
    id::PrescriptionId,
    pathway::HeldAct,
    prescription::{
        Delivered, Dispensed, Event, Loss, MishapKind, Prescription, ReceiverProof, ReturnCause, Rx, RxError, Shipment,
        Shipped,
    },
    time::Instant,
};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppError, AppResult, Caller, Platform, ambient, boxed};
use xinglin_records::notice::{self, Notice};
use xinglin_store::TenantTx;

/// How a parcel travels.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ship {
    /// The carrier.
    pub carrier: String,
    /// Tracking number.
    pub tracking: String,
    /// Number of the temperature logger; required for a cold chain.
    #[serde(default)]
    pub logger: Option<String>,
}

/// The receiver's proof.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Receive {
    /// The code that the patient was told when the parcel was sent.
    pub code: String,
}

/// A mishap in transit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lose {
    /// `lost` or `temperature_breach`.
    #[schema(value_type = String)]
    pub kind: MishapKind,
    /// SHA-256 hashes of the evidence: the logger's record, the carrier's statement. A report may have
    /// none; a decision has at least one.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub evidence: Vec<Digest>,
    /// What happened, and what shows it; at most 2000 bytes. Kept with the prescription.
    pub reason: String,
}

impl TryFrom<Lose> for Loss {
    type Error = AppError;

    fn try_from(Lose { kind, evidence, reason }: Lose) -> AppResult<Self> {
        const MOST_EVIDENCE: usize = 32;
        const LONGEST_REASON: usize = 2000;
        if reason.len() > LONGEST_REASON {
            return Err(AppError::new(Code::BodyInvalid, format!("reason: at most {LONGEST_REASON} bytes")));
        }
        if evidence.len() > MOST_EVIDENCE {
            return Err(AppError::new(Code::BodyInvalid, format!("evidence: at most {MOST_EVIDENCE} hashes")));
        }
        Ok(Self { kind, evidence, reason })
    }
}

/// A parcel: all that who brings it needs to know.
#[derive(Serialize, ToSchema)]
pub struct ParcelView {
    /// Its prescription: `rx-…`
    #[schema(value_type = String)]
    pub id: PrescriptionId,
    /// `SHIPPED` or `DELIVERED`.
    pub status: String,
    /// The carrier.
    pub carrier: String,
    /// Tracking number.
    pub tracking: String,
}

impl ParcelView {
    fn of(prescription: PrescriptionView, Shipment { carrier, tracking, .. }: Shipment) -> Self {
        Self { id: prescription.id, status: prescription.status, carrier, tracking }
    }
}

/// Why medicines are taken back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeBack {
    /// `quality`, `recall`, `courier` or `hospital`.
    #[schema(value_type = String)]
    pub cause: ReturnCause,
}

/// Counselling after delivery.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Counsel {
    /// Summary.
    pub note: String,
}

/// Ships dispensed medicines. The patient, and nobody else, is told the code to receive them with.
///
/// # Errors
/// `DELIV_COLD_CHAIN`, …; `PATIENT_…`, `ENC_RED_FLAG` or `RX_ALLERGY` for what has changed.
#[boxed]
pub async fn ship(extensions: &Extensions, caller: &Caller, id: PrescriptionId, ship: Ship) -> AppResult<ParcelView> {
    let platform = &extensions.platform;
    let (row, dispensed) =
        prescription::take::<Dispensed>(platform, caller, id, (Event::Ship, Action::DeliverPrescription)).await?;
    let issue = &dispensed.state().supplied.issue;
    let checked = prescription::still_checked(
        extensions,
        caller,
        &platform.records(caller),
        (HeldAct::Dispense, &dispensed, issue),
    )
    .await;
    checked.map_err(|refused| unexplained(caller, refused))?;
    let Ship { carrier, tracking, logger } = ship;
    let shipment = Shipment { carrier, tracking, logger, code: fresh_code() };
    let shipped = dispensed.ship(&caller.actor, shipment.clone(), caller.now)?;
    let safe = shipped.clone();
    let shipped = prescription::put_next(platform, caller, row, shipped.into(), async |tx| {
        let checked = prescription::still_safe_in(platform, caller, tx, (HeldAct::Dispense, &safe)).await;
        checked.map_err(|refused| unexplained(caller, refused))?;
        tell(tx, &safe, "shipped", caller.now).await
    })
    .await?;
    Ok(ParcelView::of(shipped, shipment))
}

/// A refusal for what became of the patient, without the reason for who may not read the record.
fn unexplained(caller: &Caller, refused: AppError) -> AppError {
    if caller.may(Action::ReadRecords).is_ok() || refused.code.class().status() >= 500 {
        return refused;
    }
    AppError::new(refused.code, "it must not be sent; ask the pharmacist").because(refused.detail)
}

/// Six digits that cannot be foreseen.
fn fresh_code() -> String {
    format!("{:06}", u64::from_le_bytes(ambient::random_bytes()) % 1_000_000)
}

/// Tells the patient the code.
async fn tell(tx: &TenantTx, shipped: &Rx<Shipped>, occasion: &str, now: Instant) -> AppResult<()> {
    let (id, code) = (shipped.id(), &shipped.state().shipment.code);
    let zh = format!("您的包裹已寄出，收货码：{code}。收货时请自行确认，或告知送货人。");
    let en = format!("Your parcel was sent. The code to receive it with, or to tell who brings it: {code}.");
    let notice = Notice {
        patient: shipped.patient(),
        key: format!("{id}/{occasion}"),
        text: [&zh, &en],
        about: json!({ "prescription": id }),
    };
    notice::tell(tx, notice, now).await
}

/// Hands dispensed medicines over at the counter, after an identity document was checked.
///
/// # Errors
/// `RX_STATE`, …; `PATIENT_…`, `ENC_RED_FLAG` or `RX_ALLERGY` for what has changed.
#[boxed]
pub async fn hand_over(extensions: &Extensions, caller: &Caller, id: PrescriptionId) -> AppResult<PrescriptionView> {
    let platform = &extensions.platform;
    let (row, dispensed) =
        prescription::take::<Dispensed>(platform, caller, id, (Event::PickUp, Action::DispensePrescription)).await?;
    let issue = &dispensed.state().supplied.issue;
    prescription::still_checked(extensions, caller, &platform.records(caller), (HeldAct::Dispense, &dispensed, issue))
        .await?;
    let delivered = dispensed.pick_up(&caller.actor, &ReceiverProof::Document, caller.now)?;
    let safe = delivered.clone();
    prescription::put_next(platform, caller, row, delivered.into(), async |tx| {
        prescription::still_safe_in(platform, caller, tx, (HeldAct::Dispense, &safe)).await
    })
    .await
}

/// The patient receives a parcel, or who brings it enters the code that the patient says. A wrong code
/// is counted before it is answered.
///
/// # Errors
/// `DELIV_RECEIVER` if the code is another, or was wrong too often.
#[boxed]
pub async fn receive(
    platform: &Platform,
    caller: &Caller,
    id: PrescriptionId,
    receive: Receive,
) -> AppResult<ParcelView> {
    let action = match caller.may(Action::DeliverPrescription) {
        Ok(()) => Action::DeliverPrescription,
        Err(_) => Action::ReceivePrescription,
    };
    let (row, shipped) = prescription::take::<Shipped>(platform, caller, id, (Event::Receive, action)).await?;
    let shipment = shipped.state().shipment.clone();
    match shipped.receive(&caller.actor, &ReceiverProof::Code(receive.code), caller.now) {
        Ok(delivered) => {
            let delivered = prescription::put_next(platform, caller, row, delivered.into(), async |_| Ok(())).await?;
            Ok(ParcelView::of(delivered, shipment))
        }
        Err(refused) => {
            if matches!(refused.error, RxError::WrongCode) {
                let guessed = refused.value.guessed().into();
                prescription::put_next(platform, caller, row, guessed, async |_| Ok(())).await?;
            }
            Err(refused.error.into())
        }
    }
}

/// The patient is told a new code; wrong ones are counted anew.
///
/// # Errors
/// `RX_STATE` if there is no parcel on its way.
#[boxed]
pub async fn renew_code(platform: &Platform, caller: &Caller, id: PrescriptionId) -> AppResult<ParcelView> {
    let (row, shipped) =
        prescription::take::<Shipped>(platform, caller, id, (Event::Receive, Action::DispensePrescription)).await?;
    let shipped = shipped.tell_anew(&caller.actor, fresh_code(), caller.now)?;
    let shipment = shipped.state().shipment.clone();
    let (told, occasion) = (shipped.clone(), format!("code/{}", row.version));
    let shipped = prescription::put_next(platform, caller, row, shipped.into(), async |tx| {
        tell(tx, &told, &occasion, caller.now).await
    })
    .await?;
    Ok(ParcelView::of(shipped, shipment))
}

/// Who brings a parcel reports that it is lost or spoilt, for a pharmacist to [decide](lose).
///
/// # Errors
/// `RX_REASON_REQUIRED` without words.
#[boxed]
pub async fn report_loss(
    platform: &Platform,
    caller: &Caller,
    id: PrescriptionId,
    lose: Lose,
) -> AppResult<ParcelView> {
    let (row, shipped) =
        prescription::take::<Shipped>(platform, caller, id, (Event::Lose, Action::DeliverPrescription)).await?;
    let reported = shipped.report(&caller.actor, lose.try_into()?, caller.now)?;
    let shipment = reported.state().shipment.clone();
    let reported = prescription::put_next(platform, caller, row, reported.into(), async |_| Ok(())).await?;
    Ok(ParcelView::of(reported, shipment))
}

/// A pharmacist decides that a parcel is lost or spoilt: the patient is refunded.
///
/// # Errors
/// `DELIV_EVIDENCE` without evidence, `RX_REASON_REQUIRED` without a reason.
#[boxed]
pub async fn lose(platform: &Platform, caller: &Caller, id: PrescriptionId, lose: Lose) -> AppResult<PrescriptionView> {
    let (row, shipped) =
        prescription::take::<Shipped>(platform, caller, id, (Event::Lose, Action::DispensePrescription)).await?;
    let refunded = shipped.lose(&caller.actor, lose.try_into()?, caller.now)?;
    prescription::put_next(platform, caller, row, refunded.into(), async |_| Ok(())).await
}

/// Takes medicines back for a cause that is not the patient's, wherever they are: the patient is
/// refunded.
///
/// # Errors
/// `REFUND_DRUG_NOT_RETURNABLE` for a change of mind; `DELIV_EVIDENCE` for the courier's fault with a
/// parcel on its way, which is [lost](lose) or is not.
#[boxed]
pub async fn take_back(
    platform: &Platform,
    caller: &Caller,
    id: PrescriptionId,
    back: TakeBack,
) -> AppResult<PrescriptionView> {
    let (row, rx) = prescription::take_any(platform, caller, id, Action::DispensePrescription).await?;
    let refunded = match rx {
        Prescription::Dispensed(dispensed) => dispensed.refund(&caller.actor, back.cause, caller.now)?,
        Prescription::Shipped(shipped) => shipped.refund(&caller.actor, back.cause, caller.now)?,
        Prescription::Closed(closed) => closed.refund(&caller.actor, back.cause, caller.now)?,
        other => other.expecting::<Delivered>(Event::Refund)?.refund(&caller.actor, back.cause, caller.now)?,
    };
    prescription::put_next(platform, caller, row, refunded.into(), async |_| Ok(())).await
}

/// A pharmacist or nurse has counselled the patient after delivery; the prescription is closed.
///
/// # Errors
/// `RX_REASON_REQUIRED` without a note.
#[boxed]
pub async fn counsel(
    platform: &Platform,
    caller: &Caller,
    id: PrescriptionId,
    counsel: Counsel,
) -> AppResult<PrescriptionView> {
    if counsel.note.len() > 4000 {
        return Err(AppError::new(Code::BodyInvalid, "note: at most 4000 bytes"));
    }
    let (row, delivered) =
        prescription::take::<Delivered>(platform, caller, id, (Event::Counsel, Action::CounselPrescription)).await?;
    let closed = delivered.counsel(&caller.actor, counsel.note, caller.now)?;
    prescription::put_next(platform, caller, row, closed.into(), async |_| Ok(())).await
}
