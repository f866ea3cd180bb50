//! The formulary of a hospital: items with codes, ingredients and prices. Requests name an
//! item; its codes, ingredients and prices are taken from the formulary, never from the
//! caller.
//!
//! A hospital may list what must not be sold online, as a medicine: it is never orderable. A
//! medicine without codes, ingredients or a form is stored as unclassified, and orderable once a
//! pharmacist has classified it. So is another item whose title sounds like a medicine.

mod barred;
mod classify;
mod get;
mod put;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{code::Code, coding::Coding, prescription::Rules};
use xinglin_platform::{AppError, settings::Item};

pub use self::barred::barred;
pub use self::classify::{Classify, classify};
pub use self::get::get;
pub use self::put::put;

/// All that a hospital sells.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Formulary {
    /// Its items.
    pub items: Vec<Item>,
}

/// A formulary as it was stored.
#[derive(Debug, Serialize, ToSchema)]
pub struct Uploaded {
    /// The items, with codes in canonical form and the classifications that still hold.
    pub items: Vec<Item>,
    /// Those that cannot be prescribed or sold.
    pub barred: Vec<BarredItem>,
}

/// An item that cannot be prescribed or sold, and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct BarredItem {
    /// Code of the item.
    pub item: String,
    /// Its title.
    pub title: String,
    /// `RX_FORBIDDEN_DRUG`, `RX_DRUG_UNCLASSIFIED` or `FORMULARY_KIND`.
    #[schema(value_type = String)]
    pub code: Code,
    /// Which list and what matched, or what is missing and what to do.
    pub detail: String,
}

/// The items that cannot be prescribed or sold under the rules.
fn bars(items: &[Item], rules: &Rules) -> Vec<BarredItem> {
    let bar = |item: &Item| {
        let why = rules.check_product(&item.product()).err()?;
        let (code, detail) = (why.code(), why.to_string());
        Some(BarredItem { item: item.code.clone(), title: item.title.clone(), code, detail })
    };
    items.iter().filter_map(bar).collect()
}

/// Checks that codings name a system and a code, and that those of ATC have its form.
///
/// # Errors
/// `BODY_INVALID`, without a path.
fn check_codings<'a>(codings: impl IntoIterator<Item = &'a Coding>) -> Result<(), AppError> {
    for coding in codings {
        let wrong = |what: &str| {
            Err(AppError::new(Code::BodyInvalid, format!("the coding `{}|{}` {what}", coding.system, coding.code)))
        };
        if coding.system.trim().is_empty() || coding.code.trim().is_empty() {
            return wrong("needs a system and a code");
        }
        if coding.atc().is_some_and(|code| !xinglin_domain::prescription::product::is_atc(&code)) {
            return wrong("is not of the form of ATC");
        }
    }
    Ok(())
}
