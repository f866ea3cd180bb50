//! `cargo xtask fhir-schema`: the tables that resources are checked against, out of
//! the official definitions of FHIR 4.0.1 (CC0).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{setup, sh};

/// Where the tables go.
const TABLES: &str = "host/fhir/src/r4.schema";
/// Quantities with rules of their own have the elements of a Quantity.
const LIKE_QUANTITY: [&str; 6] = ["Age", "Count", "Distance", "Duration", "MoneyQuantity", "SimpleQuantity"];

/// Writes the tables anew.
pub fn write_schema() -> Result<()> {
    setup::fhir_definitions()?;
    let definitions = definitions(&setup::fhir_package(setup::FHIR_EXAMPLES))?;
    let value_sets = value_sets(&setup::fhir_package(setup::FHIR_EXPANSIONS))?;
    let mut used = BTreeSet::new();
    let mut types = String::new();
    for (name, definition) in &definitions {
        write_type(&mut types, name, definition, &value_sets, &mut used)?;
    }
    let mut text = format!(
        "# FHIR 4.0.1, out of {} and {} (CC0) by `cargo xtask fhir-schema`.\n\
         # $value-set system codes…; then types, a line an element: name, how often\n\
         # (? at most once, 1 once, * any number, + some), what: types (Reference:targets),\n\
         # and the $value-set that codes must be of.\n",
        setup::FHIR_EXAMPLES,
        setup::FHIR_EXPANSIONS
    );
    for name in used {
        for (system, codes) in &value_sets[&name] {
            writeln!(text, "${name} {system} {}", codes.join(" "))?;
        }
    }
    text.push_str(&types);
    let path = sh::root().join(TABLES);
    std::fs::write(&path, text).with_context(|| path.display().to_string())?;
    println!("wrote {} types to {TABLES}", definitions.len());
    Ok(())
}

type ValueSets = BTreeMap<String, BTreeMap<String, Vec<String>>>;

fn json_files(folder: &Path, prefix: &str) -> Result<Vec<Value>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let fits = |name: &str| name.starts_with(prefix) && name.ends_with(".json");
        if path.file_name().and_then(|name| name.to_str()).is_some_and(fits) {
            files.push(serde_json::from_slice(&std::fs::read(&path)?).with_context(|| path.display().to_string())?);
        }
    }
    Ok(files)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Types and resources, no profiles of them.
fn definitions(folder: &Path) -> Result<BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    for definition in json_files(folder, "StructureDefinition-")? {
        let is_type = matches!(text(&definition, "kind"), "resource" | "complex-type")
            && text(&definition, "derivation") != "constraint"
            && text(&definition, "fhirVersion") == "4.0.1"
            && text(&definition, "url")
                == format!("http://hl7.org/fhir/StructureDefinition/{}", text(&definition, "type"));
        if is_type {
            found.insert(text(&definition, "type").to_owned(), definition);
        }
    }
    if !found.contains_key("Patient") {
        bail!("no definitions in {}", folder.display());
    }
    Ok(found)
}

/// The codes of each value set by their system; none where they are too many to list.
fn value_sets(folder: &Path) -> Result<ValueSets> {
    fn gather(contains: &Value, into: &mut BTreeMap<String, Vec<String>>) {
        for one in contains.as_array().into_iter().flatten() {
            if let (Some(code), false) = (one["code"].as_str(), one["abstract"] == true) {
                into.entry(text(one, "system").to_owned()).or_default().push(code.to_owned());
            }
            gather(&one["contains"], into);
        }
    }
    let mut sets = ValueSets::new();
    for set in json_files(folder, "ValueSet-")? {
        let Some(name) = text(&set, "url").strip_prefix("http://hl7.org/fhir/ValueSet/") else { continue };
        // Grammars, of which an expansion is a selection.
        if ["mimetypes", "ucum-units", "languages", "all-languages"].contains(&name) {
            continue;
        }
        let mut codes = BTreeMap::new();
        gather(&set["expansion"]["contains"], &mut codes);
        if codes.values().flatten().any(|code: &String| code.contains(' ')) || codes.is_empty() {
            continue;
        }
        sets.insert(name.to_owned(), codes);
    }
    Ok(sets)
}

fn write_type(
    out: &mut String,
    name: &str,
    definition: &Value,
    value_sets: &ValueSets,
    used: &mut BTreeSet<String>,
) -> Result<()> {
    // A part of a type is a type: its elements are listed under its path.
    let mut parts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    parts.entry(name.to_owned()).or_default();
    for element in definition["snapshot"]["element"].as_array().into_iter().flatten() {
        let path = text(element, "path");
        let Some((part, field)) = path.rsplit_once('.') else { continue };
        if element["max"] == "0" {
            continue;
        }
        let often = match (element["min"] != 0, text(element, "max")) {
            (false, "1") => "?",
            (true, "1") => "1",
            (false, _) => "*",
            (true, _) => "+",
        };
        let line = match text(element, "contentReference").strip_prefix('#') {
            Some(part) => format!("{field} {often} {part}"),
            None => {
                let mut line = format!("{field} {often}");
                for one in element["type"].as_array().into_iter().flatten() {
                    let code = match text(one, "code").trim_start_matches("http://hl7.org/fhirpath/System.") {
                        "BackboneElement" | "Element" if !path.ends_with("[x]") => path,
                        "String"
                            if path.ends_with(".id")
                                && path.matches('.').count() == 1
                                && definition["kind"] == "resource" =>
                        {
                            "id"
                        }
                        "String" if path == "Extension.url" => "uri",
                        "String" => "string",
                        other => other,
                    };
                    write!(line, " {code}")?;
                    let targets = one["targetProfile"].as_array().into_iter().flatten();
                    let targets = targets.filter_map(|profile| profile.as_str()?.rsplit('/').next());
                    let targets: Vec<&str> = targets.collect();
                    if code == "Reference" && !targets.is_empty() && !targets.contains(&"Resource") {
                        write!(line, ":{}", targets.join(","))?;
                    }
                }
                let binding = &element["binding"];
                let set = text(binding, "valueSet").split('|').next().unwrap_or_default();
                let set = set.strip_prefix("http://hl7.org/fhir/ValueSet/").unwrap_or_default();
                if binding["strength"] == "required" && value_sets.contains_key(set) {
                    write!(line, " ${set}")?;
                    used.insert(set.to_owned());
                }
                line
            }
        };
        parts.entry(part.to_owned()).or_default().push(line);
    }
    let kind = if definition["kind"] == "resource" && definition["abstract"] != true { "resource" } else { "type" };
    let names: Vec<&str> =
        if name == "Quantity" { LIKE_QUANTITY.iter().copied().chain([name]).collect() } else { vec![name] };
    for (part, lines) in &parts {
        if part == name {
            for name in &names {
                writeln!(out, "{kind} {name}")?;
                lines.iter().try_for_each(|line| writeln!(out, " {line}"))?;
            }
        } else {
            writeln!(out, "type {part}")?;
            lines.iter().try_for_each(|line| writeln!(out, " {line}"))?;
        }
    }
    Ok(())
}
