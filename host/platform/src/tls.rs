//! The TLS crypto provider of the process.

/// Makes ring the provider of every TLS connection of this process, unless an embedder has
/// installed another. Idempotent.
pub fn install() {
    // Fails if one is installed already, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
