//! Capabilities of the host. Each module calls the host in a guest, and
//! [`Host`](crate::testing::Host) in a native test.

pub mod files;
pub mod http;
pub mod identity;
pub mod kv;
pub mod log;
pub mod random;
pub mod records;
pub mod secrets;
pub mod settings;
pub mod signing;
