//! Packages of services (会员、服务包): what they cost and open, what a service takes from them, and
//! what is given back.

mod list;

use list::Packages;
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
pub struct Membership;

impl Pricing for Membership {
    fn quote(service: Service, now: Instant) -> Result<Priced, Error> {
        scheme::pricing::quote::<Packages>(SHIPPED, &service, now)
    }

    fn cancel(purchase: Purchase, now: Instant) -> Result<Refund, Error> {
        scheme::pricing::cancel::<Packages>(SHIPPED, &purchase, now)
    }
}
