//! What the tenant configured for this plugin. Ask for it with
//! `[capabilities.settings]`, and declare each key under `[settings.<key>]`.
//!
//! The host checks values against the declaration before the plugin sees them,
//! and they are fixed for the length of a call. The typed readers answer `None`
//! also for a value of another type, which a declaration rules out.

use crate::types::{Attribute, AttributeValue, Decimal};

/// `None` if neither the tenant nor the manifest gives a value.
pub fn get(key: &str) -> Option<AttributeValue> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::settings::get(key);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("settings", |call| call.setting(key))
}

/// All of them, in the order of their keys.
pub fn all() -> Vec<Attribute> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::settings::all();
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("settings", |call| call.settings())
}

/// A whole number.
pub fn integer(key: &str) -> Option<i64> {
    match get(key)? {
        AttributeValue::Integer(value) => Some(value),
        _ => None,
    }
}

/// An exact decimal; a whole number is one too.
pub fn decimal(key: &str) -> Option<Decimal> {
    match get(key)? {
        AttributeValue::Decimal(value) => Some(value),
        AttributeValue::Integer(value) => Some(Decimal::whole(value)),
        _ => None,
    }
}

/// Yes or no.
pub fn boolean(key: &str) -> Option<bool> {
    match get(key)? {
        AttributeValue::Boolean(value) => Some(value),
        _ => None,
    }
}

/// Words.
pub fn text(key: &str) -> Option<String> {
    match get(key)? {
        AttributeValue::Text(value) => Some(value),
        _ => None,
    }
}
