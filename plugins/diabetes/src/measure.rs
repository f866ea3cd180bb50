//! Measurements, compared exactly in any unit.
//!
//! There is no division: each quantity is converted to the unit into which the other one can be multiplied, so
//! 300.90394 mg/dL is exactly 16.7 mmol/L. A quantity in an unknown unit is [`NotUnderstood`] and not judged.
//!
//! The filtration rate is estimated from creatinine where the laboratory gives none of the same day: by `libm`, with the same result on
//! every machine, as a whole number.

use std::cmp::Ordering;

use xinglin_sdk::{
    clinical::{Observation, ObservationValue, Sex, Snapshot},
    time::china,
    types::{AttributeValue, Attributes as _, Coding, Codings as _, Decimal, Quantity, system},
};

use crate::numbers::{
    ADULT, ALBUMIN_FACTOR, CHOLESTEROL_FACTOR, CREATININE_FACTOR, GLUCOSE_FACTOR, HBA1C_OFFSET, HBA1C_SLOPE, decimal,
};

/// Glucose by glucometer, in mmol/L: the value of the questionnaires.
pub const GLUCOMETER: &str = "14743-9";
/// Fasting glucose in mmol/L.
pub const FASTING: &str = "14771-0";
/// HbA1c, NGSP.
pub const HBA1C: &str = "4548-4";
/// Systolic blood pressure.
pub const SYSTOLIC: &str = "8480-6";
/// Diastolic blood pressure.
pub const DIASTOLIC: &str = "8462-4";
/// LDL cholesterol.
pub const LDL: &str = "22748-8";
/// Albumin/creatinine in urine.
pub const ALBUMIN: &str = "9318-7";
/// Filtration rate by CKD-EPI 2021.
pub const FILTRATION: &str = "98979-8";
/// Creatinine in serum, in µmol/L.
pub const CREATININE: &str = "14682-9";

/// LOINC codes of glucose in blood, plasma or serum.
pub const GLUCOSE_CODES: [&str; 8] =
    [GLUCOMETER, FASTING, "14749-6", "15074-8", "2339-0", "2345-7", "41653-7", "1558-6"];
const FASTING_CODES: [&str; 2] = [FASTING, "1558-6"];
/// LOINC codes of glucose by a sensor in tissue.
pub const SENSOR_CODES: [&str; 2] = ["105272-9", "99504-3"];
/// LOINC codes of HbA1c: NGSP and IFCC.
pub const HBA1C_CODES: [&str; 2] = [HBA1C, "59261-8"];
/// LOINC codes of blood pressure: each value, and panels of both.
pub const PRESSURE_CODES: [&str; 4] = [SYSTOLIC, DIASTOLIC, "85354-9", "55284-4"];
/// LOINC codes of LDL cholesterol.
pub const LDL_CODES: [&str; 4] = [LDL, "18262-6", "13457-7", "2089-1"];
/// LOINC codes of albumin/creatinine in urine.
pub const ALBUMIN_CODES: [&str; 2] = [ALBUMIN, "14959-1"];
/// LOINC codes of the filtration rate.
pub const FILTRATION_CODES: [&str; 3] = [FILTRATION, "62238-1", "33914-3"];
/// LOINC codes of creatinine in serum or plasma.
pub const CREATININE_CODES: [&str; 2] = [CREATININE, "2160-0"];
/// LOINC codes of the severity of retinopathy, left and right.
pub const RETINA_CODES: [&str; 2] = ["71490-7", "71491-5"];

/// A quantity that is in no known unit, or cannot be: in words, for staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotUnderstood(pub String);

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
    /// Albumin/creatinine in urine.
    Albumin(Albumin),
    /// Filtration rate, measured or estimated.
    Filtration(Filtration),
    /// Codes of the findings of a retina.
    Retina(Vec<Coding>),
    /// Not relevant here, or without an amount. What somebody sent instead of an amount, the host
    /// refused and told the care team.
    Other,
}

impl Reading {
    /// # Errors
    /// If the unit is unknown, or the amount impossible.
    pub fn of(observation: &Observation, snapshot: &Snapshot) -> Result<Self, NotUnderstood> {
        let is = |codes: &[&str]| codes.iter().any(|code| observation.code.has(system::LOINC, code));
        if is(&PRESSURE_CODES) {
            return Ok(Self::Pressure(Pressure::of(observation)?));
        }
        if is(&RETINA_CODES) {
            return Ok(Self::Retina(coded(observation)));
        }
        let Some(amount) = observation.quantity() else { return Ok(Self::Other) };
        // As the host gives it, and as it was sent, if that differs.
        let shown = match observation.as_sent() {
            Some(sent) => format!("{amount} ({sent})"),
            None => amount.to_string(),
        };
        let bound = Bound::of(observation);
        Ok(if is(&GLUCOSE_CODES) {
            Self::Glucose(Glucose { shown, ..Glucose::of(amount, is(&FASTING_CODES))? })
        } else if is(&HBA1C_CODES) {
            Self::Hba1c(Hba1c { shown, ..Hba1c::of(amount)? })
        } else if is(&LDL_CODES) {
            Self::Ldl(Ldl { shown, ..Ldl::of(amount)? })
        } else if is(&ALBUMIN_CODES) {
            Self::Albumin(Albumin { shown, bound, ..Albumin::of(amount)? })
        } else if is(&FILTRATION_CODES) {
            Self::Filtration(Filtration { shown, bound, ..Filtration::of(amount)? })
        } else if is(&CREATININE_CODES) {
            let estimated = Filtration::estimated(amount, snapshot)?;
            estimated.filter(|_| !has_filtration(snapshot, observation)).map_or(Self::Other, Self::Filtration)
        } else {
            Self::Other
        })
    }
}

/// Whether the laboratory gives the rate of the same day itself.
fn has_filtration(snapshot: &Snapshot, of: &Observation) -> bool {
    let day = |one: &Observation| one.effective.map(china::day);
    let mut known = FILTRATION_CODES.iter().map(|code| Coding::loinc(*code));
    known.any(|code| snapshot.history(&code).any(|one| one.quantity().is_some() && day(one) == day(of)))
}

fn coded(observation: &Observation) -> Vec<Coding> {
    match &observation.value {
        ObservationValue::Coded(codes) => codes.clone(),
        _ => Vec::new(),
    }
}

/// Whether a result is its value, or a bound: `<5`, `>90`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The value.
    Exact,
    /// Less than the value.
    Below,
    /// More than the value.
    Above,
}

impl Bound {
    fn of(observation: &Observation) -> Self {
        match observation.attributes.value("xinglin.comparator") {
            Some(AttributeValue::Text(sign)) if sign.starts_with('<') => Self::Below,
            Some(AttributeValue::Text(sign)) if sign.starts_with('>') => Self::Above,
            _ => Self::Exact,
        }
    }

    /// Whether it is below a limit, as far as it tells.
    fn is_below(self, value: Decimal, limit: Decimal) -> Option<bool> {
        match self {
            Self::Exact => Some(value < limit),
            Self::Below => (value <= limit).then_some(true),
            Self::Above => (value >= limit).then_some(false),
        }
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
    pub fn of(quantity: &Quantity, fasting: bool) -> Result<Self, NotUnderstood> {
        let milligrams = positive("glucose", quantity).and_then(|value| match quantity.unit.as_str() {
            "mmol/L" => value.times(decimal(GLUCOSE_FACTOR, 4)).ok_or_else(|| out_of_range("glucose", quantity)),
            "mg/dL" => Ok(value),
            unit => Err(not_understood("glucose", unit)),
        })?;
        Ok(Self { milligrams, fasting, shown: quantity.to_string() })
    }

    /// Whether it is below this value in mmol/L.
    pub fn is_below(&self, millimoles: Decimal) -> bool {
        // A limit with more digits than fit is above every glucose value.
        millimoles.times(decimal(GLUCOSE_FACTOR, 4)).is_none_or(|limit| self.milligrams < limit)
    }

    /// Whether it equals this value in mmol/L.
    pub fn is_exactly(&self, millimoles: Decimal) -> bool {
        millimoles.times(decimal(GLUCOSE_FACTOR, 4)) == Some(self.milligrams)
    }

    /// Which of two is lower.
    pub fn compare(&self, other: &Self) -> Ordering {
        self.milligrams.cmp(&other.milligrams)
    }

    /// Whether it is above this value in mmol/L.
    pub fn is_above(&self, millimoles: Decimal) -> bool {
        !self.is_below(millimoles) && !self.is_exactly(millimoles)
    }

    /// Thousandths of mmol/L, rounded: for means.
    pub fn thousandths(&self) -> i64 {
        let milligrams = self.milligrams.shown_to(6);
        let unscaled = i128::from(milligrams.unscaled);
        // mg/dL × 1000 ÷ 18.0182, with the digits of both.
        let digits = 10_i128.pow(u32::from(milligrams.scale));
        let divisor = i128::from(GLUCOSE_FACTOR.value) * digits;
        i64::try_from((unscaled * 1000 * 10_000 * 2 + divisor) / (divisor * 2)).unwrap_or(i64::MAX)
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
    pub fn of(quantity: &Quantity) -> Result<Self, NotUnderstood> {
        let percent = positive("HbA1c", quantity).and_then(|value| match quantity.unit.as_str() {
            "%" => Ok(value),
            "mmol/mol" => decimal(HBA1C_SLOPE, 5)
                .times(value)
                .and_then(|product| product.plus(decimal(HBA1C_OFFSET, 3)))
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
    pub fn of(observation: &Observation) -> Result<Self, NotUnderstood> {
        let value = |code: &str| observation.quantity_of(&Coding::loinc(code)).map(millimetres).transpose();
        Ok(Self { systolic: value(SYSTOLIC)?, diastolic: value(DIASTOLIC)? })
    }

    /// Of two answers.
    ///
    /// # Errors
    /// If a unit is not mmHg.
    pub fn of_values(systolic: Option<&Quantity>, diastolic: Option<&Quantity>) -> Result<Self, NotUnderstood> {
        Ok(Self {
            systolic: systolic.map(millimetres).transpose()?,
            diastolic: diastolic.map(millimetres).transpose()?,
        })
    }

    /// Whether both are known.
    pub const fn is_whole(&self) -> bool {
        self.systolic.is_some() && self.diastolic.is_some()
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
    /// # Errors
    /// If the unit is neither mmol/L nor mg/dL, or the value not above zero.
    pub fn of(quantity: &Quantity) -> Result<Self, NotUnderstood> {
        let milligrams = positive("LDL cholesterol", quantity).and_then(|value| match quantity.unit.as_str() {
            "mmol/L" => {
                value.times(decimal(CHOLESTEROL_FACTOR, 2)).ok_or_else(|| out_of_range("LDL cholesterol", quantity))
            }
            "mg/dL" => Ok(value),
            unit => Err(not_understood("LDL cholesterol", unit)),
        })?;
        Ok(Self { milligrams, shown: quantity.to_string() })
    }

    /// Whether it is below this value in mmol/L.
    pub fn is_below(&self, millimoles: Decimal) -> bool {
        millimoles.times(decimal(CHOLESTEROL_FACTOR, 2)).is_none_or(|limit| self.milligrams < limit)
    }
}

/// Albumin/creatinine in urine, stored in mg/g.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Albumin {
    ratio: Decimal,
    bound: Bound,
    /// As measured, for display.
    pub shown: String,
}

impl Albumin {
    /// # Errors
    /// If the unit is neither mg/g nor mg/mmol, or the value below zero.
    pub fn of(quantity: &Quantity) -> Result<Self, NotUnderstood> {
        let what = "albumin/creatinine";
        if quantity.value < Decimal::whole(0) {
            return Err(out_of_range(what, quantity));
        }
        let ratio = match quantity.unit.as_str() {
            "mg/g" => quantity.value,
            "mg/mmol" => {
                quantity.value.times(decimal(ALBUMIN_FACTOR, 2)).ok_or_else(|| out_of_range(what, quantity))?
            }
            unit => return Err(not_understood(what, unit)),
        };
        Ok(Self { ratio, bound: Bound::Exact, shown: quantity.to_string() })
    }

    /// Whether it is at least this many mg/g; a bound that does not tell is not.
    pub fn reaches(&self, milligrams: i64) -> bool {
        self.bound.is_below(self.ratio, Decimal::whole(milligrams)) == Some(false)
    }
}

/// Filtration rate in mL/min/1.73 m².
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filtration {
    rate: Decimal,
    bound: Bound,
    /// As measured, or that it is estimated, for display.
    pub shown: String,
}

impl Filtration {
    /// # Errors
    /// If the unit is another, or the value not above zero.
    pub fn of(quantity: &Quantity) -> Result<Self, NotUnderstood> {
        let rate = match quantity.unit.as_str() {
            "mL/min/{1.73_m2}" => positive("eGFR", quantity)?,
            unit => return Err(not_understood("eGFR", unit)),
        };
        Ok(Self { rate, bound: Bound::Exact, shown: quantity.to_string() })
    }

    /// From creatinine in serum; nothing of minors, or where age or sex is unknown: the equation is for adults of either
    /// sex.
    ///
    /// # Errors
    /// If the unit is neither µmol/L nor mg/dL, or the value not above zero.
    pub fn estimated(quantity: &Quantity, snapshot: &Snapshot) -> Result<Option<Self>, NotUnderstood> {
        let value = approximately(positive("creatinine", quantity)?);
        let milligrams = match quantity.unit.as_str() {
            "umol/L" => value / approximately(decimal(CREATININE_FACTOR, 1)),
            "mg/dL" => value,
            unit => return Err(not_understood("creatinine", unit)),
        };
        let age = snapshot.age_years().filter(|age| i64::from(*age) >= ADULT.value);
        let female = match snapshot.subject.sex {
            Sex::Female => Some(true),
            Sex::Male => Some(false),
            Sex::Other | Sex::Unknown => None,
        };
        let (Some(age), Some(female)) = (age, female) else { return Ok(None) };
        let rate = Decimal::whole(ckd_epi(milligrams, age, female));
        let shown = format!("{rate} mL/min/{{1.73_m2}} (CKD-EPI 2021, creatinine {quantity})");
        Ok(Some(Self { rate, bound: Bound::Exact, shown }))
    }

    /// Whether it is below this rate; a bound that does not tell is not.
    pub fn is_below(&self, rate: i64) -> bool {
        self.bound.is_below(self.rate, Decimal::whole(rate)) == Some(true)
    }
}

/// 142 × min(Scr/κ, 1)^α × max(Scr/κ, 1)^−1.200 × 0.9938^age × 1.012 if female, Scr in mg/dL. See
/// [`Source::Equation`](crate::sources::Source::Equation).
fn ckd_epi(creatinine: f64, age: u32, female: bool) -> i64 {
    let (kappa, alpha, factor) = if female { (0.7, -0.241, 1.012) } else { (0.9, -0.302, 1.0) };
    let ratio = creatinine / kappa;
    let rate = 142.0
        * libm::pow(ratio.min(1.0), alpha)
        * libm::pow(ratio.max(1.0), -1.2)
        * libm::pow(0.9938, f64::from(age))
        * factor;
    libm::round(rate) as i64
}

fn approximately(value: Decimal) -> f64 {
    value.unscaled as f64 / libm::pow(10.0, f64::from(value.scale))
}

fn millimetres(quantity: &Quantity) -> Result<Decimal, NotUnderstood> {
    match quantity.unit.as_str() {
        "mm[Hg]" => positive("blood pressure", quantity),
        unit => Err(not_understood("blood pressure", unit)),
    }
}

fn positive(what: &str, quantity: &Quantity) -> Result<Decimal, NotUnderstood> {
    if quantity.value > Decimal::whole(0) { Ok(quantity.value) } else { Err(out_of_range(what, quantity)) }
}

fn not_understood(what: &str, unit: &str) -> NotUnderstood {
    NotUnderstood(format!("{what} in `{unit}`"))
}

fn out_of_range(what: &str, quantity: &Quantity) -> NotUnderstood {
    NotUnderstood(format!("{what} of {quantity}"))
}

#[cfg(test)]
mod tests {
    use xinglin_sdk::testing::{Patient, START};

    use super::*;

    fn quantity(value: &str, unit: &str) -> Quantity {
        Quantity::new(value.parse::<Decimal>().expect("a decimal"), unit)
    }

    #[test]
    fn units_of_glucose() {
        let limit = Decimal::new(167, 1);
        for (value, unit, below) in [
            ("16.69", "mmol/L", true),
            ("16.7", "mmol/L", false),
            ("16.70", "mmol/L", false),
            ("16.71", "mmol/L", false),
            ("300.90393", "mg/dL", true),
            ("300.90394", "mg/dL", false),
            ("301", "mg/dL", false),
        ] {
            let glucose = Glucose::of(&quantity(value, unit), false).expect("a glucose");
            assert_eq!(glucose.is_below(limit), below, "{value} {unit}");
        }
        for (value, unit, thousandths) in
            [("5.5", "mmol/L", 5500), ("5.5554", "mmol/L", 5555), ("99.1001", "mg/dL", 5500), ("100", "mg/dL", 5550)]
        {
            let glucose = Glucose::of(&quantity(value, unit), false).expect("a glucose");
            assert_eq!(glucose.thousandths(), thousandths, "{value} {unit}");
        }
    }

    #[test]
    fn units_of_hba1c() {
        let seven = Decimal::whole(7);
        for (value, unit, below) in [
            ("6.9", "%", true),
            ("7.0", "%", false),
            ("7.1", "%", false),
            // 6.90896, 7.00044 and 7.09192 %.
            ("52", "mmol/mol", true),
            ("53", "mmol/mol", false),
            ("54", "mmol/mol", false),
        ] {
            assert_eq!(Hba1c::of(&quantity(value, unit)).expect("an HbA1c").is_below(seven), below, "{value} {unit}");
        }
    }

    #[test]
    fn units_of_cholesterol() {
        for (value, unit, below) in [
            ("2.59", "mmol/L", true),
            ("2.6", "mmol/L", false),
            ("2.61", "mmol/L", false),
            ("100.541", "mg/dL", true),
            ("100.542", "mg/dL", false),
            ("100.543", "mg/dL", false),
        ] {
            let ldl = Ldl::of(&quantity(value, unit)).expect("an LDL");
            assert_eq!(ldl.is_below(Decimal::new(26, 1)), below, "{value} {unit}");
        }
    }

    #[test]
    fn units_of_albumin() {
        for (value, unit, reaches) in [
            ("29.9", "mg/g", false),
            ("30", "mg/g", true),
            ("30.1", "mg/g", true),
            ("3.393", "mg/mmol", false),
            ("3.394", "mg/mmol", true),
            ("3.395", "mg/mmol", true),
            ("0", "mg/g", false),
        ] {
            assert_eq!(Albumin::of(&quantity(value, unit)).expect("a ratio").reaches(30), reaches, "{value} {unit}");
        }
    }

    #[test]
    fn units_of_creatinine() {
        let of = |patient: &Patient, value: &str, unit: &str| {
            let rate = Filtration::estimated(&quantity(value, unit), &patient.snapshot(START)).expect("understood");
            rate.map(|rate| rate.rate.to_string())
        };
        let woman = Patient::aged(60);
        let man = Patient::aged(60).sex(Sex::Male);
        // Reckoned by hand.
        for (patient, value, unit, rate) in [
            (&woman, "0.7", "mg/dL", "99"),
            (&woman, "61.88", "umol/L", "99"),
            (&man, "1.0", "mg/dL", "86"),
            (&man, "88.4", "umol/L", "86"),
            (&man, "2.0", "mg/dL", "38"),
            (&man, "176.8", "umol/L", "38"),
        ] {
            assert_eq!(of(patient, value, unit).as_deref(), Some(rate), "{value} {unit}");
        }
        assert_eq!(of(&Patient::aged(17), "1.0", "mg/dL"), None);
        assert_eq!(of(&Patient::of_unknown_age(), "1.0", "mg/dL"), None);
        assert_eq!(of(&Patient::aged(60).sex(Sex::Unknown), "1.0", "mg/dL"), None);
    }

    #[test]
    fn a_bound_tells_what_it_tells() {
        let limit = Decimal::whole(30);
        for (bound, value, below) in [
            (Bound::Below, 29, Some(true)),
            (Bound::Below, 30, Some(true)),
            (Bound::Below, 31, None),
            (Bound::Above, 29, None),
            (Bound::Above, 30, Some(false)),
            (Bound::Above, 31, Some(false)),
        ] {
            assert_eq!(bound.is_below(Decimal::whole(value), limit), below, "{bound:?} {value}");
        }
    }

    #[test]
    fn a_number_without_its_unit_says_nothing() {
        for unit in ["", "mmol/l", "g/L", "%"] {
            assert_eq!(Glucose::of(&quantity("7.2", unit), false), Err(NotUnderstood(format!("glucose in `{unit}`"))));
            assert!(Ldl::of(&quantity("2.2", unit)).is_err(), "{unit}");
            assert!(Albumin::of(&quantity("2.2", unit)).is_err(), "{unit}");
            assert!(Filtration::of(&quantity("80", unit)).is_err(), "{unit}");
            assert!(
                Filtration::estimated(&quantity("80", unit), &Patient::aged(60).snapshot(START)).is_err(),
                "{unit}"
            );
        }
        assert!(Hba1c::of(&quantity("0.07", "1")).is_err());
        assert!(Glucose::of(&quantity("0", "mmol/L"), false).is_err());
        assert!(Albumin::of(&quantity("-1", "mg/g")).is_err());
        assert!(Pressure::of_values(Some(&quantity("18", "kPa")), None).is_err());
        assert!(Glucose::of(&quantity("999999999999999999", "mmol/L"), false).is_err());
    }
}
