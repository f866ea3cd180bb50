use xinglin_domain::{
    access::{Action, Role},
    code::Code,
    id::PurchaseId,
    pricing::{Payee, sale::Sale},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document::Stored};

use super::{SaleView, book::Posting, load, lock, update, view};

/// A service that was bought begins: the doctor has replied, or the course has begun. What was paid for it
/// is earned.
///
/// # Errors
/// `PRICE_STATE` if it is not bought, or began before, or is a package; `AUTH_FORBIDDEN` for another doctor than
/// the one who was chosen.
#[boxed]
pub async fn start(platform: &Platform, caller: &Caller, id: PurchaseId) -> AppResult<SaleView> {
    caller.may(Action::GiveService)?;
    let records = platform.records(caller);
    let patient = load(&records, id).await?.value.patient;
    caller.trail.saw(patient);
    let tx = records.begin().await?;
    lock(&tx, patient).await?;
    let Stored { row, value: mut sale } = load(&tx, id).await?;
    given_by(caller, &mut sale)?;
    let moves = sale.start()?;
    let posting = Posting { tx: &tx, sale: &sale, now: caller.now, by: Some(caller.actor.account) };
    posting.moves(moves).await?;
    update(&tx, row, &sale, caller.now).await?;
    tx.commit().await?;
    view(&sale, Vec::new())
}

/// Whether the caller gives it; whose it becomes if nobody was chosen.
pub(super) fn given_by(caller: &Caller, sale: &mut Sale) -> AppResult<()> {
    let own = caller.actor.account;
    match sale.doctor {
        Some(doctor) if doctor == own => Ok(()),
        Some(_) => Err(AppError::new(Code::AuthForbidden, "another doctor was chosen")),
        None if caller.actor.live_roles(caller.now).contains(&Role::Doctor) => {
            sale.doctor = Some(own);
            Ok(())
        }
        None if sale.price.fees.iter().any(|fee| fee.payee == Payee::Doctor) => {
            Err(AppError::new(Code::AuthForbidden, "a doctor gives it, whose income a part of it is"))
        }
        None => Ok(()),
    }
}
