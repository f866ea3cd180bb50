//! The document of a plugin's numbers, `docs/clinical/<plugin>.md`. For tests: it reads the repository.

use std::{
    fmt::{Debug, Write as _},
    fs,
    path::{Path, PathBuf},
};

use xinglin_sdk::types::Citation;

use crate::Number;

const END: &str = "<!-- end -->\n";

/// The part of the document between its marks is the table of `numbers` and `sources`. With `UPDATE_DOCS=1` it is written.
/// `plugin` is the plugin's folder, `env!("CARGO_MANIFEST_DIR")`.
///
/// # Panics
/// If it is not, or the document has no marks.
#[track_caller]
pub fn is_the_table<S: Copy>(plugin: &str, numbers: &[Number<S>], sources: &[S], citation: impl Fn(S) -> Citation) {
    let folder = PathBuf::from(plugin);
    let name = folder.file_name().and_then(|name| name.to_str()).expect("the plugin's name").to_owned();
    let path = folder.join(format!("../../docs/clinical/{name}.md"));
    let begin = format!("<!-- begin: made of plugins/{name}/src/numbers.rs and sources.rs -->\n");
    let table = table(numbers, sources, citation);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{} has no `{begin}`", path.display()));
    let (found, after) = rest.split_once(END).unwrap_or_else(|| panic!("{} has no `{END}`", path.display()));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{begin}{table}{END}{after}")).expect("written");
    } else {
        assert_eq!(found, table, "run it with UPDATE_DOCS=1");
    }
}

/// Every number names a test that the plugin has, in `src` or `tests`, and every source says where and when.
///
/// # Panics
/// If one does not.
#[track_caller]
pub fn is_tested_and_sourced<S: Copy + Debug>(
    plugin: &str,
    numbers: &[Number<S>],
    sources: &[S],
    citation: impl Fn(S) -> Citation,
) {
    let mut text = String::new();
    for folder in ["src", "tests"] {
        gather(&Path::new(plugin).join(folder), &mut text);
    }
    for number in numbers {
        let test = format!("#[test]\nfn {}() {{", number.test);
        assert!(text.contains(&test), "{}: no test `{}`", number.rule, number.test);
    }
    for source in sources {
        let citation = citation(*source);
        assert!(citation.year >= 2000 && !citation.title.is_empty() && citation.section.is_some(), "{source:?}");
    }
}

/// Adds all Rust of a folder, each line without its indentation.
fn gather(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            gather(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            for line in fs::read_to_string(&path).expect("a file").lines() {
                text.push_str(line.trim_start());
                text.push('\n');
            }
        }
    }
}

fn table<S: Copy>(numbers: &[Number<S>], sources: &[S], citation: impl Fn(S) -> Citation) -> String {
    let mut text = String::from("| rule | number | source | test |\n|---|---|---|---|\n");
    for Number { rule, value, unit, source, test } in numbers {
        writeln!(text, "| {rule} | {value} {unit} | {} | `{test}` |", citation(*source)).expect("written");
    }
    text.push_str("\n| source | section | year | address |\n|---|---|---|---|\n");
    for source in sources {
        let Citation { title, section, year, url } = citation(*source);
        let (section, url) = (section.unwrap_or_default(), url.unwrap_or_else(|| "–".to_owned()));
        writeln!(text, "| {title} | {section} | {year} | {url} |").expect("written");
    }
    text
}
