//! Who is calling: passwords and access tokens.

pub mod password;
pub mod token;
