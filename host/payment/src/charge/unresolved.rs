use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    billing::{
        Charge, ChargeState, claim,
        request::{Ask, Request},
    },
    id::{BillId, InsuranceRequestId},
    money::Money,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_store::DocumentQuery;

use crate::cash;

/// A bill that waits for a person who agrees with its payer. Without its lines: they are medicines.
#[derive(Serialize, ToSchema)]
pub struct UnresolvedView {
    /// `bill-…`
    #[schema(value_type = String)]
    pub id: BillId,
    /// `UNWINDING`, `UNKNOWN`, `REVERSING`, `SETTLING`, or `REDUCED`: what a refund has left is not
    /// settled; with a `channel` the state of the patient's share; with an `appeal` its state.
    pub status: String,
    /// Id of the plugin of the payer that has to be agreed with.
    pub payer: Option<String>,
    /// The channel by which money of the patient has to go back.
    pub channel: Option<String>,
    /// The appeal to the payer that has no answer, or one that cannot be applied to the bill.
    #[schema(value_type = Option<String>)]
    pub appeal: Option<InsuranceRequestId>,
    /// Total, in fen; of money that has to go back, how much of it.
    #[schema(value_type = i64)]
    pub total_fen: Money,
    /// Number of operations with the payer so far.
    pub attempts: u32,
    /// When the last one that is known began (RFC 3339).
    pub since: Option<String>,
    /// Codes of the payer's reasons, of what it refused.
    pub refusals: Vec<String>,
    /// Why the host has not begun its reversal: `PAY_LATER_FIRST` or `PAY_STATE`. It begins it by itself.
    pub waits: Option<String>,
    /// The other bill that it waits for: to be reversed first, or to be done.
    #[schema(value_type = Option<String>)]
    pub waits_for: Option<BillId>,
}

/// Number of bills that are listed at once.
const MOST: u32 = 500;

/// How long an operation is without an outcome before it is listed, in seconds: a project default.
const LATE_SECONDS: i64 = 3600;

/// The bills of the caller's hospital that wait for its accounts: a payer does not take back what it
/// settled (`UNWINDING`), or another bill has to be reversed before, or it gives no outcome, or cannot be called, for an
/// hour; of these it is asked by itself too; or it gives no answer to an appeal that could be applied, for as long: the
/// accounts agree with it, and close the appeal; or a channel does not carry out a refund, which is tried again by itself, or money has
/// to be handed back at the counter. Each is listed until it is [resolved](super::resolve_by_hand) or reversed.
///
/// # Errors
/// If the caller does not keep the accounts.
#[boxed]
pub async fn unresolved(platform: &Platform, caller: &Caller) -> AppResult<Vec<UnresolvedView>> {
    caller.may(Action::ResolveCharge)?;
    use ChargeState as S;
    let states = [S::Unwinding, S::Unknown, S::Reversing, S::Settling, S::Reduced];
    let statuses = states.map(|state| state.as_str().to_owned()).into();
    let query = DocumentQuery { statuses, ..DocumentQuery::default() };
    let mut views = Vec::new();
    for row in platform.records(caller).list_documents::<BillId>(&query, None, MOST).await? {
        let charge: Charge = Stored::try_from(row)?.value;
        let in_progress = charge.in_progress();
        let since = match &charge {
            Charge::Reduced(reduced) => Some(reduced.state().at),
            _ => in_progress.map(|(attempt, _)| attempt.operation.at),
        };
        if since.is_some_and(|since| caller.now < since.plus_seconds(LATE_SECONDS)) {
            continue;
        }
        caller.trail.saw(charge.patient());
        let refusals = match &charge {
            Charge::Unwinding(unwinding) => {
                unwinding.state().refused.iter().flatten().map(|why| why.code.clone()).collect()
            }
            _ => Vec::new(),
        };
        let held = match &charge {
            Charge::Unwinding(unwinding) => unwinding.state().held,
            _ => None,
        };
        let last = charge.standing().last().map(|standing| &standing.share);
        let payer = in_progress.map(|(_, share)| share).or(last).map(claim::Share::payer);
        views.push(UnresolvedView {
            id: charge.id(),
            status: charge.state().as_str().to_owned(),
            payer: payer.or(charge.payers().first().map(String::as_str)).map(str::to_owned),
            channel: None,
            appeal: None,
            total_fen: Money::sum(charge.bill().lines.iter().map(|line| line.gross)).map_err(AppError::internal)?,
            attempts: charge.attempts(),
            since: since.map(|since| since.to_string()),
            refusals,
            waits: held.map(|held| held.why.as_str().to_owned()),
            waits_for: held.map(|held| held.bill),
        });
    }
    for unreturned in cash::unreturned(&platform.records(caller), caller.now).await? {
        caller.trail.saw(unreturned.patient);
        views.push(UnresolvedView {
            id: unreturned.bill,
            status: unreturned.status.to_owned(),
            payer: None,
            channel: Some(unreturned.channel.as_str().to_owned()),
            appeal: None,
            total_fen: unreturned.amount,
            attempts: unreturned.failures,
            since: Some(unreturned.since.to_string()),
            refusals: unreturned.why.into_iter().collect(),
            waits: None,
            waits_for: None,
        });
    }
    // What is decided is not in this state any more.
    let statuses = vec!["SENT".to_owned(), "UNKNOWN".to_owned()];
    let query = DocumentQuery { statuses, ..DocumentQuery::default() };
    for row in platform.records(caller).list_documents::<InsuranceRequestId>(&query, None, MOST).await? {
        let request: Request = Stored::try_from(row)?.value;
        let (Ask::Appeal { claim, .. }, Some(bill), Some(sent)) = (&request.ask, request.bill, request.sent()) else {
            continue;
        };
        if caller.now < request.at.plus_seconds(LATE_SECONDS) {
            continue;
        }
        caller.trail.saw(request.patient);
        views.push(UnresolvedView {
            id: bill,
            status: request.state.as_str().to_owned(),
            payer: Some(request.payer.clone()),
            channel: None,
            appeal: Some(request.id),
            total_fen: Money::sum(claim.lines.iter().map(|line| line.gross)).map_err(AppError::internal)?,
            attempts: sent.times,
            since: Some(request.at.to_string()),
            refusals: Vec::new(),
            waits: None,
            waits_for: None,
        });
    }
    Ok(views)
}
