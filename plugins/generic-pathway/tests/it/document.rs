//! `docs/clinical/pathway-files.md` is made of the files that ship.

use std::{fmt::Write as _, fs, path::PathBuf};

use super::{file, files};
use xinglin_pathway_file::model::{Citation, Pathway};

const BEGIN: &str = "<!-- begin: made of examples/pathways -->\n";
const END: &str = "<!-- end -->\n";

fn source(pathway: &Pathway, citation: Option<&Citation>) -> String {
    let Some(citation) = citation else { return String::new() };
    let source = &pathway.sources[&citation.source];
    let section = citation.section.as_ref().map_or_else(String::new, |section| format!(", {section}"));
    let review = if source.review { " **to be reviewed**" } else { "" };
    format!("{}{section} ({}){review}", source.title, source.year)
}

fn tables() -> String {
    let mut text = String::new();
    for (name, yaml, test) in files::ALL {
        let pathway = file(yaml).pathway;
        writeln!(text, "\n## {}\n", pathway.title.en.as_deref().unwrap_or(name)).expect("written");
        writeln!(
            text,
            "`examples/pathways/{name}.yaml`, tests `{test}*` in `plugins/generic-pathway/tests/it/files.rs`.\n"
        )
        .expect("written");
        text.push_str("| rule | number | source |\n|---|---|---|\n");
        let mut row = |code: &str, number: &str, citation: Option<&Citation>| {
            writeln!(text, "| `{code}` | {} | {} |", number.replace('|', "\\|"), source(&pathway, citation))
                .expect("written");
        };
        for exclusion in pathway.enrolment.refuse.iter().chain(&pathway.enrolment.offline) {
            row(&exclusion.code, &exclusion.condition.text, exclusion.citation.as_ref());
        }
        for rule in pathway.rules.iter().chain(pathway.stages.iter().flat_map(|stage| &stage.rules)) {
            let sla = rule.sla_min.map_or_else(String::new, |minutes| format!("; within {minutes} min"));
            row(&rule.code, &format!("`{}`{sla}", rule.condition.text), rule.citation.as_ref());
        }
        for stage in &pathway.stages {
            for task in &stage.tasks {
                let days = match task.every_days {
                    Some(days) => format!("every {days} d"),
                    None => format!("days {:?}", task.at_days),
                };
                let window = task.window_days.unwrap_or(0);
                row(
                    &format!("{}/{}", stage.code, task.code),
                    &format!("{days}, within {window} d"),
                    task.citation.as_ref(),
                );
            }
            for exit in &stage.exit {
                let to = exit.to.as_deref().or(exit.close.as_deref()).unwrap_or_default();
                row(&format!("{} → {to}", stage.code), &format!("`{}`", exit.condition.text), exit.citation.as_ref());
            }
        }
    }
    text
}

/// With `UPDATE_DOCS=1` it writes the tables.
#[test]
fn the_document_is_made_of_the_files() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/clinical/pathway-files.md");
    let text = fs::read_to_string(&path).expect("the document");
    let (before, rest) = text.split_once(BEGIN).expect("its beginning");
    let (found, after) = rest.split_once(END).expect("its end");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", tables())).expect("written");
    } else {
        assert_eq!(found, tables(), "run it with UPDATE_DOCS=1");
    }
}

#[test]
fn every_alert_of_the_files_has_a_test() {
    let tests = include_str!("files.rs");
    for (name, yaml, _) in files::ALL {
        let pathway = file(yaml).pathway;
        for rule in pathway.rules.iter().chain(pathway.stages.iter().flat_map(|stage| &stage.rules)) {
            let looks_at_numbers = rule.condition.text.contains(['<', '>']);
            let noted = rule.action.iter().all(|action| action == "note");
            assert!(
                noted || !looks_at_numbers || tests.contains(&format!("\"{}\"", rule.code)),
                "{name}: no test of `{}`",
                rule.code
            );
        }
    }
}
