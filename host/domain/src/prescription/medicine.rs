//! Medicines of a prescription, and quantity limits (处方管理办法 art. 6 and 19,
//! 长期处方管理规范(试行) 2021).

use std::{collections::BTreeSet, sync::LazyLock};

use serde::{Deserialize, Serialize};

use super::{NegativeList, RxError, negative_list::InvalidList};
use crate::{
    access::{Actor, Role, Title},
    clinical::Allergy,
    coding::{Coding, Decimal, Quantity, system},
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
    /// The hospital's own code of the item, by which it is priced: two items may have the same codes
    /// of others. Absent in prescriptions of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// The quantity to be dispensed.
    pub supply: Supply,
    /// The classes of the medicine.
    #[serde(default)]
    pub classes: BTreeSet<DrugClass>,
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

    /// The medicine of a line, by its number.
    pub fn medicine(&self, line: u32) -> Option<&Medicine> {
        self.medicines.iter().find(|m| m.line.number == line)
    }

    /// Whether a medicine on it needs a cold chain.
    pub fn needs_cold_chain(&self) -> bool {
        self.medicines.iter().any(|m| m.is(DrugClass::ColdChain))
    }

    pub(super) fn next_number(&self) -> u32 {
        self.medicines.iter().map(|m| m.line.number).max().unwrap_or(0).saturating_add(1)
    }
}

/// Settings of a hospital. [`Rules::national`] are the legal defaults.
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
    /// Whether cold-chain medicines (insulin) may be on a long-term prescription.
    pub long_term_cold_chain: bool,
    /// Whether antiretrovirals may.
    pub long_term_antiretrovirals: bool,
    /// Whether the hospital delivers from its own pharmacy under a local rule that exempts it
    /// from the network-retail part of the negative list.
    pub own_delivery: bool,
    /// Medicines that must not be prescribed online.
    pub negative_list: NegativeList,
}

impl Rules {
    /// The national rules, parsed once.
    ///
    /// # Errors
    /// If the embedded list cannot be parsed.
    pub fn national() -> Result<&'static Self, &'static InvalidList> {
        static NATIONAL: LazyLock<Result<Rules, InvalidList>> = LazyLock::new(|| {
            Ok(Rules {
                max_medicines: 5,
                ordinary_days: 7,
                extended_days: 30,
                long_term_days: 28,
                long_term_stable_days: 84,
                long_term_cold_chain: false,
                long_term_antiretrovirals: false,
                own_delivery: false,
                negative_list: NegativeList::national()?,
            })
        });
        NATIONAL.as_ref()
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
            if let Some(entry) = self.negative_list.forbids(medicine, self.own_delivery) {
                return Err(RxError::Forbidden { line: medicine.line.number, entry: entry.name.clone() });
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
                    self.check_long_term(medicine, *terms)?;
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

    fn check_long_term(&self, medicine: &Medicine, terms: LongTerm) -> Result<(), RxError> {
        use DrugClass as C;
        let controlled = [C::Toxic, C::Radioactive, C::Precursor, C::Narcotic, C::Psychotropic];
        let antiretroviral = medicine.is(C::Antiretroviral) || medicine.has_atc("J05A");
        let antimicrobial = medicine.is(C::Antimicrobial) || ["J01", "J02", "J04"].iter().any(|p| medicine.has_atc(p));
        if controlled.iter().any(|&class| medicine.is(class)) {
            Err(RxError::LongTerm("controlled medicines"))
        } else if antiretroviral && !self.long_term_antiretrovirals {
            Err(RxError::LongTerm("antiretrovirals"))
        } else if antimicrobial && !terms.chronic_infection {
            Err(RxError::LongTerm("antimicrobials"))
        } else if medicine.is(C::ColdChain) && !self.long_term_cold_chain {
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

    fn shares_substance(&self, other: &Self) -> bool {
        self.codings().any(|mine| other.codings().any(|theirs| mine.same(theirs)))
    }

    /// The first of the patient's allergies that concerns this medicine: the same substance, or
    /// an ATC group that it belongs to.
    pub(super) fn allergy(&self, allergies: &[Allergy]) -> Option<RxError> {
        allergies
            .iter()
            .flat_map(|allergy| &allergy.substance)
            .find(|s| self.codings().any(|c| c.same(s) || (s.system == system::ATC && in_atc(c, &s.code))))
            .map(|s| RxError::Allergy { line: self.line.number, substance: s.code.clone() })
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

fn in_atc(coding: &Coding, prefix: &str) -> bool {
    coding.system == system::ATC && !prefix.is_empty() && coding.code.starts_with(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        code::Code,
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
        let local = Rules { long_term_cold_chain: true, ..fixture::rules() };
        let sheet = sheet(vec![insulin], Course::LongTerm(SETTLED));
        assert!(local.check_course(&sheet, &fixture::doctor(), NOW).is_ok());
        let mut junior = fixture::doctor();
        junior.practice.certificates[3].document = Document::DoctorTitle { rank: Title::Junior };
        assert!(local.check_course(&sheet, &junior, NOW).is_err());
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
        let allergy = |coding: Coding| amoxicillin.allergy(&[fixture::allergy(coding)]).is_some();
        assert!(allergy(Coding::new(system::ATC, "J01CA04")));
        assert!(allergy(Coding::new(system::ATC, "J01C")));
        assert!(allergy(Coding::new("urn:test", "amoxicillin")));
        assert!(!allergy(Coding::new(system::ATC, "J01D")));
        assert!(!allergy(Coding::new(system::SNOMED, "716186003")));
    }
}
