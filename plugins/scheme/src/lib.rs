//! What payment schemes and price lists share. The README says how a tenant writes its figures.

pub mod calendar;
pub mod edition;
pub mod json;
pub mod number;
pub mod pricing;
pub mod share;

use xinglin_sdk::{
    insurance::{Error, Refusal},
    money::MoneyError,
    types::{Citation, zh_en},
};

/// Why something is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    /// Stable, upper snake case.
    pub code: &'static str,
    /// In Chinese.
    pub zh: &'static str,
    /// In English.
    pub en: &'static str,
}

impl Reason {
    /// With the source of the rule.
    pub fn refusal(&self, citation: Citation) -> Refusal {
        Refusal { code: self.code.to_owned(), message: zh_en(self.zh, self.en), citation }
    }
}

/// An amount that cannot be reckoned with: of the host, or too large.
pub fn invalid(error: MoneyError) -> Error {
    Error::Other(error.to_string())
}

/// Something that the decision needs is not given.
pub fn missing(zh: impl Into<String>, en: impl Into<String>) -> Error {
    Error::MissingData(zh_en(zh, en))
}
