//! Basic medical insurance (基本医疗保险).
//!
//! `local`: a bill is shared by the scheme that the hospital has set: the catalogue determines what is in scope; then
//! deductible, ratio and cap determine the share of the pooled fund, followed by the personal account and cash.
//!
//! `gateway`: the insurance office decides, in the messages of the NHSA. Its figures are authoritative, and checked.
//!
//! Both name their figures alike (`nhsa.*`), so that they can be compared line by line. What was begun in one mode is
//! finished in it, whatever the mode is now: references say whose they are.

mod adjudicate;
mod gateway;
mod local;
mod memory;
mod refusal;
mod rules;

use gateway::Office;
use xinglin_sdk::{
    money::MoneyError,
    payment::{
        Authorization, Authorized, Bill, Coverage, Error, Operation, Payer, Quoted, Reversed, Settled, Settlement,
        Status,
    },
    plugin, settings,
    time::Instant,
};

/// The payer plugin.
#[plugin(payment)]
pub struct MedicalInsurance;

/// Validity of an authorization, in days: that of the visit.
const AUTHORIZATION_DAYS: i64 = 1;

impl Payer for MedicalInsurance {
    fn quote(bill: Bill, coverage: Coverage, now: Instant) -> Result<Quoted, Error> {
        match office()? {
            Some(office) => office.quote(&bill, &coverage, now),
            None => local::quote(&bill, &coverage),
        }
    }

    fn authorize(operation: Operation, bill: Bill, coverage: Coverage) -> Result<Authorized, Error> {
        match office()? {
            Some(office) => office.authorize(&operation, &bill, &coverage),
            None => local::authorize(&operation, &bill, &coverage),
        }
    }

    fn settle(
        operation: Operation,
        authorization: Authorization,
        bill: Bill,
        coverage: Coverage,
    ) -> Result<Settled, Error> {
        match gateway::is_of_office(&authorization.reference) {
            true => Office::configured()?.settle(&operation, &authorization, &bill, &coverage),
            false => local::settle(&operation, &authorization, &bill, &coverage),
        }
    }

    fn query(operation: Operation) -> Result<Status, Error> {
        match local::query(&operation)? {
            Some(status) => Ok(status),
            None => match office()? {
                Some(office) => office.query(&operation),
                None if gateway::was_sent(&operation)? => Office::configured()?.query(&operation),
                None => Ok(Status::NeverSeen),
            },
        }
    }

    fn reverse(operation: Operation, settlement: Settlement, coverage: Coverage) -> Result<Reversed, Error> {
        match gateway::is_of_office(&settlement.reference) {
            true => Office::configured()?.reverse(&operation, &settlement, &coverage),
            false => local::reverse(&operation, &settlement, &coverage),
        }
    }
}

/// The insurance office, if it decides here.
fn office() -> Result<Option<Office>, Error> {
    match settings::text("mode").as_deref() {
        Some("gateway") => Office::configured().map(Some),
        None | Some("local") => Ok(None),
        Some(other) => Err(gateway::unset(&format!("mode = {other}"))),
    }
}

fn other_verb() -> Error {
    Error::Conflict("the key was used for an operation of another kind".to_owned())
}

fn money(error: MoneyError) -> Error {
    Error::Other(error.to_string())
}
