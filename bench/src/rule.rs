//! The rule of `plugins/drug-safety` outside a component, between the domain's types:
//! native for the webhook, and compiled into the Extism guest.

use drug_safety::DrugSafety;
use serde::{Deserialize, Serialize};
use xinglin_domain::{
    clinical as domain,
    coding::{Attribute, AttributeValue, Citation, Coding, Decimal, LocalizedText, Quantity, Translation},
    money::Money,
    review::{self, ReviewError},
    time::Instant,
};
use xinglin_sdk::{
    clinical,
    prescribing::{self, Review as _},
    types,
};

/// What is sent. It names what the tape of a call names.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The prescription.
    pub order: review::Order,
    /// The patient.
    pub snapshot: domain::Snapshot,
    /// The time.
    pub now: Instant,
}

/// What is answered.
pub type Answer = Result<review::Verdict, ReviewError>;

/// Judges as the plugin does.
pub fn review(asked: &Asked) -> Answer {
    let Asked { order, snapshot: patient, now } = asked;
    DrugSafety::review(self::order(order), snapshot(patient), now.micros()).map(verdict).map_err(error)
}

// --- to the contract's types ---------------------------------------------------------

fn each<D, W>(items: &[D], one: impl Fn(&D) -> W) -> Vec<W> {
    items.iter().map(one).collect()
}

fn coding(c: &Coding) -> types::Coding {
    types::Coding { system: c.system.clone(), code: c.code.clone(), display: c.display.clone() }
}

fn decimal(d: Decimal) -> types::Decimal {
    types::Decimal::new(d.unscaled(), d.scale())
}

fn quantity(q: &Quantity) -> types::Quantity {
    types::Quantity { value: decimal(q.value), unit: q.unit.clone() }
}

fn attribute(a: &Attribute) -> types::Attribute {
    use types::AttributeValue as Value;
    let value = match &a.value {
        AttributeValue::Text(v) => Value::Text(v.clone()),
        AttributeValue::Integer(v) => Value::Integer(*v),
        AttributeValue::Decimal(v) => Value::Decimal(decimal(*v)),
        AttributeValue::Boolean(v) => Value::Boolean(*v),
        AttributeValue::Instant(v) => Value::Instant(v.micros()),
        AttributeValue::Coding(v) => Value::Coding(coding(v)),
        AttributeValue::Quantity(v) => Value::Quantity(quantity(v)),
        AttributeValue::Money(v) => {
            Value::Money(types::Money { minor_units: v.as_fen(), currency: Money::CURRENCY.to_owned() })
        }
    };
    types::Attribute { key: a.key.clone(), value }
}

fn order(o: &review::Order) -> prescribing::Order {
    prescribing::Order {
        diagnoses: each(&o.diagnoses, coding),
        lines: each(&o.lines, |l| prescribing::Line {
            number: l.number,
            code: each(&l.code, coding),
            ingredients: each(&l.ingredients, coding),
            dose: quantity(&l.dose),
            doses_per_day: decimal(l.doses_per_day),
            days: l.days,
            route: l.route.as_ref().map(coding),
            attributes: each(&l.attributes, attribute),
        }),
        long_term: o.long_term,
        attributes: each(&o.attributes, attribute),
    }
}

fn snapshot(s: &domain::Snapshot) -> clinical::Snapshot {
    clinical::Snapshot {
        taken_at: s.taken_at.micros(),
        subject: clinical::Subject {
            pseudonym: s.subject.pseudonym.clone(),
            age_months: s.subject.age_months,
            sex: match s.subject.sex {
                domain::Sex::Female => clinical::Sex::Female,
                domain::Sex::Male => clinical::Sex::Male,
                domain::Sex::Other => clinical::Sex::Other,
                domain::Sex::Unknown => clinical::Sex::Unknown,
            },
        },
        conditions: each(&s.conditions, |c| clinical::Condition {
            code: each(&c.code, coding),
            status: match c.status {
                domain::ConditionStatus::Active => clinical::ConditionStatus::Active,
                domain::ConditionStatus::Recurrence => clinical::ConditionStatus::Recurrence,
                domain::ConditionStatus::Relapse => clinical::ConditionStatus::Relapse,
                domain::ConditionStatus::Inactive => clinical::ConditionStatus::Inactive,
                domain::ConditionStatus::Remission => clinical::ConditionStatus::Remission,
                domain::ConditionStatus::Resolved => clinical::ConditionStatus::Resolved,
                domain::ConditionStatus::Unknown => clinical::ConditionStatus::Unknown,
            },
            onset: c.onset.map(Instant::micros),
            attributes: each(&c.attributes, attribute),
        }),
        allergies: each(&s.allergies, |a| clinical::Allergy {
            substance: each(&a.substance, coding),
            criticality: match a.criticality {
                domain::Criticality::Low => clinical::Criticality::Low,
                domain::Criticality::High => clinical::Criticality::High,
                domain::Criticality::UnableToAssess => clinical::Criticality::UnableToAssess,
            },
            recorded: a.recorded.map(Instant::micros),
            attributes: each(&a.attributes, attribute),
        }),
        medications: each(&s.medications, |m| clinical::Medication {
            code: each(&m.code, coding),
            ingredients: each(&m.ingredients, coding),
            status: match m.status {
                domain::MedicationStatus::Active => clinical::MedicationStatus::Active,
                domain::MedicationStatus::OnHold => clinical::MedicationStatus::OnHold,
                domain::MedicationStatus::Completed => clinical::MedicationStatus::Completed,
                domain::MedicationStatus::Stopped => clinical::MedicationStatus::Stopped,
                domain::MedicationStatus::Unknown => clinical::MedicationStatus::Unknown,
            },
            started: m.started.map(Instant::micros),
            ended: m.ended.map(Instant::micros),
            attributes: each(&m.attributes, attribute),
        }),
        observations: each(&s.observations, |o| clinical::Observation {
            code: each(&o.code, coding),
            value: observed(&o.value),
            components: each(&o.components, |part| clinical::Component {
                code: each(&part.code, coding),
                value: observed(&part.value),
            }),
            effective: o.effective.map(Instant::micros),
            attributes: each(&o.attributes, attribute),
        }),
        omissions: each(&s.omissions, |o| clinical::Omission {
            section: match o.section {
                domain::Section::Conditions => clinical::Section::Conditions,
                domain::Section::Allergies => clinical::Section::Allergies,
                domain::Section::Medications => clinical::Section::Medications,
                domain::Section::Observations => clinical::Section::Observations,
            },
            reason: match o.reason {
                domain::OmissionReason::NotDeclared => clinical::OmissionReason::NotDeclared,
                domain::OmissionReason::Consent => clinical::OmissionReason::Consent,
                domain::OmissionReason::Compartment => clinical::OmissionReason::Compartment,
                domain::OmissionReason::Truncated => clinical::OmissionReason::Truncated,
            },
        }),
        attributes: each(&s.attributes, attribute),
    }
}

fn observed(value: &domain::ObservationValue) -> clinical::ObservationValue {
    match value {
        domain::ObservationValue::Quantity(v) => clinical::ObservationValue::Quantity(quantity(v)),
        domain::ObservationValue::Coded(v) => clinical::ObservationValue::Coded(each(v, coding)),
        domain::ObservationValue::Text(v) => clinical::ObservationValue::Text(v.clone()),
        domain::ObservationValue::Boolean(v) => clinical::ObservationValue::Boolean(*v),
        domain::ObservationValue::Integer(v) => clinical::ObservationValue::Integer(*v),
        domain::ObservationValue::Absent => clinical::ObservationValue::Absent,
    }
}

// --- and back ------------------------------------------------------------------------

fn verdict(verdict: prescribing::Verdict) -> review::Verdict {
    let all = |findings: Vec<prescribing::Finding>| findings.into_iter().map(finding).collect();
    match verdict {
        prescribing::Verdict::Allow => review::Verdict::Allow,
        prescribing::Verdict::Warn(findings) => review::Verdict::Warn(all(findings)),
        prescribing::Verdict::Veto(findings) => review::Verdict::Veto(all(findings)),
    }
}

fn error(e: prescribing::Error) -> ReviewError {
    match e {
        prescribing::Error::MissingData(words) => ReviewError::MissingData(text(words)),
        prescribing::Error::NotUnderstood(what) => ReviewError::NotUnderstood(what),
        prescribing::Error::Other(what) => ReviewError::Other(what),
    }
}

fn text(text: types::LocalizedText) -> LocalizedText {
    LocalizedText(text.into_iter().map(|t| Translation { language: t.language, text: t.text }).collect())
}

fn finding(f: prescribing::Finding) -> review::Finding {
    let types::Citation { title, section, year, url } = f.citation;
    review::Finding {
        code: f.code,
        severity: match f.severity {
            prescribing::Severity::Info => review::Severity::Info,
            prescribing::Severity::Warning => review::Severity::Warning,
            prescribing::Severity::Critical => review::Severity::Critical,
        },
        message: text(f.message),
        suggestion: text(f.suggestion),
        lines: f.lines,
        citation: Citation { title, section, year, url },
        // The rule writes none; the answers are compared with the plugin's own.
        attributes: Vec::new(),
    }
}
