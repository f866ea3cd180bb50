//! Reads a `plugin.toml` for the test host. `#[plugin]` has checked it.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::{Host, decimal, outside::field_name};
use crate::{
    Plugin,
    follow_up::{self, FollowUp},
    identity::Field,
    pathway::{DataNeed, Pathway},
    types::{AttributeValue, Coding, Decimal},
};

fn table<P: Plugin>() -> Table {
    P::MANIFEST.parse().unwrap_or_else(|error| panic!("plugin.toml: {error}"))
}

/// Checks that the manifest of a pathway of 1.0 declares what its definition asks for, and no other observations: the host
/// gives it nothing else. Two needs of a definition may name the same code.
///
/// # Panics
/// If they differ.
#[track_caller]
pub fn assert_needs_declared<P: Plugin + Pathway>() {
    are_declared::<P>(&Host::of::<P>().call(P::describe).data_needs);
}

/// [`assert_needs_declared`] of a pathway of 1.1.
///
/// # Panics
/// If they differ.
#[track_caller]
pub fn assert_follow_up_needs_declared<P: Plugin + FollowUp>() {
    let asked = Host::of::<P>().call(P::describe).data_needs;
    are_declared::<P>(&asked.iter().map(need).collect::<Vec<_>>());
}

#[track_caller]
fn are_declared<P: Plugin>(asked: &[DataNeed]) {
    let codes = |needs: &[DataNeed]| -> Vec<(String, String)> {
        let observations = needs.iter().filter_map(|need| match need {
            DataNeed::Observations(codes) => Some(codes.clone()),
            _ => None,
        });
        let mut codes: Vec<_> = observations.flatten().map(|code| (code.system, code.code)).collect();
        codes.sort();
        codes
    };
    let declared = data_needs::<P>();
    let mut asked_codes = codes(asked);
    asked_codes.dedup();
    assert_eq!(asked_codes, codes(&declared), "what the definition asks for, and what plugin.toml declares");
    for need in asked.iter().filter(|need| !matches!(need, DataNeed::Observations(_))) {
        assert!(declared.contains(need), "plugin.toml does not declare {need:?}");
    }
}

/// A need of 1.1 in the words of 1.0.
pub(super) fn need(need: &follow_up::DataNeed) -> DataNeed {
    match need {
        follow_up::DataNeed::Conditions => DataNeed::Conditions,
        follow_up::DataNeed::Allergies => DataNeed::Allergies,
        follow_up::DataNeed::Medications => DataNeed::Medications,
        follow_up::DataNeed::Observations(codes) => DataNeed::Observations(codes.clone()),
    }
}

/// The `[data-needs]` of a plugin's manifest.
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

/// Requests of the manifest.
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

/// Requested egress.
#[derive(Debug, Clone, Default)]
pub(super) struct Reach {
    pub hosts: Vec<String>,
    pub plaintext_hosts: Vec<String>,
    pub secrets: Vec<String>,
    pub identity: Vec<Field>,
    /// Keys with their kinds.
    pub keys: BTreeMap<String, String>,
}

/// The requests of `http`, `secrets`, `identity` and `signing`.
pub(super) fn reach<P: Plugin>() -> Reach {
    let table = table::<P>();
    let asked = |capability: &str, key: &str| table.get("capabilities")?.get(capability)?.get(key).cloned();
    let list = |capability: &str, key: &str| -> Vec<String> {
        let found = asked(capability, key);
        let texts = found.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    };
    let fields = list("identity", "fields");
    let all = [Field::FullName, Field::IdNumber, Field::Phone, Field::BirthDate, Field::InsuranceNumber];
    let keys = asked("signing", "keys");
    let keys = keys.as_ref().and_then(Value::as_table).into_iter().flatten();
    let mut secrets = list("secrets", "keys");
    secrets.sort_unstable();
    Reach {
        hosts: list("http", "hosts"),
        plaintext_hosts: list("http", "plaintext-hosts"),
        secrets,
        identity: all.into_iter().filter(|field| fields.iter().any(|name| name == field_name(*field))).collect(),
        keys: keys.filter_map(|(key, kind)| Some((key.clone(), kind.as_str()?.to_owned()))).collect(),
    }
}

/// Defaults of the declared settings.
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
