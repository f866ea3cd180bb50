//! Direct billing of commercial insurers (商保直付).
//!
//! The insurer of a policy is the code system of its plan: `https://xinglin.dev/insurers/bupa`. What
//! is published of the six insurers, how their gateways spell the protocol, and examples of what is
//! not published are in `data/profiles`; a tenant's contract is in its settings. A contract is
//! decided here (`local`) or by the insurer (`gateway`).

mod adjudicate;
mod books;
mod calendar;
mod case;
mod gateway;
mod local;
mod memory;
pub mod profile;
mod refusal;
mod share;
pub mod terms;
mod vocabulary;

use gateway::Gateway;
use local::Desk;
use memory::Key;
use profile::Profile;
use scheme::json;
use terms::{Contract, Route};
use xinglin_sdk::{
    insurance::{
        Claim, Error, Operation, Period, Policy,
        claims::{Claims, Objection, Predetermined, Response},
        eligibility::{Eligibility, Standing},
        preauthorization::{Decision, Preauthorization},
        reconciliation::{Comparison, Reconciliation, Remittance, Statement},
    },
    plugin,
    time::Instant,
    types::zh_en,
};

/// The insurer plugin.
#[plugin(eligibility, preauthorization, claims, reconciliation)]
pub struct DirectBilling;

/// Who decides for a policy.
enum Decider {
    Local,
    Gateway(Gateway),
}

fn insurer(policy: &Policy) -> Result<(&'static Profile, Contract), Error> {
    let Some(profile) = Profile::of(policy) else {
        return Err(Error::MissingData(zh_en(
            format!("保险计划的编码体系 {} 不属于任何直付保险公司。", policy.plan.system),
            format!("The code system {} of the plan is of no insurer that is billed directly.", policy.plan.system),
        )));
    };
    Ok((profile, Contract::of(profile)?))
}

fn decider(profile: &'static Profile, contract: &Contract) -> Result<Decider, Error> {
    Ok(match contract.route()? {
        Route::Local => Decider::Local,
        Route::Gateway { server, base } => Decider::Gateway(Gateway { profile, server, base }),
    })
}

/// Asks the insurer of a policy.
fn ask<T>(
    policy: &Policy,
    local: impl FnOnce(&Desk) -> Result<T, Error>,
    gateway: impl FnOnce(&Gateway) -> Result<T, Error>,
) -> Result<T, Error> {
    let (profile, contract) = insurer(policy)?;
    match decider(profile, &contract)? {
        Decider::Gateway(there) => gateway(&there),
        Decider::Local => local(&Desk { profile, terms: contract.terms(&policy.plan.code), policy }),
    }
}

/// Asks about a reference. What was decided here stays here when the contract has moved to a gateway
/// since.
fn ask_about<T>(
    reference: &str,
    policy: &Policy,
    local: impl FnOnce(&Desk) -> Result<T, Error>,
    gateway: impl FnOnce(&Gateway) -> Result<T, Error>,
) -> Result<T, Error> {
    let was_here = match Key::referred(reference, &['G', 'E', 'P', 'C']) {
        Some(key) => memory::load(key)?.is_some(),
        None => false,
    };
    if !was_here {
        return ask(policy, local, gateway);
    }
    let (profile, contract) = insurer(policy)?;
    local(&Desk { profile, terms: contract.terms(&policy.plan.code), policy })
}

/// The gateways of the tenant.
fn gateways() -> Result<Vec<Gateway>, Error> {
    let mut gateways = Vec::new();
    for profile in profile::ALL {
        let contract = Contract::of(profile)?;
        if contract.is_in_use()
            && let Decider::Gateway(there) = decider(profile, &contract)?
        {
            gateways.push(there);
        }
    }
    Ok(gateways)
}

/// What became of an operation that is not stored here. An operation names no policy, and of one
/// whose answer was lost nothing is stored: every gateway is asked, or, if there is a reference, the
/// one whose it is. Only if all of them have never seen it, nobody has.
fn ask_gateways<T>(
    reference: Option<&str>,
    status: impl Fn(&Gateway) -> Result<Option<T>, Error>,
) -> Result<Option<T>, Error> {
    let of = reference.and_then(|reference| Some(reference.split_once(':')?.0));
    // An answer was read before: whatever has become of it since, it was not never seen.
    let mut unsure = reference.map(|reference| Error::Unknown(format!("of `{reference}` nothing is known here")));
    for there in gateways()?.iter().filter(|there| of.is_none_or(|of| there.profile.id == of)) {
        match status(there) {
            Ok(Some(found)) => return Ok(Some(found)),
            // Its own insurer says so.
            Ok(None) if of.is_some() => unsure = None,
            Ok(None) => {}
            Err(error) => unsure = Some(error),
        }
    }
    unsure.map_or(Ok(None), Err)
}

impl Eligibility for DirectBilling {
    fn check(claim: Claim, policy: Policy, now: Instant) -> Result<Standing, Error> {
        ask(&policy, |desk| desk.check(&claim), |there| there.check(&claim, &policy, now))
    }
}

impl Preauthorization for DirectBilling {
    fn submit(operation: Operation, claim: Claim, policy: Policy) -> Result<Decision, Error> {
        ask(&policy, |desk| desk.guarantee(&operation, &claim), |there| there.guarantee(&operation, &claim, &policy))
    }

    fn status(operation: Operation, reference: Option<String>, now: Instant) -> Result<Option<Decision>, Error> {
        match memory::seen(&operation)? {
            Some(entry) if entry.verb.is_before_service() => local::decision(Key::of(&operation), &entry).map(Some),
            Some(_) => Err(other_interface()),
            None => ask_gateways(reference.as_deref(), |there| there.guarantee_status(&operation, now)),
        }
    }

    fn cancel(operation: Operation, reference: String, policy: Policy) -> Result<Decision, Error> {
        ask_about(
            &reference,
            &policy,
            |desk| desk.release(&operation, &reference),
            |there| there.release(&operation, &reference, &policy),
        )
    }
}

impl Claims for DirectBilling {
    fn predetermine(claim: Claim, policy: Policy, now: Instant) -> Result<Predetermined, Error> {
        ask(&policy, |desk| desk.predetermine(&claim, now), |there| there.predetermine(&claim, &policy, now))
    }

    fn submit(operation: Operation, claim: Claim, policy: Policy) -> Result<Response, Error> {
        ask(&policy, |desk| desk.submit(&operation, &claim), |there| there.submit(&operation, &claim, &policy))
    }

    fn status(operation: Operation, reference: Option<String>, now: Instant) -> Result<Option<Response>, Error> {
        match memory::seen(&operation)? {
            Some(entry) if !entry.verb.is_before_service() => local::response(Key::of(&operation), &entry).map(Some),
            Some(_) => Err(other_interface()),
            None => ask_gateways(reference.as_deref(), |there| there.claim_status(&operation, now)),
        }
    }

    fn cancel(operation: Operation, reference: String, policy: Policy) -> Result<Response, Error> {
        ask_about(
            &reference,
            &policy,
            |desk| desk.cancel(&operation, &reference),
            |there| there.cancel(&operation, &reference, &policy),
        )
    }

    fn appeal(operation: Operation, objection: Objection, policy: Policy) -> Result<Response, Error> {
        ask_about(
            &objection.reference,
            &policy,
            |desk| desk.appeal(&operation, &objection),
            |there| there.appeal(&operation, &objection, &policy),
        )
    }
}

impl Reconciliation for DirectBilling {
    fn compare(statement: Statement, _now: Instant) -> Result<Comparison, Error> {
        let here = books::local(&statement.period, statement.entries.iter().map(|entry| entry.reference.as_str()))?;
        let mut theirs: Vec<_> = here.into_iter().map(|(_, _, reference, amount)| (reference, amount)).collect();
        for there in gateways()? {
            theirs.extend(there.statement(&statement.period)?);
        }
        books::compare(&statement.entries, &theirs).map_err(|error| Error::Other(error.to_string()))
    }

    fn remittances(period: Period, now: Instant) -> Result<Vec<Remittance>, Error> {
        let mut remittances = Vec::new();
        for profile in profile::ALL {
            let contract = Contract::of(profile)?;
            if !contract.is_in_use() {
                continue;
            }
            match decider(profile, &contract)? {
                Decider::Gateway(there) => remittances.extend(there.remittances(&period)?),
                Decider::Local => {
                    if let Some(days) = contract.remit_days()? {
                        remittances.extend(books::simulated(profile, days, &period, now)?);
                    }
                }
            }
        }
        remittances.sort_by(|a, b| (a.sent_at, &a.trace).cmp(&(b.sent_at, &b.trace)));
        let is_twice = |pair: &[Remittance]| pair.first().map(|one| &one.trace) == pair.get(1).map(|one| &one.trace);
        let mut by_trace = remittances.clone();
        by_trace.sort_by(|a, b| a.trace.cmp(&b.trace));
        if by_trace.windows(2).any(is_twice) {
            return Err(Error::Other("two remittances have one trace number".to_owned()));
        }
        Ok(remittances)
    }
}

fn other_interface() -> Error {
    Error::Conflict("the key was used for an operation of another kind".to_owned())
}

/// Nothing was done and nothing will be.
fn not_done(reason: String) -> Error {
    Error::NotDone(reason)
}
