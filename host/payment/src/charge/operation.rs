//! Operations with payers: written before the payer is called, held for the call, and finished with
//! its outcome.

use serde_json::Value;
use xinglin_care::prescription;
use xinglin_domain::{
    billing::{
        Act, Allocation, BillingError, By, Charge, Claim, Membership,
        allocation::check_accumulators,
        claim::{self, Confirmed, Returned, Reversing, Settling, Standing, Why},
    },
    code::Code,
    id::PaymentId,
    prescription::Prescription,
    time::Instant,
};
use xinglin_fhir::project;
use xinglin_platform::{AppError, AppResult, Platform, ambient, config::Plugins};
use xinglin_records::resource;
use xinglin_runtime::Limits;
use xinglin_store::{Operation as StoredOperation, OperationState, Started, StoreError, Tenant, TenantTx};

use super::{
    Row, free,
    guard::{Cleared, Who, clear, one_at_a_time},
    notice, parent, update,
    view::claim_projection,
};
use crate::{cash, coverage, ledger};

/// The request to a payer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
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

/// What follows an operation that did not take place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing, or what a person decides.
    Stop,
    /// A reversal is begun anew, and sent by the job.
    SendLater,
    /// It is begun anew, and sent after the commit: the payer never received it.
    SendAgain,
}

/// The outcome of a stored operation.
pub(super) struct Outcome {
    pub(super) verb: Verb,
    pub(super) key: String,
    pub(super) then: Then,
    pub(super) after: Charge,
}

/// The stored outcome.
pub(super) struct Finished {
    pub(super) row: Row,
    pub(super) charge: Charge,
    /// Whether the charge's pending operation is to be sent after the commit.
    pub(super) send: bool,
}

/// How long an operation may be in flight after it was written, in seconds; only then is it asked
/// about, and may a person state its outcome. Longer than everything between the write and the last
/// byte to the payer: the [commit](LONGEST_COMMIT_SECONDS), the wait for a place
/// ([`Plugins::LONGEST_QUEUE_MILLIS`]), the call of the plugin ([`Limits::MAXIMUM`]; its requests end
/// with it), and as long again for a payer's gateway to take up what it was sent.
pub(super) const SILENCE_SECONDS: i64 = 30;

/// How long the write before a call may take, in seconds, for the payer to be called after it.
const LONGEST_COMMIT_SECONDS: i64 = 8;

const _: () = {
    let call_seconds = (Limits::MAXIMUM.deadline_ms as i64) / 1000;
    let queue_seconds = (Plugins::LONGEST_QUEUE_MILLIS as i64) / 1000;
    assert!(LONGEST_COMMIT_SECONDS + queue_seconds + 2 * call_seconds < SILENCE_SECONDS, "asked about in flight");
};

/// The longest time between two queries, or two attempts of a reversal, in seconds.
const LONGEST_SILENCE_SECONDS: i64 = 3600;

/// Number of operations of a bill after which a settlement that the payer never received is not
/// sent by itself any more: the patient confirms again, or cancels.
const MOST_ATTEMPTS: u32 = 4;

/// Number of operations of a bill after which a reversal is not begun anew by itself any more: two for
/// each attempt, the last ones [an hour](LONGEST_SILENCE_SECONDS) apart, so about a day. A person has it
/// reversed again, or states what became of it. A project default.
pub(super) const MOST_REVERSALS: u32 = 48;

/// When to ask again about what is unknown since `since`: each time after as long as it is late.
pub(super) fn ask_again(since: Instant, now: Instant) -> Instant {
    let late = now.micros().saturating_sub(since.micros()) / 1_000_000;
    now.plus_seconds(late.clamp(SILENCE_SECONDS, LONGEST_SILENCE_SECONDS))
}

/// When an operation that begins now is asked about: each attempt after the second waits twice as
/// long as the one before.
fn ask_first(attempts: u32, now: Instant) -> Instant {
    let doubled = SILENCE_SECONDS.saturating_mul(1 << attempts.saturating_sub(2).min(16));
    now.plus_seconds(doubled.min(LONGEST_SILENCE_SECONDS))
}

/// Creates the operation's key and stores it as pending, before the payer is called. `now` is the
/// clock's, not the request's: from it the operation is in flight.
pub(super) async fn begin(
    tx: &TenantTx,
    row: Row,
    confirmed: Claim<Confirmed>,
    cleared: &Cleared,
    now: Instant,
) -> AppResult<(Row, Claim<Settling>)> {
    if cleared.bill() != row.id {
        return Err(AppError::internal("the proof is another bill's"));
    }
    let settling = confirmed.begin(now)?;
    let row = write_down(tx, row, settling.clone().into(), Verb::Settle, now).await?;
    Ok((row, settling))
}

/// As [`begin`], for a reversal, which needs no proof: nobody is kept from getting money back.
pub(super) async fn begin_reversal(
    tx: &TenantTx,
    row: Row,
    reversing: Claim<Reversing>,
    now: Instant,
) -> AppResult<Row> {
    write_down(tx, row, reversing.into(), Verb::Reverse, now).await
}

async fn write_down(tx: &TenantTx, row: Row, charge: Charge, verb: Verb, now: Instant) -> AppResult<Row> {
    let (attempt, share) = charge.in_progress().ok_or_else(|| AppError::internal("an operation without a name"))?;
    let started = tx
        .start_payment(
            &StoredOperation {
                tenant: tx.id(),
                key: attempt.operation.key.clone(),
                bill_id: charge.id(),
                payer: share.payer().to_owned(),
                verb: verb.as_str().to_owned(),
                request_digest: attempt.request.to_string(),
                state: OperationState::Pending,
                response: None,
                version: 0,
                created_at: now,
                updated_at: now,
            },
            ask_first(charge.attempts(), now),
        )
        .await?;
    if let Started::Known(before) = started {
        return Err(BillingError::Conflict(before.key).into());
    }
    update(tx, row, &charge, now).await
}

/// Until when an operation may be in flight.
pub(super) fn in_flight_until(operation: &StoredOperation) -> Instant {
    let written = match operation.state {
        OperationState::Pending => operation.updated_at,
        _ => operation.created_at,
    };
    written.plus_seconds(SILENCE_SECONDS)
}

/// Takes an operation for the call that follows at once: from now on it is in flight, and whoever had
/// read operation or bill before cannot write them. `None` if it was superseded, or this took so long
/// that it may be at any moment: then the payer must not be called.
pub(super) async fn hold(platform: &Platform, records: &Tenant, row: Row, key: &str) -> AppResult<Option<Row>> {
    let now = platform.now();
    let tx = records.begin().await?;
    // The operation before the bill, as in `finish`.
    let operation = tx.get_payment(key).await?;
    if operation.state != OperationState::Pending {
        return Ok(None);
    }
    let held = async {
        let asked = now.plus_seconds(SILENCE_SECONDS);
        tx.update_payment(&StoredOperation { updated_at: now, ..operation }, asked).await?;
        let version = tx.update_document(&Row { updated_at: now, ..row.clone() }).await?;
        tx.commit().await?;
        Ok(version)
    };
    match held.await {
        Ok(version) if platform.now() < now.plus_seconds(LONGEST_COMMIT_SECONDS) => Ok(Some(Row { version, ..row })),
        Ok(_) | Err(StoreError::VersionConflict { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Stores the outcome of an operation: the bill's next state, ledger entries, the accumulators
/// of the coverage, and the prescription if it is released. The operation that follows, of the next
/// payer or of one to be taken back, is stored in the same transaction, so it is resumed after a crash.
pub(super) async fn finish(
    platform: &Platform,
    tx: &TenantTx,
    row: Row,
    outcome: Outcome,
    now: Instant,
) -> AppResult<Finished> {
    let Outcome { verb, key, then, after } = outcome;
    let settled = after.standing().last().filter(|standing| standing.attempt.operation.key == key).cloned();
    let returned = after.returned().last().filter(|returned| returned.operation == key).cloned();
    let again = then != Then::Stop;
    // Before anything else: it locks the patient.
    let cleared = match &after {
        Charge::Confirmed(confirmed) if settled.is_some() || (again && confirmed.attempts() < MOST_ATTEMPTS) => {
            may_settle(platform, tx, &row, &after).await?
        }
        _ => None,
    };
    let refused = verb == Verb::Settle && matches!(after, Charge::Declined(_) | Charge::Unwinding(_));
    let state = match &after {
        Charge::Unknown(_) => OperationState::Unknown,
        _ if settled.is_some() || returned.is_some() || refused => OperationState::Done,
        _ => OperationState::Failed,
    };
    let since = after.in_progress().map_or(now, |(attempt, _)| attempt.operation.at);
    let response = serde_json::to_value(&after).map_err(AppError::internal)?;
    mark(tx, &key, state, Some(response), (since, now)).await?;
    if let Some(standing) = &settled {
        stands(tx, &after, standing, now).await?;
    }
    if let Some(returned) = &returned {
        stands_no_more(tx, &after, returned, now).await?;
    }
    let moved = settled.is_some() || returned.is_some() || refused;
    let goes_on = moved || (again && after.attempts() < MOST_REVERSALS);
    let mut send = moved || then == Then::SendAgain;
    let (row, charge) = match after {
        Charge::Confirmed(confirmed) => match cleared {
            Some(cleared) => {
                let (row, settling) = begin(tx, row, confirmed, &cleared, now).await?;
                (row, settling.into())
            }
            // What one payer settled is not left for an order that cannot go on.
            None if settled.is_some() => take_back(tx, row, confirmed.abandon(By::Host, now)?, now).await?,
            None => {
                let charge = Charge::from(confirmed);
                (update(tx, row, &charge, now).await?, charge)
            }
        },
        // What was asked for is not forgotten.
        stands @ Charge::Unwinding(_) if goes_on => take_back(tx, row, stands, now).await?,
        stands @ Charge::Settled(_) if verb == Verb::Reverse && goes_on => take_back(tx, row, stands, now).await?,
        stands @ (Charge::Settled(_) | Charge::Unwinding(_)) if verb == Verb::Reverse => {
            let payer = stands.standing().last().map(|standing| standing.share.payer().to_owned());
            tracing::error!(bill = %row.id, payer, state = %stands.state(), "a payer did not take a settlement back: agree with it, and state the outcome or reverse again");
            if !stands.has_drifted() {
                notice::not_refunded(tx, &stands, now).await?;
            }
            send = false;
            (update(tx, row, &stands, now).await?, stands)
        }
        settled @ Charge::Settled(_) => (post_settled(tx, row, &settled, now).await?, settled),
        reversed @ Charge::Reversed(_) => (post_reversed(tx, row, &reversed, now).await?, reversed),
        ended @ (Charge::Declined(_) | Charge::Abandoned(_)) => {
            free(tx, parent(&row)?, row.id, now).await?;
            (update(tx, row, &ended, now).await?, ended)
        }
        after => (update(tx, row, &after, now).await?, after),
    };
    Ok(Finished { row, charge, send })
}

/// The proof that the order is still to be settled; `None` if not: then the patient confirms again, or
/// cancels.
async fn may_settle(platform: &Platform, tx: &TenantTx, row: &Row, charge: &Charge) -> AppResult<Option<Cleared>> {
    let Prescription::Reserved(reserved) = prescription::load(tx, parent(row)?).await?.value else { return Ok(None) };
    let cleared = async {
        let cleared = clear(platform, tx, Who::Host, (charge, &reserved), platform.now()).await?;
        one_at_a_time(tx, charge).await?;
        Ok::<_, AppError>(cleared)
    };
    match cleared.await {
        Ok(cleared) => Ok(Some(cleared)),
        Err(refused) if refused.code.class().status() < 500 => {
            tracing::info!(bill = %charge.id(), code = refused.code.as_str(), "a settlement is not sent");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Begins the reversal of the last of what stands, by the host.
async fn take_back(tx: &TenantTx, row: Row, stands: Charge, now: Instant) -> AppResult<(Row, Charge)> {
    let reversing = match stands {
        Charge::Settled(settled) => settled.reverse(By::Host, now)?,
        other => other.expecting::<claim::Unwinding>(Act::Reverse)?.reverse(By::Host, now)?,
    };
    Ok((begin_reversal(tx, row, reversing.clone(), now).await?, reversing.into()))
}

/// Stores the state of an operation; while it is unknown, `since` a time, it is asked about again.
pub(super) async fn mark(
    tx: &TenantTx,
    key: &str,
    state: OperationState,
    response: Option<Value>,
    (since, now): (Instant, Instant),
) -> AppResult<()> {
    let mut operation = tx.get_payment(key).await?;
    operation.state = state;
    operation.response = response;
    operation.updated_at = now;
    tx.update_payment(&operation, ask_again(since, now)).await?;
    Ok(())
}

/// Posts what a payer has settled: to the ledger if it is as agreed, and what it counts of the patient
/// if that makes sense.
async fn stands(tx: &TenantTx, after: &Charge, standing: &Standing, now: Instant) -> AppResult<()> {
    let (payer, settlement) = (standing.share.payer(), &standing.settlement);
    if standing.agreed {
        let shares = (before(after.standing()), standing.share.allocation());
        ledger::book_shares(tx, after.id(), Some(payer), shares, now).await?;
    }
    let drifted = Why::Drifted(Code::InsPresettleDrift);
    if standing.agreed || after.why() == Some(&drifted) {
        let counts = &settlement.adjudication;
        change_membership(tx, (after, payer), now, |membership, served_at| {
            membership.run_on(&counts.accumulators, served_at);
            if let Some(insured) = counts.insured.as_ref()
                && let Err(wrong) = membership.draw(&insured.draws)
            {
                tracing::error!(payer, %wrong, "what an insurer drew does not fit what is on file: ask it for the balances");
            }
        })
        .await?;
    }
    if standing.agreed {
        let response = project::claim_response(&project::Answered {
            id: PaymentId::from_u128(ambient::fresh_id()),
            bill: after.id(),
            patient: &after.patient().to_string(),
            payer,
            decision: project::Decision::Settled {
                reference: &settlement.reference,
                adjudication: &settlement.adjudication,
            },
            created: now,
        });
        resource::project(tx, vec![response], now).await?;
    }
    Ok(())
}

/// Posts that a payer has taken its settlement back.
async fn stands_no_more(tx: &TenantTx, after: &Charge, returned: &Returned, now: Instant) -> AppResult<()> {
    let Returned { standing, reversal, .. } = returned;
    ledger::unwind(tx, after.id(), Some(standing.share.payer()), now).await?;
    // The money is back, whatever the payer counts.
    let payer = standing.share.payer();
    let draws = standing.settlement.adjudication.insured.as_ref().map_or(&[][..], |insured| &insured.draws);
    let counts =
        if check_accumulators(&reversal.accumulators).is_ok() { reversal.accumulators.as_slice() } else { &[] };
    change_membership(tx, (after, payer), now, |membership, served_at| {
        membership.run_on(counts, served_at);
        if let Err(wrong) = membership.give_back(draws) {
            tracing::error!(payer, %wrong, "what an insurer drew cannot be given back: ask it for the balances");
        }
    })
    .await
}

/// What was agreed to before the last of these settled.
fn before(standing: &[Standing]) -> Option<&Allocation> {
    standing.iter().rev().nth(1).map(|standing| standing.share.allocation())
}

/// Posts a bill that is paid. What payers settled of it is posted already.
pub(super) async fn post_settled(tx: &TenantTx, row: Row, charge: &Charge, now: Instant) -> AppResult<Row> {
    let Some(allocation) = charge.allocation() else {
        return Err(AppError::internal("a settled bill without figures"));
    };
    if charge.payers().is_empty() {
        ledger::book_shares(tx, charge.id(), None, (None, allocation), now).await?;
    }
    resource::project(tx, vec![claim_projection(charge, now)], now).await?;
    cash::due(tx, charge, now).await?;
    update(tx, row, charge, now).await
}

/// Posts that a bill is not paid any more, gives the patient's money back, releases the prescription and
/// tells the patient.
pub(super) async fn post_reversed(tx: &TenantTx, row: Row, reversed: &Charge, now: Instant) -> AppResult<Row> {
    if reversed.payers().is_empty() {
        ledger::unwind(tx, reversed.id(), None, now).await?;
    }
    resource::project(tx, vec![claim_projection(reversed, now)], now).await?;
    if !cash::give_back(tx, reversed.id(), now).await? {
        notice::refunded(tx, reversed, now).await?;
    }
    free(tx, parent(&row)?, row.id, now).await?;
    update(tx, row, reversed, now).await
}

/// Stores what a payer counts of the patient. Others may have changed it since it was called.
async fn change_membership(
    tx: &TenantTx,
    (after, payer): (&Charge, &str),
    now: Instant,
    change: impl FnOnce(&mut Membership, Instant),
) -> AppResult<()> {
    let known = coverage::of_patient(tx, after.patient()).await?.into_iter().find(|(row, _)| row.payer == payer);
    let Some((row, mut membership)) = known else { return Ok(()) };
    let before = membership.clone();
    change(&mut membership, after.bill().served_at);
    if membership == before {
        return Ok(());
    }
    let body = serde_json::to_value(&membership).map_err(AppError::internal)?;
    tx.put_coverage(&xinglin_store::Coverage { body, updated_at: now, ..row }).await?;
    Ok(())
}
