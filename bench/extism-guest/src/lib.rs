//! The checker of prescriptions for Extism: the same rule, asked and answered in JSON.
//!
//! What the rule exports as a component is here too and nobody calls it; it imports
//! nothing of the host's.
#![allow(unsafe_code, missing_docs, reason = "what the export expands to")]

#[path = "../../src/rule.rs"]
mod rule;

use extism_pdk::{FnResult, plugin_fn};

/// [`rule::Asked`] in, [`rule::Answer`] out.
#[plugin_fn]
pub fn review(asked: Vec<u8>) -> FnResult<Vec<u8>> {
    let asked = serde_json::from_slice(&asked)?;
    Ok(serde_json::to_vec(&rule::review(&asked))?)
}
