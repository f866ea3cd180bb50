//! Shared test helpers.

use std::path::Path;

use serde_json::Value;

use crate::bundle::{self, Plan};

/// Sequential ids: `new-1`, `new-2`, …
pub fn counter() -> impl FnMut(&str) -> String {
    let mut last = 0_u32;
    move |_| {
        last += 1;
        format!("new-{last}")
    }
}

/// The sample patient of the project.
pub fn shipped_bundle() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/patients/type-2-diabetes.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("examples/patients")).expect("json")
}

/// Its resources, as stored.
pub fn shipped_resources() -> Vec<Value> {
    match bundle::plan(shipped_bundle(), &mut counter()).expect("the shipped bundle is sound") {
        Plan::Transaction(planned) => planned.into_iter().map(|planned| planned.resource).collect(),
        Plan::Batch(_) => panic!("the shipped bundle is a transaction"),
    }
}
