//! What services cost, and what patients have bought. A list of prices is a plugin; it is asked, and its
//! answer checked, before anything is offered or given back. What is sold is a receivable of the patient
//! and owed to them until it is earned: [`book`] is the only place that posts it, and the seam at which a
//! channel of cash settles the receivable.

mod book;
mod buy;
mod cancel;
mod complete;
mod get;
mod list;
mod offer;
mod pass_days;
mod put_bounds;
mod start;

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    code::Code,
    coding::{Citation, Coding},
    id::{AccountId, PatientId, PurchaseId},
    insurance::{Allowance, Balance, InsurerError},
    money::Money,
    pricing::{
        Due, Payee,
        sale::{Sale, SaleState},
    },
    time::{Day, Instant},
};
use xinglin_extensions::call::CallView;
use xinglin_platform::{
    AppError, AppResult,
    document::{Stored, next},
};
use xinglin_store::{Document, DocumentQuery, Executor, TenantScope, TenantTx};

pub use self::buy::{Buy, buy};
pub use self::cancel::cancel;
pub use self::complete::{Complete, complete};
pub use self::get::get;
pub use self::list::list;
pub use self::offer::{NewOffer, offer};
pub use self::pass_days::pass_days;
pub use self::put_bounds::{BoundsView, put_bounds};
pub use self::start::start;

type Row = Document<PurchaseId>;

/// Most running purchases of a patient that are looked at.
const MOST: u32 = 200;

/// What a patient was offered or has bought.
#[derive(Serialize, ToSchema)]
pub struct SaleView {
    /// `buy-…`
    #[schema(value_type = String)]
    pub id: PurchaseId,
    /// `OFFERED`, `BOUGHT`, `STARTED`, `COMPLETED` or `CANCELLED`.
    pub status: &'static str,
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// The plugin that priced it.
    pub plugin: String,
    /// Who gives it.
    #[schema(value_type = Option<String>)]
    pub doctor: Option<AccountId>,
    /// The lines.
    pub lines: Vec<LineView>,
    /// What the patient pays when it is bought.
    #[schema(value_type = i64)]
    pub due_fen: Money,
    /// What it costs at list price, without a package.
    #[schema(value_type = i64)]
    pub list_price_fen: Money,
    /// What it takes from packages.
    pub draws: Vec<DrawView>,
    /// The counters that it opens, as they are now.
    pub counters: Vec<CounterView>,
    /// Services used of the package, at list price.
    #[schema(value_type = i64)]
    pub used_fen: Money,
    /// Until when the price is good (RFC 3339).
    pub expires: String,
    /// When it was bought (RFC 3339).
    pub bought_at: Option<String>,
    /// Tasks done, of a course that is completed.
    pub tasks_done: Option<u32>,
    /// All its tasks.
    pub tasks: Option<u32>,
    /// The source of the price.
    #[schema(value_type = Object)]
    pub citation: Citation,
    /// Plugin calls that this request made.
    pub calls: Vec<CallView>,
}

/// A line of a price.
#[derive(Serialize, ToSchema)]
pub struct LineView {
    /// Its code.
    #[schema(value_type = Object)]
    pub code: Coding,
    /// For people, in Chinese.
    pub title: String,
    /// `hospital`, `doctor` or `platform`.
    #[schema(value_type = String)]
    pub payee: Payee,
    /// The amount.
    #[schema(value_type = i64)]
    pub amount_fen: Money,
    /// Of what is due at the end: the share of tasks, of a thousand, that must be done.
    pub at_completion_per_mille: Option<u16>,
    /// The first day over which it is earned.
    #[schema(value_type = Option<String>)]
    pub earned_from: Option<Day>,
    /// The first day after them.
    #[schema(value_type = Option<String>)]
    pub earned_until: Option<Day>,
    /// Owed by the patient so far.
    #[schema(value_type = i64)]
    pub billed_fen: Money,
    /// Not earned yet.
    #[schema(value_type = i64)]
    pub deferred_fen: Money,
    /// Earned by the payee.
    #[schema(value_type = i64)]
    pub earned_fen: Money,
}

/// What a service takes from a package.
#[derive(Serialize, ToSchema)]
pub struct DrawView {
    /// Code of the counter.
    pub counter: String,
    /// The purchase of the package, once it is taken.
    #[schema(value_type = Option<String>)]
    pub from: Option<PurchaseId>,
    /// How often.
    pub times: Option<u32>,
    /// How much, of a counter of money.
    #[schema(value_type = Option<i64>)]
    pub fen: Option<Money>,
}

/// A counter of a package.
#[derive(Serialize, ToSchema)]
pub struct CounterView {
    /// Its code.
    pub counter: String,
    /// The first day.
    #[schema(value_type = String)]
    pub from: Day,
    /// The first day after it.
    #[schema(value_type = String)]
    pub until: Day,
    /// Used so far, in times.
    pub used_times: Option<u32>,
    /// The most there are; nothing bounds it if absent.
    pub limit_times: Option<u32>,
    /// Used so far, of a counter of money.
    #[schema(value_type = Option<i64>)]
    pub used_fen: Option<Money>,
    /// The most there is.
    #[schema(value_type = Option<i64>)]
    pub limit_fen: Option<Money>,
}

impl From<&Balance> for CounterView {
    fn from(balance: &Balance) -> Self {
        let (used_times, used_fen) = split(Some(balance.used));
        let (limit_times, limit_fen) = split(balance.limit);
        Self {
            counter: balance.code.clone(),
            from: Day::of(balance.period.start),
            until: Day::of(balance.period.end),
            used_times,
            limit_times,
            used_fen,
            limit_fen,
        }
    }
}

const fn split(allowance: Option<Allowance>) -> (Option<u32>, Option<Money>) {
    match allowance {
        Some(Allowance::Count(times)) => (Some(times), None),
        Some(Allowance::Money(fen)) => (None, Some(fen)),
        None => (None, None),
    }
}

fn view(sale: &Sale, calls: Vec<CallView>) -> AppResult<SaleView> {
    let lines = sale.fees().map(|(fee, account)| LineView {
        code: fee.code.clone(),
        title: fee.title.get("zh").to_owned(),
        payee: fee.payee,
        amount_fen: fee.amount,
        at_completion_per_mille: match fee.due {
            Due::AtStart => None,
            Due::AtCompletion(share) => Some(share),
        },
        earned_from: fee.earned_over.map(|period| Day::of(period.start)),
        earned_until: fee.earned_over.map(|period| Day::of(period.end)),
        billed_fen: account.billed,
        deferred_fen: account.deferred,
        earned_fen: account.earned,
    });
    let draws = sale.price.draws.iter().enumerate().map(|(at, draw)| {
        let (times, fen) = split(Some(draw.amount));
        DrawView { counter: draw.code.clone(), from: sale.drawn().get(at).map(|drawn| drawn.from), times, fen }
    });
    let counters = if sale.state() == SaleState::Offered { &sale.price.opens[..] } else { sale.balances() };
    Ok(SaleView {
        id: sale.id,
        status: sale.state().as_str(),
        patient: sale.patient,
        plugin: sale.plugin.clone(),
        doctor: sale.doctor,
        lines: lines.collect(),
        due_fen: sale.due_now().map_err(AppError::internal)?,
        list_price_fen: sale.price.list_price,
        draws: draws.collect(),
        counters: counters.iter().map(Into::into).collect(),
        used_fen: sale.used(),
        expires: sale.price.expires.to_string(),
        bought_at: sale.bought_at().map(|at| at.to_string()),
        tasks_done: sale.tasks().map(|(done, _)| done),
        tasks: sale.tasks().map(|(_, all)| all),
        citation: sale.price.citation.clone(),
        calls,
    })
}

async fn load<E: Executor>(records: &TenantScope<E>, id: PurchaseId) -> AppResult<Stored<PurchaseId, Sale>> {
    records.get_document(id).await?.try_into()
}

/// What the patient has bought of a plugin and can draw on.
async fn running<E: Executor>(
    records: &TenantScope<E>,
    patient: PatientId,
    plugin: &str,
) -> AppResult<Vec<Stored<PurchaseId, Sale>>> {
    let query = DocumentQuery {
        patient_id: Some(patient.to_string()),
        parent_id: Some(plugin.to_owned()),
        statuses: [SaleState::Bought, SaleState::Started].map(|state| state.as_str().to_owned()).into(),
        ..DocumentQuery::default()
    };
    let rows = records.list_documents::<PurchaseId>(&query, None, MOST).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Holds what a patient has bought until the transaction ends.
async fn lock(tx: &TenantTx, patient: PatientId) -> AppResult<()> {
    Ok(tx.lock(&format!("purchase/{patient}")).await?)
}

async fn update(tx: &TenantTx, row: Row, sale: &Sale, now: Instant) -> AppResult<Row> {
    let mut row = next(row, sale.state().as_str(), sale, now)?;
    row.version = tx.update_document(&row).await?;
    Ok(row)
}

/// A list that could not decide: what is missing is said, everything else only to the log.
fn undecided(error: &InsurerError) -> AppError {
    match error {
        InsurerError::MissingData(missing) => {
            AppError::new(Code::PriceRefused, "the list of prices could not decide").with("missing", missing)
        }
        other => AppError::new(Code::PayUnavailable, "the list of prices gave no answer").because(other.text()),
    }
}
