//! Codes: `(system, code)` pairs. Display texts have no effect on decisions.

use super::Coding;

/// Canonical URIs of code systems, as in FHIR.
pub mod system {
    /// Measurements and answers.
    pub const LOINC: &str = "http://loinc.org";
    /// Findings, substances.
    pub const SNOMED: &str = "http://snomed.info/sct";
    /// Diagnoses.
    pub const ICD10: &str = "http://hl7.org/fhir/sid/icd-10";
    /// Ingredients by therapeutic class.
    pub const ATC: &str = "http://www.whocc.no/atc";
    /// Products and ingredients, United States.
    pub const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
}

impl Coding {
    /// A coding without a display text.
    pub fn new(system: impl Into<String>, code: impl Into<String>) -> Self {
        Self { system: system.into(), code: code.into(), display: None }
    }

    /// In LOINC.
    pub fn loinc(code: impl Into<String>) -> Self {
        Self::new(system::LOINC, code)
    }

    /// In SNOMED CT.
    pub fn snomed(code: impl Into<String>) -> Self {
        Self::new(system::SNOMED, code)
    }

    /// In ICD-10.
    pub fn icd10(code: impl Into<String>) -> Self {
        Self::new(system::ICD10, code)
    }

    /// In ATC.
    pub fn atc(code: impl Into<String>) -> Self {
        Self::new(system::ATC, code)
    }

    /// In RxNorm.
    pub fn rxnorm(code: impl Into<String>) -> Self {
        Self::new(system::RXNORM, code)
    }

    /// With a display text.
    #[must_use]
    pub fn displayed(mut self, display: impl Into<String>) -> Self {
        self.display = Some(display.into());
        self
    }

    /// Whether it is this code.
    pub fn is(&self, system: &str, code: &str) -> bool {
        self.system == system && self.code == code
    }

    /// Whether both are the same code of the same system.
    pub fn same(&self, other: &Self) -> bool {
        self.is(&other.system, &other.code)
    }

    /// Whether it is `prefix` or below it in a hierarchical code system, such as ICD-10
    /// (`E11` includes `E11.9`) or ATC (`C10AA` includes `C10AA05`).
    pub fn under(&self, system: &str, prefix: &str) -> bool {
        self.system == system && self.code.starts_with(prefix)
    }
}

/// Queries over all codings of one concept.
pub trait Codings {
    /// Whether one of them is this code.
    fn has(&self, system: &str, code: &str) -> bool;
    /// Whether one of them is below `prefix`; see [`Coding::under`].
    fn has_under(&self, system: &str, prefix: &str) -> bool;
    /// The codes in one system.
    fn codes_in<'a>(&'a self, system: &'a str) -> impl Iterator<Item = &'a str>;
    /// A display name: the first display text, otherwise the first code.
    fn label(&self) -> &str;
}

impl Codings for [Coding] {
    fn has(&self, system: &str, code: &str) -> bool {
        self.iter().any(|coding| coding.is(system, code))
    }

    fn has_under(&self, system: &str, prefix: &str) -> bool {
        self.iter().any(|coding| coding.under(system, prefix))
    }

    fn codes_in<'a>(&'a self, system: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |coding| coding.system == system).map(|coding| coding.code.as_str())
    }

    fn label(&self) -> &str {
        self.iter()
            .find_map(|coding| coding.display.as_deref())
            .or_else(|| self.first().map(|coding| coding.code.as_str()))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_text_decides_nothing() {
        let codes = [Coding::icd10("E11.9").displayed("not what it says")];
        assert!(codes[0].same(&Coding::icd10("E11.9")));
        assert!(codes.has_under(system::ICD10, "E11"));
        assert!(!codes.has_under(system::SNOMED, "E11"));
        assert!(!codes.has(system::ICD10, "E11"));
        assert_eq!(codes.label(), "not what it says");
    }
}
