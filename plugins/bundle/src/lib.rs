//! Bundles for a course of treatment (疗程打包、医生价值费): the key is diagnosis group, severity and
//! plan, the price is base × weight. A part is due at the start, the rest at the end if enough tasks
//! were done. No amount of medicines can be asked with, written in a scheme or answered.

mod list;

use list::Bundles;
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
pub struct Bundle;

impl Pricing for Bundle {
    fn quote(service: Service, now: Instant) -> Result<Priced, Error> {
        scheme::pricing::quote::<Bundles>(SHIPPED, &service, now)
    }

    fn cancel(purchase: Purchase, now: Instant) -> Result<Refund, Error> {
        scheme::pricing::cancel::<Bundles>(SHIPPED, &purchase, now)
    }
}
