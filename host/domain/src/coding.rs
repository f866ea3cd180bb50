//! Codes, exact numbers and texts, as in `xinglin:types`.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use crate::{code::Code, money::Money, time::Instant};

/// Code systems that the host uses itself.
pub mod system {
    /// Measurements and answers.
    pub const LOINC: &str = "http://loinc.org";
    /// Diagnoses.
    pub const ICD10: &str = "http://hl7.org/fhir/sid/icd-10";
    /// Findings, substances.
    pub const SNOMED: &str = "http://snomed.info/sct";
    /// Active ingredients by therapeutic class.
    pub const ATC: &str = "http://www.whocc.no/atc";
    /// Medicines and their ingredients, of the US National Library of Medicine.
    pub const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";

    /// The canonical URI of a system that is spelled in another way: `https`, another letter
    /// case, a slash at the end, the OID, the bare name. `None` for systems that the host does
    /// not use itself.
    pub fn canonical(spelled: &str) -> Option<&'static str> {
        let name = spelled.trim().to_ascii_lowercase();
        let name =
            ["http://", "https://", "urn:oid:", "oid:"].iter().find_map(|p| name.strip_prefix(p)).unwrap_or(&name);
        let name = name.trim_end_matches('/');
        match name.strip_prefix("www.").unwrap_or(name) {
            "whocc.no/atc"
            | "whocc.no/atc_ddd_index"
            | "atcddd.fhi.no/atc_ddd_index"
            | "2.16.840.1.113883.6.73"
            | "atc" => Some(ATC),
            "nlm.nih.gov/research/umls/rxnorm" | "2.16.840.1.113883.6.88" | "rxnorm" => Some(RXNORM),
            "snomed.info/sct" | "2.16.840.1.113883.6.96" => Some(SNOMED),
            "loinc.org" | "2.16.840.1.113883.6.1" => Some(LOINC),
            "hl7.org/fhir/sid/icd-10" | "2.16.840.1.113883.6.3" => Some(ICD10),
            _ => None,
        }
    }
}

/// A code of a terminology.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coding {
    /// Canonical URI, as in FHIR.
    pub system: String,
    /// The code in it.
    pub code: String,
    /// For display only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
}

impl Coding {
    /// A coding without a display text.
    pub fn new(system: impl Into<String>, code: impl Into<String>) -> Self {
        Self { system: system.into(), code: code.into(), display: None }
    }

    /// The same code, with its system under the canonical URI and without the spelling of the
    /// source: ATC in capitals and without blanks (`n05 cf02` is N05CF02), full-width characters
    /// narrow. Codes of systems that the host does not use itself stay as they are.
    #[must_use]
    pub fn canonical(&self) -> Self {
        let Some(system) = system::canonical(&self.system) else { return self.clone() };
        let narrow = self.code.nfkc();
        let code = match system {
            system::ATC => narrow.filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect(),
            _ => narrow.filter(|c| !c.is_whitespace()).collect(),
        };
        Self { system: system.to_owned(), code, display: self.display.clone() }
    }

    /// The ATC code, however system and code are spelled; `None` in another system.
    pub fn atc(&self) -> Option<String> {
        let canonical = self.canonical();
        (canonical.system == system::ATC).then_some(canonical.code)
    }

    /// Whether both are the same code of the same system.
    pub fn same(&self, other: &Self) -> bool {
        self.system == other.system && self.code == other.code
    }
}

/// An exact decimal, `unscaled × 10^-scale`. Equality is by value: 7.0 == 7.00.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Decimal {
    unscaled: i64,
    scale: u8,
}

/// The text or number is not a decimal of at most 18 digits after the point.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a decimal number within range: `{0}`")]
pub struct InvalidDecimal(pub String);

impl InvalidDecimal {
    /// The stable code.
    pub const fn code(&self) -> Code {
        Code::BodyInvalid
    }
}

impl Decimal {
    /// Maximum number of digits after the point.
    pub const MAX_SCALE: u8 = 18;

    /// `unscaled × 10^-scale`.
    ///
    /// # Errors
    /// If `scale` is more than 18.
    pub fn new(unscaled: i64, scale: u8) -> Result<Self, InvalidDecimal> {
        if scale > Self::MAX_SCALE {
            return Err(InvalidDecimal(format!("{unscaled}e-{scale}")));
        }
        Ok(Self { unscaled, scale })
    }

    /// A whole number.
    pub const fn whole(value: i64) -> Self {
        Self { unscaled: value, scale: 0 }
    }

    /// `unscaled × 10^-scale`, for tables; `scale` is at most [`Decimal::MAX_SCALE`].
    pub(crate) const fn of(unscaled: i64, scale: u8) -> Self {
        assert!(scale <= Self::MAX_SCALE, "too many digits after the point");
        Self { unscaled, scale }
    }

    /// The digits, without the point.
    pub const fn unscaled(self) -> i64 {
        self.unscaled
    }

    /// Number of digits after the point.
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// Whether it is positive.
    pub const fn is_positive(self) -> bool {
        self.unscaled > 0
    }

    /// The exact product.
    ///
    /// # Errors
    /// On overflow, or if it needs more than [`Decimal::MAX_SCALE`] digits after the point.
    pub fn times(self, other: Self) -> Result<Self, InvalidDecimal> {
        let mut unscaled = i128::from(self.unscaled) * i128::from(other.unscaled);
        let mut scale = self.scale + other.scale;
        while scale > 0 && unscaled % 10 == 0 {
            unscaled /= 10;
            scale -= 1;
        }
        let fits = i64::try_from(unscaled).map_err(|_| InvalidDecimal(format!("{self} × {other}")))?;
        Self::new(fits, scale)
    }

    /// How often a positive value is contained in this one, rounded up; `None` if either is not
    /// positive, or on overflow.
    pub fn ceil_over(self, part: Self) -> Option<i64> {
        if !self.is_positive() || !part.is_positive() {
            return None;
        }
        let (whole, part) = (self.at_max_scale(), part.at_max_scale());
        i64::try_from(whole / part + i128::from(whole % part != 0)).ok()
    }

    /// The exact sum.
    ///
    /// # Errors
    /// On overflow.
    pub fn plus(self, other: Self) -> Result<Self, InvalidDecimal> {
        let scale = self.scale.max(other.scale);
        let at = |value: Self| i128::from(value.unscaled) * 10_i128.pow(u32::from(scale - value.scale));
        let sum = at(self) + at(other);
        let fits = i64::try_from(sum).map_err(|_| InvalidDecimal(format!("{self} + {other}")))?;
        Self::new(fits, scale)
    }

    /// The quotient with `digits` digits after the point, rounded half away from zero.
    ///
    /// # Errors
    /// On overflow, or if `divisor` is zero.
    pub fn over(self, divisor: Self, digits: u8) -> Result<Self, InvalidDecimal> {
        let wrong = || InvalidDecimal(format!("{self} / {divisor}"));
        let ten = |power: u8| 10_i128.checked_pow(u32::from(power)).ok_or_else(wrong);
        let dividend = i128::from(self.unscaled)
            .checked_mul(ten(digits)?)
            .and_then(|scaled| scaled.checked_mul(ten(divisor.scale).ok()?))
            .ok_or_else(wrong)?;
        let divisor = i128::from(divisor.unscaled).checked_mul(ten(self.scale)?).ok_or_else(wrong)?;
        if divisor == 0 {
            return Err(wrong());
        }
        let (mut quotient, rest) = (dividend / divisor, dividend % divisor);
        if rest.unsigned_abs() >= divisor.unsigned_abs() - rest.unsigned_abs() {
            quotient += if (dividend < 0) == (divisor < 0) { 1 } else { -1 };
        }
        Self::new(i64::try_from(quotient).map_err(|_| wrong())?, digits)
    }

    /// The value times 10^18, which cannot overflow `i128`.
    fn at_max_scale(self) -> i128 {
        i128::from(self.unscaled) * 10_i128.pow(u32::from(Self::MAX_SCALE - self.scale))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl std::hash::Hash for Decimal {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.at_max_scale().hash(state);
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at_max_scale().cmp(&other.at_max_scale())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.unscaled < 0 { "-" } else { "" };
        let digits = self.unscaled.unsigned_abs();
        if self.scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let unit = 10_u64.pow(u32::from(self.scale));
        write!(f, "{sign}{}.{:0width$}", digits / unit, digits % unit, width = usize::from(self.scale))
    }
}

impl FromStr for Decimal {
    type Err = InvalidDecimal;

    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        let invalid = || InvalidDecimal(text.chars().take(64).collect());
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| invalid())?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if mantissa.ends_with('.') {
            return Err(invalid());
        }
        let digits = whole.strip_prefix('-').unwrap_or(whole);
        let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if digits.is_empty() || !all_digits(digits) || !all_digits(fraction) {
            return Err(invalid());
        }
        let mut unscaled: i64 = format!("{whole}{fraction}").parse().map_err(|_| invalid())?;
        let mut scale = i64::try_from(fraction.len()).map_err(|_| invalid())? - i64::from(exponent);
        while scale < 0 {
            unscaled = unscaled.checked_mul(10).ok_or_else(invalid)?;
            scale += 1;
        }
        Self::new(unscaled, u8::try_from(scale).map_err(|_| invalid())?)
    }
}

impl TryFrom<String> for Decimal {
    type Error = InvalidDecimal;

    fn try_from(text: String) -> Result<Self, InvalidDecimal> {
        text.parse()
    }
}

impl From<Decimal> for String {
    fn from(value: Decimal) -> Self {
        value.to_string()
    }
}

/// A measured amount with its UCUM unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantity {
    /// The value.
    pub value: Decimal,
    /// UCUM unit; empty for a bare number.
    pub unit: String,
}

/// A text in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Translation {
    /// Language tag (BCP 47).
    pub language: String,
    /// Plain text.
    pub text: String,
}

/// The same text in several languages, most preferred first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LocalizedText(pub Vec<Translation>);

impl LocalizedText {
    /// A text of the host, in Chinese and English.
    pub fn zh_en(zh: &str, en: &str) -> Self {
        let [zh, en] = [("zh-CN", zh), ("en", en)]
            .map(|(language, text)| Translation { language: language.to_owned(), text: text.to_owned() });
        Self(vec![zh, en])
    }

    /// The text in the requested language, by its primary subtag; otherwise the first.
    pub fn get(&self, language: &str) -> &str {
        let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        let wanted = primary(language);
        self.0.iter().find(|t| primary(&t.language) == wanted).or_else(|| self.0.first()).map_or("", |t| &t.text)
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|t| t.text.trim().is_empty())
    }
}

/// Source of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Citation {
    /// Guideline, label, regulation or data set.
    pub title: String,
    /// Section, table or page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// Year of the edition.
    pub year: u16,
    /// DOI or URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl fmt::Display for Citation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.title)?;
        if let Some(section) = &self.section {
            write!(f, ", {section}")?;
        }
        write!(f, " ({})", self.year)
    }
}

/// The value of an [`Attribute`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeValue {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A decimal.
    Decimal(Decimal),
    /// Yes or no.
    Boolean(bool),
    /// A point in time.
    Instant(Instant),
    /// A code.
    Coding(Coding),
    /// A quantity.
    Quantity(Quantity),
    /// An amount of money.
    Money(Money),
}

/// An additional attribute of a record type that later versions may extend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// Dotted, lower case; the first segment names the owner.
    pub key: String,
    /// The value.
    pub value: AttributeValue,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_the_same_however_it_is_spelled() {
        for spelled in [
            "http://www.whocc.no/atc",
            "https://www.whocc.no/atc",
            "HTTP://WWW.WHOCC.NO/ATC/",
            " http://whocc.no/atc ",
            "urn:oid:2.16.840.1.113883.6.73",
            "URN:OID:2.16.840.1.113883.6.73",
            "2.16.840.1.113883.6.73",
            "ATC",
        ] {
            for code in ["N05CF02", "n05cf02", " N05CF02 ", "N05 CF 02", "Ｎ０５ＣＦ０２", "N05\u{a0}CF02", "N05-CF02"]
            {
                assert_eq!(Coding::new(spelled, code).atc().as_deref(), Some("N05CF02"), "{spelled} {code}");
            }
        }
        let rxnorm = Coding::new("https://www.nlm.nih.gov/research/umls/rxnorm/", " 39993").canonical();
        assert!(rxnorm.same(&Coding::new(system::RXNORM, "39993")));
        let own = Coding::new("https://xinglin.dev/catalogue", "Own code");
        assert_eq!(own.canonical(), own);
        assert_eq!(own.atc(), None);
    }

    #[test]
    fn decimals_are_exact_and_compare_by_value() {
        let parse = |t: &str| t.parse::<Decimal>();
        assert_eq!(parse("16.7"), parse("16.70"));
        assert!(parse("16.69").ok() < parse("16.7").ok());
        assert_eq!(parse("-0.5").map(|d| d.to_string()).as_deref(), Ok("-0.5"));
        assert_eq!(parse("1.5e2"), parse("150"));
        assert_eq!(parse("15e-1"), parse("1.5"));
        for bad in ["", "-", ".5", "1.", "NaN", "1,5", "1e99", "99999999999999999999", "0x10", "1.5.2"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn products_are_exact_or_refused() {
        let decimal = |t: &str| t.parse::<Decimal>().expect("decimal");
        assert_eq!(decimal("0.142857").times(decimal("28")), Ok(decimal("3.999996")));
        assert_eq!(decimal("2.50").times(decimal("0.4")), Ok(Decimal::whole(1)));
        assert_eq!(decimal("-1.5").times(decimal("0")), Ok(Decimal::whole(0)));
        assert!(Decimal::whole(i64::MAX).times(Decimal::whole(2)).is_err());
        assert!(decimal("0.0000000001").times(decimal("0.0000000001")).is_err());
    }

    #[test]
    fn text_falls_back_to_the_first_language() {
        let text = LocalizedText(vec![
            Translation { language: "zh-CN".into(), text: "血糖".into() },
            Translation { language: "en".into(), text: "glucose".into() },
        ]);
        assert_eq!(text.get("en-GB"), "glucose");
        assert_eq!(text.get("zh"), "血糖");
        assert_eq!(text.get("fr"), "血糖");
    }
}
