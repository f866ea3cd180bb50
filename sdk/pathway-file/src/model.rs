//! What a pathway consists of. What is optional here and missing in a file is often a finding of the
//! checks, not a mistake of the file's form: so it can be named.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{condition::Condition, known, number::Number};

/// A pathway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pathway {
    /// Id of the plugin: publisher and pathway, `acme.gout`.
    pub id: String,
    /// semver.
    pub version: String,
    /// The responsible publisher.
    pub publisher: String,
    /// SPDX expression, or the name of a contract.
    pub licence: String,
    /// For display.
    pub title: Text,
    /// Purpose.
    #[serde(default)]
    pub description: Text,
    /// `hiv` or `mental-health`.
    #[serde(default)]
    pub compartment: Option<String>,
    /// Diagnoses that make a patient a candidate, at or below these codes.
    pub conditions: Vec<Code>,
    /// Who may be enrolled.
    #[serde(default)]
    pub enrolment: Enrolment,
    /// Of every rule that does not say it itself: to whom an alert climbs that nobody takes up.
    #[serde(default)]
    pub escalate: Option<String>,
    /// What the rules rest on.
    #[serde(default)]
    pub sources: BTreeMap<String, Source>,
    /// What is measured.
    #[serde(default)]
    pub measures: Vec<Measure>,
    /// What is asked.
    #[serde(default)]
    pub questionnaires: Vec<Questionnaire>,
    /// Rules of every stage.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// In their usual order; the first is the stage of enrolment.
    pub stages: Vec<Stage>,
}

/// A text in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Chinese.
    #[serde(rename = "zh-CN", default)]
    pub zh: Option<String>,
    /// English.
    #[serde(default)]
    pub en: Option<String>,
}

/// A code of a terminology.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// `icd-10`, `snomed`, `atc`, `rxnorm`, or a URI.
    pub system: String,
    /// The code.
    pub code: String,
}

/// A guideline, standard or decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Title.
    pub title: String,
    /// Year of the edition.
    pub year: u16,
    /// DOI or URL.
    #[serde(default)]
    pub url: Option<String>,
    /// Whether a specialist must still review what rests on it.
    #[serde(default)]
    pub review: bool,
}

/// Where a number comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Citation {
    /// Key of a source of the file.
    pub source: String,
    /// Section, table or page.
    #[serde(default)]
    pub section: Option<String>,
}

/// Who may be enrolled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// Completed years.
    #[serde(default)]
    pub min_age: Option<u32>,
    /// Completed years.
    #[serde(default)]
    pub max_age: Option<u32>,
    /// Where the ages, and that a diagnosis is needed, come from.
    #[serde(default)]
    pub citation: Option<Citation>,
    /// Not for this pathway.
    #[serde(default)]
    pub refuse: Vec<Exclusion>,
    /// To a consulting room first.
    #[serde(default)]
    pub offline: Vec<Exclusion>,
}

/// Why a patient is not enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclusion {
    /// Upper snake case.
    pub code: String,
    /// When.
    #[serde(rename = "if")]
    pub condition: Condition,
    /// For display.
    pub message: Text,
    /// Source.
    #[serde(default)]
    pub citation: Option<Citation>,
}

/// Something that is measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// LOINC.
    pub code: String,
    /// For display.
    pub title: Text,
    /// UCUM; thresholds without another unit are in it.
    pub unit: String,
    /// Other LOINC codes of the same.
    #[serde(default)]
    pub also: Vec<String>,
    /// LOINC codes of panels that it is a part of.
    #[serde(default)]
    pub panels: Vec<String>,
    /// Other units, beside those that the SDK knows.
    #[serde(default)]
    pub convert: Vec<Conversion>,
}

/// One of this unit is `factor` of the measure's, plus `offset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversion {
    /// UCUM.
    pub unit: String,
    /// Factor, as text: `'59.48'`.
    pub factor: Number,
    /// Offset, as text.
    #[serde(default)]
    pub offset: Option<Number>,
    /// Source.
    #[serde(default)]
    pub citation: Option<Citation>,
}

/// A set of questions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Questionnaire {
    /// Lower case with hyphens.
    pub code: String,
    /// For display.
    pub title: Text,
    /// The questions, in order.
    pub questions: Vec<Question>,
    /// Licence or source of the wording.
    #[serde(default)]
    pub citation: Option<Citation>,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Unique in the questionnaire.
    pub code: String,
    /// For display.
    pub text: Text,
    /// What the answer is.
    pub kind: Kind,
    /// Unit of a quantity (UCUM).
    #[serde(default)]
    pub unit: Option<String>,
    /// Of a choice.
    #[serde(default)]
    pub choices: Vec<Choice>,
    /// Whether it must be answered.
    #[serde(default)]
    pub required: bool,
    /// LOINC code of a measure that the answer is recorded as.
    #[serde(default)]
    pub records_as: Option<String>,
    /// Least plausible number, as text.
    #[serde(default)]
    pub least: Option<Number>,
    /// Greatest plausible number, as text.
    #[serde(default)]
    pub most: Option<Number>,
}

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the contract's")]
pub enum Kind {
    Boolean,
    Integer,
    Text,
    Quantity,
    Choice,
}

/// One of several answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Unique in the question.
    pub code: String,
    /// For display.
    pub title: Text,
}

/// Who does or owns something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the contract's")]
pub enum Role {
    Patient,
    Guardian,
    Doctor,
    Pharmacist,
    Nurse,
    HealthManager,
    Assistant,
    Dietitian,
    Counsellor,
    Psychotherapist,
    PublicHealthDoctor,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the contract's")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

/// A phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Lower case with hyphens.
    pub code: String,
    /// For display.
    pub title: Text,
    /// What must be true of who comes in; of the first stage, of who is enrolled.
    #[serde(default)]
    pub entry: Option<Condition>,
    /// What is done when.
    #[serde(default)]
    pub tasks: Vec<Task>,
    /// What is looked for.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// How it ends, in order: the first that is true counts.
    #[serde(default)]
    pub exit: Vec<Exit>,
}

/// Something to do, once or again and again, counted in days from the beginning of the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Lower case with hyphens; unique in the pathway.
    pub code: String,
    /// For display.
    pub title: Text,
    /// Who does it.
    #[serde(default)]
    pub actor: Option<Role>,
    /// Again and again.
    #[serde(default)]
    pub every_days: Option<u32>,
    /// At these days, rising.
    #[serde(default)]
    pub at_days: Vec<u32>,
    /// How many days late it still counts.
    #[serde(default)]
    pub window_days: Option<u16>,
    /// Questionnaire that the patient answers then; the answer does the task.
    #[serde(default)]
    pub ask: Option<String>,
    /// LOINC codes that are requested then; a result of one of them does the task.
    #[serde(default)]
    pub lab: Vec<String>,
    /// Text that the patient gets then. It may be shown on a lock screen.
    #[serde(default)]
    pub patient: Option<Text>,
    /// Source of the interval.
    #[serde(default)]
    pub citation: Option<Citation>,
}

/// What is looked for, and what is then asked of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Upper snake case: the code of the alert.
    pub code: String,
    /// When.
    #[serde(rename = "if")]
    pub condition: Condition,
    /// How bad it is.
    #[serde(default)]
    pub severity: Option<Severity>,
    /// Codes of [`Action`]s. Others are a finding of the checks.
    pub action: Vec<String>,
    /// Who must look.
    #[serde(default)]
    pub actor: Option<Role>,
    /// Within so many minutes.
    #[serde(default)]
    pub sla_min: Option<u32>,
    /// To whom it climbs if nobody takes it up: `hospital`, its ladder.
    #[serde(default)]
    pub escalate: Option<String>,
    /// What staff read.
    #[serde(default)]
    pub message: Text,
    /// What the patient reads, of `message_patient`. It may be shown on a lock screen.
    #[serde(default)]
    pub patient: Option<Text>,
    /// Questionnaire of `ask`.
    #[serde(default)]
    pub ask: Option<String>,
    /// LOINC codes of `request_lab`.
    #[serde(default)]
    pub lab: Vec<String>,
    /// Of a referral: contact the patient again within so many days.
    #[serde(default)]
    pub recontact_days: Option<u16>,
    /// Source of the threshold.
    #[serde(default)]
    pub citation: Option<Citation>,
}

/// How a stage ends: in another one, or with the pathway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exit {
    /// Stage.
    #[serde(default)]
    pub to: Option<String>,
    /// Code of the reason, upper snake case.
    #[serde(default)]
    pub close: Option<String>,
    /// When.
    #[serde(rename = "if")]
    pub condition: Condition,
    /// Why, of `close`.
    #[serde(default)]
    pub message: Text,
    /// Source.
    #[serde(default)]
    pub citation: Option<Citation>,
}

/// What a rule may ask of the host. There is none that prescribes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Raise an alert.
    Alert,
    /// No online prescription until a doctor lifts it.
    StopOnline,
    /// No online prescription until this pathway lifts it.
    PauseOnline,
    /// Lift what `pause_online` asked for.
    ResumeOnline,
    /// To a consulting room.
    ReferOffline,
    /// To an emergency department, or 120.
    ReferEmergency,
    /// To a team of several disciplines.
    ReferTeam,
    /// A draft of a note, which a doctor writes anew.
    Note,
    /// A text to the patient.
    MessagePatient,
    /// A questionnaire to the patient.
    Ask,
    /// Laboratory tests, which a doctor orders.
    RequestLab,
}

impl Action {
    /// All, by code.
    pub const ALL: [(&'static str, Self); 11] = [
        ("alert", Self::Alert),
        ("stop_online", Self::StopOnline),
        ("pause_online", Self::PauseOnline),
        ("resume_online", Self::ResumeOnline),
        ("refer_offline", Self::ReferOffline),
        ("refer_emergency", Self::ReferEmergency),
        ("refer_team", Self::ReferTeam),
        ("note", Self::Note),
        ("message_patient", Self::MessagePatient),
        ("ask", Self::Ask),
        ("request_lab", Self::RequestLab),
    ];

    /// By its code.
    pub fn of(code: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == code).map(|(_, action)| *action)
    }
}

impl Rule {
    /// What it asks for; unknown actions are left out.
    pub fn actions(&self) -> impl Iterator<Item = Action> {
        self.action.iter().filter_map(|code| Action::of(code))
    }

    /// Whether it asks for this.
    pub fn does(&self, action: Action) -> bool {
        self.actions().any(|known| known == action)
    }
}

impl Measure {
    /// Whether values with this code are its.
    pub fn is(&self, code: &str) -> bool {
        self.code == code || self.also.iter().any(|also| also == code)
    }

    /// A value in the unit of the measure; `None` if the unit is not one of it. Of a difference, only
    /// the factor counts.
    pub fn own(&self, value: Number, unit: &str, difference: bool) -> Option<Number> {
        if unit == self.unit {
            return Some(value);
        }
        if let Some(conversion) = self.convert.iter().find(|conversion| conversion.unit == unit) {
            let product = value.times(conversion.factor)?;
            return match conversion.offset.filter(|_| !difference) {
                Some(offset) => product.plus(offset),
                None => Some(product),
            };
        }
        let known = known::known(&self.code).filter(|known| known.unit == self.unit)?;
        let (_, factor) = known.others.iter().find(|(other, _)| *other == unit)?;
        value.times(factor.parse().ok()?)
    }
}

impl Pathway {
    /// The measure that values with this code belong to.
    pub fn measure(&self, code: &str) -> Option<&Measure> {
        self.measures.iter().find(|measure| measure.is(code))
    }

    /// A questionnaire.
    pub fn questionnaire(&self, code: &str) -> Option<&Questionnaire> {
        self.questionnaires.iter().find(|questionnaire| questionnaire.code == code)
    }

    /// A question.
    pub fn question(&self, questionnaire: &str, item: &str) -> Option<&Question> {
        self.questionnaire(questionnaire)?.questions.iter().find(|question| question.code == item)
    }

    /// A stage.
    pub fn stage(&self, code: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.code == code)
    }

    /// The part of the id after the publisher.
    pub fn code(&self) -> &str {
        self.id.split_once('.').map_or(self.id.as_str(), |(_, code)| code)
    }

    /// All conditions, each with its path in the file and its stage.
    pub fn all_conditions(&self) -> Vec<(String, Option<usize>, &Condition)> {
        let mut all = Vec::new();
        for (list, exclusions) in [("refuse", &self.enrolment.refuse), ("offline", &self.enrolment.offline)] {
            for (index, exclusion) in exclusions.iter().enumerate() {
                all.push((format!("enrolment.{list}[{index}].if"), None, &exclusion.condition));
            }
        }
        for (index, rule) in self.rules.iter().enumerate() {
            all.push((format!("rules[{index}].if"), None, &rule.condition));
        }
        for (at, stage) in self.stages.iter().enumerate() {
            if let Some(entry) = &stage.entry {
                all.push((format!("stages[{at}].entry"), Some(at), entry));
            }
            for (index, rule) in stage.rules.iter().enumerate() {
                all.push((format!("stages[{at}].rules[{index}].if"), Some(at), &rule.condition));
            }
            for (index, exit) in stage.exit.iter().enumerate() {
                all.push((format!("stages[{at}].exit[{index}].if"), Some(at), &exit.condition));
            }
        }
        all
    }

    /// Whether a condition looks at medicines: then the snapshot must have them.
    pub fn needs_medications(&self) -> bool {
        use crate::condition::Term;
        self.all_conditions()
            .iter()
            .any(|(_, _, condition)| condition.expression.terms().any(|term| matches!(term, Term::Medication { .. })))
    }

    /// LOINC codes of all observations that it must see.
    pub fn codes(&self) -> Vec<&str> {
        let mut codes: Vec<&str> = Vec::new();
        let measured = self.measures.iter().flat_map(|measure| {
            std::iter::once(&measure.code).chain(&measure.also).chain(&measure.panels).map(String::as_str)
        });
        for code in measured {
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        codes
    }
}

/// The URI of a code system that a file names shortly.
pub fn system(short: &str) -> &str {
    match short {
        "icd-10" => "http://hl7.org/fhir/sid/icd-10",
        "snomed" => "http://snomed.info/sct",
        "atc" => "http://www.whocc.no/atc",
        "rxnorm" => "http://www.nlm.nih.gov/research/umls/rxnorm",
        "loinc" => "http://loinc.org",
        other => other,
    }
}
