use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    capitation::{Consumption, Place},
    code::Code,
    ledger::{Book, Transaction},
    money::Money,
};
use xinglin_extensions::{Extensions, call::Calls, install};
use xinglin_platform::{AppError, AppResult, Caller, boxed};
use xinglin_runtime::Interface;
use xinglin_store::CapitationUse;

use super::{Lead, UseView, contract_of, entry, invalid, list_uses, lock, open_year_of, put_year, undecided};
use crate::ledger;

/// What another institution has given to members, as the fund states it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUse {
    /// Number of the statement, by which it is booked once.
    pub statement: String,
    /// Id of the institution.
    pub institution: String,
    /// Whether the lead has sent the members there. A partner needs no referral.
    #[serde(default)]
    pub referred: bool,
    /// The fund's share.
    #[schema(value_type = i64)]
    pub fund_fen: Money,
    /// The day of service, or the last of those that are stated together.
    pub served_on: String,
    /// The document that it is taken from, with the approval of the referrals. No names of patients.
    pub source: String,
}

/// Charges what another institution has given: all of it, or what the scheme says. The same statement
/// again gets the same answer.
///
/// # Errors
/// `PAY_IDEMPOTENCY_CONFLICT` if the statement was booked with other figures; `CAP_REFUSED`; `BODY_INVALID`
/// for this hospital, whose bills are charged by themselves; `MONEY_INVALID`.
#[tracing::instrument(target = "xinglin::trace", name = "capitation_use", skip_all)]
#[boxed]
pub async fn book_use(extensions: &Extensions, caller: &Caller, lead: Lead, ask: NewUse) -> AppResult<UseView> {
    caller.may(Action::KeepCapitation)?;
    let records = extensions.platform.records(caller);
    let (_, contract) = contract_of(&records, &lead).await?;
    let served_at = AppError::time("served_on", &ask.served_on)?;
    let (statement, source) = (ask.statement.trim(), ask.source.trim());
    if served_at > caller.now || ask.institution == records.id().to_string() {
        return Err(invalid("institution", "care of this hospital is charged from its bills; no day is to come"));
    }
    if statement.is_empty() || statement.len() > 64 || source.is_empty() || ask.institution.is_empty() {
        return Err(invalid("statement", "a statement has a number of at most 64 bytes, an institution and a source"));
    }
    if ask.fund_fen <= Money::ZERO {
        return Err(AppError::new(Code::MoneyInvalid, "`fund_fen` is more than nothing"));
    }
    let place = if contract.lead.id == ask.institution {
        Place::Lead
    } else if contract.partners.iter().any(|partner| partner.id == ask.institution) {
        Place::Partner
    } else if ask.referred {
        Place::Referred
    } else {
        Place::Elsewhere
    };
    let consumption = Consumption {
        bill: statement.to_owned(),
        served_at,
        institution: ask.institution,
        place,
        lead: lead.lead.clone(),
        diagnoses: Vec::new(),
        fund: ask.fund_fen,
    };
    let mut body = serde_json::to_value(&consumption).map_err(AppError::internal)?;
    body["source"] = source.into();
    let key = format!("statement/{}/{statement}", lead.lane());
    if let Some(before) = records.find_capitation_use(&key).await? {
        return again(before, &body);
    }
    let (install, plugin) = install::one_playing(extensions, &records, &lead.plugin, Interface::Capitation).await?;
    let mut calls = Calls::new(extensions, records.id(), &caller.request_id, caller.now).about(lead.lane());
    let context = calls.context(&install, &plugin)?;
    let call = extensions.runtime().charge_budget(&plugin, context, &consumption).await;
    let charged = calls.took(&install, call).await?.map_err(|error| undecided(&error).with("calls", calls.views()))?;

    let tx = records.begin().await?;
    lock(&tx, &lead).await?;
    if let Some(before) = tx.find_capitation_use(&key).await? {
        return again(before, &body);
    }
    let (row, mut year) = open_year_of(&tx, &lead, served_at, caller.now).await?;
    year.charge(charged)?;
    if charged > Money::ZERO {
        let entry = entry(&tx, &contract, caller.now, caller.actor.account).await?;
        let booked = Transaction::capitation_referred(entry, charged, &format!("{statement}: {source}"))?;
        ledger::put(&tx, &mut Book::default(), vec![booked]).await?;
    }
    let used = CapitationUse {
        key,
        plugin: lead.plugin,
        lead: lead.lead,
        year: i64::from(year.number()),
        patient_id: None,
        bill: None,
        fund: ask.fund_fen,
        charged,
        body,
        at: caller.now,
    };
    tx.insert_capitation_use(&used).await?;
    put_year(&tx, row, &year, caller.now).await?;
    calls.write(&tx).await?;
    tx.commit().await?;
    list_uses::view(used)
}

fn again(before: CapitationUse, body: &serde_json::Value) -> AppResult<UseView> {
    if before.body != *body {
        return Err(AppError::new(Code::PayIdempotencyConflict, "the statement was booked with other figures"));
    }
    list_uses::view(before)
}
