//! The tenant's settings of this plugin. Request them with
//! `[capabilities.settings]`, and declare each key under `[settings.<key>]`.
//!
//! The host checks values against the declaration, and they are constant during a call. The
//! typed readers return `None` also for a value of another type, which the declaration
//! excludes.

use crate::types::{Attribute, AttributeValue, Decimal};

/// `None` if neither the tenant nor the manifest provides a value.
pub fn get(key: &str) -> Option<AttributeValue> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::settings::get(key);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("settings", |call| call.setting(key))
}

/// All settings, sorted by key.
pub fn all() -> Vec<Attribute> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::settings::all();
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("settings", |call| call.settings())
}

/// An integer.
pub fn integer(key: &str) -> Option<i64> {
    match get(key)? {
        AttributeValue::Integer(value) => Some(value),
        _ => None,
    }
}

/// An exact decimal; an integer counts as one.
pub fn decimal(key: &str) -> Option<Decimal> {
    match get(key)? {
        AttributeValue::Decimal(value) => Some(value),
        AttributeValue::Integer(value) => Some(Decimal::whole(value)),
        _ => None,
    }
}

/// A boolean.
pub fn boolean(key: &str) -> Option<bool> {
    match get(key)? {
        AttributeValue::Boolean(value) => Some(value),
        _ => None,
    }
}

/// A text.
pub fn text(key: &str) -> Option<String> {
    match get(key)? {
        AttributeValue::Text(value) => Some(value),
        _ => None,
    }
}
