//! One-time codes beside the password (RFC 6238: SHA-1, six digits, 30 seconds).

mod confirm;
mod offer;
mod put_rules;
mod remove;
mod rules;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::confirm::confirm;
pub use self::offer::{NewSecondFactor, SecondFactorOffer, offer};
pub use self::put_rules::put_rules;
pub use self::remove::remove;
pub use self::rules::rules;

/// What an authenticator shows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OneTimeCode {
    /// Six digits.
    pub code: String,
}

/// What a hospital wants of its staff.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInRules {
    /// Whether they need a second factor: an authenticator, a passkey, or a provider that
    /// asks for one. Whoever has none yet can do nothing but set one up.
    pub second_factor: bool,
}
