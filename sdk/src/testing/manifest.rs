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

/// What it asks of the host.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    /// Names of the capabilities.
    pub capabilities: Vec<String>,
    /// Of `kv`, in bytes.
    pub quota: usize,
    /// Of `files`.
    pub packs: Vec<String>,
    /// Of `files`, in bytes.
    pub scratch: usize,
}

pub(super) fn capabilities<P: Plugin>() -> Asked {
    let table = table::<P>();
    let Some(asked) = table.get("capabilities").and_then(Value::as_table) else { return Asked::default() };
    let of = |capability: &str, key: &str| asked.get(capability).and_then(|ask| ask.get(key));
    let bytes = |kib: Option<&Value>| {
        let kib = kib.and_then(Value::as_integer).and_then(|kib| usize::try_from(kib).ok());
        kib.unwrap_or(0).saturating_mul(1024)
    };
    let packs = of("files", "packs").and_then(Value::as_array).into_iter().flatten();
    Asked {
        capabilities: asked.keys().cloned().collect(),
        quota: bytes(of("kv", "quota-kib")),
        packs: packs.filter_map(Value::as_str).map(str::to_owned).collect(),
        scratch: bytes(of("files", "scratch-kib")),
    }
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
