//! The custom section with the manifest, at the top level of a component.

use std::{borrow::Cow, ops::Range};

use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::{Chunk, Encoding, Parser, Payload};

use crate::error::PluginError;

/// Name of the section. It contains the manifest as JSON.
pub(crate) const NAME: &str = "xinglin:manifest";

/// A manifest section: its range, header included, and its content.
struct Found<'a> {
    whole: Range<usize>,
    data: &'a [u8],
}

/// Searches the top level only: a section of that name in a nested module or component is
/// ignored.
fn find(component: &[u8]) -> Result<Vec<Found<'_>>, PluginError> {
    let corrupt = |e: wasmparser::BinaryReaderError| PluginError::Corrupt(e.message().to_owned());
    let mut parser = Parser::new(0);
    let mut found = Vec::new();
    let mut at = 0;
    while at < component.len() {
        let rest = component.get(at..).unwrap_or_default();
        let Chunk::Parsed { consumed, payload } = parser.parse(rest, true).map_err(corrupt)? else {
            return Err(PluginError::Corrupt("it ends in the middle of a section".into()));
        };
        let start = at;
        at += consumed;
        match payload {
            Payload::Version { encoding: Encoding::Module, .. } => {
                return Err(PluginError::Corrupt("a core module; it must be made a component first".into()));
            }
            Payload::ModuleSection { unchecked_range, .. } | Payload::ComponentSection { unchecked_range, .. } => {
                // The outer parser continues after it.
                at = unchecked_range.end;
            }
            Payload::CustomSection(section) if section.name() == NAME => {
                found.push(Found { whole: start..at, data: section.data() });
            }
            _ => {}
        }
    }
    if at != component.len() {
        return Err(PluginError::Corrupt("it ends in the middle of a section".into()));
    }
    Ok(found)
}

/// The manifest's bytes, if there is a section.
pub(crate) fn read(component: &[u8]) -> Result<Option<&[u8]>, PluginError> {
    match find(component)?.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.data)),
        _ => Err(PluginError::Manifest("the component carries more than one".into())),
    }
}

/// The component with this manifest as its only one.
pub(crate) fn write(component: &[u8], manifest: &[u8]) -> Result<Vec<u8>, PluginError> {
    let mut out = Vec::with_capacity(component.len() + manifest.len() + NAME.len() + 16);
    let mut kept = 0;
    for old in find(component)? {
        out.extend_from_slice(component.get(kept..old.whole.start).unwrap_or_default());
        kept = old.whole.end;
    }
    out.extend_from_slice(component.get(kept..).unwrap_or_default());
    CustomSection { name: Cow::Borrowed(NAME), data: Cow::Borrowed(manifest) }.append_to_component(&mut out);
    Ok(out)
}
