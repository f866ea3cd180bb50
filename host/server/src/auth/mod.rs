//! Who is calling: passwords and access tokens.

pub mod attempts;
pub mod password;
pub mod token;
