use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    capitation::{Indicator, year::Measured},
};
use xinglin_extensions::{Extensions, call::Calls, install};
use xinglin_platform::{AppResult, Caller, boxed};
use xinglin_runtime::Interface;

use super::{Lead, YearView, check_year, contract_of, invalid, lock, put_year, undecided, year, year_of};

/// The indicators of a year.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// All that are known; they replace those before.
    pub indicators: Vec<NewIndicator>,
}

/// One indicator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewIndicator {
    /// Of the scheme: `management-rate`, `hba1c-tested`, …
    pub code: String,
    /// Members of whom it is true.
    pub numerator: u32,
    /// Members who count.
    pub denominator: u32,
    /// The report or query that the figures are taken from.
    pub source: String,
}

/// Most indicators of a year.
const MOST: usize = 100;

/// Enters the indicators of a year with their sources, and has the scheme score them.
///
/// # Errors
/// `CAP_CLOSED`; `BODY_INVALID` for one that is there twice, has no source, or counts more than there are.
#[boxed]
pub async fn measure(
    extensions: &Extensions,
    caller: &Caller,
    (lead, number): (Lead, i16),
    ask: Measure,
) -> AppResult<YearView> {
    caller.may(Action::KeepCapitation)?;
    let records = extensions.platform.records(caller);
    contract_of(&records, &lead).await?;
    check_year(number, caller.now)?;
    if ask.indicators.len() > MOST {
        return Err(invalid("indicators", format!("at most {MOST}")));
    }
    let mut measured: Vec<Measured> = Vec::with_capacity(ask.indicators.len());
    for NewIndicator { code, numerator, denominator, source } in ask.indicators {
        let twice = measured.iter().any(|other| other.indicator.code == code);
        if twice || numerator > denominator || source.trim().is_empty() {
            return Err(invalid("indicators", format!("`{code}`: once, at most all, with its source")));
        }
        let indicator = Indicator { code, numerator, denominator };
        measured.push(Measured { indicator, source, by: caller.actor.account, at: caller.now });
    }
    let indicators: Vec<Indicator> = measured.iter().map(|one| one.indicator.clone()).collect();
    let (_, year) = year_of(&records, &lead, number, caller.now).await?;
    let (install, plugin) = install::one_playing(extensions, &records, &lead.plugin, Interface::Capitation).await?;
    let mut calls = Calls::new(extensions, records.id(), &caller.request_id, caller.now).about(lead.lane());
    let context = calls.context(&install, &plugin)?;
    let call = extensions.runtime().score_quality(&plugin, context, &year.period(), &indicators).await;
    let quality = calls.took(&install, call).await?.map_err(|error| undecided(&error).with("calls", calls.views()))?;
    let tx = records.begin().await?;
    lock(&tx, &lead).await?;
    let (row, mut year) = year_of(&tx, &lead, number, caller.now).await?;
    year.score(measured, quality)?;
    put_year(&tx, row, &year, caller.now).await?;
    calls.write(&tx).await?;
    tx.commit().await?;
    Ok(year::view(lead, &year))
}
