//! Lenient reading of stored resources: missing or malformed elements read as absent.

use serde_json::Value;
use xinglin_domain::{coding::Coding, time::Instant};

/// The items of a list; none if it is missing.
pub(crate) fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A text field.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

/// An instant: `name`, or the start of a period.
pub(crate) fn instant(value: &Value, name: &str) -> Option<Instant> {
    match value.get(name)? {
        Value::String(text) => Instant::parse(text),
        period => Instant::parse(text(period, "start")?),
    }
}

/// The codings of a CodeableConcept that have both system and code.
pub(crate) fn codings(concept: &Value) -> Vec<Coding> {
    items(concept, "coding").iter().filter_map(coding).collect()
}

/// A Coding with both system and code.
fn coding(value: &Value) -> Option<Coding> {
    Some(Coding {
        system: text(value, "system")?.to_owned(),
        code: text(value, "code")?.to_owned(),
        display: text(value, "display").map(str::to_owned),
    })
}

/// The first code of a CodeableConcept in one system.
pub(crate) fn code_in<'a>(concept: &'a Value, system: &str) -> Option<&'a str> {
    items(concept, "coding").iter().find(|c| text(c, "system") == Some(system)).and_then(|c| text(c, "code"))
}

/// The id in a reference to a resource of one type, relative or absolute, with or without
/// version.
pub(crate) fn id_of<'a>(reference: &'a str, resource_type: &str) -> Option<&'a str> {
    parts(reference).filter(|(kind, id)| *kind == resource_type && crate::primitive::is_id(id)).map(|(_, id)| id)
}

/// Type and id in a reference, as [`id_of`] reads it.
pub(crate) fn parts(reference: &str) -> Option<(&str, &str)> {
    let current = reference.split_once("/_history/").map_or(reference, |(current, _)| current);
    let (rest, id) = current.rsplit_once('/')?;
    Some((rest.rsplit_once('/').map_or(rest, |(_, kind)| kind), id))
}
