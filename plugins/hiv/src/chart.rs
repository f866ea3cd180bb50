//! What the record says now.

use xinglin_sdk::{
    clinical::{Condition, ConditionStatus, Medication, Observation, Section, Sex, Snapshot},
    panel::Bound,
    time::{DAY, Instant, plus_days},
    types::{AttributeValue, Attributes as _, Coding, Codings as _, Decimal, system},
};

use crate::{
    measure::{self, Found, Load},
    medicines,
    numbers::{COVERED_DAYS, COVERED_LEAST, PREP_CLEARANCE},
};

/// ATC: medicines against HIV.
const CLASSES: [&str; 11] =
    ["J05AE", "J05AF", "J05AG", "J05AJ", "J05AR", "J05AX07", "J05AX09", "J05AX12", "J05AX23", "J05AX29", "J05AX31"];
/// Only against hepatitis B.
const HEPATITIS: [&str; 4] = ["J05AF08", "J05AF10", "J05AF11", "J05AF12"];

/// Treatment against HIV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Therapy {
    /// None on record.
    Absent,
    /// Of unknown beginning, or not to be seen.
    Unknown,
    /// It began, and the regimen of today began.
    Since(Instant, Instant),
}

/// Kidney function against the least for TDF/FTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kidney {
    /// Enough.
    Enough,
    /// Below.
    Below,
    /// Not known.
    Unknown,
}

/// The record at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Chart<'a> {
    /// As the host gave it.
    pub snapshot: &'a Snapshot,
    /// The moment.
    pub now: Instant,
}

impl<'a> Chart<'a> {
    fn results<T>(&self, code: &str, read: fn(&Observation) -> Option<T>) -> Vec<(Instant, T)> {
        let code = Coding::loinc(code);
        let usable = |one: &'a Observation| Some((measure::taken(one, self.now)?, read(one)?));
        let mut results: Vec<(Instant, T)> = self.snapshot.history(&code).filter_map(usable).collect();
        results.sort_by_key(|(taken, _)| std::cmp::Reverse(*taken));
        results
    }

    /// Viral loads, newest first.
    pub fn loads(&self) -> Vec<(Instant, Load)> {
        self.results(measure::VIRAL_LOAD, measure::load)
    }

    /// Viral loads as they are drawn, newest first.
    pub fn loads_drawn(&self) -> Vec<(Instant, (Decimal, Bound))> {
        self.results(measure::VIRAL_LOAD, measure::load_drawn)
    }

    /// CD4 counts, newest first.
    pub fn counts(&self) -> Vec<(Instant, Decimal)> {
        self.results(measure::CD4, measure::cd4)
    }

    /// HIV tests, newest first; of the same moment, a positive one.
    pub fn tests(&self) -> Vec<(Instant, Found)> {
        positive_first(self.results(measure::HIV_TEST, measure::found))
    }

    /// HIV RNA as a sign of an infection, newest first; of the same moment, where it is found.
    fn rna(&self) -> Vec<(Instant, Found)> {
        positive_first(self.results(measure::VIRAL_LOAD, measure::rna))
    }

    /// Whether the newest HIV test, or the newest HIV RNA, is a sign of an infection about which no doctor has decided since.
    pub fn is_suspect(&self, confirmed: Option<Instant>) -> bool {
        [self.tests(), self.rna()].iter().any(|results| match results.first() {
            Some((taken, Found::Positive)) => confirmed.is_none_or(|confirmed| *taken > confirmed),
            _ => false,
        })
    }

    /// Surface antigen of hepatitis B, newest first.
    pub fn hepatitis(&self) -> Vec<(Instant, Found)> {
        self.results(measure::HEPATITIS_B, measure::found)
    }

    /// When kidney function was last measured.
    pub fn kidney_taken(&self) -> Option<Instant> {
        let creatinine = self.results(measure::CREATININE, measure::creatinine);
        let clearance = self.results(measure::CLEARANCE, measure::clearance);
        creatinine.first().max(clearance.first()).map(|(taken, _)| *taken)
    }

    /// The newest clearance, or Cockcroft and Gault (Nephron 1976, doi:10.1159/000180580) of the newest
    /// creatinine: (140 − age) × kg × 0.85 of women ÷ (72 × mg/dL), with 88.4 umol/L in 1 mg/dL. Sex
    /// that is not known counts as female, which gives less.
    pub fn kidney(&self) -> Kidney {
        let judge = |enough: bool| if enough { Kidney::Enough } else { Kidney::Below };
        let clearance = self.results(measure::CLEARANCE, measure::clearance).into_iter().next();
        let creatinine = self.results(measure::CREATININE, measure::creatinine).into_iter().next();
        if let Some((taken, value)) = clearance
            && creatinine.is_none_or(|(later, _)| later <= taken)
        {
            return judge(value >= Decimal::whole(PREP_CLEARANCE.value));
        }
        let weight = self.results(measure::WEIGHT, measure::weight).into_iter().next();
        let (Some((_, creatinine)), Some((_, weight)), Some(age)) = (creatinine, weight, self.snapshot.age_years())
        else {
            return Kidney::Unknown;
        };
        let factor = if self.snapshot.subject.sex == Sex::Male { Decimal::whole(1) } else { Decimal::new(85, 2) };
        let given = Decimal::whole((140 - i64::from(age)).max(0))
            .times(weight)
            .and_then(|product| product.times(Decimal::new(884, 1)))
            .and_then(|product| product.times(factor));
        let needed = Decimal::whole(72 * PREP_CLEARANCE.value).times(creatinine);
        match (given, needed) {
            (Some(given), Some(needed)) => judge(given >= needed),
            _ => Kidney::Unknown,
        }
    }

    /// Whether HIV infection is diagnosed.
    pub fn is_infected(&self) -> bool {
        self.snapshot.conditions.iter().any(is_infection)
    }

    /// Whether a pregnancy is on record.
    pub fn is_pregnant(&self) -> bool {
        let icd10 = ["O", "Z33", "Z34", "Z35"];
        self.snapshot.active_conditions().any(|one| {
            icd10.iter().any(|prefix| one.code.has_under(system::ICD10, prefix))
                || ["77386006", "72892002"].iter().any(|code| one.code.has(system::SNOMED, code))
        })
    }

    fn medicines(&self) -> impl Iterator<Item = (&'a Medication, &'a str)> {
        let snapshot = self.snapshot;
        snapshot.medications.iter().filter_map(|medication| Some((medication, class(medication)?)))
    }

    /// Whether a medicine against the virus with this code is in use.
    pub fn takes(&self, atc: &str) -> bool {
        self.medicines().any(|(medication, code)| medication.is_active() && code == atc)
    }

    /// Codes in use, in order and once.
    fn regimen(&self) -> Vec<&'a str> {
        let mut codes: Vec<&str> =
            self.medicines().filter(|(medication, _)| medication.is_active()).map(|(_, code)| code).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// Treatment begins with the first medicine that is not of prevention, a regimen when the newest of its medicines was first
    /// taken. Medicines of prevention alone are no treatment.
    pub fn therapy(&self) -> Therapy {
        let regimen = self.last_regimen();
        if regimen.iter().all(|code| medicines::is_of_prevention(code)) {
            let seen = self.snapshot.is_complete(Section::Medications);
            return if seen { Therapy::Absent } else { Therapy::Unknown };
        }
        let first = |wanted: &&str| {
            let all = self.medicines().filter(|(_, code)| code == wanted);
            let starts: Option<Vec<Instant>> = all.map(|(medication, _)| medication.started).collect();
            starts?.into_iter().min()
        };
        let treats = self.medicines().filter(|(_, code)| !medicines::is_of_prevention(code));
        let start = treats.filter_map(|(medication, _)| medication.started).min();
        let newest: Option<Vec<Instant>> = regimen.iter().map(first).collect();
        match (start, newest.and_then(|all| all.into_iter().max())) {
            (Some(start), Some(newest)) if newest <= self.now => Therapy::Since(start, newest),
            _ => Therapy::Unknown,
        }
    }

    /// When the supply of the medicine that runs out first ends; `None` if unknown.
    pub fn supply_ends(&self) -> Option<Instant> {
        let newest: Option<Vec<Instant>> =
            self.last_regimen().iter().map(|code| self.supplies(code)?.last().map(|(_, end)| *end)).collect();
        newest?.into_iter().min()
    }

    /// The medicines in use; if there are none, those that were begun last.
    fn last_regimen(&self) -> Vec<&'a str> {
        let regimen = self.regimen();
        if !regimen.is_empty() {
            return regimen;
        }
        let newest = self.medicines().filter_map(|(medication, _)| medication.started).max();
        let mut codes: Vec<&str> =
            self.medicines().filter(|(medication, _)| medication.started == newest).map(|(_, code)| code).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// From when to when a medicine was at hand, oldest first; what was dispensed early lasts longer. `None`
    /// if one entry does not say.
    fn supplies(&self, wanted: &str) -> Option<Vec<(Instant, Instant)>> {
        let spans: Option<Vec<(Instant, Instant)>> = self
            .medicines()
            .filter(|(_, code)| *code == wanted)
            .map(|(medication, _)| {
                let ends = match medication.attributes.value("xinglin.supply-ends") {
                    Some(AttributeValue::Instant(ends)) => Some(*ends),
                    _ => None,
                };
                Some((medication.started?, ends?))
            })
            .collect();
        let mut spans = spans?;
        spans.sort_unstable();
        let mut until = Instant::MIN;
        let shifted = spans.into_iter().map(|(start, end)| {
            let from = start.max(until);
            until = from.saturating_add(end.saturating_sub(start).max(0));
            (from, until)
        });
        Some(shifted.collect())
    }

    /// Days covered, and days counted. `None` if unknown, or too few to say.
    pub fn covered(&self) -> Option<(i64, i64)> {
        let supplies: Vec<Vec<(Instant, Instant)>> =
            self.last_regimen().iter().map(|code| self.supplies(code)).collect::<Option<_>>()?;
        let begun = supplies.iter().filter_map(|spans| Some(spans.first()?.0)).min()?;
        let from = begun.max(plus_days(self.now, -COVERED_DAYS.value));
        let days = self.now.saturating_sub(from).div_euclid(DAY);
        let is_covered = |day: &i64| {
            let at = plus_days(from, *day);
            let due = |spans: &&Vec<(Instant, Instant)>| spans.first().is_some_and(|(first, _)| *first <= at);
            supplies.iter().filter(due).all(|spans| spans.iter().any(|(start, end)| *start <= at && at < *end))
        };
        let covered = (0..days).filter(is_covered).count();
        (days >= COVERED_LEAST.value).then_some((i64::try_from(covered).ok()?, days))
    }
}

fn positive_first(mut results: Vec<(Instant, Found)>) -> Vec<(Instant, Found)> {
    results.sort_by_key(|(taken, found)| (std::cmp::Reverse(*taken), *found == Found::Negative));
    results
}

/// Infection does not end: whatever the status, unless it was refuted, which is not in the record.
fn is_infection(condition: &Condition) -> bool {
    let stands = condition.is_active() || condition.status == ConditionStatus::Remission;
    let icd10 = ["B20", "B21", "B22", "B23", "B24", "Z21"];
    stands
        && (icd10.iter().any(|prefix| condition.code.has_under(system::ICD10, prefix))
            || ["86406008", "165816005", "91947003", "62479008"]
                .iter()
                .any(|code| condition.code.has(system::SNOMED, code)))
}

fn class(medication: &Medication) -> Option<&str> {
    let codes = medication.code.codes_in(system::ATC).chain(medication.ingredients.codes_in(system::ATC));
    codes.into_iter().find(|code| {
        CLASSES.iter().any(|class| code.starts_with(class)) && !HEPATITIS.iter().any(|other| code.starts_with(other))
    })
}
