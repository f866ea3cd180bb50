//! Restricted compartments: parts of a record that access to the rest of the record does not
//! include.
//!
//! Compartments are determined from codes, FHIR security labels and free text. In doubt an entry
//! is restricted: wrong withholding can be corrected, wrong disclosure cannot.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::coding::system;

/// A restricted part of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compartment {
    /// HIV: infection, tests, prophylaxis, medicines (艾滋病防治条例 art. 39).
    Hiv,
    /// Mental health, addiction and self-harm (精神卫生法 art. 23).
    MentalHealth,
}

/// The text is not the name of a compartment.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a compartment: hiv or mental-health")]
pub struct UnknownCompartment(pub String);

impl Compartment {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Hiv, Self::MentalHealth];

    /// The name in the API and the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hiv => "hiv",
            Self::MentalHealth => "mental-health",
        }
    }

    /// Its security label in `meta.security`, a code of `v3-ActCode`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Hiv => "HIV",
            Self::MentalHealth => "MH",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Compartment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Compartment {
    type Err = UnknownCompartment;

    fn from_str(text: &str) -> Result<Self, UnknownCompartment> {
        let known = Self::ALL.into_iter().find(|compartment| compartment.as_str() == text);
        known.ok_or_else(|| UnknownCompartment(text.chars().take(64).collect()))
    }
}

/// A set of compartments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Compartments(u8);

impl Compartments {
    /// The empty set: unrestricted.
    pub const NONE: Self = Self(0);
    /// All compartments.
    pub const ALL: Self = Self((1 << Compartment::ALL.len()) - 1);

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the set contains it.
    pub const fn contains(self, one: Compartment) -> bool {
        self.0 & one.bit() != 0
    }

    /// The union.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The intersection.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether all of these are in the other set.
    pub const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Iterates over the set.
    pub fn iter(self) -> impl Iterator<Item = Compartment> {
        Compartment::ALL.into_iter().filter(move |one| self.contains(*one))
    }

    /// The compartments of a document: a FHIR resource, or any JSON with codings and texts.
    pub fn of(document: &Value) -> Self {
        match document {
            Value::String(text) => of_words(text),
            Value::Array(items) => items.iter().map(Self::of).collect(),
            Value::Object(fields) => {
                let text = |name: &str| fields.get(name).and_then(Value::as_str);
                let coded = text("code").map_or(Self::NONE, |code| Self::of_code(text("system"), code));
                // Base64 is skipped: no text in it.
                fields
                    .iter()
                    .filter(|(name, _)| *name != "data")
                    .map(|(_, value)| Self::of(value))
                    .collect::<Self>()
                    .or(coded)
            }
            _ => Self::NONE,
        }
    }

    /// The compartments of a code. If the system is unknown or absent, all tables are searched.
    pub fn of_code(system: Option<&str>, code: &str) -> Self {
        const NOT_CLINICAL: [&str; 3] =
            ["http://terminology.hl7.org/", "http://unitsofmeasure.org", "http://hl7.org/fhir/"];
        match system.unwrap_or_default() {
            ACT_CODE => of_act(code),
            CONFIDENTIALITY => {
                if matches!(code, "R" | "V") {
                    Self::ALL
                } else {
                    Self::NONE
                }
            }
            system::LOINC => of_loinc(code),
            system::SNOMED => of_snomed(code),
            system::ATC => of_atc(code),
            name if name.to_ascii_lowercase().contains("icd") => of_icd(code),
            name if NOT_CLINICAL.iter().any(|prefix| name.starts_with(prefix)) => Self::NONE,
            // NHSA drug codes are in no system that all hospitals call the same.
            _ => of_icd(code).or(of_loinc(code)).or(of_snomed(code)).or(of_atc(code)).or(of_nhsa(code)),
        }
    }
}

impl From<Compartment> for Compartments {
    fn from(one: Compartment) -> Self {
        Self(one.bit())
    }
}

impl FromIterator<Compartment> for Compartments {
    fn from_iter<I: IntoIterator<Item = Compartment>>(all: I) -> Self {
        all.into_iter().map(Self::from).collect()
    }
}

impl FromIterator<Self> for Compartments {
    fn from_iter<I: IntoIterator<Item = Self>>(all: I) -> Self {
        all.into_iter().fold(Self::NONE, Self::or)
    }
}

const HIV: Compartments = Compartments(Compartment::Hiv.bit());
const MENTAL: Compartments = Compartments(Compartment::MentalHealth.bit());

/// The code system of security labels in `meta.security`.
pub const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";

/// Adds the security labels of these compartments to a resource's `meta.security`.
pub fn mark(resource: &mut Value, compartments: Compartments) {
    for compartment in compartments.iter() {
        let label = serde_json::json!({ "system": ACT_CODE, "code": compartment.label() });
        let Some(resource) = resource.as_object_mut() else { return };
        let meta = resource.entry("meta").or_insert_with(|| serde_json::json!({}));
        let Some(meta) = meta.as_object_mut() else { return };
        let labels = meta.entry("security").or_insert_with(|| serde_json::json!([]));
        if let Some(labels) = labels.as_array_mut()
            && !labels.contains(&label)
        {
            labels.push(label);
        }
    }
}

fn of_act(code: &str) -> Compartments {
    match code {
        "HIV" => HIV,
        "MH" | "PSY" | "PSYTHPN" | "BH" | "SUD" | "ETH" | "ETHUD" | "OPIOIDUD" => MENTAL,
        // Sensitive, without a compartment of its own: treated as all.
        "SDV" | "SEX" | "STD" | "TBOO" | "VIO" => Compartments::ALL,
        _ => Compartments::NONE,
    }
}

/// ICD-10 with its national editions, and the stems of ICD-11.
fn of_icd(code: &str) -> Compartments {
    const HIV_CODES: [&str; 14] =
        ["B20", "B21", "B22", "B23", "B24", "Z21", "Z20.6", "Z11.4", "Z71.7", "R75", "O98.7", "F02.4", "Z29.81", "1C6"];
    const MENTAL_CODES: [&str; 11] =
        ["Z91.5", "R45.8", "Z86.5", "Z13.3", "T14.91", "Z81.8", "Z50.2", "Z50.3", "Z71.4", "Z71.5", "MB23"];
    let code = code.to_ascii_uppercase();
    let begins =
        |stems: &[&str]| stems.iter().any(|stem| code.starts_with(stem) || code.starts_with(&stem.replace('.', "")));
    let number = |letter: char| {
        let rest = code.strip_prefix(letter)?;
        rest.get(..2)?.parse::<u8>().ok()
    };
    let hiv = if begins(&HIV_CODES) { HIV } else { Compartments::NONE };
    let harm = number('X').is_some_and(|block| (60..=84).contains(&block));
    // Chapter 06 of ICD-11 begins with `6A` to `6E`.
    let eleven = code.starts_with('6') && code.as_bytes().get(1).is_some_and(|second| (b'A'..=b'E').contains(second));
    let mental = number('F').is_some() || harm || eleven || begins(&MENTAL_CODES);
    if mental { hiv.or(MENTAL) } else { hiv }
}

fn of_loinc(code: &str) -> Compartments {
    match code {
        // Antigen, antibody, RNA, resistance; CD4 counts and ratios.
        "56888-1" | "20447-9" | "24467-3" | "75622-1" | "7917-8" | "7918-6" | "7919-4" | "30361-0" | "29893-5"
        | "5220-9" | "5221-7" | "5222-5" | "5223-3" | "5224-1" | "5225-8" | "68961-2" | "48345-3" | "48346-1"
        | "43010-8" | "80387-4" | "89374-3" | "57975-5" | "62469-2" | "10351-5" | "10682-3" | "21333-0" | "23876-6"
        | "25835-0" | "25836-8" | "29327-4" | "29541-0" | "31201-7" | "33866-9" | "38998-1" | "40732-0" | "42768-2"
        | "45182-3" | "45268-0" | "49890-7" | "49905-3" | "58900-2" | "59419-2" | "70241-5" | "77685-6" | "8122-4"
        | "8123-2" | "32515-3" | "54218-3" | "9564-6" => HIV,
        // PHQ-9 and PHQ-2 with their items, GAD-7 with its items, C-SSRS with the items of its screener, EPDS, AUDIT,
        // DAST.
        "44249-1" | "44261-6" | "44260-8" | "44250-9" | "44251-7" | "44252-5" | "44253-3" | "44254-1" | "44255-8"
        | "44256-6" | "44257-4" | "44258-2" | "44259-0" | "69722-7" | "55757-9" | "55758-7" | "69737-5" | "70274-6"
        | "69725-0" | "68509-9" | "69733-4" | "69734-2" | "69735-9" | "69689-8" | "69736-7" | "93373-9" | "93374-7"
        | "93246-7" | "93247-5" | "93248-3" | "93249-1" | "93250-9" | "93267-3" | "93269-9" | "71354-5" | "75626-2"
        | "72109-2" | "82667-7" | "82666-9" | "89204-2" | "73831-0" | "73832-8" => MENTAL,
        _ => Compartments::NONE,
    }
}

fn of_snomed(code: &str) -> Compartments {
    match code {
        "86406008" | "62479008" | "165816005" | "165815009" | "91947003" | "91948008" | "171121004" | "313077009"
        | "444356002" | "19030005" | "315124004" | "40780007" | "79019005" | "48794007" | "398329009" | "432218001"
        | "722557007" | "713124000" => HIV,
        "35489007" | "36923009" | "370143000" | "197480006" | "58214004" | "13746004" | "74732009" | "6471006"
        | "82313006" | "47505003" | "48694002" | "191736004" | "73867007" | "69322001" | "7200002" | "66590003"
        | "193462001" | "171207006" | "454711000124102" | "715252007" | "21897009" | "78667006" | "192080009"
        | "267073005" | "55680006" | "5602001" | "6525002" | "361055000" | "225444004" | "248062006" | "401207004"
        | "287182007" | "430091005" | "225337009" | "310495003" | "15639000" | "832007" => MENTAL,
        _ => Compartments::NONE,
    }
}

fn of_atc(code: &str) -> Compartments {
    // Only for hepatitis B.
    const HEPATITIS: [&str; 4] = ["J05AF08", "J05AF10", "J05AF11", "J05AF12"];
    const HIV_CLASSES: [&str; 11] =
        ["J05AE", "J05AF", "J05AG", "J05AJ", "J05AR", "J05AX07", "J05AX09", "J05AX12", "J05AX23", "J05AX29", "J05AX31"];
    const MENTAL_CLASSES: [&str; 7] = ["N05A", "N05B", "N05C", "N06A", "N06C", "N07BB", "N07BC"];
    let code = code.to_ascii_uppercase();
    let begins = |classes: &[&str]| classes.iter().any(|class| code.starts_with(class));
    if begins(&HIV_CLASSES) && !begins(&HEPATITIS) {
        HIV
    } else if begins(&MENTAL_CLASSES) {
        MENTAL
    } else {
        Compartments::NONE
    }
}

/// Drug codes of the National Healthcare Security Administration (医保药品分类与代码): of western medicines
/// `X`, the ATC class to its fourth level, then numbers of its own, which do not tell more.
fn of_nhsa(code: &str) -> Compartments {
    // Other antivirals: enfuvirtide and others of HIV among them.
    const IN_DOUBT: &str = "J05AX";
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_uppercase();
    match code.strip_prefix('X').and_then(|rest| rest.get(..5)) {
        Some(IN_DOUBT) => HIV,
        Some(class) => of_atc(class),
        None => Compartments::NONE,
    }
}

/// Keywords in free text.
fn of_words(text: &str) -> Compartments {
    const HIV_WORDS: [&str; 31] = [
        "human immunodeficiency virus",
        "antiretroviral",
        "pre-exposure prophylaxis",
        "post-exposure prophylaxis",
        "efavirenz",
        "dolutegravir",
        "bictegravir",
        "raltegravir",
        "cabotegravir",
        "darunavir",
        "lopinavir",
        "atazanavir",
        "rilpivirine",
        "nevirapine",
        "zidovudine",
        "abacavir",
        "emtricitabine",
        "艾滋",
        "免疫缺陷病毒",
        "抗逆转录病毒",
        "暴露前预防",
        "暴露后预防",
        "依非韦伦",
        "多替拉韦",
        "比克替拉韦",
        "拉替拉韦",
        "艾考恩丙替",
        "利匹韦林",
        "奈韦拉平",
        "齐多夫定",
        "恩曲他滨",
    ];
    const MENTAL_WORDS: [&str; 25] = [
        "schizophren",
        "bipolar disorder",
        "bipolar affective",
        "suicid",
        "self-harm",
        "depressive disorder",
        "major depress",
        "anxiety disorder",
        "psychosis",
        "psychotic disorder",
        "psychotherap",
        "精神分裂",
        "精神障碍",
        "心理治疗",
        "心理咨询",
        "双相障碍",
        "双相情感",
        "抑郁症",
        "抑郁障碍",
        "焦虑症",
        "焦虑障碍",
        "自杀",
        "自伤",
        "自残",
        "戒毒",
    ];
    let lower = text.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let hiv = word(&lower, "hiv") || word(text, "AIDS") || says(&HIV_WORDS);
    let found = if hiv { HIV } else { Compartments::NONE };
    if says(&MENTAL_WORDS) { found.or(MENTAL) } else { found }
}

/// Whether it occurs as a whole word, as in `HIV-1`.
fn word(text: &str, wanted: &str) -> bool {
    text.match_indices(wanted).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + wanted.len()..].chars().next();
        [before, after].into_iter().flatten().all(|neighbour| !neighbour.is_ascii_alphabetic())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn of(document: &Value) -> Vec<&'static str> {
        Compartments::of(document).iter().map(Compartment::as_str).collect()
    }

    fn coded(system: &str, code: &str) -> Value {
        json!({ "resourceType": "Condition", "code": { "coding": [{ "system": system, "code": code }] } })
    }

    #[test]
    fn codes_tell() {
        for (system, code, wanted) in [
            (system::ICD10, "B20", "hiv"),
            (system::ICD10, "B24.x01", "hiv"),
            (system::ICD10, "Z206", "hiv"),
            ("http://hl7.org/fhir/sid/icd-10-cm", "Z21", "hiv"),
            ("urn:oid:2.16.156.10011.2.3.3.11", "B22.7", "hiv"),
            (system::LOINC, "20447-9", "hiv"),
            (system::LOINC, "56888-1", "hiv"),
            (system::SNOMED, "86406008", "hiv"),
            (system::ATC, "J05AR20", "hiv"),
            (system::ICD10, "F32.1", "mental-health"),
            (system::ICD10, "x70", "mental-health"),
            (system::LOINC, "44261-6", "mental-health"),
            (system::ATC, "N06AB06", "mental-health"),
            (ACT_CODE, "PSY", "mental-health"),
            ("http://id.who.int/icd/release/11/mms", "6A70", "mental-health"),
            (system::ATC, "j05ar20", "hiv"),
            ("urn:nhsa:drug", "XJ05ARL001A001010100001", "hiv"),
            ("urn:own", "xj05afd001a001010100001", "hiv"),
            ("urn:own", "XJ05AXE001A001010100001", "hiv"),
            ("urn:nhsa:drug", "XN06ABS001A001010100001", "mental-health"),
            ("urn:nhsa:drug", "XN05AHO001A001010100001", "mental-health"),
        ] {
            assert_eq!(of(&coded(system, code)), [wanted], "{system}|{code}");
        }
        for (system, code) in [
            (system::ICD10, "E11.9"),
            (system::ICD10, "Z20.8"),
            (system::LOINC, "4548-4"),
            (system::SNOMED, "44054006"),
            (system::ATC, "A10BA02"),
            (system::ATC, "J05AF10"),
            ("urn:nhsa:drug", "XA10BAE058A001010100483"),
            ("urn:nhsa:drug", "XJ05ABA001A001010100001"),
            ("urn:nhsa:drug", "ZA01AAX0001010100001"),
            ("urn:own", "X"),
            ("urn:own", "X药J05AR"),
            ("http://unitsofmeasure.org", "F32"),
            ("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "N"),
        ] {
            assert_eq!(of(&coded(system, code)), [""; 0], "{system}|{code}");
        }
    }

    #[test]
    fn it_does_not_matter_where_it_stands() {
        let hiv = json!({ "system": system::LOINC, "code": "20447-9" });
        for place in [
            json!({ "component": [{ "code": { "coding": [hiv.clone()] } }] }),
            json!({ "contained": [{ "resourceType": "Observation", "code": { "coding": [hiv.clone()] } }] }),
            json!({ "extension": [{ "url": "urn:x", "valueCoding": hiv }] }),
            json!({ "code": "20447-9" }),
            json!({ "code": { "text": "HIV-1 RNA 载量" } }),
            json!({ "text": { "div": "<div>hiv阳性</div>" } }),
            json!({ "note": [{ "text": "艾滋病" }] }),
            json!({ "basedOn": { "reference": "ServiceRequest/hiv-1" } }),
            json!({ "meta": { "security": [{ "system": ACT_CODE, "code": "HIV" }] } }),
        ] {
            assert_eq!(of(&place), ["hiv"], "{place}");
        }
        assert_eq!(of(&json!({ "note": [{ "text": "archive, shiver; ST depression" }] })), [""; 0]);
        let bare = json!({ "meta": { "security": [{ "system": CONFIDENTIALITY, "code": "R" }] } });
        assert_eq!(of(&bare), ["hiv", "mental-health"], "restricted, and nobody said why");
    }

    #[test]
    fn what_is_marked_falls_into_it() {
        let mut task = json!({ "resourceType": "Task", "code": { "text": "call" } });
        mark(&mut task, MENTAL);
        mark(&mut task, MENTAL);
        assert_eq!(task["meta"]["security"].as_array().map(Vec::len), Some(1));
        assert_eq!(of(&task), ["mental-health"]);
    }

    proptest! {
        /// Surrounding text never removes a compartment.
        #[test]
        fn nothing_hides_a_code(depth in 0_usize..6, noise in "[a-zA-Z0-9 ]{0,20}") {
            let mut document = coded(system::ICD10, "B20");
            for _ in 0..depth {
                document = json!({ "text": noise, "system": "http://loinc.org", "code": noise, "inner": [document, 1] });
            }
            prop_assert!(Compartments::of(&document).contains(Compartment::Hiv));
        }

        #[test]
        fn any_text_is_read(text in ".{0,80}") {
            Compartments::of(&Value::from(text));
        }
    }
}
