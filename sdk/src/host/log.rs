//! Log lines for the operator. Request it with `[capabilities.log]`.
//!
//! Operators read them, so they must not contain patient data. A message is cut at 4 KiB, and
//! a call may write 256 lines; the host counts those that it drops.
//!
//! If a plugin requests this capability, its panics are logged with file and line
//! before the trap.

use std::fmt::Display;

pub use crate::bindings::xinglin::host::log::Level;

/// Writes one line. Never fails.
pub fn write(level: Level, message: impl Display) {
    let message = message.to_string();
    #[cfg(target_family = "wasm")]
    crate::bindings::xinglin::host::log::write(level, &message);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("log", |call| call.log(level, message));
}

/// At level `debug`.
pub fn debug(message: impl Display) {
    write(Level::Debug, message);
}

/// At level `info`.
pub fn info(message: impl Display) {
    write(Level::Info, message);
}

/// At level `warn`.
pub fn warn(message: impl Display) {
    write(Level::Warn, message);
}

/// At level `error`.
pub fn error(message: impl Display) {
    write(Level::Error, message);
}
