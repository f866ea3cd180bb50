use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::{AccountId, TransactionId},
    ledger::Transaction,
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::{Draft, DraftState, TenantTx};

use super::{
    NewPosting, TransactionView,
    post::{lock, posted, prepare},
};

/// Most drafts that are listed.
const MOST: u32 = 500;

/// What is stored of a draft.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    ask: NewPosting,
    judged: Option<Judged>,
}

/// Who approved or rejected it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Judged {
    by: AccountId,
    at: Instant,
    reason: Option<String>,
}

/// Why a draft is rejected.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    /// What is wrong.
    pub reason: String,
}

/// Keeps what a person has posted above the limit, until another approves it.
pub(super) async fn keep(
    tx: &TenantTx,
    caller: &Caller,
    ask: NewPosting,
    made: &Transaction,
) -> AppResult<TransactionView> {
    let draft = Draft {
        id: made.id(),
        posted_by: caller.actor.account,
        posted_at: caller.now,
        amount: made.amount()?,
        state: DraftState::Waiting,
        body: serde_json::to_value(Kept { ask, judged: None }).map_err(AppError::internal)?,
        version: 0,
    };
    tx.insert_draft(&draft).await?;
    Ok(TransactionView { status: "waiting", ..TransactionView::from(made) })
}

/// What waits for another accountant, oldest first.
///
/// # Errors
/// If the caller may not read the books.
#[boxed]
pub async fn list_drafts(platform: &Platform, caller: &Caller) -> AppResult<Vec<TransactionView>> {
    caller.may(Action::ReadLedger)?;
    let tx = platform.records(caller).begin().await?;
    let mut views = Vec::new();
    for draft in tx.list_drafts(MOST).await? {
        let ask = kept(&draft)?.ask;
        match prepare(&tx, caller, &ask, (draft.id, draft.posted_by)).await {
            Ok((_, made)) => views.push(TransactionView { status: "waiting", ..TransactionView::from(&made) }),
            // The books have moved on: it cannot be approved any more, and waits to be rejected.
            Err(error) => tracing::info!(draft = %draft.id, code = error.code.as_str(), "a draft would be refused now"),
        }
    }
    Ok(views)
}

/// Approves what another has posted: it is in the books from now on, with all checks of this moment.
///
/// # Errors
/// `LEDGER_APPROVAL` for one's own; `PAY_STATE` if it was judged before; as for posting.
#[boxed]
pub async fn approve(platform: &Platform, caller: &Caller, id: TransactionId) -> AppResult<TransactionView> {
    caller.may(Action::ApproveLedger)?;
    let tx = platform.records(caller).begin().await?;
    let draft = waiting(&tx, caller, id).await?;
    let kept = kept(&draft)?;
    lock(&tx, &kept.ask).await?;
    let (mut book, made) = prepare(&tx, caller, &kept.ask, (id, draft.posted_by)).await?;
    let view = TransactionView::from(&made);
    posted(&tx, &mut book, vec![made], caller.now).await?;
    judge(&tx, caller, draft, (DraftState::Approved, kept, None)).await?;
    tx.commit().await?;
    Ok(view)
}

/// Rejects what another has posted: it never counts. One's own may be withdrawn so, too.
///
/// # Errors
/// `PAY_STATE` if it was judged before; `BODY_INVALID` without a reason.
#[boxed]
pub async fn reject(platform: &Platform, caller: &Caller, id: TransactionId, ask: Judge) -> AppResult<()> {
    caller.may(Action::ApproveLedger)?;
    let reason = ask.reason.trim();
    if reason.is_empty() {
        return Err(AppError::new(Code::BodyInvalid, "`reason` is missing").with("path", "reason"));
    }
    let tx = platform.records(caller).begin().await?;
    let draft = tx.get_draft(id).await?;
    not_judged(&draft)?;
    let kept = kept(&draft)?;
    judge(&tx, caller, draft, (DraftState::Rejected, kept, Some(reason.to_owned()))).await?;
    Ok(tx.commit().await?)
}

fn kept(draft: &Draft) -> AppResult<Kept> {
    Kept::deserialize(&draft.body).map_err(AppError::internal)
}

fn not_judged(draft: &Draft) -> AppResult<()> {
    match draft.state {
        DraftState::Waiting => Ok(()),
        judged => Err(AppError::new(Code::PayState, format!("it is {}", judged.as_str()))),
    }
}

async fn waiting(tx: &TenantTx, caller: &Caller, id: TransactionId) -> AppResult<Draft> {
    let draft = tx.get_draft(id).await?;
    not_judged(&draft)?;
    if draft.posted_by == caller.actor.account {
        return Err(AppError::new(Code::LedgerApproval, "who posted it does not approve it"));
    }
    Ok(draft)
}

async fn judge(
    tx: &TenantTx,
    caller: &Caller,
    draft: Draft,
    (state, kept, reason): (DraftState, Kept, Option<String>),
) -> AppResult<()> {
    let judged = Some(Judged { by: caller.actor.account, at: caller.now, reason });
    let body = serde_json::to_value(Kept { judged, ..kept }).map_err(AppError::internal)?;
    tx.judge_draft(&Draft { state, body, ..draft }).await?;
    Ok(())
}
