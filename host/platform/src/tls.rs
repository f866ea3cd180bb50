//! The cryptography of TLS, chosen once for the process.

/// Makes ring the provider of every TLS connection of this process. What an
/// embedder has chosen before stays; to ask twice does nothing.
pub fn install() {
    // Refused if there is one already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
