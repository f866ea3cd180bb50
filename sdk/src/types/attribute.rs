//! Additional attributes of records that later versions may extend.

use super::{Attribute, AttributeValue, Coding, Decimal, Money, Quantity};

impl Attribute {
    /// `key` is dotted and lower case; its first segment names the owner.
    pub fn new(key: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

/// Lookup of attributes. Unknown keys are ignored.
pub trait Attributes {
    /// The value of `key`, if present.
    fn value(&self, key: &str) -> Option<&AttributeValue>;
}

impl Attributes for [Attribute] {
    fn value(&self, key: &str) -> Option<&AttributeValue> {
        self.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value)
    }
}

macro_rules! from {
    ($($source:ty => $case:ident),* $(,)?) => {$(
        impl From<$source> for AttributeValue {
            fn from(value: $source) -> Self {
                Self::$case(value.into())
            }
        }
    )*};
}

from! {
    &str => Text,
    String => Text,
    i64 => Integer,
    bool => Boolean,
    Decimal => Decimal,
    Coding => Coding,
    Quantity => Quantity,
    Money => Money,
}
