//! Units and plausible ranges of what is measured. A rule receives a value only in the canonical
//! unit of its analyte, under the LOINC code of that unit, and within bounds in which a living
//! person can be. Arithmetic is exact; quotients have four digits after the point.
//!
//! What cannot be converted, or cannot be right, is a [`Fault`]: the value stays in the record as
//! it was sent, no rule gets it, and a person is told.

use crate::{
    code::Code,
    coding::{Citation, Coding, Decimal, InvalidDecimal, Quantity, system},
};

/// Digits after the point of a quotient.
const DIGITS: u8 = 4;

/// Why a value is not given to rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// The unit is missing, or not one of the analyte's; or the value is no amount.
    UnitNotUnderstood,
    /// Outside of what a living person can have: a typing error, a wrong unit, a faulty device.
    Implausible,
}

impl Fault {
    /// The stable code, also of the alert.
    pub const fn code(self) -> Code {
        match self {
            Self::UnitNotUnderstood => Code::UnitNotUnderstood,
            Self::Implausible => Code::MeasurementImplausible,
        }
    }
}

/// How a value in another unit becomes one in the canonical unit.
#[derive(Debug, Clone, Copy)]
enum Conversion {
    Times(Decimal),
    Over(Decimal),
    /// Slope and offset.
    Line(Decimal, Decimal),
}

/// What is measured, whatever the specimen.
#[derive(Debug)]
struct Analyte {
    /// UCUM.
    unit: &'static str,
    others: &'static [(&'static str, Conversion)],
    /// Bounds in the canonical unit, both plausible. Project defaults, for lack of an authority:
    /// wide enough for every patient, narrow enough that the usual mistakes of units fall outside.
    least: Decimal,
    most: Decimal,
    /// Title, section and year of the conversions.
    source: (&'static str, &'static str, u16),
}

/// An analyte in one specimen or by one method.
#[derive(Debug)]
pub struct Measurand {
    analyte: &'static Analyte,
    /// LOINC code in the canonical unit.
    code: &'static str,
    /// LOINC codes of the same in other units, or less specific.
    spelled: &'static [&'static str],
    zh: &'static str,
    en: &'static str,
}

const SI_UNITS: (&str, &str, u16) = ("AMA Manual of Style, 11th edition", "Conventional Units and SI Units", 2020);

/// A glucometer sends 0 for "Lo"; mg/dL typed as mmol/L is above 60.
static GLUCOSE: Analyte = Analyte {
    unit: "mmol/L",
    // mg/dL in one mmol/L.
    others: &[("mg/dL", Conversion::Over(Decimal::of(180_182, 4)))],
    least: Decimal::of(5, 1),
    most: Decimal::whole(60),
    source: SI_UNITS,
};

/// mmol/mol typed as % is above 20; % typed as mmol/mol is below 3 %.
static HBA1C: Analyte = Analyte {
    unit: "%",
    others: &[("mmol/mol", Conversion::Line(Decimal::of(9_148, 5), Decimal::of(2_152, 3)))],
    least: Decimal::whole(3),
    most: Decimal::whole(20),
    source: (
        "Hoelzel W. et al., IFCC reference system for measurement of hemoglobin A1c in human blood and the \
         national standardization schemes, Clinical Chemistry 50(1):166–174",
        "IFCC–NGSP master equation",
        2004,
    ),
};

/// mg/dL typed as µmol/L is below 15.
static CREATININE: Analyte = Analyte {
    unit: "umol/L",
    others: &[("mg/dL", Conversion::Times(Decimal::of(884, 1)))],
    least: Decimal::whole(15),
    most: Decimal::whole(3000),
    source: SI_UNITS,
};

/// mg/dL typed as mmol/L is above 30.
static LDL: Analyte = Analyte {
    unit: "mmol/L",
    others: &[("mg/dL", Conversion::Over(Decimal::of(3_867, 2)))],
    least: Decimal::of(1, 1),
    most: Decimal::whole(30),
    source: SI_UNITS,
};

/// kPa typed as mmHg is below 40 and 20.
static SYSTOLIC: Analyte = Analyte { least: Decimal::whole(40), most: Decimal::whole(300), ..PRESSURE };
static DIASTOLIC: Analyte = Analyte { least: Decimal::whole(20), most: Decimal::whole(200), ..PRESSURE };
const PRESSURE: Analyte = Analyte {
    unit: "mm[Hg]",
    others: &[("kPa", Conversion::Times(Decimal::of(750_062, 5)))],
    least: Decimal::whole(0),
    most: Decimal::whole(0),
    source: ("ISO 80000-4 Quantities and units, Part 4: Mechanics", "conventional millimetre of mercury", 2019),
};

/// Albumin below the limit of detection is 0.
static ALBUMIN_RATIO: Analyte = Analyte {
    unit: "mg/g",
    // 113.12 g/mol of creatinine.
    others: &[("mg/mmol", Conversion::Times(Decimal::of(884, 2)))],
    least: Decimal::whole(0),
    most: Decimal::whole(30_000),
    source: SI_UNITS,
};

static FILTRATION: Analyte = Analyte {
    unit: "mL/min/{1.73_m2}",
    others: &[],
    least: Decimal::whole(1),
    most: Decimal::whole(250),
    source: SI_UNITS,
};

/// Newborns of 23 weeks, and the heaviest person on record, fit; grams typed as kilograms do not.
static WEIGHT: Analyte = Analyte {
    unit: "kg",
    others: &[
        ("g", Conversion::Over(Decimal::whole(1000))),
        ("[lb_av]", Conversion::Times(Decimal::of(45_359_237, 8))),
    ],
    least: Decimal::of(2, 1),
    most: Decimal::whole(650),
    source: AVOIRDUPOIS,
};

/// Metres typed as centimetres are below 20.
static HEIGHT: Analyte = Analyte {
    unit: "cm",
    others: &[("m", Conversion::Times(Decimal::whole(100))), ("[in_i]", Conversion::Times(Decimal::of(254, 2)))],
    least: Decimal::whole(20),
    most: Decimal::whole(275),
    source: AVOIRDUPOIS,
};

const AVOIRDUPOIS: (&str, &str, u16) = ("NIST Special Publication 811", "Appendix B.8", 2008);

macro_rules! measurands {
    ($($analyte:ident $code:literal [$($spelled:literal),*] $zh:literal $en:literal;)*) => {
        /// All that the host knows.
        static MEASURANDS: &[Measurand] = &[$(Measurand {
            analyte: &$analyte, code: $code, spelled: &[$($spelled),*], zh: $zh, en: $en,
        }),*];
    };
}

// "Unit decides the code": names are those of LOINC 2.7x.
measurands! {
    GLUCOSE "14743-9" ["41653-7"] "血糖（血糖仪）" "glucose by glucometer";
    GLUCOSE "14771-0" ["1558-6"] "空腹血糖" "fasting glucose";
    GLUCOSE "14749-6" ["2345-7"] "血糖（血清或血浆）" "glucose in serum or plasma";
    GLUCOSE "15074-8" ["2339-0"] "血糖（全血）" "glucose in blood";
    // Of a continuous sensor: HL7 CGM implementation guide 1.0.0.
    GLUCOSE "105272-9" ["99504-3"] "血糖（组织间液）" "glucose in interstitial fluid";
    HBA1C "4548-4" ["59261-8"] "糖化血红蛋白" "HbA1c";
    HBA1C "17856-6" [] "糖化血红蛋白（HPLC）" "HbA1c by HPLC";
    CREATININE "14682-9" ["2160-0"] "肌酐（血清或血浆）" "creatinine in serum or plasma";
    CREATININE "59826-8" ["38483-4"] "肌酐（全血）" "creatinine in blood";
    LDL "22748-8" ["2089-1", "13457-7", "18262-6"] "低密度脂蛋白胆固醇" "LDL cholesterol";
    SYSTOLIC "8480-6" [] "收缩压" "systolic blood pressure";
    DIASTOLIC "8462-4" [] "舒张压" "diastolic blood pressure";
    ALBUMIN_RATIO "9318-7" ["32294-1"] "尿白蛋白/肌酐" "urine albumin/creatinine";
    ALBUMIN_RATIO "14959-1" [] "尿微量白蛋白/肌酐" "urine microalbumin/creatinine";
    FILTRATION "98979-8" [] "肾小球滤过率" "eGFR";
    FILTRATION "62238-1" [] "肾小球滤过率" "eGFR";
    FILTRATION "33914-3" [] "肾小球滤过率" "eGFR";
    WEIGHT "29463-7" [] "体重" "body weight";
    WEIGHT "3141-9" [] "体重（测量）" "body weight, measured";
    HEIGHT "8302-2" [] "身高" "body height";
    HEIGHT "8306-3" [] "身长（卧位）" "body height, lying";
}

/// What these codes measure, if the host knows it.
pub fn measurand(codes: &[Coding]) -> Option<&'static Measurand> {
    let known = |code: &Coding| MEASURANDS.iter().find(|known| code.system == system::LOINC && known.is(&code.code));
    codes.iter().find_map(known)
}

/// All codes under which something may be recorded that is given to rules under `code`: that code
/// first.
pub fn spellings(code: &Coding) -> Vec<Coding> {
    let mut all = vec![code.clone()];
    if code.system == system::LOINC
        && let Some(known) = MEASURANDS.iter().find(|known| known.code == code.code)
    {
        all.extend(known.spelled.iter().map(|spelled| Coding::new(system::LOINC, *spelled)));
    }
    all
}

/// The UCUM spelling of a unit. A unit that is not known stays as it is: case matters in UCUM, where
/// `Mmol/L` would be a megamole.
pub fn unit(given: &str) -> String {
    let plain: String =
        given.chars().filter(|c| !c.is_whitespace()).map(|c| if matches!(c, 'µ' | 'μ') { 'u' } else { c }).collect();
    let spelled = match plain.as_str() {
        "mmol/l" => "mmol/L",
        "umol/l" => "umol/L",
        "mg/dl" => "mg/dL",
        "mmHg" | "mmhg" | "mm[hg]" => "mm[Hg]",
        "％" => "%",
        "mL/min/1.73m2" | "ml/min/1.73m2" | "mL/min/1.73m²" | "ml/min/1.73m²" | "mL/min/{1.73m2}"
        | "ml/min/{1.73_m2}" => "mL/min/{1.73_m2}",
        // With blanks it may be the text of a unit, not a code.
        _ if !given.contains(char::is_whitespace) || MEASURANDS.iter().any(|known| known.analyte.knows(&plain)) => {
            return plain;
        }
        _ => return given.to_owned(),
    };
    spelled.to_owned()
}

impl Analyte {
    fn knows(&self, unit: &str) -> bool {
        self.unit == unit || self.others.iter().any(|(other, _)| *other == unit)
    }
}

impl Measurand {
    fn is(&self, code: &str) -> bool {
        self.code == code || self.spelled.contains(&code)
    }

    /// The code under which rules receive it.
    pub fn coding(&self) -> Coding {
        Coding::new(system::LOINC, self.code)
    }

    /// The name in Chinese and in English.
    pub const fn names(&self) -> [&'static str; 2] {
        [self.zh, self.en]
    }

    /// Source of the conversion; the bounds are the host's own.
    pub fn citation(&self) -> Citation {
        let (title, section, year) = self.analyte.source;
        Citation { title: title.to_owned(), section: Some(section.to_owned()), year, url: None }
    }

    /// The value in the canonical unit. One that needs no conversion keeps its digits.
    ///
    /// # Errors
    /// If the unit is not known, or the value is not plausible.
    pub fn canonical(&self, given: &Quantity) -> Result<Quantity, Fault> {
        let Analyte { unit: wanted, others, least, most, .. } = self.analyte;
        let spelled = unit(&given.unit);
        let value = if spelled == *wanted {
            given.value
        } else {
            let (_, conversion) = others.iter().find(|(other, _)| *other == spelled).ok_or(Fault::UnitNotUnderstood)?;
            // What does not fit is far outside of all bounds.
            conversion.apply(given.value).map_err(|_| Fault::Implausible)?
        };
        match (*least..=*most).contains(&value) {
            true => Ok(Quantity { value, unit: (*wanted).to_owned() }),
            false => Err(Fault::Implausible),
        }
    }
}

impl Conversion {
    fn apply(self, value: Decimal) -> Result<Decimal, InvalidDecimal> {
        match self {
            Self::Times(factor) => value.times(factor),
            Self::Over(divisor) => value.over(divisor, DIGITS),
            Self::Line(slope, offset) => value.times(slope)?.plus(offset),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn quantity(value: &str, unit: &str) -> Quantity {
        Quantity { value: value.parse().expect("a decimal"), unit: unit.to_owned() }
    }

    fn of(loinc: &str) -> &'static Measurand {
        measurand(&[Coding::new(system::LOINC, loinc)]).expect("known")
    }

    #[test]
    fn a_code_is_of_one_measurand_and_bounds_are_in_order() {
        let mut seen = BTreeSet::new();
        for known in MEASURANDS {
            assert!(known.analyte.least < known.analyte.most);
            for code in known.spelled.iter().chain([&known.code]) {
                assert!(seen.insert(*code), "{code}");
            }
        }
        assert_eq!(measurand(&[Coding::new("urn:other", "4548-4")]).map(|known| known.code), None);
    }

    #[test]
    fn units_are_converted_exactly_and_decide_the_code() {
        for (loinc, value, unit, code, wanted) in [
            ("14743-9", "20", "mmol/l", "14743-9", "20 mmol/L"),
            ("14743-9", "7.10", "mmol/L", "14743-9", "7.10 mmol/L"),
            ("14743-9", "301", "mg/dl", "14743-9", "16.7053 mmol/L"),
            ("41653-7", "70", "mg/dL", "14743-9", "3.8850 mmol/L"),
            ("2339-0", "5.60", "mmol/L", "15074-8", "5.60 mmol/L"),
            ("59261-8", "53", "mmol/mol", "4548-4", "7.00044 %"),
            ("4548-4", "48", "mmol/mol", "4548-4", "6.54304 %"),
            ("2160-0", "1.0", "mg/dL", "14682-9", "88.4 umol/L"),
            ("38483-4", "1.9", "mg/dL", "59826-8", "167.96 umol/L"),
            ("14682-9", "88", "µmol/L", "14682-9", "88 umol/L"),
            ("14682-9", "88", "μmol/l", "14682-9", "88 umol/L"),
            ("8480-6", "120", "mmHg", "8480-6", "120 mm[Hg]"),
            ("8480-6", "16", "kPa", "8480-6", "120.00992 mm[Hg]"),
            ("18262-6", "100", "mg/dL", "22748-8", "2.5860 mmol/L"),
            ("33914-3", "81", "mL/min/1.73 m2", "33914-3", "81 mL/min/{1.73_m2}"),
            ("29463-7", "3450", "g", "29463-7", "3.4500 kg"),
            ("29463-7", "154.5", "[lb_av]", "29463-7", "70.080021165 kg"),
            ("8302-2", "1.68", "m", "8302-2", "168 cm"),
            ("8302-2", "66", "[in_i]", "8302-2", "167.64 cm"),
        ] {
            let known = of(loinc);
            let Quantity { value: number, unit: spelled } = known.canonical(&quantity(value, unit)).expect("canonical");
            assert_eq!(format!("{number} {spelled}"), wanted, "{loinc} {value} {unit}");
            assert_eq!(known.code, code, "{loinc}");
        }
    }

    #[test]
    fn what_cannot_be_is_no_value() {
        use Fault::{Implausible, UnitNotUnderstood};
        for (loinc, value, unit, fault) in [
            ("29463-7", "3450", "kg", Implausible),
            ("29463-7", "70", "lb", UnitNotUnderstood),
            ("8302-2", "1.68", "cm", Implausible),
            ("14743-9", "-5", "mmol/L", Implausible),
            ("14743-9", "0", "mmol/L", Implausible),
            ("14743-9", "126", "mmol/L", Implausible),
            ("14743-9", "7", "mg/dL", Implausible),
            ("14743-9", "9000000000000000000", "mg/dL", Implausible),
            ("4548-4", "64", "%", Implausible),
            ("59261-8", "7.1", "mmol/mol", Implausible),
            ("14682-9", "1.0", "umol/L", Implausible),
            ("2160-0", "88", "mg/dL", Implausible),
            ("8480-6", "1200", "mm[Hg]", Implausible),
            ("14743-9", "7.2", "g/L", UnitNotUnderstood),
            ("14743-9", "7.2", "", UnitNotUnderstood),
            ("14743-9", "7.2", "Mmol/L", UnitNotUnderstood),
            ("4548-4", "7.2", "mmol/L", UnitNotUnderstood),
        ] {
            assert_eq!(of(loinc).canonical(&quantity(value, unit)), Err(fault), "{loinc} {value} {unit}");
        }
        for (loinc, value, unit) in [
            ("14743-9", "1.2", "mmol/L"),
            ("14743-9", "0.5", "mmol/L"),
            ("14743-9", "60", "mmol/L"),
            ("4548-4", "3", "%"),
        ] {
            assert!(of(loinc).canonical(&quantity(value, unit)).is_ok(), "{value} {unit}");
        }
    }

    #[test]
    fn a_need_is_met_by_all_spellings() {
        let codes =
            |loinc| spellings(&Coding::new(system::LOINC, loinc)).into_iter().map(|c| c.code).collect::<Vec<_>>();
        assert_eq!(codes("14743-9"), ["14743-9", "41653-7"]);
        assert_eq!(codes("41653-7"), ["41653-7"], "every other code stands for itself");
        assert_eq!(codes("20447-9"), ["20447-9"]);
    }

    #[test]
    fn an_unknown_unit_is_left_alone() {
        for given in ["{score}", "copies/mL", "each day", "10*9/L"] {
            assert_eq!(unit(given), given);
        }
        assert_eq!(unit("mg / dl"), "mg/dL");
        assert_eq!(unit("µg/L"), "ug/L");
    }
}
