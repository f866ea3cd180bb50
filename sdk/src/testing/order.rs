//! Prescriptions for tests.

use super::decimal;
use crate::{
    prescribing::{Line, Order},
    types::{Coding, Quantity},
};

/// Builds an order line by line.
#[derive(Debug, Clone)]
pub struct OrderBuilder(Order);

impl OrderBuilder {
    /// For one diagnosis, without lines.
    pub fn for_diagnosis(diagnosis: Coding) -> Self {
        Self(Order { diagnoses: vec![diagnosis], lines: Vec::new(), long_term: false, attributes: Vec::new() })
    }

    /// Adds a medicine: `("500", "mg", "2")` is 500 mg twice a day, for 28 days.
    #[must_use]
    #[track_caller]
    pub fn medicine(mut self, code: Coding, dose: &str, unit: &str, doses_per_day: &str) -> Self {
        let number = u32::try_from(self.0.lines.len() + 1).unwrap_or(u32::MAX);
        self.0.lines.push(Line {
            number,
            code: vec![code],
            ingredients: Vec::new(),
            dose: Quantity::new(decimal(dose), unit),
            doses_per_day: decimal(doses_per_day),
            days: 28,
            route: None,
            attributes: Vec::new(),
        });
        self
    }

    /// The order.
    pub fn build(self) -> Order {
        self.0
    }
}
