//! `docs/clinical/mental-health.md` is the table of numbers.

use std::{fmt::Write as _, fs, path::PathBuf};

use mental_health::{Source, numbers};

const BEGIN: &str = "<!-- begin: made of plugins/mental-health/src/numbers.rs and sources.rs -->\n";
const END: &str = "<!-- end -->\n";
const TESTS: [&str; 10] = [
    include_str!("entry.rs"),
    include_str!("input.rs"),
    include_str!("minors.rs"),
    include_str!("plan.rs"),
    include_str!("safety.rs"),
    include_str!("scales.rs"),
    include_str!("sleep.rs"),
    include_str!("walks.rs"),
    include_str!("../../src/scales.rs"),
    include_str!("../../src/step/sleep.rs"),
];

fn table() -> String {
    let mut text = String::from("| rule | number | source | test |\n|---|---|---|---|\n");
    for number in numbers::ALL {
        let source = number.source.citation();
        writeln!(text, "| {} | {} {} | {source} | `{}` |", number.rule, number.value, number.unit, number.test)
            .expect("written");
    }
    text.push_str("\n| source | section | year | address |\n|---|---|---|---|\n");
    for source in Source::ALL {
        let citation = source.citation();
        let (section, url) = (citation.section.unwrap_or_default(), citation.url.unwrap_or_else(|| "–".to_owned()));
        writeln!(text, "| {} | {section} | {} | {url} |", citation.title, citation.year).expect("written");
    }
    text
}

/// With `UPDATE_DOCS=1` it writes the table.
#[test]
fn the_document_is_the_table() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/clinical/mental-health.md");
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
        let test = format!("fn {}()", number.test);
        assert!(TESTS.iter().any(|file| file.contains(&test)), "{}: no test `{}`", number.rule, number.test);
    }
    for source in Source::ALL {
        let citation = source.citation();
        assert!(citation.year >= 2000 && !citation.title.is_empty() && citation.section.is_some(), "{source:?}");
    }
}
