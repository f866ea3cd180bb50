//! The vocabulary of `xinglin:types`, with what authors do with it.
//!
//! The records are the contract's own, so a value built here is what crosses the
//! boundary: there is no second set of types to convert to.

mod attribute;
mod citation;
mod coding;
mod decimal;
mod text;

pub use crate::bindings::xinglin::types::types::{
    Attribute, AttributeValue, Citation, Coding, Decimal, LocalizedText, Money, Quantity, Translation,
};
pub use attribute::Attributes;
pub use coding::{Codings, system};
pub use decimal::InvalidDecimal;
pub use text::zh_en;
