//! Payment per head (按人头付费). A fund and a lead have a contract under a scheme, which is a plugin. A
//! patient chooses the lead and partners; a job counts the months of members and has the scheme accrue
//! the budget; the fund's share of settled bills is charged to it; when the year is over it is closed.
//!
//! Whatever the scheme answers is a proposal, which [`Year`] checks before it is booked. Who writes the
//! account of a year holds the [lock](lock) of its lead.

mod book_use;
mod charge_bill;
mod choose;
mod close;
mod contract;
mod count_month;
mod end_of_patient;
mod leave;
mod list_members;
mod list_uses;
mod measure;
mod of_patient;
mod pay_balance;
mod prepay;
mod take_back;
mod work;
mod year;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    capitation::year::{Contract, Year},
    code::Code,
    coding::{Citation, Coding},
    id::{MemberId, PatientId},
    insurance::InsurerError,
    ledger::{Entry, Period as Month},
    time::{Day, Instant},
};
use xinglin_extensions::call::CallView;
use xinglin_platform::{AppError, AppResult};
use xinglin_store::{CapitationContract, CapitationMember, CapitationYear, Executor, TenantScope, TenantTx};

use crate::ledger;

pub use self::book_use::{NewUse, book_use};
pub(crate) use self::charge_bill::charge_later;
pub use self::choose::{Choose, choose};
pub use self::close::close;
pub use self::contract::{ContractView, InstitutionView, NewContract, list_contracts, put_contract};
pub use self::end_of_patient::end_of_patient;
pub use self::leave::{Leave, Reason, leave};
pub use self::list_members::{MemberPage, list_members};
pub use self::list_uses::{UsePage, UseView, list_uses};
pub use self::measure::{Measure, NewIndicator, measure};
pub use self::of_patient::of_patient;
pub use self::pay_balance::{Slip, pay_balance};
pub use self::prepay::{Prepay, prepay};
pub(crate) use self::take_back::take_back;
pub use self::work::work;
pub use self::year::{
    AccrualView, ClassMonths, EndView, IndicatorView, PointsView, ScoreView, ShareView, YearView, get_year, list_years,
};

/// A lead under a scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    /// The plugin of the scheme.
    pub plugin: String,
    /// Id of the institution.
    pub lead: String,
}

impl Lead {
    fn key(&self) -> (&str, &str) {
        (&self.plugin, &self.lead)
    }

    /// The lane of its work, and the name of its lock.
    fn lane(&self) -> String {
        format!("{}/{}", self.plugin, self.lead)
    }
}

/// What is stored of a member beside its columns.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    partners: Vec<String>,
    risk_class: Coding,
    citation: Citation,
    left: Option<Reason>,
}

/// A patient with a lead.
#[derive(Serialize, ToSchema)]
pub struct MemberView {
    /// `cap-…`
    #[schema(value_type = String)]
    pub id: MemberId,
    /// The patient.
    pub patient: String,
    /// The plugin of the scheme.
    pub plugin: String,
    /// Id of the lead institution.
    pub lead: String,
    /// Ids of its partners, as the patient chose.
    pub partners: Vec<String>,
    /// The risk class whose weight applies.
    #[schema(value_type = Object)]
    pub risk_class: Coding,
    /// The first day that counts; always that of a month.
    #[schema(value_type = String)]
    pub since: Day,
    /// The first day that does not count any more.
    #[schema(value_type = Option<String>)]
    pub until: Option<Day>,
    /// Why it ended.
    pub left: Option<Reason>,
    /// The source of the rule by which the scheme accepted it.
    #[schema(value_type = Object)]
    pub citation: Citation,
    /// Plugin calls that this request made.
    pub calls: Vec<CallView>,
}

fn view(member: CapitationMember, calls: Vec<CallView>) -> AppResult<MemberView> {
    let Chosen { partners, risk_class, citation, left } = chosen(&member)?;
    Ok(MemberView {
        id: member.id,
        patient: member.patient_id,
        plugin: member.plugin,
        lead: member.lead,
        partners,
        risk_class,
        since: Day::of(member.since),
        until: member.until.map(Day::of),
        left,
        citation,
        calls,
    })
}

fn chosen(member: &CapitationMember) -> AppResult<Chosen> {
    Chosen::deserialize(&member.body).map_err(AppError::internal)
}

/// The contract of a lead.
async fn contract_of<E: Executor>(records: &TenantScope<E>, lead: &Lead) -> AppResult<(CapitationContract, Contract)> {
    let row = records.get_capitation_contract(&lead.plugin, &lead.lead).await?;
    let contract = Contract::deserialize(&row.body).map_err(AppError::internal)?;
    Ok((row, contract))
}

/// Holds the accounts of a lead until the transaction ends.
async fn lock(tx: &TenantTx, lead: &Lead) -> AppResult<()> {
    Ok(tx.lock(&format!("capitation/{}", lead.lane())).await?)
}

/// The account of a year, or a new one.
async fn year_of<E: Executor>(
    records: &TenantScope<E>,
    lead: &Lead,
    number: i16,
    now: Instant,
) -> AppResult<(CapitationYear, Year)> {
    Ok(match records.find_capitation_year(lead.key(), number).await? {
        Some(row) => {
            let year = Year::deserialize(&row.body).map_err(AppError::internal)?;
            (row, year)
        }
        None => {
            let Lead { plugin, lead } = lead.clone();
            let body = serde_json::Value::Null;
            let row = CapitationYear { plugin, lead, year: i64::from(number), body, version: 0, updated_at: now };
            (row, Year::new(number))
        }
    })
}

/// The account that care of a moment is charged to: of its year, or if that is closed, or was never opened,
/// of this one, as the books do with what comes late.
async fn open_year_of(
    tx: &TenantTx,
    lead: &Lead,
    served_at: Instant,
    now: Instant,
) -> AppResult<(CapitationYear, Year)> {
    let (row, year) = year_of(tx, lead, served_at.china_year(), now).await?;
    match row.version > 0 && year.end().is_none() {
        true => Ok((row, year)),
        false => year_of(tx, lead, now.china_year(), now).await,
    }
}

/// That a year is one that accounts are kept of: this one, and those beside it.
fn check_year(number: i16, now: Instant) -> AppResult<()> {
    match number.abs_diff(now.china_year()) {
        0 | 1 => Ok(()),
        _ => Err(invalid("year", "accounts are kept of this year and those beside it")),
    }
}

async fn put_year(tx: &TenantTx, row: CapitationYear, year: &Year, now: Instant) -> AppResult<()> {
    let body = serde_json::to_value(year).map_err(AppError::internal)?;
    tx.put_capitation_year(&CapitationYear { body, updated_at: now, ..row }).await?;
    Ok(())
}

/// What is booked under a contract, of no bill.
async fn entry(
    tx: &TenantTx,
    contract: &Contract,
    now: Instant,
    by: xinglin_domain::id::AccountId,
) -> AppResult<Entry> {
    let stamp = ledger::stamp_now(tx, now, Some(by)).await?();
    Ok(Entry { stamp, bill: None, payer: Some(contract.payer.clone()), doctor: None })
}

fn month_of(at: Instant) -> Month {
    Month::of(Day::of(at))
}

/// The patient of a row.
fn patient_of(member: &CapitationMember) -> AppResult<PatientId> {
    member.patient_id.parse().map_err(AppError::internal)
}

/// A scheme that could not decide: what is missing is said, everything else only to the log.
fn undecided(error: &InsurerError) -> AppError {
    match error {
        InsurerError::MissingData(missing) => {
            AppError::new(Code::CapRefused, "the scheme could not decide").with("missing", missing)
        }
        other => AppError::new(Code::PayUnavailable, "the scheme gave no answer").because(other.text()),
    }
}

fn invalid(path: &str, detail: impl Into<String>) -> AppError {
    AppError::new(Code::BodyInvalid, detail).with("path", path)
}
