//! The books of local decisions, and the comparison of any payer's books with ours.

use std::collections::BTreeMap;

use xinglin_sdk::{
    insurance::{
        Error, Period,
        reconciliation::{Comparison, Difference, Entry, Remittance, Remitted},
    },
    money::{Fen, MoneyError},
    time::{Instant, plus_days},
};

use crate::{
    calendar,
    memory::{self, Outcome, Verb},
    profile::Profile,
};

/// What local decisions of a period owe, each under its reference: a cancellation below zero, and
/// a decision that was replaced below zero again. With the insurer and the moment. `named` are
/// references of our ledger.
pub fn local<'a>(
    period: &Period,
    named: impl Iterator<Item = &'a str>,
) -> Result<Vec<(&'static Profile, Instant, String, i64)>, Error> {
    let mut owed = Vec::new();
    for (key, entry) in memory::within(period, named)? {
        let profile = entry.profile()?;
        let former = entry.about.map(memory::load).transpose()?.flatten();
        let taken_back = former.as_ref().and_then(|former| match &former.outcome {
            Outcome::Decided(figures) => Some(-figures.benefit()),
            _ => None,
        });
        match (&entry.outcome, entry.about, taken_back) {
            (Outcome::Decided(figures), about, taken_back) => {
                owed.push((profile, entry.at, key.reference(profile, 'E'), figures.benefit()));
                if let (Verb::Appeal, Some(about), Some(amount)) = (entry.verb, about, taken_back) {
                    owed.push((profile, entry.at, about.reference(profile, 'E'), amount));
                }
            }
            // Cancelled once, whoever asks again.
            (Outcome::Cancelled(by), Some(_), Some(amount)) if *by == key => {
                owed.push((profile, entry.at, key.reference(profile, 'C'), amount));
            }
            _ => {}
        }
    }
    Ok(owed)
}

/// The advices of payment that an insurer would send for the local decisions of each day: a
/// simulation, for demonstrations and trials. A day on which more was taken back than decided has
/// none.
pub fn simulated(
    profile: &'static Profile,
    days: i64,
    period: &Period,
    now: Instant,
) -> Result<Vec<Remittance>, Error> {
    let back = |at: Instant| calendar::midnight(calendar::day(at) - 1 - days);
    let decided =
        Period { start: back(period.start), end: back(period.end.saturating_sub(1)) + xinglin_sdk::time::DAY };
    let mut by_day: BTreeMap<i64, BTreeMap<String, i64>> = BTreeMap::new();
    for (_, at, reference, amount) in
        local(&decided, std::iter::empty())?.into_iter().filter(|(of, ..)| of.id == profile.id)
    {
        *by_day.entry(calendar::day(at)).or_default().entry(reference).or_default() += amount;
    }
    let advices = by_day.into_iter().filter_map(|(day, mut items)| {
        items.retain(|_, amount| *amount != 0);
        let (sent_at, amount) = (plus_days(calendar::midnight(day + 1), days), items.values().sum::<i64>());
        let is_due = amount > 0 && period.contains(sent_at) && sent_at <= now;
        is_due.then(|| Remittance {
            trace: format!("{}-{}", profile.id.to_ascii_uppercase(), calendar::date(day).replace('-', "")),
            sent_at,
            amount: Fen::new(amount).into(),
            items: items
                .into_iter()
                .map(|(reference, amount)| Remitted { reference, amount: Fen::new(amount).into() })
                .collect(),
            adjustment: Fen::ZERO.into(),
        })
    });
    Ok(advices.collect())
}

/// Compares our entries with a payer's, by reference. What one side has at zero and the other not
/// at all is no difference.
pub fn compare(ours: &[Entry], theirs: &[(String, i64)]) -> Result<Comparison, MoneyError> {
    let mut sides: BTreeMap<&str, (Option<Fen>, Option<Fen>)> = BTreeMap::new();
    let add = |side: &mut Option<Fen>, amount: Fen| -> Result<(), MoneyError> {
        *side = Some(side.unwrap_or_default().plus(amount)?);
        Ok(())
    };
    for entry in ours {
        add(&mut sides.entry(&entry.reference).or_default().0, Fen::of(&entry.amount)?)?;
    }
    for (reference, amount) in theirs {
        add(&mut sides.entry(reference).or_default().1, Fen::new(*amount))?;
    }
    let differ = |(ours, theirs): &(Option<Fen>, Option<Fen>)| ours.unwrap_or_default() != theirs.unwrap_or_default();
    // By references, of which one that only one side has at zero counts as the other has it.
    let counts = |(ours, theirs): &(Option<Fen>, Option<Fen>)| match (ours, theirs) {
        (Some(ours), None) => *ours == Fen::ZERO,
        (None, Some(theirs)) => *theirs != Fen::ZERO,
        (_, theirs) => theirs.is_some(),
    };
    let count = sides.values().filter(|sides| counts(sides)).count();
    Ok(Comparison {
        total: Fen::sum(theirs.iter().map(|(_, amount)| Fen::new(*amount)))?.into(),
        count: u32::try_from(count).map_err(|_| MoneyError::Overflow)?,
        differences: sides
            .into_iter()
            .filter(|(_, sides)| differ(sides))
            .map(|(reference, (ours, theirs))| Difference {
                reference: reference.to_owned(),
                hospital: ours.map(Into::into),
                payer: theirs.map(Into::into),
                note: Vec::new(),
            })
            .collect(),
    })
}
