//! Operations with payers: written before the payer is called, held for the call, and finished with
//! its outcome.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use serde_json::Value;
use xinglin_care::{item_order, prescription};
use xinglin_domain::{
    billing::{
        Act, Allocation, BillingError, By, Charge, ChargeState, Claim, Membership, Subject,
        allocation::check_accumulators,
        claim::{self, Confirmed, Held, Reduced, Returned, Reversing, Settling, Standing, Why},
        membership,
    },
    code::Code,
    id::BillId,
    payer::Adjudication,
    prescription::Prescription,
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, Platform, config::Plugins, document::Stored};
use xinglin_records::{patient, resource};
use xinglin_runtime::Limits;
use xinglin_store::{
    DocumentQuery, Executor, Operation as StoredOperation, OperationState, PayerClaim, Queue, Started, StoreError,
    Tenant, TenantScope, TenantTx, Work,
};

use super::{
    Row, free,
    guard::{Cleared, Free, Order, Who, clear, may_reverse, one_at_a_time},
    has_fee, notice, ordered, subject, update,
    view::{decisions, projections},
};
use crate::{capitation, cash, coverage, ledger};

/// The request to a payer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Settle,
    Reverse,
    /// Of what a refund has left: changes nothing at the payers.
    Quote,
}

impl Verb {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Settle => "settle",
            Self::Reverse => "reverse",
            Self::Quote => "quote",
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
    /// What became of the figures of a scheme of which a person stated the outcome; `None` of what the payer
    /// said itself, or if it counts nothing.
    pub(super) figures: Option<Figures>,
}

/// What a person's statement does to what a scheme counts of the patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Figures {
    /// They moved as quoted, or back.
    Moved,
    /// They changed since, so that what they are now is not known.
    Unknown,
}

/// How long an operation may be in flight after it was written, in seconds; only then is it asked
/// about, and may a person state its outcome. Longer than everything between the write and the last
/// byte to the payer: the [commit](LONGEST_COMMIT_SECONDS), the wait for a place
/// ([`Plugins::LONGEST_QUEUE_MILLIS`]), the call of the plugin ([`Limits::MAXIMUM`]; its requests end
/// with it), and as long again for a payer's gateway to take up what it was sent.
pub(crate) const SILENCE_SECONDS: i64 = 30;

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
pub(crate) fn ask_again(since: Instant, now: Instant) -> Instant {
    let late = now.micros().saturating_sub(since.micros()) / 1_000_000;
    now.plus_seconds(late.clamp(SILENCE_SECONDS, LONGEST_SILENCE_SECONDS))
}

/// Whether a call may still begin after a write: not once it may be asked about at any moment.
pub(crate) fn is_still_in_time(written: Instant, now: Instant) -> bool {
    now < written.plus_seconds(LONGEST_COMMIT_SECONDS)
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

/// As [`begin`], for a reversal: whatever became of patient and order, nobody is kept from getting money
/// back, but in the order in which it was paid.
pub(super) async fn begin_reversal(
    tx: &TenantTx,
    row: Row,
    reversing: Claim<Reversing>,
    free: &Free,
    now: Instant,
) -> AppResult<Row> {
    if free.bill() != row.id {
        return Err(AppError::internal("the proof is another bill's"));
    }
    write_down(tx, row, reversing.into(), Verb::Reverse, now).await
}

/// As [`begin`], for a quote of what a refund has left, by whoever comes first.
pub(super) async fn begin_quote(
    tx: &TenantTx,
    row: Row,
    reduced: Claim<Reduced>,
    now: Instant,
) -> AppResult<(Row, Claim<Reduced>)> {
    let asked = reduced.ask(now)?;
    let row = write_down(tx, row, asked.clone().into(), Verb::Quote, now).await?;
    Ok((row, asked))
}

async fn write_down(tx: &TenantTx, row: Row, charge: Charge, verb: Verb, now: Instant) -> AppResult<Row> {
    let begun = match &charge {
        // Of all payers, one after the other.
        Charge::Reduced(reduced) => reduced.asked().map(|attempt| (attempt, charge.payers().join(","))),
        _ => charge.in_progress().map(|(attempt, share)| (attempt, share.payer().to_owned())),
    };
    let (attempt, payer) = begun.ok_or_else(|| AppError::internal("an operation without a name"))?;
    let started = tx
        .start_payment(
            &StoredOperation {
                tenant: tx.id(),
                key: attempt.operation.key.clone(),
                bill_id: charge.id(),
                payer,
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

/// An operation that this process is calling a payer for, until its outcome is stored. A clock that jumps makes no call
/// shorter: what is called is not asked about.
pub(super) struct Called(String);

static CALLED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

impl Called {
    fn new(key: &str) -> Self {
        CALLED.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        Self(key.to_owned())
    }

    /// Whether this process is at it.
    pub(super) fn is(key: &str) -> bool {
        CALLED.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }
}

impl Drop for Called {
    fn drop(&mut self) {
        CALLED.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

/// Takes an operation for the call that follows at once: from now on it is in flight, and whoever had
/// read operation or bill before cannot write them. `None` if it was superseded, or this took so long
/// that it may be at any moment: then the payer must not be called.
pub(super) async fn hold(
    platform: &Platform,
    records: &Tenant,
    row: Row,
    key: &str,
) -> AppResult<Option<(Row, Called)>> {
    let now = platform.now();
    let tx = records.begin().await?;
    let operation = tx.get_payment(key).await?;
    if operation.state != OperationState::Pending {
        return Ok(None);
    }
    // Before others can see that it is held.
    let called = Called::new(key);
    let operation = StoredOperation { updated_at: now, ..operation };
    let taken = take(tx, (&operation, now.plus_seconds(SILENCE_SECONDS)), Row { updated_at: now, ..row }).await?;
    Ok(taken.filter(|_| is_still_in_time(now, platform.now())).map(|row| (row, called)))
}

/// Takes an operation and its bill, for whoever goes to the payer with it: who had read either before cannot
/// write it any more. `None` if somebody else has written one since it was read. The operation is looked at
/// again at `ask_at`.
pub(super) async fn take(
    tx: TenantTx,
    (operation, ask_at): (&StoredOperation, Instant),
    row: Row,
) -> AppResult<Option<Row>> {
    let taken = async {
        // The operation before the bill, as in `finish`.
        tx.update_payment(operation, ask_at).await?;
        let version = tx.update_document(&row).await?;
        tx.commit().await?;
        Ok(version)
    };
    match taken.await {
        Ok(version) => Ok(Some(Row { version, ..row })),
        Err(StoreError::VersionConflict { .. }) => Ok(None),
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
    let by_hand = after.statements().last().is_some_and(|statement| statement.operation == key);
    // Before anything else, as whoever begins an operation.
    patient::lock(tx, after.patient()).await?;
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
    let mut figures = None;
    if let Some(standing) = &settled {
        figures = stands(tx, &after, (standing, by_hand), now).await?;
    }
    if let Some(returned) = &returned {
        figures = stands_no_more(tx, &after, (returned, by_hand), now).await?;
    }
    if state != OperationState::Unknown {
        wake(tx, &after, now).await?;
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
            if matches!(stands, Charge::Settled(_)) {
                // The patient may have paid meanwhile.
                ledger::update_share(tx, stands.id(), now).await?;
            }
            (update(tx, row, &stands, now).await?, stands)
        }
        settled @ Charge::Settled(_) => (post_settled(tx, row, &settled, now).await?, settled),
        Charge::Reduced(reduced) => {
            let first = reduced.state().why.is_none();
            let charge = Charge::from(reduced.clone());
            let row = if first { given_back(tx, row, &charge, now).await? } else { row };
            if reduced.attempts() < MOST_REVERSALS {
                let (row, asked) = begin_quote(tx, row, reduced, now).await?;
                // What was tried before is tried again later.
                send = first;
                (row, asked.into())
            } else {
                tracing::error!(bill = %row.id, "what is left after a refund was not settled: agree with its payers, and state the outcome");
                send = false;
                (update(tx, row, &charge, now).await?, charge)
            }
        }
        reversed @ Charge::Reversed(_) => (post_reversed(tx, row, &reversed, now).await?, reversed),
        ended @ (Charge::Declined(_) | Charge::Abandoned(_)) => {
            free(tx, subject(&row)?, row.id, now).await?;
            (update(tx, row, &ended, now).await?, ended)
        }
        after => (update(tx, row, &after, now).await?, after),
    };
    Ok(Finished { row, charge, send, figures })
}

/// The proof that the order is still to be settled; `None` if not: then the patient confirms again, or
/// cancels.
async fn may_settle(platform: &Platform, tx: &TenantTx, row: &Row, charge: &Charge) -> AppResult<Option<Cleared>> {
    let order = match subject(row)? {
        _ if !charge.replaced().is_empty() => rest_of(tx, row).await?,
        Subject::Visit(visit) => Order::Visit(visit),
        Subject::Prescription(rx) => match prescription::load(tx, rx).await?.value {
            Prescription::Reserved(reserved) => Order::Prescription(Box::new(reserved)),
            _ => return Ok(None),
        },
    };
    let cleared = async {
        let cleared = clear(platform, tx, Who::Host, (charge, &order), platform.now()).await?;
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

/// What a refund has left, for the [guard](clear).
pub(super) async fn rest_of<E: Executor>(records: &TenantScope<E>, row: &Row) -> AppResult<Order> {
    Ok(Order::Rest(match subject(row)? {
        Subject::Prescription(rx) => prescription::load(records, rx).await?.value.sheet().medicines.clone(),
        Subject::Visit(_) => Vec::new(),
    }))
}

/// Gives free what a refund has taken off a bill: what was ordered, and the visit's fee. Before the write
/// of the bill.
pub(super) async fn given_back(tx: &TenantTx, mut row: Row, charge: &Charge, now: Instant) -> AppResult<Row> {
    let Some(before) = charge.replaced().last() else { return Ok(row) };
    let left = ordered(charge);
    for order in before.items.iter().filter_map(|item| item.order) {
        item_order::keep(tx, order, charge.id(), left.get(&order).copied().unwrap_or_default(), now).await?;
    }
    if !has_fee(charge) {
        row.exclusive_key = None;
    }
    Ok(row)
}

/// Begins the reversal of the last of what stands, by the host; if it may not yet, it waits.
pub(super) async fn take_back(tx: &TenantTx, row: Row, stands: Charge, now: Instant) -> AppResult<(Row, Charge)> {
    let free = match may_reverse(tx, &stands).await? {
        Ok(free) => free,
        Err(held) => return wait(tx, row, stands, (By::Host, held), now).await,
    };
    let reversing = match stands {
        Charge::Settled(settled) => settled.reverse(By::Host, now)?,
        other => other.expecting::<claim::Unwinding>(Act::Reverse)?.reverse(By::Host, now)?,
    };
    Ok((begin_reversal(tx, row, reversing.clone(), &free, now).await?, reversing.into()))
}

/// First look after a reversal that waits, in seconds.
const HELD_SECONDS: i64 = 60;

/// Has the reversal of what stands wait for another bill: the bill is [attended to](super::attend).
pub(super) async fn wait(
    tx: &TenantTx,
    row: Row,
    stands: Charge,
    (by, held): (By<'_>, Held),
    now: Instant,
) -> AppResult<(Row, Charge)> {
    tracing::warn!(bill = %row.id, on = %held.bill, why = held.why.as_str(), "a reversal waits");
    let waiting = Charge::from(match stands {
        Charge::Settled(settled) => settled.hold(by, held, now),
        other => other.expecting::<claim::Unwinding>(Act::Reverse)?.hold(held),
    });
    let id = row.id;
    let row = update(tx, row, &waiting, now).await?;
    tx.put_work(&[Work::new(Queue::Charge, id, id, now.plus_seconds(HELD_SECONDS))]).await?;
    Ok((row, waiting))
}

/// Has what waited for this bill looked at now.
async fn wake(tx: &TenantTx, after: &Charge, now: Instant) -> AppResult<()> {
    /// More waiting bills of one patient are nobody's habit; they would be looked at later.
    const MOST: u32 = 64;
    let query = DocumentQuery {
        patient_id: Some(after.patient().to_string()),
        statuses: vec![ChargeState::Unwinding.as_str().to_owned()],
        ..DocumentQuery::default()
    };
    for row in tx.list_documents::<BillId>(&query, None, MOST).await? {
        let Stored { row, value } = row.try_into()?;
        let Charge::Unwinding(waiting) = value else { continue };
        if waiting.state().held.is_some_and(|held| held.bill == after.id()) {
            tx.move_lane(Queue::Charge, &row.id.to_string(), now).await?;
        }
    }
    Ok(())
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
/// if that makes sense. What a person stated is what was quoted, and counts if it was quoted on the figures
/// that are on file.
async fn stands(
    tx: &TenantTx,
    after: &Charge,
    (standing, by_hand): (&Standing, bool),
    now: Instant,
) -> AppResult<Option<Figures>> {
    let (payer, settlement) = (standing.share.payer(), &standing.settlement);
    if standing.agreed {
        let shares = (before(after.standing()), standing.share.allocation());
        ledger::book_shares(tx, after.id(), Some(payer), shares, now).await?;
        capitation::charge_later(tx, after, now).await?;
    }
    let drifted = Why::Drifted(Code::InsPresettleDrift);
    let (counts, mut left) = (&settlement.adjudication, Ok(()));
    if standing.agreed || after.why() == Some(&drifted) {
        change_membership(tx, (after, payer), now, |membership, served_at| {
            match by_hand {
                true => left = membership.leave(standing.share.told(), &counts.accumulators, served_at),
                false => membership.run_on(&counts.accumulators, served_at),
            }
            if let Some(insured) = counts.insured.as_ref()
                && let Err(wrong) = membership.draw(&insured.draws)
            {
                tracing::error!(payer, %wrong, "what an insurer drew does not fit what is on file: ask it for the balances");
            }
        })
        .await?;
    }
    tx.insert_payer_claim(&owed(after, standing, (false, &standing.settlement.reference), now)?).await?;
    if standing.agreed {
        resource::project(tx, decisions(after, standing, false, now), now).await?;
    }
    Ok(stated(by_hand, counts, left))
}

/// What a statement did to the figures of a payer that counts some.
fn stated(by_hand: bool, counts: &Adjudication, moved: Result<(), membership::Unknown>) -> Option<Figures> {
    (by_hand && !counts.accumulators.is_empty()).then(|| moved.map_or(Figures::Unknown, |()| Figures::Moved))
}

/// What a payer owes by a settlement, or owes no more.
fn owed(after: &Charge, standing: &Standing, (back, reference): (bool, &str), now: Instant) -> AppResult<PayerClaim> {
    let earlier = after.standing().iter().take_while(|one| one.attempt.operation.key != standing.attempt.operation.key);
    let paid = standing.pays(earlier.last());
    Ok(PayerClaim {
        id: standing.attempt.operation.key.clone(),
        payer: standing.share.payer().to_owned(),
        reference: reference.to_owned(),
        bill_id: after.id(),
        amount: if back { paid.negate().map_err(AppError::internal)? } else { paid },
        booked_at: now,
    })
}

/// Posts that a payer has taken its settlement back.
async fn stands_no_more(
    tx: &TenantTx,
    after: &Charge,
    (returned, by_hand): (&Returned, bool),
    now: Instant,
) -> AppResult<Option<Figures>> {
    let Returned { standing, reversal, .. } = returned;
    capitation::take_back(tx, after.id(), standing.share.payer(), now).await?;
    ledger::unwind(tx, after.id(), (Some(standing.share.payer()), refund_of(after)), now).await?;
    // The money is back, whatever the payer counts.
    let payer = standing.share.payer();
    let back = owed(after, standing, (true, &reversal.reference), now)?;
    let back = PayerClaim { id: returned.operation.clone(), ..back };
    tx.insert_payer_claim(&back).await?;
    if standing.agreed {
        resource::project(tx, decisions(after, standing, true, now), now).await?;
    }
    let draws = standing.settlement.adjudication.insured.as_ref().map_or(&[][..], |insured| &insured.draws);
    let counts =
        if check_accumulators(&reversal.accumulators).is_ok() { reversal.accumulators.as_slice() } else { &[] };
    let (settled, mut back) = (&standing.settlement.adjudication, Ok(()));
    change_membership(tx, (after, payer), now, |membership, served_at| {
        match by_hand {
            true => back = membership.take_back(standing.share.told(), &settled.accumulators, served_at),
            false => membership.run_on(counts, served_at),
        }
        if let Err(wrong) = membership.give_back(draws) {
            tracing::error!(payer, %wrong, "what an insurer drew cannot be given back: ask it for the balances");
        }
    })
    .await?;
    Ok(stated(by_hand, settled, back))
}

/// The partial refund for which what stood of a bill is being taken back, if it is for one.
fn refund_of(after: &Charge) -> Option<&str> {
    match after {
        Charge::Reduced(reduced) if reduced.state().why.is_none() => {
            after.replaced().last().map(|before| before.refund.key.as_str())
        }
        _ => match after.why() {
            Some(Why::Refunded(reduction)) => Some(&reduction.refund.key),
            _ => None,
        },
    }
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
    if let Some(before) = charge.replaced().last() {
        ledger::book_what_holds(tx, charge.id(), &before.refund.key, now).await?;
        notice::refunded_in_part(tx, charge, &before.refund.key, now).await?;
    }
    resource::project(tx, projections(charge, now), now).await?;
    cash::due(tx, charge, now).await?;
    update(tx, row, charge, now).await
}

/// Posts that lines which are the patient's alone were given back, and the bill is paid as before.
pub(super) async fn post_reduced(
    tx: &TenantTx,
    row: Row,
    (before, charge): (&Allocation, &Charge),
    now: Instant,
) -> AppResult<Row> {
    let (Some(allocation), Some(replaced)) = (charge.allocation(), charge.replaced().last()) else {
        return Err(AppError::internal("a refunded bill without figures"));
    };
    ledger::book_reduction(tx, charge.id(), (before, allocation), now).await?;
    ledger::update_share(tx, charge.id(), now).await?;
    notice::refunded_in_part(tx, charge, &replaced.refund.key, now).await?;
    resource::project(tx, projections(charge, now), now).await?;
    let row = given_back(tx, row, charge, now).await?;
    update(tx, row, charge, now).await
}

/// Posts that a bill is not paid any more, gives the patient's money back, releases the prescription and
/// tells the patient.
pub(super) async fn post_reversed(tx: &TenantTx, row: Row, reversed: &Charge, now: Instant) -> AppResult<Row> {
    if reversed.payers().is_empty() {
        ledger::unwind(tx, reversed.id(), (None, None), now).await?;
    }
    resource::project(tx, projections(reversed, now), now).await?;
    if !cash::give_back(tx, reversed.id(), now).await? {
        notice::refunded(tx, reversed, now).await?;
    }
    free(tx, subject(&row)?, row.id, now).await?;
    update(tx, row, reversed, now).await
}

/// Stores what a payer counts of the patient. Others may have changed it since it was called.
pub(super) async fn change_membership(
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
