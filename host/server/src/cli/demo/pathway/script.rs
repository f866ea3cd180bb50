//! What the patients of the pathways answer, and what the laboratory finds.

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::cli::demo::visit::Plugin;

/// Which pathway is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// Type 2 diabetes: a critical glucose on the way.
    Diabetes,
    /// HIV: treatment that fails.
    Hiv,
    /// Depression: scales that fall, and two suicidal answers.
    MentalHealth,
}

/// A patient's half year.
pub struct Script {
    /// The pathway.
    pub plugin: Plugin,
    /// ICD-10 code of the diagnosis.
    pub disease: &'static str,
    /// Results that are known before: LOINC code, value, unit.
    pub before: &'static [(&'static str, &'static str, &'static str)],
    /// The medicine taken for it, for more than a year: its ATC code.
    pub medicine: Option<&'static str>,
    /// The answer to a question on a day; an ordinary one if none.
    pub answer: fn(i64, &str, &str) -> Option<Value>,
    /// What the laboratory finds on a day: value and unit.
    pub result: fn(i64, &str) -> Option<(&'static str, &'static str)>,
    /// What is found where the patient is referred, by the code of the referral: system and code.
    pub found: fn(&str) -> Option<(&'static str, &'static str)>,
    /// A suicidal answer: questionnaire, question, value.
    pub suicidal: Option<(&'static str, &'static str, Value)>,
}

const IDENTITY: Plugin =
    Plugin { file: "identity-check.wasm", id: "xinglin.identity-check", payer: None, compartment: None };
const DIABETES: Plugin = Plugin { file: "diabetes.wasm", id: "xinglin.diabetes", payer: None, compartment: None };
const HIV: Plugin = Plugin { file: "hiv.wasm", id: "xinglin.hiv", payer: None, compartment: Some("hiv") };
const MENTAL_HEALTH: Plugin =
    Plugin { file: "mental-health.wasm", id: "xinglin.mental-health", payer: None, compartment: Some("mental-health") };

impl Which {
    const fn plugin(self) -> Plugin {
        match self {
            Self::Diabetes => DIABETES,
            Self::Hiv => HIV,
            Self::MentalHealth => MENTAL_HEALTH,
        }
    }

    /// The plugins that it needs.
    pub const fn plugins(self) -> [Plugin; 2] {
        [self.plugin(), IDENTITY]
    }

    /// The patient's half year.
    pub fn script(self) -> Script {
        let plugin = self.plugin();
        match self {
            Self::Diabetes => Script {
                plugin,
                disease: "E11.9",
                before: &[("4548-4", "8.6", "%"), ("98979-8", "92", "mL/min/{1.73_m2}")],
                medicine: Some("A10BA02"),
                answer: diabetic,
                result: chemistry,
                found: examination,
                suicidal: None,
            },
            Self::Hiv => Script {
                plugin,
                disease: "B24",
                before: &[("20447-9", "40", "{copies}/mL"), ("24467-3", "310", "/uL")],
                medicine: Some("J05AR20"),
                answer: |_, _, link| {
                    let no_gap = json!({ "quantity": { "value": "0", "unit": "h" } });
                    (link == "gap-hours").then_some(no_gap)
                },
                result: virology,
                found: |_| None,
                suicidal: None,
            },
            Self::MentalHealth => Script {
                plugin,
                disease: "F32.1",
                before: &[],
                medicine: None,
                answer: |day, questionnaire, link| {
                    scale(questionnaire, link, if day < 40 { 2 } else { usize::from(day < 90) })
                },
                result: |_, _| None,
                found: |_| None,
                suicidal: Some(("phq-9", "phq-9", often(3))),
            },
        }
    }
}

/// An answer of how often, by rank.
fn often(rank: usize) -> Value {
    let codes = ["LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9"];
    json!({ "choice": { "system": "http://loinc.org", "code": codes[rank.min(3)] } })
}

/// Items of the scales at this rank; the one that asks about safety, and how difficult it all is, at none.
fn scale(questionnaire: &str, link: &str, rank: usize) -> Option<Value> {
    let item = ["phq-9", "gad-7"].contains(&questionnaire) && !["phq-9", "phq-10"].contains(&link);
    item.then(|| often(rank))
}

fn diabetic(day: i64, _: &str, link: &str) -> Option<Value> {
    let quantity = |value: &str, unit: &str| Some(json!({ "quantity": { "value": value, "unit": unit } }));
    match link {
        "glucose" if (50..60).contains(&day) => quantity("17.2", "mmol/L"),
        "glucose" if day < 30 => quantity("9.4", "mmol/L"),
        "glucose" => quantity("6.4", "mmol/L"),
        "hba1c" => quantity(if day < 60 { "8.6" } else { "6.8" }, "%"),
        "systolic" => quantity("128", "mm[Hg]"),
        "diastolic" => quantity("78", "mm[Hg]"),
        _ => None,
    }
}

fn chemistry(day: i64, code: &str) -> Option<(&'static str, &'static str)> {
    match code {
        "4548-4" => Some((if day < 80 { "7.6" } else { "6.8" }, "%")),
        "98979-8" => Some(("92", "mL/min/{1.73_m2}")),
        "9318-7" => Some(("18", "mg/g")),
        "14682-9" => Some(("66", "umol/L")),
        "22748-8" => Some(("2.1", "mmol/L")),
        _ => None,
    }
}

fn examination(code: &str) -> Option<(&'static str, &'static str)> {
    match code {
        "yearly-retina" => Some(("http://loinc.org", "LA18643-9")),
        "yearly-foot" => Some(("urn:xinglin:diabetes", "foot-risk-1")),
        _ => None,
    }
}

/// Suppressed at first, then a rise that is confirmed.
fn virology(day: i64, code: &str) -> Option<(&'static str, &'static str)> {
    match (code, day) {
        ("20447-9", ..=60) => Some(("40", "{copies}/mL")),
        ("20447-9", _) => Some(("480", "{copies}/mL")),
        ("24467-3", _) => Some(("420", "/uL")),
        ("14682-9", _) => Some(("72", "umol/L")),
        ("1742-6", _) => Some(("22", "U/L")),
        _ => None,
    }
}
