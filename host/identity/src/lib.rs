//! Who people and systems are: accounts, sign-in and sessions, apps, certificates, real
//! names, relations, organisations and tenants.

pub mod access_token;
pub mod account;
pub mod app;
mod attempts;
mod open;
pub mod organisation;
pub mod passkey;
pub mod password;
mod password_hash;
pub mod relation;
pub mod second_factor;
pub mod session;
pub mod sso;
pub mod tenant;
mod totp;

pub use open::Identity;
