//! `xinglin pathway check`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};
use xinglin_pathway_file::{
    check::{self, Finding},
    read::{self, File},
};
use xinglin_runtime::Package;

use super::explore;
use crate::cli::plugin::bounded;

/// Check pathways: dead ends, stages that nobody reaches or comes back from, alerts without owner, SLA or
/// escalation, thresholds without unit or source, rules that overlap or contradict each other (with an
/// example patient), texts that are missing in zh-CN or en, and more; each finding has a stable name.
///
/// A file is checked as a whole. A plugin can only be tried: its steps are explored breadth first from an
/// enrolment, over timers, answers and measurements, up to a bound that is printed.
///
/// Examples:
///   xinglin pathway check gout.yaml
///   xinglin pathway check examples/pathways/*.yaml target/plugins/diabetes.wasm
///   xinglin pathway check --json gout.yaml | jq '.[].findings[].name'
///   xinglin pathway check --names                what can be found in a file
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Check {
    /// Pathway files (YAML), and packages (`.wasm`).
    #[arg(required_unless_present = "names")]
    files: Vec<PathBuf>,
    /// List the names of findings in files.
    #[arg(long)]
    names: bool,
    /// Most steps of a plugin that are tried.
    #[arg(long, default_value_t = explore::STEPS, value_name = "N")]
    steps: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Check {
    /// Runs the command.
    pub async fn run(self) -> Result<()> {
        if self.names {
            for name in check::Name::ALL {
                println!("{:26} {}", name.as_str(), name.about());
            }
            return Ok(());
        }
        let (mut all, mut count) = (Vec::new(), 0);
        for path in &self.files {
            let (document, found) = if is_package(path)? { self.plugin(path).await? } else { self.file(path)? };
            all.push(document);
            count += found;
        }
        if self.json {
            println!("{}", serde_json::to_string_pretty(&all)?);
        }
        if count > 0 {
            bail!("{}", counted(count));
        }
        Ok(())
    }

    fn file(&self, path: &Path) -> Result<(Value, usize)> {
        let (file, findings) = read(path)?;
        let review = check::to_review(&file.pathway);
        if !self.json {
            print(path, &file, &findings);
            if findings.is_empty() {
                println!("{}: {} {}: no finding", path.display(), file.pathway.id, file.pathway.version);
            }
            for (at, source) in &review {
                let place = file.places.of(at).map_or_else(String::new, |place| format!(":{place}"));
                println!("{}{place}: {at} rests on `{source}`, which a specialist must review", path.display());
            }
        }
        let listed = |finding: &Finding| {
            let place = file.places.of(&finding.path);
            json!({
                "name": finding.name.as_str(),
                "path": finding.path,
                "line": place.map(|place| place.line),
                "column": place.map(|place| place.column),
                "what": finding.what,
                "example": finding.example,
            })
        };
        let document = json!({
            "file": path.display().to_string(),
            "id": file.pathway.id,
            "findings": findings.iter().map(listed).collect::<Vec<_>>(),
            "to_review": review.iter().map(|(path, source)| json!({ "path": path, "source": source })).collect::<Vec<_>>(),
        });
        Ok((document, findings.len()))
    }

    async fn plugin(&self, path: &Path) -> Result<(Value, usize)> {
        let named = || path.display().to_string();
        let package = Package::read(bounded(path, Package::MAX_BYTES)?).with_context(named)?;
        let explored = explore::explore(&package, self.steps).await.with_context(named)?;
        if !self.json {
            for finding in &explored.findings {
                println!("{}: {}: {}", path.display(), finding.name, finding.what);
                if !finding.after.is_empty() {
                    println!("    after: {}", finding.after.join(", "));
                }
            }
            let end = if explored.whole { "all that this search can tell apart" } else { "the bound" };
            println!(
                "{}: {}: {} steps tried ({end}), {}",
                path.display(),
                package.manifest().id,
                explored.steps,
                counted(explored.findings.len())
            );
            if explored.undecided > 0 {
                println!("    {} steps could not be decided by the pathway, for lack of data", explored.undecided);
            }
        }
        let listed =
            |finding: &explore::Found| json!({ "name": finding.name, "what": finding.what, "after": finding.after });
        let document = json!({
            "file": named(),
            "id": package.manifest().id,
            "steps": explored.steps,
            "whole": explored.whole,
            "findings": explored.findings.iter().map(listed).collect::<Vec<_>>(),
        });
        Ok((document, explored.findings.len()))
    }
}

/// How many findings, for people.
pub(super) fn counted(findings: usize) -> String {
    format!("{findings} finding{}", if findings == 1 { "" } else { "s" })
}

/// A component, by its first bytes or its name.
fn is_package(path: &Path) -> Result<bool> {
    let named = path.extension().is_some_and(|extension| extension == "wasm");
    if named {
        return Ok(true);
    }
    let bytes = bounded(path, Package::MAX_BYTES)?;
    Ok(bytes.starts_with(b"\0asm"))
}

/// Reads a file, with its findings.
pub(super) fn read(path: &Path) -> Result<(File, Vec<Finding>)> {
    let bytes = bounded(path, read::MAX_BYTES)?;
    let text = String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8", path.display()))?;
    let file = read::read(&text).map_err(|error| anyhow::anyhow!("{}:{error}", path.display()))?;
    let findings = check::check(&file.pathway);
    Ok((file, findings))
}

/// Prints findings as `file:line:column: name: what`.
pub(super) fn print(path: &Path, file: &File, findings: &[Finding]) {
    for Finding { name, path: at, what, example } in findings {
        let place = file.places.of(at).map_or_else(String::new, |place| format!(":{place}"));
        println!("{}{place}: {name}: {at}: {what}", path.display());
        if let Some(example) = example {
            println!("    for example a patient with {example}");
        }
    }
}

#[cfg(test)]
mod tests {
    use xinglin_domain::{
        coding::{Coding, Decimal, Quantity, system},
        measure::{Fault, measurand},
    };
    use xinglin_pathway_file::known;

    /// The SDK's side says in words of its own what the host knows of codes and units.
    #[test]
    fn codes_and_units_of_pathway_files_are_those_of_the_host() {
        let of = |code: &str| measurand(&[Coding::new(system::LOINC, code)]);
        let mut shared = 0;
        for known in known::all() {
            let Some(host) = of(known.code) else {
                assert!(known.spelled.is_empty(), "{}: the host converts no other code into it", known.code);
                continue;
            };
            shared += 1;
            assert_eq!(host.coding().code, known.code);
            for code in known.spelled {
                assert_eq!(of(code).map(|host| host.coding().code).as_deref(), Some(known.code), "{code}");
            }
            for unit in known.others.iter().map(|(unit, _)| *unit).chain([known.unit]) {
                let quantity = Quantity { value: Decimal::whole(100), unit: unit.to_owned() };
                assert_ne!(host.canonical(&quantity).err(), Some(Fault::UnitNotUnderstood), "{} {unit}", known.code);
            }
            let own = Quantity { value: Decimal::whole(60), unit: known.unit.to_owned() };
            if let Ok(canonical) = host.canonical(&own) {
                assert_eq!(canonical.unit, known.unit, "{}", known.code);
            }
        }
        assert!(shared >= 16, "{shared}");
    }
}
