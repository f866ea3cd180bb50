//! `docs/clinical/hiv.md` is the table of numbers.

use hiv::{Source, numbers};
use pathway_kit::document;

const PLUGIN: &str = env!("CARGO_MANIFEST_DIR");

/// With `UPDATE_DOCS=1` it writes the table.
#[test]
fn the_document_is_the_table() {
    document::is_the_table(PLUGIN, numbers::ALL, &Source::ALL, Source::citation);
}

#[test]
fn every_number_has_its_test_and_every_source_a_year() {
    document::is_tested_and_sourced(PLUGIN, numbers::ALL, &Source::ALL, Source::citation);
}
