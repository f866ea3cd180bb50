//! `xinglin:types@1` ⇄ [`xinglin_domain::coding`].
//!
//! Lowering never fails. Raising can: a guest's values are checked before they become domain
//! values.

use std::convert::Infallible;

use thiserror::Error;
use xinglin_domain::{
    coding::{Attribute, AttributeValue, Citation, Coding, Decimal, LocalizedText, Quantity, Translation},
    money::Money,
    time::Instant,
};

use crate::wit::xinglin::types::types as wit;

/// An answer of the right type with an invalid value. Reported as `PLUGIN_OUTPUT`.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Invalid(pub String);

impl From<Infallible> for Invalid {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Lowers a list.
pub(crate) fn lower<'a, D, W: From<&'a D>>(items: &'a [D]) -> Vec<W> {
    items.iter().map(W::from).collect()
}

/// Raises a list.
pub(crate) fn raise<W, D>(items: Vec<W>) -> Result<Vec<D>, Invalid>
where
    D: TryFrom<W>,
    Invalid: From<D::Error>,
{
    items.into_iter().map(|item| D::try_from(item).map_err(Invalid::from)).collect()
}

impl From<&Coding> for wit::Coding {
    fn from(c: &Coding) -> Self {
        Self { system: c.system.clone(), code: c.code.clone(), display: c.display.clone() }
    }
}

impl From<wit::Coding> for Coding {
    fn from(c: wit::Coding) -> Self {
        Self { system: c.system, code: c.code, display: c.display }
    }
}

impl From<&Decimal> for wit::Decimal {
    fn from(d: &Decimal) -> Self {
        Self { unscaled: d.unscaled(), scale: d.scale() }
    }
}

impl TryFrom<wit::Decimal> for Decimal {
    type Error = Invalid;

    fn try_from(d: wit::Decimal) -> Result<Self, Invalid> {
        Self::new(d.unscaled, d.scale).map_err(|_| {
            Invalid(format!("a decimal with scale {}; the contract allows 0 to {}", d.scale, Self::MAX_SCALE))
        })
    }
}

impl From<&Money> for wit::Money {
    fn from(m: &Money) -> Self {
        Self { minor_units: m.as_fen(), currency: Money::CURRENCY.to_owned() }
    }
}

impl TryFrom<wit::Money> for Money {
    type Error = Invalid;

    fn try_from(m: wit::Money) -> Result<Self, Invalid> {
        Self::from_minor(m.minor_units, &m.currency).map_err(|_| {
            let currency: String = m.currency.chars().take(16).collect();
            Invalid(format!("an amount in `{currency}` (MONEY_INVALID); the host asked in {}", Self::CURRENCY))
        })
    }
}

impl From<&Quantity> for wit::Quantity {
    fn from(q: &Quantity) -> Self {
        Self { value: (&q.value).into(), unit: q.unit.clone() }
    }
}

impl TryFrom<wit::Quantity> for Quantity {
    type Error = Invalid;

    fn try_from(q: wit::Quantity) -> Result<Self, Invalid> {
        Ok(Self { value: q.value.try_into()?, unit: q.unit })
    }
}

/// Lowers a text.
pub(crate) fn lower_text(text: &LocalizedText) -> wit::LocalizedText {
    text.0.iter().map(|t| wit::Translation { language: t.language.clone(), text: t.text.clone() }).collect()
}

/// Raises a text.
pub(crate) fn raise_text(text: wit::LocalizedText) -> LocalizedText {
    LocalizedText(text.into_iter().map(|t| Translation { language: t.language, text: t.text }).collect())
}

impl From<&Citation> for wit::Citation {
    fn from(c: &Citation) -> Self {
        Self { title: c.title.clone(), section: c.section.clone(), year: c.year, url: c.url.clone() }
    }
}

impl From<wit::Citation> for Citation {
    fn from(c: wit::Citation) -> Self {
        Self { title: c.title, section: c.section, year: c.year, url: c.url }
    }
}

impl From<&AttributeValue> for wit::AttributeValue {
    fn from(value: &AttributeValue) -> Self {
        match value {
            AttributeValue::Text(v) => Self::Text(v.clone()),
            AttributeValue::Integer(v) => Self::Integer(*v),
            AttributeValue::Decimal(v) => Self::Decimal(v.into()),
            AttributeValue::Boolean(v) => Self::Boolean(*v),
            AttributeValue::Instant(v) => Self::Instant(v.micros()),
            AttributeValue::Coding(v) => Self::Coding(v.into()),
            AttributeValue::Quantity(v) => Self::Quantity(v.into()),
            AttributeValue::Money(v) => Self::Money(v.into()),
        }
    }
}

impl TryFrom<wit::AttributeValue> for AttributeValue {
    type Error = Invalid;

    fn try_from(value: wit::AttributeValue) -> Result<Self, Invalid> {
        Ok(match value {
            wit::AttributeValue::Text(v) => Self::Text(v),
            wit::AttributeValue::Integer(v) => Self::Integer(v),
            wit::AttributeValue::Decimal(v) => Self::Decimal(v.try_into()?),
            wit::AttributeValue::Boolean(v) => Self::Boolean(v),
            wit::AttributeValue::Instant(v) => Self::Instant(Instant::from_micros(v)),
            wit::AttributeValue::Coding(v) => Self::Coding(v.into()),
            wit::AttributeValue::Quantity(v) => Self::Quantity(v.try_into()?),
            wit::AttributeValue::Money(v) => Self::Money(v.try_into()?),
        })
    }
}

impl From<&Attribute> for wit::Attribute {
    fn from(a: &Attribute) -> Self {
        Self { key: a.key.clone(), value: (&a.value).into() }
    }
}

impl TryFrom<wit::Attribute> for Attribute {
    type Error = Invalid;

    fn try_from(a: wit::Attribute) -> Result<Self, Invalid> {
        Ok(Self { value: a.value.try_into().map_err(|e: Invalid| Invalid(format!("`{}`: {e}", a.key)))?, key: a.key })
    }
}
