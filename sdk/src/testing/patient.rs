//! Patients for tests.

use super::decimal;
use crate::{
    clinical::{
        Allergy, Component, Condition, ConditionStatus, Criticality, Medication, MedicationStatus, Observation,
        ObservationValue, Omission, OmissionReason, Section, Sex, Snapshot, Subject,
    },
    pathway::DataNeed,
    time::{DAY, Instant, days_between},
    types::{Coding, Quantity},
};

/// 2026-01-01T00:00:00Z, the default start of tests.
pub const START: Instant = 1_767_225_600_000_000;

/// A record to take snapshots of. Entries are dated with the last [`Patient::at`].
#[derive(Debug, Clone)]
pub struct Patient {
    sex: Sex,
    months_at_start: Option<u32>,
    now: Instant,
    conditions: Vec<Condition>,
    allergies: Vec<Allergy>,
    medications: Vec<Medication>,
    observations: Vec<Observation>,
    omissions: Vec<Omission>,
}

impl Patient {
    /// Age in years at [`START`], with an empty record.
    pub fn aged(years: u32) -> Self {
        Self {
            sex: Sex::Female,
            months_at_start: Some(years * 12),
            now: START,
            conditions: Vec::new(),
            allergies: Vec::new(),
            medications: Vec::new(),
            observations: Vec::new(),
            omissions: Vec::new(),
        }
    }

    /// A patient without birth date.
    pub fn of_unknown_age() -> Self {
        Self { months_at_start: None, ..Self::aged(0) }
    }

    /// Administrative sex; female unless set.
    #[must_use]
    pub fn sex(mut self, sex: Sex) -> Self {
        self.sex = sex;
        self
    }

    /// Sets the date of further entries.
    #[must_use]
    pub fn at(mut self, now: Instant) -> Self {
        self.now = now;
        self
    }

    /// Dates further entries so many days before [`START`].
    #[must_use]
    pub fn days_ago(self, days: i64) -> Self {
        self.at(START - days * DAY)
    }

    /// Adds an active diagnosis.
    #[must_use]
    pub fn diagnosed(self, code: Coding) -> Self {
        self.with_condition(code, ConditionStatus::Active)
    }

    /// Adds a diagnosis of any status.
    #[must_use]
    pub fn with_condition(mut self, code: Coding, status: ConditionStatus) -> Self {
        let onset = Some(self.now);
        self.conditions.push(Condition { code: vec![code], status, onset, attributes: Vec::new() });
        self
    }

    /// Adds a medication that is taken.
    #[must_use]
    pub fn taking(self, code: Coding) -> Self {
        self.with_medication(code, MedicationStatus::Active)
    }

    /// Adds a medication of any status, started at the date of entry, and ended then unless it is
    /// active.
    #[must_use]
    pub fn with_medication(mut self, code: Coding, status: MedicationStatus) -> Self {
        let started = Some(self.now);
        let ended = if status == MedicationStatus::Active { None } else { started };
        let code = vec![code];
        self.medications.push(Medication {
            code,
            ingredients: Vec::new(),
            status,
            started,
            ended,
            attributes: Vec::new(),
        });
        self
    }

    /// Adds an allergy.
    #[must_use]
    pub fn allergic_to(mut self, substance: Coding) -> Self {
        let recorded = Some(self.now);
        let criticality = Criticality::High;
        self.allergies.push(Allergy { substance: vec![substance], criticality, recorded, attributes: Vec::new() });
        self
    }

    /// Adds a measurement.
    #[must_use]
    #[track_caller]
    pub fn measured(mut self, code: Coding, value: &str, unit: &str) -> Self {
        let observation = self.measurement(code, value, unit);
        self.record(observation);
        self
    }

    /// Marks a section as omitted.
    #[must_use]
    pub fn withheld(mut self, section: Section, reason: OmissionReason) -> Self {
        self.omissions.push(Omission { section, reason });
        self
    }

    /// A measurement of this moment, not added to the record.
    #[track_caller]
    pub fn measurement(&self, code: Coding, value: &str, unit: &str) -> Observation {
        self.observation(code, ObservationValue::Quantity(Quantity::new(decimal(value), unit)), Vec::new())
    }

    /// A panel of this moment, such as a blood pressure, not added to the record.
    #[track_caller]
    pub fn panel(&self, code: Coding, parts: &[(Coding, &str, &str)]) -> Observation {
        let component = |(code, value, unit): &(Coding, &str, &str)| Component {
            code: vec![code.clone()],
            value: ObservationValue::Quantity(Quantity::new(decimal(value), *unit)),
        };
        self.observation(code, ObservationValue::Absent, parts.iter().map(component).collect())
    }

    /// Adds an observation to the record.
    pub fn record(&mut self, observation: Observation) {
        self.observations.push(observation);
    }

    /// Adds a medication to the record.
    pub fn start(&mut self, code: Coding) {
        *self = self.clone().taking(code);
    }

    /// Ends a medication.
    pub fn stop(&mut self, code: &Coding) {
        let now = self.now;
        for medication in self.medications.iter_mut().filter(|m| m.code.iter().any(|c| c.same(code))) {
            medication.status = MedicationStatus::Stopped;
            medication.ended = Some(now);
        }
    }

    pub(super) fn advance_to(&mut self, now: Instant) {
        self.now = now;
    }

    /// The whole record, newest first, as of `now`.
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let mut snapshot = Snapshot {
            taken_at: now,
            subject: Subject { pseudonym: "sub-1".to_owned(), age_months: self.age_months(now), sex: self.sex },
            conditions: self.conditions.clone(),
            allergies: self.allergies.clone(),
            medications: self.medications.clone(),
            observations: self.observations.clone(),
            omissions: self.omissions.clone(),
            attributes: Vec::new(),
        };
        // Stable sorts over reversed lists: of two entries at one time, the later comes first.
        snapshot.conditions.reverse();
        snapshot.conditions.sort_by_key(|c| std::cmp::Reverse(c.onset));
        snapshot.allergies.reverse();
        snapshot.allergies.sort_by_key(|a| std::cmp::Reverse(a.recorded));
        snapshot.medications.reverse();
        snapshot.medications.sort_by_key(|m| std::cmp::Reverse(m.started));
        snapshot.observations.reverse();
        snapshot.observations.sort_by_key(|o| std::cmp::Reverse(o.effective));
        snapshot
    }

    /// The snapshot for a plugin with these needs, as of `now`.
    pub fn snapshot_for(&self, needs: &[DataNeed], now: Instant) -> Snapshot {
        let mut snapshot = self.snapshot(now);
        let mut omit = |section| snapshot.omissions.push(Omission { section, reason: OmissionReason::NotDeclared });
        if !needs.contains(&DataNeed::Conditions) {
            snapshot.conditions.clear();
            omit(Section::Conditions);
        }
        if !needs.contains(&DataNeed::Allergies) {
            snapshot.allergies.clear();
            omit(Section::Allergies);
        }
        if !needs.contains(&DataNeed::Medications) {
            snapshot.medications.clear();
            omit(Section::Medications);
        }
        omit(Section::Observations);
        let declared = |code: &Coding| {
            needs.iter().any(|need| matches!(need, DataNeed::Observations(codes) if codes.iter().any(|c| c.same(code))))
        };
        snapshot.observations.retain(|observation| observation.code.iter().any(declared));
        snapshot
    }

    /// By months of 30.44 days; the host computes exact calendar ages.
    fn age_months(&self, now: Instant) -> Option<u32> {
        let since_start = days_between(START, now) * 100 / 3044;
        let months = i64::from(self.months_at_start?) + since_start;
        Some(u32::try_from(months).unwrap_or(0))
    }

    fn observation(&self, code: Coding, value: ObservationValue, components: Vec<Component>) -> Observation {
        Observation { code: vec![code], value, components, effective: Some(self.now), attributes: Vec::new() }
    }
}
