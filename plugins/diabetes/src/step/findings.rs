//! What follows from the findings of eyes and feet: codes of the laboratory or of the device, or what staff recorded when
//! the examination took place.

use xinglin_sdk::{
    clinical::Observation,
    follow_up::{RequestReport, Role, Severity},
    time::Instant,
    types::{Coding, Codings as _, system, zh_en},
};

use super::{
    DAY, Step,
    request::{Asked, EYES, FEET, in_person},
    yearly::{Check, FOOT, RETINA},
};
use crate::{
    definition::CODES,
    numbers::{
        EYES_DAYS, EYES_URGENT_DAYS, FEET_DAYS, FEET_HIGH_DAYS, FEET_LOW_DAYS, FEET_MODERATE_DAYS, FEET_ULCER_DAYS,
        YEARLY_DAYS,
    },
    sources::Source,
};

/// What was found of a retina, the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Retina {
    /// None.
    Well,
    /// Mild: watched.
    Mild,
    /// Moderate, or of unknown severity, or macular oedema.
    Moderate,
    /// Severe or proliferative.
    Severe,
}

/// What was found of the feet, by the categories of risk of the IWGDF, the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Feet {
    /// Category 0.
    Well,
    /// Category 1.
    Low,
    /// Category 2.
    Moderate,
    /// Category 3.
    High,
    /// An ulcer.
    Ulcer,
}

/// LOINC answers, SNOMED CT findings, ICD-10, and the codes of this pathway.
const RETINA_FINDINGS: [(&str, &str, Retina); 16] = [
    (system::LOINC, "LA18643-9", Retina::Well),
    (system::LOINC, "LA18644-7", Retina::Mild),
    (system::LOINC, "LA18645-4", Retina::Moderate),
    (system::LOINC, "LA18646-2", Retina::Severe),
    (system::LOINC, "LA18648-8", Retina::Severe),
    (system::SNOMED, "312903003", Retina::Mild),
    (system::SNOMED, "312904009", Retina::Moderate),
    (system::SNOMED, "4855003", Retina::Moderate),
    (system::SNOMED, "312912001", Retina::Moderate),
    (system::SNOMED, "312905005", Retina::Severe),
    (system::SNOMED, "399876000", Retina::Severe),
    (system::SNOMED, "59276001", Retina::Severe),
    (CODES, "retina-normal", Retina::Well),
    (CODES, "retina-mild", Retina::Mild),
    (CODES, "retina-moderate", Retina::Moderate),
    (CODES, "retina-severe", Retina::Severe),
];
const FEET_FINDINGS: [(&str, &str, Feet); 6] = [
    (CODES, "foot-risk-0", Feet::Well),
    (CODES, "foot-risk-1", Feet::Low),
    (CODES, "foot-risk-2", Feet::Moderate),
    (CODES, "foot-risk-3", Feet::High),
    (CODES, "foot-ulcer", Feet::Ulcer),
    (system::SNOMED, "371087003", Feet::Ulcer),
];
/// ICD-10 diagnoses that are findings: eye, nerve, vessels, ulcer.
const RETINA_ICD10: [(&str, Retina); 2] = [("E11.3", Retina::Moderate), ("H36.0", Retina::Moderate)];
const FEET_ICD10: [(&str, Feet); 3] = [("E11.4", Feet::Low), ("E11.5", Feet::Low), ("L97", Feet::Ulcer)];

/// The gravest of what is known of these codes.
fn gravest<T: Copy + Ord>(codes: &[Coding], known: &[(&str, &str, T)], icd10: &[(&str, T)]) -> Option<T> {
    let found = known.iter().filter(|(system, code, _)| codes.has(system, code)).map(|(.., finding)| *finding);
    let diagnosed = icd10.iter().filter(|(prefix, _)| codes.has_under(system::ICD10, prefix));
    found.chain(diagnosed.map(|(_, finding)| *finding)).max()
}

impl Step<'_> {
    /// A grading of one eye, or of both.
    pub(super) fn retina_came(&mut self, codes: &[Coding], observation: &Observation) {
        let found = gravest(codes, &RETINA_FINDINGS, &RETINA_ICD10);
        self.retina(found, observation.effective.unwrap_or(self.now));
    }

    /// An examination took place, and staff recorded what was found.
    pub(super) fn examined(&mut self, check: &Check, report: &RequestReport) {
        if check.task == RETINA.task {
            self.retina(gravest(&report.outcome, &RETINA_FINDINGS, &RETINA_ICD10), report.at);
        } else {
            self.feet(gravest(&report.outcome, &FEET_FINDINGS, &FEET_ICD10), report.at);
        }
    }

    fn retina(&mut self, found: Option<Retina>, at: Instant) {
        self.check_done(RETINA, at, YEARLY_DAYS);
        match found {
            Some(Retina::Severe) => {
                self.alert(
                    ("RETINOPATHY_SEVERE", Severity::Warning, Role::Doctor, DAY),
                    zh_en(
                        "眼底:重度或增殖期视网膜病变,已转眼科,请跟进。",
                        "Severe or proliferative retinopathy: referred to an ophthalmologist, please see to it.",
                    ),
                    Source::Eyes,
                );
                self.refer_eyes(true);
            }
            Some(Retina::Moderate) => {
                self.note(zh_en(
                    "眼底:中度视网膜病变或黄斑水肿,已转眼科。",
                    "Moderate retinopathy or macular oedema: referred to an ophthalmologist.",
                ));
                self.refer_eyes(false);
            }
            Some(Retina::Mild) => self.note(zh_en(
                "眼底:轻度非增殖期视网膜病变,控制血糖、血压、血脂,每年复查。",
                "Retina: mild non-proliferative retinopathy; control glucose, pressure and lipids, examined yearly.",
            )),
            Some(Retina::Well) => {}
            None => self.note_without_finding(RETINA),
        }
    }

    fn feet(&mut self, found: Option<Feet>, at: Instant) {
        let again = match found {
            Some(Feet::Low) => FEET_LOW_DAYS,
            Some(Feet::Moderate) => FEET_MODERATE_DAYS,
            Some(Feet::High | Feet::Ulcer) => FEET_HIGH_DAYS,
            Some(Feet::Well) | None => YEARLY_DAYS,
        };
        self.check_done(FOOT, at, again);
        match found {
            Some(Feet::Ulcer) => {
                self.critical(
                    "FOOT_ULCER",
                    zh_en(
                        "足部溃疡:已转足病专科,请立即跟进。",
                        "An ulcer of the foot: referred to a foot clinic, see to it at once.",
                    ),
                    Source::Feet,
                );
                self.refer_feet(true);
            }
            Some(Feet::Low | Feet::Moderate | Feet::High) => {
                self.note(zh_en(
                    "足部有溃疡风险,已转足病专科。",
                    "A foot at risk of an ulcer: referred to a foot clinic.",
                ));
                self.refer_feet(false);
            }
            Some(Feet::Well) => {}
            None => self.note_without_finding(FOOT),
        }
    }

    /// Without a code of a finding no rule knows what was found.
    fn note_without_finding(&mut self, check: &Check) {
        let name = check.title();
        let text = |language: usize| name.get(language).map_or("", |name| name.text.as_str());
        self.note(zh_en(
            format!("{}已完成,未登记编码结论:请阅读结果并决定是否转诊。", text(0)),
            format!("{}: done, without a coded finding. Please read it, and decide on a referral.", text(1)),
        ));
    }

    /// A mild finding does not make an urgent referral less urgent.
    fn remember(&mut self, code: &str, urgent: bool) {
        if urgent {
            self.memory.urgent.insert(code.to_owned());
        }
    }

    /// `urgent`: severe or proliferative.
    pub(super) fn refer_eyes(&mut self, urgent: bool) {
        self.remember(EYES, urgent);
        let within = if urgent { EYES_URGENT_DAYS } else { EYES_DAYS };
        self.refer(Asked::offline(EYES, in_person(), within, Source::Eyes).to("ophthalmology", "眼科"));
    }

    /// `ulcer`: one is there now.
    pub(super) fn refer_feet(&mut self, ulcer: bool) {
        self.remember(FEET, ulcer);
        let within = if ulcer { FEET_ULCER_DAYS } else { FEET_DAYS };
        self.refer(Asked::offline(FEET, in_person(), within, Source::Feet).to("foot-care", "足病科"));
    }
}
