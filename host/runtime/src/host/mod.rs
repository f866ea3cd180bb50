//! The imports of plugins, one file for each capability. Linkers are built from these files only.

pub(crate) mod files;
mod http;
mod identity;
mod kv;
pub(crate) mod log;
mod random;
mod records;
mod secrets;
mod settings;
mod signing;
pub(crate) mod state;
mod wasi;

use std::collections::BTreeSet;

use wasmtime::{
    Engine,
    component::{HasSelf, Linker},
};
use xinglin_plugin::Capability;

use self::state::CallState;
use crate::wit::xinglin::host;

/// A linker that defines exactly the granted interfaces.
pub(crate) fn linker(engine: &Engine, granted: &BTreeSet<Capability>) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::new(engine);
    for capability in granted {
        link(*capability, &mut linker)?;
    }
    Ok(linker)
}

fn link(capability: Capability, linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    type State = HasSelf<CallState>;
    match capability {
        Capability::Log => host::log::add_to_linker::<_, State>(linker, |state| state),
        Capability::Settings => host::settings::add_to_linker::<_, State>(linker, |state| state),
        Capability::Kv => host::kv::add_to_linker::<_, State>(linker, |state| state),
        Capability::Records => host::records::add_to_linker::<_, State>(linker, |state| state),
        Capability::Http => host::http::add_to_linker::<_, State>(linker, |state| state),
        Capability::Secrets => host::secrets::add_to_linker::<_, State>(linker, |state| state),
        Capability::Identity => host::identity::add_to_linker::<_, State>(linker, |state| state),
        Capability::Signing => host::signing::add_to_linker::<_, State>(linker, |state| state),
        Capability::Files => host::files::add_to_linker::<_, State>(linker, |state| state),
        Capability::Random => host::random::add_to_linker::<_, State>(linker, |state| state),
        Capability::Wasi => wasi::link(linker),
    }
}
