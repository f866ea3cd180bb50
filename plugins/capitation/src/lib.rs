//! Payment per head (按人头付费): a lead institution and its partners (1+N) care for members within
//! a yearly budget. The scheme is data, and each function a calculation on it; the host keeps the
//! members, counts and books.

mod accrue;
mod close;
mod consume;
mod enrol;
mod rules;
mod score;

use rules::Scheme;
use scheme::{
    calendar,
    edition::{Edition, Editions},
    invalid, missing,
};
use xinglin_sdk::{
    capitation::{
        Account, Budget, Capitation, Closing, Consumption, Enrolled, Enrolment, Indicator, MemberMonths, Quality,
    },
    insurance::{Error, Period},
    money::{Fen, MoneyError},
    plugin,
    time::Instant,
    types::Money,
};

/// The illustrative figures.
const SHIPPED: &str = include_str!("../data/scheme.toml");

/// The plugin.
#[plugin(capitation)]
pub struct PerHead;

impl Capitation for PerHead {
    fn enrol(enrolment: Enrolment, now: Instant) -> Result<Enrolled, Error> {
        // The figures of the month from which the member counts.
        let edition = Editions::of(SHIPPED)?;
        enrol::enrol(edition.at(calendar::next_month(enrolment.chosen_at))?, &enrolment, now)
    }

    fn accrue(year: Period, months: Vec<MemberMonths>) -> Result<Budget, Error> {
        accrue::accrue(&of_year(&year)?, &months)
    }

    fn consume(consumption: Consumption) -> Result<Money, Error> {
        // Of the year of service, also when it is taken back later.
        let edition = Editions::<Scheme>::of(SHIPPED)?;
        consume::consume(&edition.at(consumption.served_at)?.scheme, &consumption)
    }

    fn score(year: Period, indicators: Vec<Indicator>) -> Result<Quality, Error> {
        score::score(&of_year(&year)?, &indicators)
    }

    fn close(account: Account) -> Result<Closing, Error> {
        close::close(&of_year(&account.year)?, &account)
    }
}

/// The figures of a benefit year: those in force when it began, so that they are the same for every
/// month of it and when it is closed.
fn of_year(year: &Period) -> Result<Edition<Scheme>, Error> {
    if !calendar::is_year(year) {
        return Err(Error::Other("the year is not twelve whole months of Asia/Shanghai".to_owned()));
    }
    Ok(Editions::of(SHIPPED)?.at(year.start)?.clone())
}

/// An amount of the host that cannot be negative.
fn amount(money: &Money) -> Result<Fen, Error> {
    Fen::of(money).and_then(Fen::non_negative).map_err(invalid)
}

/// A product in whole fen.
fn fen(amount: i128) -> Result<Fen, Error> {
    i64::try_from(amount).map(Fen::new).map_err(|_| invalid(MoneyError::Overflow))
}

/// A class, indicator or institution that the scheme does not have.
fn unknown(what_zh: &str, what_en: &str, code: &str) -> Error {
    missing(format!("方案中没有{what_zh} {code}。"), format!("The scheme has no {what_en} `{code}`."))
}
