use xinglin_care::pathway::Occasion;
use xinglin_domain::{billing::request::State, code::Code, id::InsuranceRequestId};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppError, AppResult, boxed, document::Stored, work};
use xinglin_store::Work;

use super::{load, send};
use crate::{charge, insurer};

/// Whether a piece of work is a question to an insurer.
pub fn is_question(work: &Work) -> bool {
    work.id.starts_with(InsuranceRequestId::PREFIX) && work.id.parse::<InsuranceRequestId>().is_ok()
}

/// Asks an insurer what became of a question that it has not answered, or not decided. What it has never seen
/// is sent again.
///
/// # Errors
/// If the store fails; it is tried again.
#[tracing::instrument(target = "xinglin::trace", name = "ask_insurer_again", skip_all)]
#[boxed]
pub async fn ask_again(extensions: &Extensions, work: &Work, occasion: &Occasion) -> AppResult<()> {
    let (records, now) = (extensions.platform.store().tenant(work.tenant), occasion.now);
    let id: InsuranceRequestId = work.id.parse().map_err(AppError::internal)?;
    let Stored { row, value } = match load(&records, id).await {
        Ok(stored) => stored,
        // It was erased.
        Err(error) if error.code == Code::NotFound => return work::finish(&records, work).await,
        Err(error) => return Err(error),
    };
    if value.sent().is_none() {
        return work::finish(&records, work).await;
    }
    let landed = row.updated_at.plus_seconds(charge::SILENCE_SECONDS);
    if matches!(value.state, State::Sent(_)) && now < landed {
        return work::postpone(&records, work, landed).await;
    }
    let insurer = match insurer::find(extensions, &records, &value.payer, send::role_of(&value.ask)).await {
        Ok(insurer) => insurer,
        Err(cause) => {
            tracing::warn!(request = %id, payer = value.payer, %cause, "a question waits: the insurer cannot be asked");
            return work::postpone(&records, work, charge::ask_again_at(value.at, now)).await;
        }
    };
    send::ask_after(extensions, &records, (row, value), &insurer, occasion).await
}
