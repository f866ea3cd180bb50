//! The doctor's fee by title, divided among those whose income it is, and the platform's fee as a
//! line of its own. Both are given back until the doctor replies, and neither after completion.

mod list;

use list::Fees;
use xinglin_sdk::{
    insurance::Error,
    plugin,
    pricing::{Priced, Pricing, Purchase, Refund, Service},
    time::Instant,
};

/// The illustrative figures.
const SHIPPED: &str = include_str!("../data/scheme.toml");

/// The plugin.
#[plugin(pricing)]
pub struct PlatformFee;

impl Pricing for PlatformFee {
    fn quote(service: Service, now: Instant) -> Result<Priced, Error> {
        scheme::pricing::quote::<Fees>(SHIPPED, &service, now)
    }

    fn cancel(purchase: Purchase, now: Instant) -> Result<Refund, Error> {
        scheme::pricing::cancel::<Fees>(SHIPPED, &purchase, now)
    }
}
