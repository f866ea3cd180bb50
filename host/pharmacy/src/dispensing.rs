//! Dispensing of a paid prescription by two pharmacy accounts. The rules are in
//! `xinglin_domain::prescription`.

use std::collections::BTreeSet;

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_care::prescription::{self, PrescriptionView};
use xinglin_domain::{
    access::Action,
    code::Code,
    id::{AccountId, PrescriptionId},
    pathway::HeldAct,
    prescription::{Event, Handing, Handout, Prescription, Reserved, Staff},
};
use xinglin_extensions::Extensions;
use xinglin_payment::charge;
use xinglin_platform::{AppError, AppResult, Caller, boxed, document::touch, standing};
use xinglin_store::StoreError;

/// What is dispensed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Dispense {
    /// The account that prepared it (调配); the caller is the one who checks (核对).
    #[schema(value_type = String)]
    pub prepared_by: AccountId,
    /// Batches and trace codes, line by line.
    pub handouts: Vec<NewHandout>,
    /// Why less is handed out than was ordered (out of stock, …), if it is; at most 1000 bytes. What is
    /// missing is refunded.
    #[serde(default)]
    pub partial: Option<String>,
}

/// Packs of one batch of one line.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHandout {
    /// Number of the line.
    pub line: u32,
    /// Batch number.
    pub batch: String,
    /// First day on which the batch must no longer be used.
    pub expires: String,
    /// Trace codes (药品追溯码), one for each pack.
    pub traces: Vec<String>,
}

/// Dispenses a paid prescription, once; the preparing and the checking account must differ. What is not
/// handed out of it, for a reason, is refunded: what is left of the bill is settled anew.
///
/// # Errors
/// `RX_ALREADY_USED`, `RX_EXPIRED`, `DISP_TRACE_REUSED`, …; `PATIENT_…`, `ENC_RED_FLAG` or `RX_ALLERGY`
/// for what has changed since the approval.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
#[boxed]
pub async fn dispense(
    extensions: &Extensions,
    caller: &Caller,
    id: PrescriptionId,
    dispense: Dispense,
) -> AppResult<PrescriptionView> {
    let platform = &extensions.platform;
    let (row, value) = prescription::take_any(platform, caller, id, Action::DispensePrescription).await?;
    let records = platform.records(caller);
    prescription::still_safe(platform, caller, &records, (HeldAct::Dispense, &value)).await?;
    let reserved = value.expecting::<Reserved>(Event::Dispense)?;
    prescription::still_checked(extensions, caller, &records, (HeldAct::Dispense, &reserved, &reserved.state().issue))
        .await?;
    let handouts = dispense.handouts.into_iter().map(Handout::try_from).collect::<AppResult<Vec<_>>>()?;
    let mut used = BTreeSet::new();
    let traces: Vec<String> = handouts.iter().flat_map(|handout| handout.traces.clone()).collect();
    for trace in &traces {
        if records.find_trace_code(trace).await?.is_some() {
            used.insert(trace.clone());
        }
    }
    let preparer = records.get_account(dispense.prepared_by).await?;
    let preparer = standing::active(&preparer)?;
    let staff = Staff { preparer: &preparer, checker: &caller.actor };
    let (bill, paid) = charge::paid(&records, reserved.state().reservation.purchase.bill).await?;
    if dispense.partial.as_ref().is_some_and(|reason| reason.len() > LONGEST_REASON) {
        return Err(AppError::new(Code::BodyInvalid, format!("partial: at most {LONGEST_REASON} bytes")));
    }
    let handed = Handing { handouts, partial: dispense.partial };
    let dispensed = reserved.dispense(staff, &paid, handed, &used, platform, caller.now)?;
    let safe = dispensed.clone();
    let mut refund = None;
    let handed_out = prescription::put_next(platform, caller, row, dispensed.into(), async |tx| {
        prescription::still_safe_in(platform, caller, tx, (HeldAct::Dispense, &safe)).await?;
        // Still paid when it is handed out.
        match &safe.state().supplied.dispensing.partial {
            None => touch(tx, bill, caller.now).await?,
            Some(reason) => {
                let of = (&Prescription::from(safe.clone()), reason.as_str());
                refund = charge::refund_missing(tx, bill, &caller.actor, of, platform.now()).await?;
            }
        }
        // The constraint decides between two who dispense the same pack at once.
        tx.use_trace_codes(id, &traces, caller.now).await.map_err(|error| match error {
            StoreError::Unique { .. } => AppError::new(Code::DispTraceReused, "a trace code was used meanwhile"),
            other => other.into(),
        })
    })
    .await?;
    if let Some(begun) = refund {
        charge::go_on(extensions, caller, begun).await?;
    }
    Ok(handed_out)
}

const LONGEST_REASON: usize = 1000;

impl TryFrom<NewHandout> for Handout {
    type Error = AppError;

    fn try_from(new: NewHandout) -> AppResult<Self> {
        let expires = AppError::time("handouts.expires", &new.expires)?;
        Ok(Self { line: new.line, batch: new.batch, expires, traces: new.traces })
    }
}
