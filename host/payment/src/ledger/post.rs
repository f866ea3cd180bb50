use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    billing::cash::Channel,
    code::Code,
    id::{AccountId, BillId, TransactionId},
    ledger::{Account, Book, Entry, Kind, Period, Side, Stamp, Transaction},
    money::Money,
    payer::Source,
    time::{Day, Instant},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, settings::settings};
use xinglin_store::{StoreError, TenantTx};

use super::{TransactionView, book::doctor_of, cash::is_settled, draft, fresh, last_closed, load, put, update_share};

/// What a person may post. What belongs to the course of a bill is not among it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Posted {
    /// Money arrived at the bank: needs `source`, and `payer` unless it is `cash`, then `channel`.
    Remittance,
    /// A source will not pay: needs `source`, `reason`, and `payer` or `bill`.
    WriteOff,
    /// A fund paid ahead: needs `payer`.
    CapitationPrepayment,
    /// The fund's share in care is consumption of what it paid ahead: needs `payer`.
    CapitationConsumption,
    /// The retained surplus of a year: needs `payer`.
    CapitationSurplus,
    /// The overrun of a year that the provider bears: needs `payer`.
    CapitationOverrun,
    /// The doctor's and the platform's of a bill: needs `bill` and `platform_fen`; `amount_fen` is the
    /// doctor's.
    PlatformFee,
    /// From the account `credit` to the account `debit`: needs `reason`.
    Adjustment,
}

/// A new transaction.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPosting {
    /// Its id, `txn-…`, if the request may have to be repeated: an id is used once.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub id: Option<TransactionId>,
    /// What it is.
    pub kind: Posted,
    /// The amount.
    #[schema(value_type = i64)]
    pub amount_fen: Money,
    /// The platform's share of a platform fee.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub platform_fen: Option<Money>,
    /// The plugin of the payer.
    #[serde(default)]
    pub payer: Option<String>,
    /// `counter`, `wechat-pay` or `alipay`, of a remittance of cash: by whom it arrived.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub channel: Option<Channel>,
    /// The bill.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub bill: Option<BillId>,
    /// The doctor; of a bill it is known.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub doctor: Option<AccountId>,
    /// `basic_fund`, `supplementary_fund`, `commercial`, `personal_account`, `family_account` or `cash`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub source: Option<Source>,
    /// The account to debit.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub debit: Option<Account>,
    /// The account to credit.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub credit: Option<Account>,
    /// The business day, `2026-11-21`; default: today. Its month must be open.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub day: Option<Day>,
    /// Why, and upon which document. No names of patients: the ledger outlasts their records.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Posts a transaction by a person of the hospital's accounts. Above the hospital's limit for one person it
/// waits, and counts once [another](super::approve) has approved it.
///
/// # Errors
/// `BODY_INVALID` if a part is missing or the day has not come; `LEDGER_CLOSED`; `RECON_BREAK` if more
/// would be taken off a receivable than the payer owes; `REFUND_EXCEEDS` for more than the bill has; `PAY_STATE` for
/// what the patient owes of a bill that is not settled at this moment;
/// `PAY_IDEMPOTENCY_CONFLICT` if the id was used before.
#[boxed]
pub async fn post(platform: &Platform, caller: &Caller, new: NewPosting) -> AppResult<TransactionView> {
    caller.may(Action::PostLedger)?;
    let tx = platform.records(caller).begin().await?;
    let id = new.id.unwrap_or_else(fresh);
    match tx.get_draft(id).await {
        Err(StoreError::NotFound { .. }) => {}
        Ok(_) => return Err(AppError::new(Code::PayIdempotencyConflict, format!("`{id}` waits or was judged"))),
        Err(error) => return Err(error.into()),
    }
    lock(&tx, &new).await?;
    let (mut book, made) = prepare(&tx, caller, &new, (id, caller.actor.account)).await?;
    let limit = settings(&tx).await?.money.two_persons_above;
    if limit.is_some_and(|limit| made.amount().is_ok_and(|amount| amount > limit)) {
        let waiting = draft::keep(&tx, caller, new, &made).await?;
        tx.commit().await?;
        return Ok(waiting);
    }
    let view = TransactionView::from(&made);
    posted(&tx, &mut book, vec![made], caller.now).await?;
    tx.commit().await?;
    Ok(view)
}

/// Has everybody else who posts to the bill wait, or who posts what concerns no bill and no payer.
pub(super) async fn lock(tx: &TenantTx, new: &NewPosting) -> AppResult<()> {
    match (new.bill, &new.payer) {
        (Some(bill), _) => Ok(tx.lock_money(bill).await?),
        // Money of all patients.
        (None, None) => Ok(tx.lock("ledger").await?),
        (None, Some(_)) => Ok(()),
    }
}

/// Posts what a person has made, and brings the patient's share in line.
pub(super) async fn posted(tx: &TenantTx, book: &mut Book, made: Vec<Transaction>, now: Instant) -> AppResult<()> {
    let share = made.iter().find_map(share_of);
    put(tx, book, made).await?;
    match share {
        Some(bill) => update_share(tx, bill, now).await,
        None => Ok(()),
    }
}

/// The bill of which a transaction changes what the patient owes.
fn share_of(made: &Transaction) -> Option<BillId> {
    let of_patient = made.postings().iter().any(|posting| posting.account == Account::PatientReceivable);
    made.entry().bill.filter(|_| of_patient)
}

/// What a patient owes of a bill is changed by hand only while it is settled: otherwise a payer may still take its
/// share of it, or take it back.
///
/// # Errors
/// `PAY_STATE`.
pub(super) async fn may_change(tx: &TenantTx, made: &Transaction) -> AppResult<()> {
    match share_of(made) {
        Some(bill) if !is_settled(tx, bill).await? => {
            let detail = "the bill is not settled at this moment, so that it is not known what the patient owes of it";
            Err(AppError::new(Code::PayState, detail).with("bill", bill))
        }
        _ => Ok(()),
    }
}

/// That nothing is posted under an id.
///
/// # Errors
/// `PAY_IDEMPOTENCY_CONFLICT`.
pub(crate) async fn is_new(tx: &TenantTx, id: TransactionId) -> AppResult<()> {
    match tx.get_transaction(id).await {
        Err(StoreError::NotFound { .. }) => Ok(()),
        Ok(_) => Err(AppError::new(Code::PayIdempotencyConflict, format!("`{id}` is posted already"))),
        Err(error) => Err(error.into()),
    }
}

/// The transaction that a person asks for, with all checks, and the book of its bill.
pub(super) async fn prepare(
    tx: &TenantTx,
    caller: &Caller,
    new: &NewPosting,
    (id, by): (TransactionId, AccountId),
) -> AppResult<(Book, Transaction)> {
    let today = Day::of(caller.now);
    if new.day.is_some_and(|day| day > today) {
        return Err(AppError::new(Code::BodyInvalid, format!("day: today is {today}")).with("path", "day"));
    }
    is_new(tx, id).await?;
    if let Some(payer) = &new.payer {
        // Payers are never uninstalled; one that is disabled still owes.
        tx.get_install(payer).await?;
        tx.lock(&format!("ledger/{payer}")).await?;
    }
    let (book, doctor) = match new.bill {
        Some(bill) => {
            caller.trail.saw(tx.get_document(bill).await?.patient_id.parse().map_err(AppError::internal)?);
            (load(tx, bill).await?, doctor_of(tx, bill).await?)
        }
        None => (Book::default(), None),
    };
    if let Some(doctor) = new.doctor {
        tx.get_account(doctor).await?;
    }
    let day = match new.day {
        Some(day) => day,
        None => Period::open_day(today, last_closed(tx).await?),
    };
    let entry = Entry {
        stamp: Stamp { id, day, at: caller.now, by: Some(by) },
        bill: new.bill,
        payer: new.payer.clone(),
        doctor: doctor.or(new.doctor),
    };
    let made = make(entry, new)?;
    may_change(tx, &made).await?;
    check_owed(tx, &made).await?;
    // As it will be posted.
    book.clone().post(made.clone())?;
    Ok((book, made))
}

fn make(entry: Entry, new: &NewPosting) -> AppResult<Transaction> {
    fn needed<T>(field: &str, given: Option<T>) -> AppResult<T> {
        given.ok_or_else(|| AppError::new(Code::BodyInvalid, format!("`{field}` is missing")).with("path", field))
    }
    let (amount, reason) = (new.amount_fen, new.reason.as_deref());
    let made = match new.kind {
        Posted::Remittance => {
            let source = needed("source", new.source)?;
            if source == Source::Cash && new.bill.is_some() {
                let detail = "what patients have paid arrives at the bank by channel, and not by bill";
                return Err(AppError::new(Code::BodyInvalid, detail).with("path", "bill"));
            }
            let channel = if source == Source::Cash { Some(needed("channel", new.channel)?) } else { None };
            Transaction::remittance(entry, source, amount).map(|made| made.through(channel))
        }
        Posted::WriteOff => {
            Transaction::write_off(entry, needed("source", new.source)?, amount, reason.unwrap_or_default())
        }
        Posted::CapitationPrepayment => Transaction::capitation_prepayment(entry, amount),
        Posted::CapitationConsumption => Transaction::capitation_consumption(entry, amount),
        Posted::CapitationSurplus => Transaction::capitation_surplus(entry, amount),
        Posted::CapitationOverrun => Transaction::capitation_overrun(entry, amount),
        Posted::PlatformFee => Transaction::platform_fee(entry, amount, needed("platform_fen", new.platform_fen)?),
        Posted::Adjustment => {
            let (debit, credit) = (needed("debit", new.debit)?, needed("credit", new.credit)?);
            let of_share = [Account::Cash, Account::PatientReceivable, Account::PatientPayable];
            if new.bill.is_some() && [debit, credit].iter().any(|account| of_share.contains(account)) {
                let detail = "a patient's money of a bill moves by payments, refunds and write-offs";
                return Err(AppError::new(Code::BodyInvalid, detail).with("path", "bill"));
            }
            Transaction::adjustment(entry, debit, credit, amount, reason.unwrap_or_default())
        }
    };
    Ok(made?.noted(reason))
}

/// Whether what the transaction takes off a receivable is owed: by its payer; or in cash, by all
/// patients together. An adjustment, which states a reason, may go beyond.
async fn check_owed(tx: &TenantTx, made: &Transaction) -> AppResult<()> {
    let Entry { bill, payer, .. } = made.entry();
    if made.kind() == Kind::Adjustment || (bill.is_some() && payer.is_none()) {
        // A bill is checked by itself.
        return Ok(());
    }
    for posting in made.postings().iter().filter(|posting| posting.side == Side::Credit) {
        let account = posting.account;
        if !account.is_receivable() && account != Account::Cash {
            continue;
        }
        let payer = payer.as_deref().filter(|_| account.is_receivable());
        let owed = tx.balance_of(payer, account.as_str()).await?;
        if i128::from(posting.amount.as_fen()) > owed {
            let detail = format!("`{account}` stands at {owed} fen, which is less than {}", posting.amount.as_fen());
            return Err(AppError::new(Code::ReconBreak, detail).with("account", account).with("owed_fen", owed));
        }
    }
    Ok(())
}
