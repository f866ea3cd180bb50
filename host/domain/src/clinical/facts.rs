//! Facts that many rules need, computed once, of what a snapshot shows: of what was not declared, or is withheld, there is
//! no fact. A fact that is not there is not known, which is not the same as no.

use super::{Condition, ConditionStatus, ObservationValue, Sex, Snapshot};
use crate::{
    coding::{Attribute, AttributeValue, Coding, Quantity, system},
    time::Instant,
};

/// Body weight (LOINC).
const WEIGHT: [&str; 2] = ["29463-7", "3141-9"];
/// Body height: measured, and lying.
const HEIGHT: [&str; 2] = ["8302-2", "8306-3"];
/// Pregnancy status (LOINC).
const PREGNANCY_STATUS: &str = "82810-3";
/// Pregnant: LOINC answer, and SNOMED CT.
const PREGNANT: [&str; 2] = ["LA15173-0", "77386006"];
/// Not pregnant.
const NOT_PREGNANT: [&str; 2] = ["LA26683-5", "60001007"];
/// Days that a pregnancy lasts at most: 42 weeks (WHO, ICD-10, 2019, O48).
const PREGNANCY_DAYS: i64 = 294;
/// Days that a negative status holds. Programmes of teratogens require a test a month (iPLEDGE REMS, 2021).
const NOT_PREGNANT_DAYS: i64 = 30;
/// Days that a child is nursed at least in part: two years (WHO, Guideline for complementary feeding, 2023).
const NURSING_DAYS: i64 = 730;
/// ICD-10 chapter O without abortive outcome (O00–O08), delivery (O80–O84), what follows it (O85–O92) and late death
/// (O96, O97); supervision of a pregnancy.
const PREGNANCY: [&str; 15] =
    ["O09", "O1", "O2", "O3", "O4", "O6", "O7", "O94", "O95", "O98", "O99", "Z33", "Z34", "Z35", "Z36"];
/// Disorders of the breast and of lactation, care of a lactating mother.
const LACTATION: [&str; 3] = ["O91", "O92", "Z39.1"];
/// Lactating (SNOMED CT).
const LACTATING: &str = "413712001";

impl Snapshot {
    /// Adds what the host computes of it to `attributes`:
    ///
    /// - `xinglin.weight` (quantity, `kg`) and `xinglin.weight-at`, `xinglin.height` (quantity, `cm`) and
    ///   `xinglin.height-at` (instants): the newest that is dated and understood.
    /// - `xinglin.pregnant` (boolean): the newest recorded status that still holds, else `true` of an active diagnosis.
    ///   Never of a man.
    /// - `xinglin.lactating` (`true`, or not there): of an active diagnosis.
    #[must_use]
    pub fn with_facts(mut self) -> Self {
        let measured = [("weight", "kg", &WEIGHT), ("height", "cm", &HEIGHT)];
        for (name, unit, codes) in measured {
            if let Some((quantity, at)) = self.newest(codes, unit) {
                self.add(name, AttributeValue::Quantity(quantity));
                self.add(&format!("{name}-at"), AttributeValue::Instant(at));
            }
        }
        if self.subject.sex != Sex::Male {
            if let Some(pregnant) = self.pregnant() {
                self.add("pregnant", AttributeValue::Boolean(pregnant));
            }
            if self.diagnosed(&LACTATION, LACTATING, NURSING_DAYS) {
                self.add("lactating", AttributeValue::Boolean(true));
            }
        }
        self
    }

    fn add(&mut self, name: &str, value: AttributeValue) {
        self.attributes.push(Attribute { key: format!("xinglin.{name}"), value });
    }

    /// Values in other units are converted before they are here.
    fn newest(&self, codes: &[&str], unit: &str) -> Option<(Quantity, Instant)> {
        let dated = self.observations.iter().filter(|observation| is_any(&observation.code, system::LOINC, codes));
        let past = dated.filter_map(|observation| match &observation.value {
            ObservationValue::Quantity(value) if value.unit == unit => Some((value.clone(), observation.effective?)),
            _ => None,
        });
        past.filter(|(_, at)| *at <= self.taken_at).max_by_key(|(_, at)| *at)
    }

    fn pregnant(&self) -> Option<bool> {
        let statuses = self.observations.iter().filter(|of| is_any(&of.code, system::LOINC, &[PREGNANCY_STATUS]));
        let said = statuses.filter_map(|of| {
            let ObservationValue::Coded(codes) = &of.value else { return None };
            let is = |[loinc, snomed]: [&str; 2]| {
                is_any(codes, system::LOINC, &[loinc]) || is_any(codes, system::SNOMED, &[snomed])
            };
            let (pregnant, days) = match (is(PREGNANT), is(NOT_PREGNANT)) {
                (true, false) => (true, PREGNANCY_DAYS),
                (false, true) => (false, NOT_PREGNANT_DAYS),
                _ => return None,
            };
            let at = of.effective.filter(|at| *at <= self.taken_at)?;
            Some((at, pregnant, self.taken_at <= at.plus_days(days)))
        });
        let newest = said.max_by_key(|(at, ..)| *at).and_then(|(_, pregnant, holds)| holds.then_some(pregnant));
        newest.or_else(|| self.diagnosed(&PREGNANCY, PREGNANT[1], PREGNANCY_DAYS).then_some(true))
    }

    /// Whether there is such an active diagnosis that began no longer ago; one without an onset counts.
    fn diagnosed(&self, icd10: &[&str], snomed: &str, days: i64) -> bool {
        let is = |code: &Coding| match code.system.as_str() {
            system::ICD10 => icd10.iter().any(|prefix| code.code.starts_with(prefix)),
            system::SNOMED => code.code == snomed,
            _ => false,
        };
        let is_current = |condition: &Condition| {
            use ConditionStatus::{Active, Recurrence, Relapse, Unknown};
            matches!(condition.status, Active | Recurrence | Relapse | Unknown)
                && condition.onset.is_none_or(|at| self.taken_at <= at.plus_days(days))
        };
        self.conditions.iter().any(|condition| is_current(condition) && condition.code.iter().any(is))
    }
}

fn is_any(codes: &[Coding], system: &str, wanted: &[&str]) -> bool {
    codes.iter().any(|code| code.system == system && wanted.contains(&code.code.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clinical::{Observation, Subject},
        fixture::NOW,
    };

    fn snapshot(sex: Sex) -> Snapshot {
        let subject = Subject { pseudonym: "p".into(), age_months: Some(360), sex };
        Snapshot {
            taken_at: NOW,
            subject,
            conditions: Vec::new(),
            allergies: Vec::new(),
            medications: Vec::new(),
            observations: Vec::new(),
            omissions: Vec::new(),
            attributes: Vec::new(),
        }
    }

    fn observed(code: &str, value: ObservationValue, days_ago: i64) -> Observation {
        Observation {
            code: vec![Coding::new(system::LOINC, code)],
            value,
            components: Vec::new(),
            effective: Some(NOW.plus_days(-days_ago)),
            attributes: Vec::new(),
        }
    }

    fn quantity(value: &str, unit: &str) -> ObservationValue {
        ObservationValue::Quantity(Quantity { value: value.parse().expect("a decimal"), unit: unit.into() })
    }

    fn diagnosis(code: &str, days_ago: i64) -> Condition {
        let code = vec![Coding::new(system::ICD10, code)];
        let onset = Some(NOW.plus_days(-days_ago));
        Condition { code, status: ConditionStatus::Active, onset, attributes: Vec::new() }
    }

    fn fact(snapshot: &Snapshot, name: &str) -> Option<AttributeValue> {
        let facts = snapshot.clone().with_facts().attributes;
        facts.into_iter().find(|fact| fact.key == name).map(|fact| fact.value)
    }

    fn yes(value: bool) -> Option<AttributeValue> {
        Some(AttributeValue::Boolean(value))
    }

    #[test]
    fn the_newest_weight_and_height_count() {
        let mut of = snapshot(Sex::Female);
        assert_eq!(of.clone().with_facts().attributes, Vec::new());
        of.observations = vec![
            observed("29463-7", quantity("61.5", "kg"), 40),
            observed("3141-9", quantity("60", "kg"), 3),
            observed("29463-7", ObservationValue::Absent, 1),
            observed("29463-7", quantity("99", "kg"), -1),
            observed("8302-2", quantity("168", "cm"), 400),
        ];
        let ObservationValue::Quantity(wanted) = quantity("60", "kg") else { unreachable!() };
        assert_eq!(fact(&of, "xinglin.weight"), Some(AttributeValue::Quantity(wanted)));
        assert_eq!(fact(&of, "xinglin.weight-at"), Some(AttributeValue::Instant(NOW.plus_days(-3))));
        assert!(fact(&of, "xinglin.height").is_some());
        assert_eq!(fact(&of, "xinglin.height-at"), Some(AttributeValue::Instant(NOW.plus_days(-400))));
    }

    #[test]
    fn a_status_holds_for_a_time_and_counts_before_diagnoses() {
        let coded = |code: &str| ObservationValue::Coded(vec![Coding::new(system::LOINC, code)]);
        for (status, days, wanted) in [
            (PREGNANT[0], 294, yes(true)),
            (PREGNANT[0], 295, None),
            (NOT_PREGNANT[0], 30, yes(false)),
            (NOT_PREGNANT[0], 31, None),
            ("LA4489-6", 1, None),
        ] {
            let mut of = snapshot(Sex::Female);
            of.observations = vec![observed(PREGNANCY_STATUS, coded(status), days)];
            assert_eq!(fact(&of, "xinglin.pregnant"), wanted, "{status} {days}");
        }
        let mut of = snapshot(Sex::Unknown);
        of.conditions = vec![diagnosis("Z34.0", 100)];
        assert_eq!(fact(&of, "xinglin.pregnant"), yes(true));
        of.observations = vec![observed(PREGNANCY_STATUS, coded(NOT_PREGNANT[0]), 2)];
        assert_eq!(fact(&of, "xinglin.pregnant"), yes(false), "what was recorded counts before older diagnoses");
        of.subject.sex = Sex::Male;
        assert_eq!(fact(&of, "xinglin.pregnant"), None);
    }

    #[test]
    fn diagnoses_end_with_what_they_say() {
        for (code, days, pregnant, lactating) in [
            ("O24.4", 294, yes(true), None),
            ("O24.4", 295, None, None),
            ("O03.9", 1, None, None),
            ("O80", 1, None, None),
            ("O92.7", 730, None, yes(true)),
            ("O92.7", 731, None, None),
            ("Z39.1", 1, None, yes(true)),
            ("Z39.2", 1, None, None),
        ] {
            let mut of = snapshot(Sex::Female);
            of.conditions = vec![diagnosis(code, days)];
            let found = (fact(&of, "xinglin.pregnant"), fact(&of, "xinglin.lactating"));
            assert_eq!(found, (pregnant, lactating), "{code} {days}");
            of.conditions[0].status = ConditionStatus::Resolved;
            assert_eq!(of.with_facts().attributes, Vec::new(), "{code}");
        }
    }
}
