//! `docs/invariants.md` names a test for each invariant, `docs/safety.md` one for each hazard. This
//! holds the names: a test that is renamed or removed fails here until its row follows.

use std::{collections::HashMap, fs, path::Path};

/// A row of a table: its first cell, and the tests that its second cell names.
struct Row<'a> {
    line: usize,
    invariant: &'a str,
    tests: Vec<&'a str>,
}

#[test]
fn every_invariant_names_tests_that_exist() {
    names_tests_that_exist("docs/invariants.md", 50);
}

#[test]
fn every_hazard_names_tests_that_exist() {
    names_tests_that_exist("docs/safety.md", 14);
}

fn names_tests_that_exist(name: &str, least: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let document = fs::read_to_string(root.join(name)).expect("the document");
    let rows = rows(&document);
    assert!(rows.len() >= least, "only {} rows were read: has the form of the tables changed?", rows.len());

    let mut sources: HashMap<&str, Option<String>> = HashMap::new();
    let mut wrong = Vec::new();
    for Row { line, invariant, tests } in &rows {
        if tests.is_empty() {
            wrong.push(format!("line {line}: `{invariant}` names no test"));
        }
        for test in tests {
            let Some((file, function)) = parts(test) else {
                wrong.push(format!("line {line}: `{test}` is not of the form `path/to/file.rs::function`"));
                continue;
            };
            let source = sources.entry(file).or_insert_with(|| fs::read_to_string(root.join(file)).ok());
            match source {
                None => wrong.push(format!("line {line}: there is no file `{file}`")),
                Some(source) if !is_test(source, function) => {
                    wrong.push(format!("line {line}: `{file}` has no test `{function}`"));
                }
                Some(_) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
}

/// The rows of all tables, without their heads.
fn rows(document: &str) -> Vec<Row<'_>> {
    document
        .lines()
        .enumerate()
        .filter(|(_, line)| {
            line.starts_with("| ") && !["| invariant |", "| # |", "| story |"].iter().any(|head| line.starts_with(head))
        })
        .map(|(number, line)| {
            let (invariant, tests) = line.trim_matches(['|', ' ']).rsplit_once(" | ").unwrap_or((line, ""));
            // What stands between backticks is every second piece.
            Row { line: number + 1, invariant, tests: tests.split('`').skip(1).step_by(2).collect() }
        })
        .collect()
}

/// File and function of `file.rs::modules::function`; the modules are for readers.
fn parts(test: &str) -> Option<(&str, &str)> {
    let (file, rest) = test.split_once("::")?;
    Some((file, rest.rsplit("::").next()?)).filter(|(file, _)| file.ends_with(".rs"))
}

/// Whether a function of this name is a test: it has an attribute that says so, or is
/// named once more, by the macro that runs it on both engines.
fn is_test(source: &str, function: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let definition = format!("fn {function}(");
    let defined: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].contains(&definition)).collect();
    let marked = |at: &usize| {
        let above = lines[..*at].iter().rev();
        let mut attributes = above.take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        attributes.any(|line| line.starts_with("#[") && line.contains("test"))
    };
    let name = |word: &&str| *word == function;
    let named = source.split(|c: char| !c.is_alphanumeric() && c != '_').filter(name).count();
    defined.iter().any(marked) || (!defined.is_empty() && named > defined.len())
}

#[test]
fn helpers_are_not_taken_for_tests() {
    let source = "#[test]\n/// Why.\nfn a() {}\nfn b() {}\nasync fn c(x: X) {}\non_both_engines!(H: c);\n";
    assert!(is_test(source, "a") && is_test(source, "c"));
    assert!(!is_test(source, "b"), "it is a function and no test");
    assert!(!is_test(source, "d"), "there is none");
    assert_eq!(parts("host/x.rs::tests::a"), Some(("host/x.rs", "a")));
    assert_eq!(parts("it audit::*"), None);
}
