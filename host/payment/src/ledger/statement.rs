use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    ledger::{Account, By, Kind, Line, Movement, statement},
    time::Day,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::{Executor, StatementKey, StatementQuery, Summed, TenantScope};

/// Most lines of a page.
pub(super) const MOST: u32 = 1000;

/// Which statement.
#[derive(Debug, Clone)]
pub struct StatementAsk {
    /// One line for each of these.
    pub by: By,
    /// The first business day.
    pub from: Day,
    /// The last.
    pub to: Day,
    /// Only lines after the one with this key.
    pub after: Option<String>,
    /// Maximum number of lines.
    pub limit: u32,
}

/// What payers, days, doctors or accounts come to. All figures are changes of a balance: the
/// balance is the opening balance and all columns together.
#[derive(Serialize, ToSchema)]
pub struct Statement {
    /// What the lines are: `payer`, `day`, `doctor`, `account`, `income` or `channel`.
    pub by: &'static str,
    /// The first business day.
    #[schema(value_type = String)]
    pub from: Day,
    /// The last.
    #[schema(value_type = String)]
    pub to: Day,
    /// In the order of their keys.
    pub lines: Vec<StatementLine>,
    /// The sum of these lines.
    pub total: StatementLine,
    /// What `after` must be for the next page, if there are more.
    pub next: Option<String>,
}

/// A line of a statement.
#[derive(Serialize, ToSchema)]
pub struct StatementLine {
    /// The payer's plugin, `patient`, the day, the doctor, the account or the channel; `-` for none.
    pub key: String,
    /// The balance before the first day: what was owed to the hospital.
    #[schema(value_type = i64)]
    pub opening_fen: i128,
    /// Settled.
    #[schema(value_type = i64)]
    pub settled_fen: i128,
    /// Charges taken back, below zero.
    #[schema(value_type = i64)]
    pub reversed_fen: i128,
    /// Money given back to patients, above zero.
    #[schema(value_type = i64)]
    pub refunded_fen: i128,
    /// Money received, below zero.
    #[schema(value_type = i64)]
    pub remitted_fen: i128,
    /// Given up, below zero.
    #[schema(value_type = i64)]
    pub written_off_fen: i128,
    /// All else that was booked.
    #[schema(value_type = i64)]
    pub adjusted_fen: i128,
    /// The balance at the end of the last day.
    #[schema(value_type = i64)]
    pub balance_fen: i128,
}

impl From<Line> for StatementLine {
    fn from(line: Line) -> Self {
        Self {
            key: line.key,
            opening_fen: line.opening,
            settled_fen: line.settled,
            reversed_fen: line.reversed,
            refunded_fen: line.refunded,
            remitted_fen: line.remitted,
            written_off_fen: line.written_off,
            adjusted_fen: line.adjusted,
            balance_fen: line.balance,
        }
    }
}

/// A page of a statement of the caller's hospital.
///
/// # Errors
/// `BODY_INVALID` if it ends before it begins.
#[boxed]
pub async fn statement(platform: &Platform, caller: &Caller, ask: StatementAsk) -> AppResult<Statement> {
    caller.may(Action::ReadLedger)?;
    let ask = StatementAsk { limit: ask.limit.clamp(1, MOST), ..ask };
    let (lines, next) = page(&platform.records(caller), &ask).await?;
    let total = statement::total(ask.by, &lines).into();
    let lines = lines.into_iter().map(Into::into).collect();
    Ok(Statement { by: ask.by.as_str(), from: ask.from, to: ask.to, lines, total, next })
}

/// The lines of a page, and the key after which the next begins.
pub(super) async fn page<E: Executor>(
    records: &TenantScope<E>,
    ask: &StatementAsk,
) -> AppResult<(Vec<Line>, Option<String>)> {
    let mut from = ask.from;
    if let (By::Day, Some(after)) = (ask.by, &ask.after) {
        let after: Day = after.parse().map_err(|error| AppError::new(Code::BodyInvalid, format!("after: {error}")))?;
        from = from.max(after.next());
        if ask.to < from {
            return Ok((Vec::new(), None));
        }
    }
    if ask.to < ask.from {
        return Err(AppError::new(Code::BodyInvalid, "the statement ends before it begins"));
    }
    let accounts: Vec<&str> = ask.by.accounts().into_iter().map(Account::as_str).collect();
    let query = StatementQuery {
        key: match ask.by {
            By::Payer => StatementKey::Payer,
            By::Day => StatementKey::Day,
            By::Doctor | By::Income => StatementKey::Doctor,
            By::Account => StatementKey::Account,
            By::Channel => StatementKey::Channel,
        },
        accounts: &accounts,
        of_patients: &[Account::PatientReceivable, Account::PatientPayable, Account::Cash].map(Account::as_str),
        from: &from.to_string(),
        to: &ask.to.to_string(),
        after: ask.after.as_deref().filter(|_| ask.by != By::Day),
        limit: ask.limit.saturating_add(1),
    };
    let mut moved = records.ledger_sums(&query).await?.into_iter().map(read).collect::<AppResult<Vec<_>>>()?;
    let mut keys: Vec<String> =
        moved.iter().map(|movement| movement.key.clone()).filter(|key| !key.is_empty()).collect();
    keys.dedup();
    let most = usize::try_from(ask.limit).unwrap_or(usize::MAX);
    let next = keys.get(most).and_then(|beyond| {
        moved.retain(|movement| movement.key != *beyond);
        keys.get(most - 1).cloned()
    });
    Ok((statement::lines(ask.by, &moved), next))
}

fn read(row: Summed) -> AppResult<Movement> {
    let kind = Kind::ORIGINALS.iter().copied().find(|kind| kind.as_str() == row.kind);
    Ok(Movement {
        key: row.key,
        account: row.account.parse().map_err(AppError::internal)?,
        kind: kind.ok_or_else(|| AppError::internal(format!("a transaction of kind `{}`", row.kind)))?,
        contra: row.contra,
        earlier: row.earlier,
        fen: row.amount,
    })
}
