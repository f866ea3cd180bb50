//! What `#[plugin(pathway)]` writes. The macro refuses the key `compartment` of a manifest, which the
//! runtime reads and without which the host shows this plugin nothing of the compartment: once the
//! macro takes it, this file is that one line.

impl xinglin_sdk::Plugin for crate::MentalHealth {
    const MANIFEST: &'static str = include_str!("../plugin.toml");
}

#[cfg(target_family = "wasm")]
#[allow(unsafe_code, missing_docs, clippy::all, reason = "as the macro does")]
mod component {
    type Export = xinglin_sdk::panics::Loud<crate::MentalHealth>;
    xinglin_sdk::pathway::bindings::export!(Export with_types_in xinglin_sdk::pathway::bindings);

    const LENGTH: usize = include_bytes!("../plugin.toml").len();

    #[used]
    #[unsafe(link_section = "xinglin:manifest.toml")]
    static MANIFEST: [u8; LENGTH] = *include_bytes!("../plugin.toml");
}
