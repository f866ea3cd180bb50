//! Who people and systems are: accounts, sign-in and sessions, apps, certificates, real
//! names, relations and tenants.

pub mod access_token;
pub mod account;
mod attempts;
pub mod authorize;
pub mod client;
pub mod exchange;
pub mod launch;
mod open;
pub mod passkey;
pub mod password;
mod password_hash;
pub mod practice;
pub mod relation;
pub mod second_factor;
pub mod session;
pub mod sso;
pub mod suspension;
pub mod tenant;
pub mod verification;

pub use open::Identity;
