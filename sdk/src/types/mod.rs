//! The types of `xinglin:types`, with methods for plugin authors.
//!
//! The records are those of the WIT contract, so values are passed to the host
//! without conversion.

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
