//! Measurements, compared exactly in any unit.
//!
//! There is no division: each quantity is converted to the unit into which the other one can
//! be multiplied, so 300.8672 mg/dL is exactly 16.7 mmol/L. An unknown unit is an
//! error.

use xinglin_sdk::{
    clinical::Observation,
    pathway::Error,
    types::{Coding, Codings as _, Decimal, Quantity, system},
};

/// Milligrams of glucose per decilitre in one millimole per litre.
const GLUCOSE_FACTOR: Decimal = Decimal::new(18_016, 3);
/// Milligrams of cholesterol per decilitre in one millimole per litre.
const CHOLESTEROL_FACTOR: Decimal = Decimal::new(3_867, 2);
/// NGSP % = 0.09148 × IFCC mmol/mol + 2.152.
const HBA1C_SLOPE: Decimal = Decimal::new(9_148, 5);
const HBA1C_OFFSET: Decimal = Decimal::new(2_152, 3);

/// Glucose by glucometer, in mmol/L: the value of the questionnaire.
pub const GLUCOMETER: &str = "14743-9";
/// Fasting glucose in mmol/L.
pub const FASTING: &str = "14771-0";
/// HbA1c, NGSP.
pub const HBA1C: &str = "4548-4";
/// Systolic blood pressure.
pub const SYSTOLIC: &str = "8480-6";
/// Diastolic blood pressure.
pub const DIASTOLIC: &str = "8462-4";

/// LOINC codes of glucose in blood, plasma or serum.
pub const GLUCOSE_CODES: [&str; 8] =
    [GLUCOMETER, FASTING, "14749-6", "15074-8", "2339-0", "2345-7", "41653-7", "1558-6"];
const FASTING_CODES: [&str; 2] = [FASTING, "1558-6"];
/// LOINC codes of HbA1c: NGSP and IFCC.
pub const HBA1C_CODES: [&str; 2] = [HBA1C, "59261-8"];
/// LOINC codes of blood pressure: each value, and panels of both.
pub const PRESSURE_CODES: [&str; 4] = [SYSTOLIC, DIASTOLIC, "85354-9", "55284-4"];
/// LOINC codes of LDL cholesterol.
pub const LDL_CODES: [&str; 4] = ["22748-8", "18262-6", "13457-7", "2089-1"];

/// The reading of an observation, for this pathway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// Glucose.
    Glucose(Glucose),
    /// HbA1c.
    Hba1c(Hba1c),
    /// Blood pressure, or one value of it, in mmHg.
    Pressure(Pressure),
    /// LDL cholesterol.
    Ldl(Ldl),
    /// Not relevant here, or without an amount. What somebody sent instead of an amount, the host
    /// refused and told the care team.
    Other,
}

impl Reading {
    /// # Errors
    /// If the unit is unknown.
    pub fn of(observation: &Observation) -> Result<Self, Error> {
        let is = |codes: &[&str]| codes.iter().any(|code| observation.code.has(system::LOINC, code));
        if is(&PRESSURE_CODES) {
            return Ok(Self::Pressure(Pressure::of(observation)?));
        }
        let Some(amount) = observation.quantity() else { return Ok(Self::Other) };
        // As the host gives it, and as it was sent, if that differs.
        let shown = |shown: String| match observation.as_sent() {
            Some(sent) => format!("{shown} ({sent})"),
            None => shown,
        };
        Ok(if is(&GLUCOSE_CODES) {
            let glucose = Glucose::of(amount, is(&FASTING_CODES))?;
            Self::Glucose(Glucose { shown: shown(glucose.shown), ..glucose })
        } else if is(&HBA1C_CODES) {
            let hba1c = Hba1c::of(amount)?;
            Self::Hba1c(Hba1c { shown: shown(hba1c.shown), ..hba1c })
        } else if is(&LDL_CODES) {
            let ldl = Ldl::of(amount)?;
            Self::Ldl(Ldl { shown: shown(ldl.shown), ..ldl })
        } else {
            Self::Other
        })
    }
}

/// Glucose, stored in mg/dL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glucose {
    milligrams: Decimal,
    /// Whether it is known to be fasting.
    pub fasting: bool,
    /// As measured, for display.
    pub shown: String,
}

impl Glucose {
    /// # Errors
    /// If the unit is neither mmol/L nor mg/dL, or the value not above zero.
    pub fn of(quantity: &Quantity, fasting: bool) -> Result<Self, Error> {
        let milligrams = positive("glucose", quantity).and_then(|value| match quantity.unit.as_str() {
            "mmol/L" => value.times(GLUCOSE_FACTOR).ok_or_else(|| out_of_range("glucose", quantity)),
            "mg/dL" => Ok(value),
            unit => Err(not_understood("glucose", unit)),
        })?;
        Ok(Self { milligrams, fasting, shown: quantity.to_string() })
    }

    /// Whether it is below this value in mmol/L.
    pub fn is_below(&self, millimoles: Decimal) -> bool {
        // A limit with more digits than fit is above every glucose value.
        millimoles.times(GLUCOSE_FACTOR).is_none_or(|limit| self.milligrams < limit)
    }

    /// Whether it equals this value in mmol/L.
    pub fn is_exactly(&self, millimoles: Decimal) -> bool {
        millimoles.times(GLUCOSE_FACTOR) == Some(self.milligrams)
    }
}

/// HbA1c, stored in NGSP %.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hba1c {
    percent: Decimal,
    /// As measured, for display.
    pub shown: String,
}

impl Hba1c {
    /// # Errors
    /// If the unit is neither % nor mmol/mol, or the value not above zero.
    pub fn of(quantity: &Quantity) -> Result<Self, Error> {
        let percent = positive("HbA1c", quantity).and_then(|value| match quantity.unit.as_str() {
            "%" => Ok(value),
            "mmol/mol" => HBA1C_SLOPE
                .times(value)
                .and_then(|product| product.plus(HBA1C_OFFSET))
                .ok_or_else(|| out_of_range("HbA1c", quantity)),
            unit => Err(not_understood("HbA1c", unit)),
        })?;
        Ok(Self { percent, shown: quantity.to_string() })
    }

    /// Whether it is below this value in percent.
    pub fn is_below(&self, percent: Decimal) -> bool {
        self.percent < percent
    }
}

/// Blood pressure in mmHg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressure {
    systolic: Option<Decimal>,
    diastolic: Option<Decimal>,
}

impl Pressure {
    /// Of a panel, or of a single value.
    ///
    /// # Errors
    /// If a unit is not mmHg.
    pub fn of(observation: &Observation) -> Result<Self, Error> {
        let value = |code: &str| observation.quantity_of(&Coding::loinc(code)).map(millimetres).transpose();
        Ok(Self { systolic: value(SYSTOLIC)?, diastolic: value(DIASTOLIC)? })
    }

    /// Of two answers.
    ///
    /// # Errors
    /// If a unit is not mmHg.
    pub fn of_values(systolic: Option<&Quantity>, diastolic: Option<&Quantity>) -> Result<Self, Error> {
        Ok(Self {
            systolic: systolic.map(millimetres).transpose()?,
            diastolic: diastolic.map(millimetres).transpose()?,
        })
    }

    /// Whether one of the two reaches its limit.
    pub fn reaches(&self, systolic: Decimal, diastolic: Decimal) -> bool {
        self.systolic.is_some_and(|value| value >= systolic) || self.diastolic.is_some_and(|value| value >= diastolic)
    }

    /// For display.
    pub fn shown(&self) -> String {
        let side =
            |value: Option<Decimal>| value.map_or_else(|| "–".to_owned(), |value| value.normalized().to_string());
        format!("{}/{} mmHg", side(self.systolic), side(self.diastolic))
    }
}

/// LDL cholesterol, stored in mg/dL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ldl {
    milligrams: Decimal,
    /// As measured, for display.
    pub shown: String,
}

impl Ldl {
    fn of(quantity: &Quantity) -> Result<Self, Error> {
        let milligrams = positive("LDL cholesterol", quantity).and_then(|value| match quantity.unit.as_str() {
            "mmol/L" => value.times(CHOLESTEROL_FACTOR).ok_or_else(|| out_of_range("LDL cholesterol", quantity)),
            "mg/dL" => Ok(value),
            unit => Err(not_understood("LDL cholesterol", unit)),
        })?;
        Ok(Self { milligrams, shown: quantity.to_string() })
    }

    /// Whether it is below this value in mmol/L.
    pub fn is_below(&self, millimoles: Decimal) -> bool {
        millimoles.times(CHOLESTEROL_FACTOR).is_none_or(|limit| self.milligrams < limit)
    }
}

fn millimetres(quantity: &Quantity) -> Result<Decimal, Error> {
    match quantity.unit.as_str() {
        "mm[Hg]" => positive("blood pressure", quantity),
        unit => Err(not_understood("blood pressure", unit)),
    }
}

fn positive(what: &str, quantity: &Quantity) -> Result<Decimal, Error> {
    if quantity.value > Decimal::whole(0) { Ok(quantity.value) } else { Err(out_of_range(what, quantity)) }
}

fn not_understood(what: &str, unit: &str) -> Error {
    Error::Other(format!("NOT_UNDERSTOOD: {what} in `{unit}`"))
}

fn out_of_range(what: &str, quantity: &Quantity) -> Error {
    Error::Other(format!("NOT_UNDERSTOOD: {what} of {quantity}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(value: &str, unit: &str) -> Quantity {
        Quantity::new(value.parse::<Decimal>().expect("a decimal"), unit)
    }

    #[test]
    fn both_units_of_glucose_meet_exactly() {
        let limit = Decimal::new(167, 1);
        for (value, unit, below) in [
            ("16.7", "mmol/L", false),
            ("16.70", "mmol/L", false),
            ("16.69", "mmol/L", true),
            ("300.8672", "mg/dL", false),
            ("300.8671", "mg/dL", true),
            ("301", "mg/dL", false),
        ] {
            let glucose = Glucose::of(&quantity(value, unit), false).expect("a glucose");
            assert_eq!(glucose.is_below(limit), below, "{value} {unit}");
        }
    }

    #[test]
    fn both_units_of_hba1c_meet_exactly() {
        let seven = Decimal::whole(7);
        for (value, unit, below) in
            [("7.0", "%", false), ("6.9", "%", true), ("53", "mmol/mol", false), ("52", "mmol/mol", true)]
        {
            assert_eq!(Hba1c::of(&quantity(value, unit)).expect("an HbA1c").is_below(seven), below, "{value} {unit}");
        }
    }

    #[test]
    fn a_number_without_its_unit_says_nothing() {
        for unit in ["", "mmol/l", "g/L", "%"] {
            assert!(
                matches!(Glucose::of(&quantity("7.2", unit), false), Err(Error::Other(e)) if e.starts_with("NOT_UNDERSTOOD"))
            );
        }
        assert!(Hba1c::of(&quantity("0.07", "1")).is_err());
        assert!(Glucose::of(&quantity("0", "mmol/L"), false).is_err());
        assert!(Pressure::of_values(Some(&quantity("18", "kPa")), None).is_err());
        assert!(Glucose::of(&quantity("999999999999999999", "mmol/L"), false).is_err());
    }
}
