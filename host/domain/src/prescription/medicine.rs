//! Medicines of a prescription, and quantity limits (处方管理办法 art. 6 and 19,
//! 长期处方管理规范(试行) 2021).

use std::{collections::BTreeSet, sync::LazyLock};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    Forbidden, NegativeList, RxError,
    negative_list::InvalidList,
    product::{Lack, MedicineMark, Product},
};
use crate::{
    access::{Actor, Role, Title},
    clinical::Allergy,
    code::Code,
    coding::{Coding, Decimal, Quantity},
    payer::LineKind,
    review::{Line, Order},
    time::Instant,
};

/// Class of a medicine in the hospital's catalogue, as far as a rule depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrugClass {
    /// 疫苗.
    Vaccine,
    /// 血液制品.
    BloodProduct,
    /// 麻醉药品.
    Narcotic,
    /// 精神药品.
    Psychotropic,
    /// 医疗用毒性药品.
    Toxic,
    /// 放射性药品.
    Radioactive,
    /// 药品类易制毒化学品.
    Precursor,
    /// 医疗机构制剂.
    HospitalPreparation,
    /// 中药配方颗粒.
    TcmGranules,
    /// 中药饮片: on a separate prescription, without limit of number.
    TcmPieces,
    /// 中成药.
    ChinesePatent,
    /// 注射剂.
    Injection,
    /// 外用.
    Topical,
    /// 非注射剂: swallowed, inhaled or given in another way, where the title does not say it.
    NotInjected,
    /// Stored and shipped cold.
    ColdChain,
    /// 抗菌药物.
    Antimicrobial,
    /// 抗逆转录病毒药物.
    Antiretroviral,
    /// 蛋白同化制剂.
    Anabolic,
    /// 肽类激素.
    PeptideHormone,
}

/// The quantity to be dispensed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supply {
    /// Number of packs.
    pub packs: u32,
    /// Content of a pack, in the unit of the dose.
    pub pack: Quantity,
}

/// A line of a prescription: the part that checkers receive, and the fields that dispensing and
/// legal rules need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Medicine {
    /// The line, as checkers receive it.
    pub line: Line,
    /// The quantity to be dispensed.
    pub supply: Supply,
    /// The classes of the medicine.
    #[serde(default)]
    pub classes: BTreeSet<DrugClass>,
    /// The item of the formulary, by the hospital's code, by which it is priced: two items may have
    /// the same codes of others. Empty in prescriptions of releases that did not keep it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub item: String,
    /// The item's title when the line was written; empty as above.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
}

/// Conditions of a long-term prescription, confirmed by the doctor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongTerm {
    /// The patient's first long-term prescription for this disease.
    pub first: bool,
    /// The disease is stable.
    pub stable: bool,
    /// The patient was evaluated.
    pub evaluated: bool,
    /// The patient has signed.
    pub patient_signed: bool,
    /// Against tuberculosis, or a chronic bacterial or fungal infection.
    pub chronic_infection: bool,
}

/// The course of treatment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Course {
    /// At most seven days.
    Ordinary,
    /// Longer for a chronic disease, old age or another special reason.
    Extended {
        /// The reason.
        reason: String,
    },
    /// 长期处方.
    LongTerm(LongTerm),
}

/// Content of a prescription (处方正文).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheet {
    /// Diagnoses of the follow-up.
    pub diagnoses: Vec<Coding>,
    /// The course.
    pub course: Course,
    /// The medicines, in the order of writing.
    pub medicines: Vec<Medicine>,
}

impl Sheet {
    /// The order, as checkers receive it.
    pub fn order(&self) -> Order {
        Order {
            diagnoses: self.diagnoses.clone(),
            lines: self.medicines.iter().map(|m| m.line.clone()).collect(),
            long_term: matches!(self.course, Course::LongTerm(_)),
            attributes: Vec::new(),
        }
    }

    /// The codings of each medicine and of its ingredients.
    pub fn codes(&self) -> impl Iterator<Item = &[Coding]> {
        self.medicines.iter().flat_map(|medicine| [medicine.line.code.as_slice(), &medicine.line.ingredients])
    }

    /// The medicine of a line, by its number.
    pub fn medicine(&self, line: u32) -> Option<&Medicine> {
        self.medicines.iter().find(|m| m.line.number == line)
    }

    /// Whether a medicine on it needs a cold chain.
    pub fn needs_cold_chain(&self) -> bool {
        self.medicines.iter().any(|m| m.is(DrugClass::ColdChain))
    }

    /// Checks that the patient is allergic to no medicine on it.
    ///
    /// # Errors
    /// [`RxError::Allergy`].
    pub fn tolerated(&self, allergies: &[Allergy]) -> Result<(), RxError> {
        self.medicines.iter().try_for_each(|medicine| medicine.tolerated(allergies))
    }

    pub(super) fn next_number(&self) -> u32 {
        self.medicines.iter().map(|m| m.line.number).max().unwrap_or(0).saturating_add(1)
    }
}

/// What the authority of a province leaves to its hospitals; nothing is permitted by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocalRules {
    /// Medicines that need a cold chain (insulin) on long-term prescriptions (长期处方管理规范(试行)
    /// 2021 excludes medicines with special conditions of storage).
    pub ltp_allow_cold_chain: bool,
    /// Antiretrovirals on long-term prescriptions (the same rule excludes antimicrobials).
    pub ltp_allow_arv: bool,
    /// The hospital delivers from its own pharmacy, and the part of the negative list about network
    /// retail does not bind it. What the law forbids every hospital stays forbidden.
    pub own_delivery: bool,
}

impl LocalRules {
    /// Whether anything is permitted.
    pub fn permits_anything(self) -> bool {
        self != Self::default()
    }
}

/// The rules of a hospital. [`Rules::national`] are the legal defaults.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Maximum number of western and patent medicines on one prescription.
    pub max_medicines: usize,
    /// Maximum days of an ordinary prescription.
    pub ordinary_days: u16,
    /// Maximum days of one extended for a reason.
    pub extended_days: u16,
    /// Maximum days of a long-term prescription.
    pub long_term_days: u16,
    /// The same for a stable disease, with evaluation and the patient's signature.
    pub long_term_stable_days: u16,
    /// What the province permits.
    pub local: LocalRules,
    /// Medicines that must not be prescribed online.
    pub negative_list: &'static NegativeList,
}

/// Why an item must not be prescribed or sold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Barred {
    /// It is on a negative list.
    #[error(transparent)]
    Forbidden(#[from] Box<Forbidden>),
    /// It is a medicine that is not identified well enough to be looked up.
    #[error("{0}; a pharmacist classifies it first: POST /api/v1/formulary/classify")]
    Unclassified(Lack),
    /// It is a medicine and listed as something else.
    #[error("{0}, so its kind is `medicine`: it is sold on a prescription only")]
    Kind(MedicineMark),
    /// It may be a medicine and is listed as something else.
    #[error(
        "{0}: list it as a `medicine`, or a pharmacist says that it is none: POST /api/v1/formulary/classify, `no_medicine`"
    )]
    Doubtful(MedicineMark),
}

impl Barred {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Forbidden(_) => Code::RxForbiddenDrug,
            Self::Unclassified(_) => Code::RxDrugUnclassified,
            Self::Kind(_) | Self::Doubtful(_) => Code::FormularyKind,
        }
    }
}

impl Rules {
    /// The national rules.
    ///
    /// # Errors
    /// If the embedded list cannot be parsed.
    pub fn national() -> Result<Self, &'static InvalidList> {
        Self::with(LocalRules::default())
    }

    /// The national rules with what a province permits. The list is parsed once.
    ///
    /// # Errors
    /// If the embedded list cannot be parsed.
    pub fn with(local: LocalRules) -> Result<Self, &'static InvalidList> {
        static LIST: LazyLock<Result<NegativeList, InvalidList>> = LazyLock::new(NegativeList::national);
        Ok(Self {
            max_medicines: 5,
            ordinary_days: 7,
            extended_days: 30,
            long_term_days: 28,
            long_term_stable_days: 84,
            local,
            negative_list: LIST.as_ref()?,
        })
    }

    /// Checks that a product of the formulary may be prescribed, or sold without a prescription if
    /// it is no medicine.
    ///
    /// # Errors
    /// The first reason against it: the list, its kind, its identification.
    pub fn check_product(&self, product: &Product) -> Result<(), Barred> {
        if let Some(forbidden) = self.negative_list.forbids(product, self.local.own_delivery) {
            return Err(Box::new(forbidden).into());
        }
        if product.kind() == LineKind::Medicine {
            return product.lack().map_or(Ok(()), |lack| Err(Barred::Unclassified(lack)));
        }
        match product.medicine_mark(self.negative_list.substances()) {
            Some(mark) if mark.is_certain() => Err(Barred::Kind(mark)),
            Some(mark) => Err(Barred::Doubtful(mark)),
            None => Ok(()),
        }
    }

    /// Checks that every line is complete and allowed online, and their number.
    pub(super) fn check_lines(&self, sheet: &Sheet) -> Result<(), RxError> {
        let pieces = sheet.medicines.iter().filter(|m| m.is(DrugClass::TcmPieces)).count();
        if pieces != 0 && pieces != sheet.medicines.len() {
            return Err(RxError::Line {
                line: 0,
                what: "medicinal pieces (中药饮片) need a prescription of their own",
            });
        }
        if pieces == 0 && sheet.medicines.len() > self.max_medicines {
            return Err(RxError::TooManyItems(self.max_medicines));
        }
        for (i, medicine) in sheet.medicines.iter().enumerate() {
            medicine.check()?;
            if let Some(forbidden) = self.negative_list.forbids(&medicine.into(), self.local.own_delivery) {
                return Err(RxError::Barred { line: medicine.line.number, why: Box::new(forbidden).into() });
            }
            if let Some(other) = sheet.medicines.iter().take(i).find(|other| other.shares_substance(medicine)) {
                return Err(RxError::Duplicate { line: medicine.line.number, other: other.line.number });
            }
        }
        Ok(())
    }

    /// Checks that there is a line, and that duration and quantity are within the course.
    pub(super) fn check_course(&self, sheet: &Sheet, by: &Actor, at: Instant) -> Result<(), RxError> {
        if sheet.medicines.is_empty() {
            return Err(RxError::Line { line: 0, what: "there is nothing on it" });
        }
        let most = match &sheet.course {
            Course::Ordinary => self.ordinary_days,
            Course::Extended { reason } => {
                super::reason(reason.clone())?;
                self.extended_days
            }
            Course::LongTerm(terms) => {
                if terms.first && by.title(Role::Doctor, at) < Some(Title::Middle) {
                    return Err(RxError::LongTerm("a doctor of middle rank or above issues the first one"));
                }
                for medicine in &sheet.medicines {
                    self.check_long_term(medicine, *terms, sheet)?;
                }
                let settled = terms.stable && terms.evaluated && terms.patient_signed;
                if settled { self.long_term_stable_days } else { self.long_term_days }
            }
        };
        for medicine in &sheet.medicines {
            let line = medicine.line.number;
            if medicine.line.days > most {
                return Err(RxError::Quantity { line, what: "for more days than may be prescribed" });
            }
            if !medicine.supply_fits() {
                return Err(RxError::Quantity { line, what: "more packs than the treatment needs" });
            }
        }
        Ok(())
    }

    fn check_long_term(&self, medicine: &Medicine, terms: LongTerm, sheet: &Sheet) -> Result<(), RxError> {
        use DrugClass as C;
        let controlled = [C::Toxic, C::Radioactive, C::Precursor, C::Narcotic, C::Psychotropic];
        let antiretroviral = medicine.is_antiretroviral(sheet);
        let antimicrobial = medicine.is(C::Antimicrobial) || ["J01", "J02", "J04"].iter().any(|p| medicine.has_atc(p));
        if controlled.iter().any(|&class| medicine.is(class)) {
            Err(RxError::LongTerm("controlled medicines"))
        } else if antiretroviral && !self.local.ltp_allow_arv {
            Err(RxError::LongTerm("antiretrovirals"))
        } else if antimicrobial && !terms.chronic_infection {
            Err(RxError::LongTerm("antimicrobials"))
        } else if medicine.is(C::ColdChain) && !self.local.ltp_allow_cold_chain {
            Err(RxError::LongTerm("medicines that need special storage"))
        } else {
            Ok(())
        }
    }
}

impl Medicine {
    /// Whether the catalogue assigns the class.
    pub fn is(&self, class: DrugClass) -> bool {
        self.classes.contains(&class)
    }

    /// Codings of product and ingredients.
    pub fn codings(&self) -> impl Iterator<Item = &Coding> {
        self.line.code.iter().chain(&self.line.ingredients)
    }

    /// Whether the product or an ingredient is in this ATC group.
    pub fn has_atc(&self, prefix: &str) -> bool {
        self.codings().any(|c| in_atc(c, prefix))
    }

    /// Whether it is against HIV, by the hospital's class or ATC. Medicines that are labelled only
    /// for hepatitis B are not. Those that are labelled for both ([`DUAL`]) are not if the
    /// prescription is for chronic hepatitis B, not for HIV, and holds no other antiretroviral.
    fn is_antiretroviral(&self, sheet: &Sheet) -> bool {
        let begins = |medicine: &Self, groups: &[&str]| groups.iter().any(|group| medicine.has_atc(group));
        let only_hiv = |medicine: &Self| {
            let dual = begins(medicine, &DUAL) && !begins(medicine, &["J05AE", "J05AG", "J05AJ", "J05AR"]);
            medicine.is(DrugClass::Antiretroviral)
                || (begins(medicine, &ANTIRETROVIRALS) && !begins(medicine, &HEPATITIS_B) && !dual)
        };
        let diagnosed = |stems: &[&str]| {
            sheet
                .diagnoses
                .iter()
                .any(|coding| stems.iter().any(|stem| coding.code.to_ascii_uppercase().starts_with(stem)))
        };
        let hepatitis = diagnosed(&["B18.0", "B18.1"]) && !diagnosed(&["B20", "B21", "B22", "B23", "B24", "Z21"]);
        let for_hiv = !hepatitis || sheet.medicines.iter().any(only_hiv);
        only_hiv(self) || (for_hiv && begins(self, &DUAL))
    }

    fn shares_substance(&self, other: &Self) -> bool {
        self.codings().any(|mine| other.codings().any(|theirs| mine.canonical().same(&theirs.canonical())))
    }

    /// Checks that no allergy of the patient is to this substance, or to an ATC group that it
    /// belongs to.
    pub(super) fn tolerated(&self, allergies: &[Allergy]) -> Result<(), RxError> {
        let mut substances = allergies.iter().flat_map(|allergy| &allergy.substance);
        let this = |s: &&Coding| {
            let group = s.atc();
            let mut codings = self.codings();
            codings.any(|c| c.canonical().same(&s.canonical()) || group.as_deref().is_some_and(|g| in_atc(c, g)))
        };
        match substances.find(this) {
            Some(s) => Err(RxError::Allergy { line: self.line.number, substance: s.code.clone() }),
            None => Ok(()),
        }
    }

    /// For how many days a number of packs lasts at the prescribed dose, rounded up; the length of
    /// treatment if that cannot be computed.
    pub fn days_of(&self, packs: u32) -> u16 {
        let daily = self.line.dose.value.times(self.line.doses_per_day);
        let whole = self.supply.pack.value.times(Decimal::whole(i64::from(packs)));
        match (whole, daily) {
            (Ok(whole), Ok(daily)) => whole.ceil_over(daily).and_then(|days| u16::try_from(days).ok()),
            _ => None,
        }
        .unwrap_or(self.line.days)
    }

    fn check(&self) -> Result<(), RxError> {
        let wrong = |what| Err(RxError::Line { line: self.line.number, what });
        if self.line.code.is_empty() {
            wrong("the medicine is not coded")
        } else if !self.line.dose.value.is_positive() || !self.line.doses_per_day.is_positive() {
            wrong("dose and doses a day are above zero")
        } else if self.line.days == 0 {
            wrong("treatment lasts at least a day")
        } else if self.supply.packs == 0 || !self.supply.pack.value.is_positive() {
            wrong("at least one pack of something is handed out")
        } else if self.supply.pack.unit != self.line.dose.unit {
            wrong("pack and dose are in the same unit")
        } else {
            Ok(())
        }
    }

    /// Checks that no pack is superfluous: one pack less would not cover the treatment. Fails on
    /// overflow.
    fn supply_fits(&self) -> bool {
        let needed = self
            .line
            .dose
            .value
            .times(self.line.doses_per_day)
            .and_then(|daily| daily.times(Decimal::whole(i64::from(self.line.days))));
        let without_last = self.supply.pack.value.times(Decimal::whole(i64::from(self.supply.packs) - 1));
        matches!((without_last, needed), (Ok(without_last), Ok(needed)) if without_last < needed)
    }
}

/// ATC groups of antiretrovirals: protease, reverse transcriptase and integrase inhibitors,
/// combinations, entry and capsid inhibitors (WHO, ATC index 2024, J05A).
const ANTIRETROVIRALS: [&str; 11] =
    ["J05AE0", "J05AE10", "J05AF", "J05AG", "J05AJ", "J05AR", "J05AX07", "J05AX09", "J05AX23", "J05AX29", "J05AX31"];

/// Labelled for hepatitis B only: adefovir, entecavir, telbivudine, clevudine.
const HEPATITIS_B: [&str; 4] = ["J05AF08", "J05AF10", "J05AF11", "J05AF12"];

/// Labelled for HIV and, alone, for hepatitis B (慢性乙型肝炎防治指南(2022年版)): lamivudine, tenofovir
/// disoproxil, tenofovir alafenamide.
const DUAL: [&str; 3] = ["J05AF05", "J05AF07", "J05AF13"];

fn in_atc(coding: &Coding, prefix: &str) -> bool {
    !prefix.is_empty() && coding.atc().is_some_and(|code| code.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        coding::system,
        fixture::{self, NOW},
        practice::Document,
    };

    fn sheet(medicines: Vec<Medicine>, course: Course) -> Sheet {
        let mut sheet = Sheet { diagnoses: vec![], course, medicines: vec![] };
        for mut medicine in medicines {
            medicine.line.number = sheet.next_number();
            sheet.medicines.push(medicine);
        }
        sheet
    }

    fn course(medicine: Medicine, course: Course) -> Result<(), Code> {
        let rules = fixture::rules();
        rules.check_course(&sheet(vec![medicine], course), &fixture::doctor(), NOW).map_err(|e| e.code())
    }

    fn days(days: u16) -> Medicine {
        let mut medicine = fixture::metformin();
        medicine.line.days = days;
        medicine.supply.packs = 1;
        medicine
    }

    const SETTLED: LongTerm =
        LongTerm { first: true, stable: true, evaluated: true, patient_signed: true, chronic_infection: false };

    #[test]
    fn days_follow_the_course() {
        assert_eq!(course(days(7), Course::Ordinary), Ok(()));
        assert_eq!(course(days(8), Course::Ordinary), Err(Code::RxQtyExceeded));
        assert_eq!(course(days(90), Course::Ordinary), Err(Code::RxQtyExceeded));
        let extended = |reason: &str| Course::Extended { reason: reason.into() };
        assert_eq!(course(days(30), extended("慢性病")), Ok(()));
        assert_eq!(course(days(31), extended("慢性病")), Err(Code::RxQtyExceeded));
        assert_eq!(course(days(14), extended(" ")), Err(Code::RxReasonRequired));
        let unsettled = LongTerm { patient_signed: false, ..SETTLED };
        assert_eq!(course(days(28), Course::LongTerm(unsettled)), Ok(()));
        assert_eq!(course(days(29), Course::LongTerm(unsettled)), Err(Code::RxQtyExceeded));
        assert_eq!(course(days(84), Course::LongTerm(SETTLED)), Ok(()));
        assert_eq!(course(days(85), Course::LongTerm(SETTLED)), Err(Code::RxQtyExceeded));
    }

    #[test]
    fn long_term_excludes_what_the_norm_excludes() {
        let atc = |code: &str| {
            let mut medicine = days(28);
            medicine.line.code.push(Coding::new(system::ATC, code));
            medicine
        };
        let long = |medicine| course(medicine, Course::LongTerm(SETTLED));
        assert_eq!(long(atc("J01CA04")), Err(Code::RxLongTerm));
        assert_eq!(long(atc("J05AR13")), Err(Code::RxLongTerm));
        let tuberculosis = Course::LongTerm(LongTerm { chronic_infection: true, ..SETTLED });
        assert_eq!(course(atc("J04AC01"), tuberculosis), Ok(()));
        let mut insulin = days(28);
        insulin.classes.insert(DrugClass::ColdChain);
        assert_eq!(long(insulin.clone()), Err(Code::RxLongTerm));
        let cold_chain = LocalRules { ltp_allow_cold_chain: true, ..LocalRules::default() };
        let local = Rules { local: cold_chain, ..fixture::rules() };
        let sheet = sheet(vec![insulin], Course::LongTerm(SETTLED));
        assert!(local.check_course(&sheet, &fixture::doctor(), NOW).is_ok());
        let mut junior = fixture::doctor();
        junior.practice.certificates[3].document = Document::DoctorTitle { rank: Title::Junior };
        assert!(local.check_course(&sheet, &junior, NOW).is_err());
    }

    #[test]
    fn hepatitis_b_antivirals_are_no_antiretrovirals() {
        let long = |codes: &[&str], diagnoses: &[&str], local: LocalRules| {
            let medicines = codes.iter().map(|code| {
                let mut medicine = fixture::medicine(code);
                medicine.line.days = 28;
                medicine.line.ingredients = vec![Coding::new(system::ATC, *code)];
                medicine
            });
            let mut sheet = sheet(medicines.collect(), Course::LongTerm(SETTLED));
            sheet.diagnoses = diagnoses.iter().map(|code| Coding::new(system::ICD10, *code)).collect();
            let rules = Rules { local, ..fixture::rules() };
            rules.check_course(&sheet, &fixture::doctor(), NOW).map_err(|e| e.code())
        };
        let (strict, arv) = (LocalRules::default(), LocalRules { ltp_allow_arv: true, ..LocalRules::default() });
        let refused = Err(Code::RxLongTerm);
        for only_hepatitis in ["J05AF08", "J05AF10", "J05AF11", "J05AF12", "j05af10"] {
            assert_eq!(long(&[only_hepatitis], &["B18.1"], strict), Ok(()), "{only_hepatitis}");
        }
        // Hepatitis C, herpes, influenza.
        for other in ["J05AP55", "J05AB01", "J05AH02"] {
            assert_eq!(long(&[other], &[], strict), Ok(()), "{other}");
        }
        for hiv in ["J05AF01", "J05AE03", "J05AG03", "J05AJ03", "J05AR20", "J05AX09"] {
            assert_eq!(long(&[hiv], &["B18.1"], strict), refused, "{hiv}");
            assert_eq!(long(&[hiv], &["B20"], arv), Ok(()), "{hiv}");
        }
        for dual in ["J05AF05", "J05AF07", "J05AF13"] {
            assert_eq!(long(&[dual], &["B18.1"], strict), Ok(()), "{dual}");
            for (with, diagnoses) in
                [(None, &["B20"][..]), (None, &["B18.1", "Z21"]), (None, &[]), (Some("J05AJ03"), &["B18.1"])]
            {
                let codes: Vec<&str> = std::iter::once(dual).chain(with).collect();
                assert_eq!(long(&codes, diagnoses, strict), refused, "{dual} {with:?} {diagnoses:?}");
            }
        }
    }

    #[test]
    fn packs_are_those_the_treatment_begins() {
        // 500 mg twice a day for 7 days is 7 g; a box holds 60 × 500 mg = 30 g.
        let mut medicine = days(7);
        assert!(medicine.supply_fits());
        medicine.supply.packs = 2;
        assert_eq!(course(medicine.clone(), Course::Ordinary), Err(Code::RxQtyExceeded));
        // Two boxes that each cover the treatment: one too many.
        medicine.supply.pack.value = Decimal::whole(7000);
        assert!(!medicine.supply_fits());
        medicine.supply.pack.value = Decimal::whole(6999);
        assert!(medicine.supply_fits());
        // A weekly dose for 28 days is four pens of one dose: 1/7 a day is rounded down, and four
        // pens must be accepted.
        let mut weekly = days(28);
        weekly.line.dose.value = Decimal::whole(1);
        weekly.line.doses_per_day = Decimal::new(142_857, 6).expect("decimal");
        weekly.supply = Supply { packs: 4, pack: Quantity { value: Decimal::whole(1), ..weekly.line.dose.clone() } };
        assert!(weekly.supply_fits());
        weekly.supply.packs = 5;
        assert!(!weekly.supply_fits());
        weekly.line.dose.value = Decimal::whole(i64::MAX);
        assert!(!weekly.supply_fits(), "overflow fails closed");
    }

    #[test]
    fn lines_are_whole_and_few() {
        let rules = fixture::rules();
        let check = |medicines| rules.check_lines(&sheet(medicines, Course::Ordinary)).map_err(|e| e.code());
        let distinct = |n: usize| (0..n).map(|i| fixture::medicine(&format!("drug-{i}"))).collect::<Vec<_>>();
        assert_eq!(check(distinct(5)), Ok(()));
        assert_eq!(check(distinct(6)), Err(Code::RxTooManyItems));
        assert_eq!(check(vec![fixture::metformin(), fixture::metformin()]), Err(Code::RxDuplicateDrug));
        let pieces = |n| {
            let mut all = distinct(n);
            all.iter_mut().for_each(|m| m.classes = BTreeSet::from([DrugClass::TcmPieces]));
            all
        };
        assert_eq!(check(pieces(12)), Ok(()));
        let mut mixed = pieces(2);
        mixed[1].classes.clear();
        assert_eq!(check(mixed), Err(Code::RxLineInvalid));
        for spoil in [
            (|m: &mut Medicine| m.line.code.clear()) as fn(&mut Medicine),
            |m| m.line.days = 0,
            |m| m.line.dose.value = Decimal::whole(0),
            |m| m.line.doses_per_day = Decimal::whole(-1),
            |m| m.supply.packs = 0,
            |m| m.supply.pack.unit = "mL".into(),
        ] {
            let mut medicine = fixture::metformin();
            spoil(&mut medicine);
            assert_eq!(check(vec![medicine]), Err(Code::RxLineInvalid));
        }
    }

    #[test]
    fn allergies_match_substance_and_class() {
        let mut amoxicillin = fixture::medicine("amoxicillin");
        amoxicillin.line.ingredients.push(Coding::new(system::ATC, "J01CA04"));
        let allergy = |coding: Coding| amoxicillin.tolerated(&[fixture::allergy(coding)]).is_err();
        assert!(allergy(Coding::new(system::ATC, "J01CA04")));
        assert!(allergy(Coding::new(system::ATC, "J01C")));
        assert!(allergy(Coding::new("urn:test", "amoxicillin")));
        assert!(!allergy(Coding::new(system::ATC, "J01D")));
        assert!(!allergy(Coding::new(system::SNOMED, "716186003")));
    }
}
