//! What the harness reads out of a `plugin.toml`. `#[plugin]` has checked it.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::decimal;
use crate::{
    Plugin,
    pathway::DataNeed,
    types::{AttributeValue, Coding, Decimal},
};

fn table<P: Plugin>() -> Table {
    P::MANIFEST.parse().unwrap_or_else(|error| panic!("plugin.toml: {error}"))
}

/// What the `[data-needs]` of a plugin's manifest let it see.
pub fn data_needs<P: Plugin>() -> Vec<DataNeed> {
    let table = table::<P>();
    let Some(needs) = table.get("data-needs").and_then(Value::as_table) else { return Vec::new() };
    let wants = |section: &str| needs.get(section).and_then(Value::as_bool).unwrap_or(false);
    let mut declared = Vec::new();
    for (section, need) in [
        ("conditions", DataNeed::Conditions),
        ("allergies", DataNeed::Allergies),
        ("medications", DataNeed::Medications),
    ] {
        if wants(section) {
            declared.push(need);
        }
    }
    let text = |row: &Value, key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let observations = needs.get("observations").and_then(Value::as_array);
    let codes = observations.into_iter().flatten().map(|row| Coding::new(text(row, "system"), text(row, "code")));
    declared.push(DataNeed::Observations(codes.collect()));
    declared
}

/// Names of the capabilities it asks for, and the quota of `kv` in bytes.
pub(super) fn capabilities<P: Plugin>() -> (Vec<String>, usize) {
    let table = table::<P>();
    let Some(asked) = table.get("capabilities").and_then(Value::as_table) else { return (Vec::new(), 0) };
    let quota = asked.get("kv").and_then(|kv| kv.get("quota-kib")).and_then(Value::as_integer).unwrap_or(0);
    (asked.keys().cloned().collect(), usize::try_from(quota).unwrap_or(0).saturating_mul(1024))
}

/// Declared settings that have a default.
pub(super) fn defaults<P: Plugin>() -> BTreeMap<String, AttributeValue> {
    let table = table::<P>();
    let Some(settings) = table.get("settings").and_then(Value::as_table) else { return BTreeMap::new() };
    let read = |(key, declared): (&String, &Value)| {
        let default = declared.get("default")?;
        let value = match (declared.get("type").and_then(Value::as_str), default) {
            (Some("text"), Value::String(text)) => AttributeValue::Text(text.clone()),
            (Some("integer"), Value::Integer(number)) => AttributeValue::Integer(*number),
            (Some("decimal"), Value::Integer(number)) => AttributeValue::Decimal(Decimal::whole(*number)),
            (Some("decimal"), Value::Float(number)) => AttributeValue::Decimal(decimal(&number.to_string())),
            (Some("decimal"), Value::String(text)) => AttributeValue::Decimal(decimal(text)),
            (Some("boolean"), Value::Boolean(yes)) => AttributeValue::Boolean(*yes),
            _ => panic!("plugin.toml: the default of the setting `{key}` is not of its type"),
        };
        Some((key.clone(), value))
    };
    settings.iter().filter_map(read).collect()
}
