//! The `plugin.toml` of a pathway file.

use std::fmt::Write as _;

use crate::model::{Pathway, Text};

/// The manifest: id, version, texts and data needs of the file, no capability.
pub fn manifest(pathway: &Pathway) -> String {
    let mut toml = String::new();
    for (key, value) in [
        ("id", &pathway.id),
        ("version", &pathway.version),
        ("publisher", &pathway.publisher),
        ("licence", &pathway.licence),
    ] {
        let _ = writeln!(toml, "{key} = {}", quoted(value));
    }
    if let Some(compartment) = &pathway.compartment {
        let _ = writeln!(toml, "compartment = {}", quoted(compartment));
    }
    for (table, text) in [("name", &pathway.title), ("description", &pathway.description)] {
        let _ = writeln!(toml, "\n[{table}]");
        let Text { zh, en } = text;
        for (language, text) in [("zh-CN", zh), ("en", en)] {
            if let Some(text) = text {
                let _ = writeln!(toml, "{language} = {}", quoted(text));
            }
        }
    }
    let _ = writeln!(toml, "\n[data-needs]\nconditions = true");
    if pathway.needs_medications() {
        let _ = writeln!(toml, "medications = true");
    }
    let codes = pathway.codes();
    if !codes.is_empty() {
        let _ = writeln!(toml, "observations = [");
        for code in codes {
            let _ = writeln!(toml, "  {{ system = \"http://loinc.org\", code = {} }},", quoted(code));
        }
        let _ = writeln!(toml, "]");
    }
    let _ = writeln!(toml, "\n[limits]\nmemory-mib = 16\ndeadline-ms = 50\noutput-kib = 256");
    toml
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_one_text() {
        assert_eq!(quoted("a\"b\\c\nd痛"), "\"a\\\"b\\\\c\\u000Ad痛\"");
    }
}
