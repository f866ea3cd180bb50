//! Coverages of a patient and their accumulators.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    billing::{
        Membership,
        membership::{Terms, is_yearly},
    },
    code::Code,
    coding::Coding,
    id::{PatientId, TenantId},
    insurance::{Allowance, Balance, Period},
    money::Money,
    payer::Accumulator,
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::{Executor, TenantScope};

/// A patient's coverage by one payer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCoverage {
    /// Kind of insured person, as the scheme codes it.
    #[schema(value_type = Object)]
    pub category: Coding,
    /// Insured until; a date or RFC 3339. Left out if open-ended.
    #[serde(default)]
    pub valid_until: Option<String>,
    /// Accumulators as last returned by the payer. A code that ends in `-used` is of the current benefit
    /// year, the calendar year in Asia/Shanghai, unless it names another, and starts from zero in the next one.
    /// Those of years that are not named stay.
    #[serde(default)]
    pub accumulators: Vec<NewAccumulator>,
    /// The policy with an insurer; required of a payer that decides claims.
    #[serde(default)]
    pub policy: Option<NewPolicy>,
}

/// A policy with a commercial insurer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPolicy {
    /// Insured since; a date or RFC 3339. Waiting periods run from here.
    #[serde(default)]
    pub valid_from: Option<String>,
    /// Of the policy or group contract, never of the person.
    #[serde(default)]
    pub number: String,
    /// Plan or product, as the insurer codes it.
    #[schema(value_type = Object)]
    pub plan: Coding,
    /// Network tier that this hospital is in; left out if outside every network.
    #[serde(default)]
    pub network: Option<String>,
    /// Running figures: deductibles, limits, visits.
    #[serde(default)]
    pub balances: Vec<NewBalance>,
}

/// A running figure of a policy in one benefit period: of money or a number of times.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBalance {
    /// The insurer's own code, for example `deductible`.
    pub code: String,
    /// First day of the period; a date or RFC 3339. A period of full years renews itself.
    pub from: String,
    /// First day after it.
    pub until: String,
    /// Used so far, in fen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub used_fen: Option<Money>,
    /// The most there is, in fen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub limit_fen: Option<Money>,
    /// Used so far, in times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_times: Option<u32>,
    /// The most there are, in times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_times: Option<u32>,
}

impl NewPolicy {
    fn terms(self) -> AppResult<Terms> {
        Ok(Terms {
            valid_from: self.valid_from.as_deref().map(|text| AppError::time("valid_from", text)).transpose()?,
            number: self.number,
            plan: self.plan,
            network: self.network,
            balances: self.balances.into_iter().map(NewBalance::balance).collect::<AppResult<_>>()?,
        })
    }
}

impl NewBalance {
    fn balance(self) -> AppResult<Balance> {
        let Self { code, from, until, used_fen, limit_fen, used_times, limit_times } = self;
        let period = Period { start: AppError::time("from", &from)?, end: AppError::time("until", &until)? };
        let (used, limit) = match (used_fen, used_times) {
            (Some(fen), None) if limit_times.is_none() => (Allowance::Money(fen), limit_fen.map(Allowance::Money)),
            (None, Some(times)) if limit_fen.is_none() => (Allowance::Count(times), limit_times.map(Allowance::Count)),
            _ => {
                let detail = format!("`{code}`: either `used_fen` and `limit_fen`, or `used_times` and `limit_times`");
                return Err(AppError::new(Code::BodyInvalid, detail));
            }
        };
        let negative = |fen: Option<Money>| fen.is_some_and(|fen| fen < Money::ZERO);
        if negative(used_fen) || negative(limit_fen) {
            return Err(AppError::new(Code::MoneyInvalid, format!("`{code}`: below zero")));
        }
        if code.is_empty() || period.start >= period.end {
            return Err(AppError::new(
                Code::BodyInvalid,
                format!("`{code}`: it has a code, and begins before it ends"),
            ));
        }
        Ok(Balance { code, period, used, limit })
    }
}

impl From<Balance> for NewBalance {
    fn from(Balance { code, period, used, limit }: Balance) -> Self {
        let split = |allowance: Option<Allowance>| match allowance {
            Some(Allowance::Money(fen)) => (Some(fen), None),
            Some(Allowance::Count(times)) => (None, Some(times)),
            None => (None, None),
        };
        let ((used_fen, used_times), (limit_fen, limit_times)) = (split(Some(used)), split(limit));
        let (from, until) = (period.start.to_string(), period.end.to_string());
        Self { code, from, until, used_fen, limit_fen, used_times, limit_times }
    }
}

/// An accumulator.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccumulator {
    /// The scheme's own code, for example `deductible-used`.
    pub code: String,
    /// How much, in fen.
    #[schema(value_type = i64)]
    pub fen: Money,
    /// The benefit year that it is of; none if it carries over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub year: Option<i16>,
}

/// The current state of a coverage.
#[derive(Debug, Serialize, ToSchema)]
pub struct CoverageView {
    /// Id of the payer's plugin.
    pub payer: String,
    /// Accumulators, of this benefit year where they are of one.
    pub accumulators: Vec<NewAccumulator>,
    /// Accumulators of earlier benefit years, the last year first: what moves if a bill of that year is reversed.
    pub earlier: Vec<NewAccumulator>,
    /// Running figures of the policy, of the periods that hold today.
    pub balances: Vec<NewBalance>,
}

/// Records a patient's coverage.
///
/// # Errors
/// If the caller may not, or a figure is below zero.
#[boxed]
pub async fn put(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    patient: PatientId,
    payer: String,
    new: NewCoverage,
) -> AppResult<CoverageView> {
    caller.may_in(tenant, Action::ManageCatalogue)?;
    caller.trail.saw(patient);
    let valid_until = new.valid_until.as_deref().map(|text| AppError::time("valid_until", text)).transpose()?;
    let mut years: BTreeMap<Option<i16>, Vec<Accumulator>> = BTreeMap::new();
    for NewAccumulator { code, fen, year } in new.accumulators {
        let amount = fen
            .non_negative()
            .map_err(|error| AppError::new(Code::MoneyInvalid, format!("accumulators `{code}`: {error}")))?;
        if year.is_some_and(|year| !is_yearly(&code) || Instant::parse(&year.to_string()).is_none()) {
            let detail =
                format!("accumulators `{code}`: only a code that ends in `-used` is of a year, of four digits");
            return Err(AppError::new(Code::BodyInvalid, detail));
        }
        let year = year.filter(|year| *year != caller.now.china_year());
        years.entry(year).or_default().push(Accumulator { code, amount });
    }
    let accumulators = years.remove(&None).unwrap_or_default();
    let records = platform.store().tenant(tenant);
    records.get_resource("Patient", &patient.to_string()).await?;
    records.get_install(&payer).await?;
    let member = platform.keys().pseudonym(tenant, &payer, patient);
    let mut membership = Membership::new(member, new.category, valid_until, &accumulators, caller.now);
    membership.terms = new.policy.map(NewPolicy::terms).transpose()?;
    let known = of_patient(&records, patient).await?.into_iter().find(|(row, _)| row.payer == payer);
    let version = known.as_ref().map_or(0, |(row, _)| row.version);
    if let Some((_, before)) = &known {
        membership = membership.keeping(before, caller.now);
    }
    for (year, figures) in &years {
        let within = year.and_then(|year| Instant::parse(&year.to_string()));
        membership.run_on(figures, within.unwrap_or(caller.now));
    }
    let tx = records.begin().await?;
    tx.put_coverage(&xinglin_store::Coverage {
        patient_id: patient.to_string(),
        payer: payer.clone(),
        body: serde_json::to_value(&membership).map_err(AppError::internal)?,
        version,
        updated_at: caller.now,
    })
    .await?;
    tx.commit().await?;
    Ok(view(payer, &membership, caller.now))
}

/// A patient's coverages.
///
/// # Errors
/// If the caller may not see the patient.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, patient: PatientId) -> AppResult<Vec<CoverageView>> {
    caller.may_see(patient, "patient", patient)?;
    let memberships = of_patient(&platform.records(caller), patient).await?;
    Ok(memberships.into_iter().map(|(row, membership)| view(row.payer, &membership, caller.now)).collect())
}

/// The patient's memberships, as rows to be updated.
pub(crate) async fn of_patient<E: Executor>(
    records: &TenantScope<E>,
    patient: PatientId,
) -> AppResult<Vec<(xinglin_store::Coverage, Membership)>> {
    let rows = records.list_coverages(&patient.to_string()).await?;
    rows.into_iter()
        .map(|row| {
            let membership = serde_json::from_value(row.body.clone()).map_err(AppError::internal)?;
            Ok((row, membership))
        })
        .collect()
}

fn view(payer: String, membership: &Membership, now: Instant) -> CoverageView {
    let figures = membership.coverage(now).accumulators;
    let accumulators = figures.into_iter().map(|Accumulator { code, amount: fen }| {
        let year = is_yearly(&code).then(|| now.china_year());
        NewAccumulator { code, fen, year }
    });
    let earlier = membership.earlier(now).into_iter().map(|(year, Accumulator { code, amount: fen })| {
        let year = Some(year);
        NewAccumulator { code, fen, year }
    });
    let balances = membership.policy(now).map_or_else(Vec::new, |policy| policy.balances);
    CoverageView {
        payer,
        accumulators: accumulators.collect(),
        earlier: earlier.collect(),
        balances: balances.into_iter().map(NewBalance::from).collect(),
    }
}
