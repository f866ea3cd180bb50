//! What is known of the patient, for conditions.

use xinglin_pathway_file::{
    condition::{Answered, Facts, Term, Trend},
    model::{self, Measure, Pathway},
    number::Number,
};
use xinglin_sdk::{
    clinical::{Observation, Section, Sex, Snapshot},
    time::{Instant, days_between, plus_days},
    types::{Coding, Codings as _, Quantity, system},
};

use crate::{
    memory::{Given, Memory},
    text::number,
};

/// The record and the memory at one moment.
pub struct Known<'a> {
    pub file: &'a Pathway,
    pub memory: &'a Memory,
    pub snapshot: &'a Snapshot,
    pub now: Instant,
}

/// All LOINC codes of a measure: its own, others of the same, and panels that it is a part of.
fn codes(measure: &Measure) -> impl Iterator<Item = &str> {
    std::iter::once(&measure.code).chain(&measure.also).chain(&measure.panels).map(String::as_str)
}

/// Whether an observation is of a measure.
pub fn is_of(observation: &Observation, measure: &Measure) -> bool {
    let has = |code: &str| observation.code.has(system::LOINC, code);
    let part = |code: &str| observation.components.iter().any(|part| part.code.has(system::LOINC, code));
    let own = || std::iter::once(&measure.code).chain(&measure.also);
    own().any(|code| has(code) || part(code))
}

/// The quantity of a measure in an observation.
pub fn quantity<'a>(observation: &'a Observation, measure: &Measure) -> Option<&'a Quantity> {
    codes(measure).find_map(|code| observation.quantity_of(&Coding::loinc(code)))
}

/// The same in the unit of the measure.
pub fn value(observation: &Observation, measure: &Measure) -> Option<Number> {
    let quantity = quantity(observation, measure)?;
    measure.own(number(quantity.value), &quantity.unit, false)
}

impl Known<'_> {
    /// Observations of a measure, newest first, with the values that can be read.
    fn readings<'a>(&'a self, code: &str, days: Option<u32>) -> Vec<(&'a Observation, Option<Number>)> {
        let Some(measure) = self.file.measure(code) else { return Vec::new() };
        let since = days.map(|days| plus_days(self.now, -i64::from(days)));
        let of_it = self.snapshot.observations.iter().filter(|observation| is_of(observation, measure));
        of_it
            .filter(|one| since.is_none_or(|since| one.effective.is_some_and(|at| at >= since)))
            .map(|one| (one, value(one, measure)))
            .collect()
    }
}

impl Facts for Known<'_> {
    fn series(&self, code: &str, laboratory: bool, within_days: Option<u32>) -> Vec<Option<Number>> {
        let readings = self.readings(code, within_days).into_iter();
        readings.filter(|(one, _)| !laboratory || !one.is_self_reported()).map(|(_, value)| value).collect()
    }

    fn pair(&self, term: &Term) -> Option<(Number, Number)> {
        let (Term::Delta { code, days } | Term::Change { code, days }) = term else { return None };
        let values: Vec<Number> = self.readings(code, Some(*days)).into_iter().filter_map(|(_, value)| value).collect();
        match values.as_slice() {
            [new, .., old] => Some((*new, *old)),
            _ => None,
        }
    }

    fn trend(&self, code: &str, count: u8) -> Option<Trend> {
        let readings = self.readings(code, None);
        let newest = readings.get(..usize::from(count))?;
        let values: Vec<Number> = newest.iter().map(|(_, value)| *value).collect::<Option<_>>()?;
        let mut pairs = values.windows(2).map(|pair| pair[0].compare(pair[1]));
        let first = pairs.next()??;
        for next in pairs {
            if next? != first {
                return Some(Trend::Neither);
            }
        }
        Some(match first {
            std::cmp::Ordering::Greater => Trend::Rising,
            std::cmp::Ordering::Less => Trend::Falling,
            std::cmp::Ordering::Equal => Trend::Neither,
        })
    }

    fn answer(&self, questionnaire: &str, item: &str) -> Option<Answered> {
        Some(match self.memory.answers.get(questionnaire)?.get(item)? {
            Given::Truth(truth) => Answered::Truth(*truth),
            Given::Number(unscaled, scale) => Answered::Number(Number::new(*unscaled, *scale)),
            Given::Code(code) => Answered::Code(code.clone()),
        })
    }

    fn truth(&self, term: &Term) -> Option<bool> {
        let seen = |found: bool, section| (found || self.snapshot.is_complete(section)).then_some(found);
        match term {
            Term::Missed(task) => Some(self.memory.missed.contains(task)),
            Term::Held => Some(!self.memory.holds.is_empty()),
            Term::Diagnosis { system, prefix } => {
                let found = self.snapshot.active_conditions().any(|one| under(&one.code, system, prefix));
                seen(found, Section::Conditions)
            }
            Term::Medication { system, prefix } => {
                let mut taken = self.snapshot.active_medications();
                let found =
                    taken.any(|one| under(&one.code, system, prefix) || under(&one.ingredients, system, prefix));
                seen(found, Section::Medications)
            }
            _ => None,
        }
    }

    fn count(&self, term: &Term) -> Option<i64> {
        match term {
            Term::DaysInStage => Some(days_between(self.memory.since, self.now)),
            Term::DaysEnrolled => Some(days_between(self.memory.enrolled, self.now)),
            Term::AgeYears => self.snapshot.age_years().map(i64::from),
            _ => None,
        }
    }

    fn sex(&self) -> Option<String> {
        let sex = match self.snapshot.subject.sex {
            Sex::Female => "female",
            Sex::Male => "male",
            Sex::Other => "other",
            Sex::Unknown => "unknown",
        };
        Some(sex.to_owned())
    }

    fn convert(&self, code: &str, number: Number, unit: Option<&str>, difference: bool) -> Option<Number> {
        let measure = self.file.measure(code)?;
        measure.own(number, unit.unwrap_or(&measure.unit), difference)
    }
}

/// Whether a concept is at or below a code; SNOMED CT and RxNorm have no hierarchy in their codes.
pub fn under(concept: &[Coding], short: &str, prefix: &str) -> bool {
    let uri = model::system(short);
    match short {
        "snomed" | "rxnorm" => concept.has(uri, prefix),
        _ => concept.has_under(uri, prefix),
    }
}
