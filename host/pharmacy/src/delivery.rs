//! What becomes of dispensed medicines: shipped or handed over, received, lost, taken back,
//! counselled. The rules are in `xinglin_domain::prescription`. What was paid for medicines that were
//! lost or taken back is refunded by the job that ends prescriptions.

use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use xinglin_care::prescription::{self, PrescriptionView};
use xinglin_domain::{
    access::Action,
    canonical::Digest,
    code::Code,
    id::PrescriptionId,
    prescription::{
        Delivered, Dispensed, Event, Mishap, MishapKind, Prescription, ReceiverProof, ReturnCause, Shipment, Shipped,
    },
};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppError, AppResult, Caller, Platform, ambient, boxed};
use xinglin_records::notice::{self, Notice};

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
    /// SHA-256 hashes of the evidence: the logger's record, the carrier's statement.
    #[schema(value_type = Vec<String>)]
    pub evidence: Vec<Digest>,
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
pub async fn ship(
    extensions: &Extensions,
    caller: &Caller,
    id: PrescriptionId,
    ship: Ship,
) -> AppResult<PrescriptionView> {
    let platform = &extensions.platform;
    let (row, dispensed) =
        prescription::take::<Dispensed>(platform, caller, id, (Event::Ship, Action::DeliverPrescription)).await?;
    let issue = &dispensed.state().supplied.issue;
    prescription::still_checked(extensions, caller, &platform.records(caller), (&dispensed, issue)).await?;
    let code = format!("{:06}", ambient::fresh_id() % 1_000_000);
    let patient = dispensed.patient();
    let Ship { carrier, tracking, logger } = ship;
    let shipped =
        dispensed.ship(&caller.actor, Shipment { carrier, tracking, logger, code: code.clone() }, caller.now)?;
    let (zh, en) = (
        format!("您的包裹已寄出，收货码：{code}。请在收货时确认。"),
        format!("Your parcel was sent. The code to receive it with: {code}."),
    );
    let notice =
        Notice { patient, key: format!("{id}/shipped"), text: [&zh, &en], about: json!({ "prescription": id }) };
    let safe = shipped.clone();
    prescription::put_next(platform, caller, row, shipped.into(), async |tx| {
        prescription::still_safe_in(platform, caller, tx, &safe).await?;
        notice::tell(tx, notice, caller.now).await
    })
    .await
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
    prescription::still_checked(extensions, caller, &platform.records(caller), (&dispensed, issue)).await?;
    let delivered = dispensed.pick_up(&caller.actor, &ReceiverProof::Document, caller.now)?;
    let safe = delivered.clone();
    prescription::put_next(platform, caller, row, delivered.into(), async |tx| {
        prescription::still_safe_in(platform, caller, tx, &safe).await
    })
    .await
}

/// The patient receives a parcel.
///
/// # Errors
/// `DELIV_RECEIVER` if the code is another.
#[boxed]
pub async fn receive(
    platform: &Platform,
    caller: &Caller,
    id: PrescriptionId,
    receive: Receive,
) -> AppResult<PrescriptionView> {
    let (row, shipped) =
        prescription::take::<Shipped>(platform, caller, id, (Event::Receive, Action::ReceivePrescription)).await?;
    let delivered = shipped.receive(&caller.actor, &ReceiverProof::Code(receive.code), caller.now)?;
    prescription::put_next(platform, caller, row, delivered.into(), async |_| Ok(())).await
}

/// A parcel is lost or spoilt: the patient is refunded.
///
/// # Errors
/// `DELIV_EVIDENCE` without evidence.
#[boxed]
pub async fn lose(platform: &Platform, caller: &Caller, id: PrescriptionId, lose: Lose) -> AppResult<PrescriptionView> {
    let (row, shipped) =
        prescription::take::<Shipped>(platform, caller, id, (Event::Lose, Action::DeliverPrescription)).await?;
    let mishap = Mishap { kind: lose.kind, evidence: lose.evidence };
    let refunded = shipped.lose(&caller.actor, mishap, caller.now)?;
    prescription::put_next(platform, caller, row, refunded.into(), async |_| Ok(())).await
}

/// Takes medicines back for a cause that is not the patient's: the patient is refunded.
///
/// # Errors
/// `REFUND_DRUG_NOT_RETURNABLE` for a change of mind.
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
