//! `docs/clinical/hypertension.md` is the table of numbers.

use std::{fmt::Write as _, fs, path::PathBuf};

use hypertension::{Source, numbers};

const BEGIN: &str = "<!-- begin: made of plugins/hypertension/src/numbers.rs and sources.rs -->\n";
const END: &str = "<!-- end -->\n";
const TESTS: &str = include_str!("rules.rs");

fn table() -> String {
    let mut text = String::from("| rule | number | source | test |\n|---|---|---|---|\n");
    for number in numbers::ALL {
        let source = number.source.citation();
        writeln!(text, "| {} | {} {} | {source} | `{}` |", number.rule, number.value, number.unit, number.test)
            .expect("written");
    }
    text.push_str("\n| source | section | year |\n|---|---|---|\n");
    for source in Source::ALL {
        let citation = source.citation();
        let section = citation.section.unwrap_or_default();
        writeln!(text, "| {} | {section} | {} |", citation.title, citation.year).expect("written");
    }
    text
}

/// With `UPDATE_DOCS=1` it writes the table.
#[test]
fn the_document_is_the_table() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/clinical/hypertension.md");
    let text = fs::read_to_string(&path).expect("the document");
    let (before, rest) = text.split_once(BEGIN).expect("its beginning");
    let (found, after) = rest.split_once(END).expect("its end");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", table())).expect("written");
    } else {
        assert_eq!(found, table(), "run it with UPDATE_DOCS=1");
    }
}

#[test]
fn every_number_has_its_test_and_every_source_a_year() {
    for number in numbers::ALL {
        assert!(TESTS.contains(&format!("fn {}()", number.test)), "{}: no test `{}`", number.rule, number.test);
    }
    for source in Source::ALL {
        let citation = source.citation();
        assert!(citation.year >= 2000 && !citation.title.is_empty() && citation.section.is_some(), "{source:?}");
    }
}
