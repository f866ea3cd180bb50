//! Bills and insured persons for tests.

use super::{START, decimal};
use crate::{
    money::Fen,
    payment::{Accumulator, Adjudication, Bill, Coverage, Line, LineKind, Operation},
    time::Instant,
    types::Coding,
};

/// Builds a bill line by line, in fen.
#[derive(Debug, Clone)]
pub struct BillBuilder(Bill);

impl BillBuilder {
    /// An empty bill; the personal account may be used.
    pub fn new(id: &str) -> Self {
        Self(Bill {
            id: id.to_owned(),
            currency: Fen::CURRENCY.to_owned(),
            served_at: START,
            diagnoses: Vec::new(),
            lines: Vec::new(),
            prior: Vec::new(),
            use_account: true,
            attributes: Vec::new(),
        })
    }

    /// Adds a line: quantity and total of an item.
    #[must_use]
    #[track_caller]
    pub fn line(mut self, kind: LineKind, item: Coding, quantity: &str, gross: i64) -> Self {
        let number = u32::try_from(self.0.lines.len() + 1).unwrap_or(u32::MAX);
        self.0.lines.push(Line {
            number,
            kind,
            code: vec![item],
            quantity: decimal(quantity),
            gross: Fen::new(gross).into(),
            attributes: Vec::new(),
        });
        self
    }

    /// The personal account must not be used.
    #[must_use]
    pub fn without_account(mut self) -> Self {
        self.0.use_account = false;
        self
    }

    /// Adds the adjudication of an earlier payer.
    #[must_use]
    pub fn after(mut self, prior: Adjudication) -> Self {
        self.0.prior.push(prior);
        self
    }

    /// The bill.
    pub fn build(self) -> Bill {
        self.0
    }
}

/// Builds the coverage of an insured person.
#[derive(Debug, Clone)]
pub struct CoverageBuilder(Coverage);

impl CoverageBuilder {
    /// Coverage without end in a category of the scheme, without accumulators.
    pub fn new(member: &str, category: Coding) -> Self {
        Self(Coverage {
            member: member.to_owned(),
            category,
            valid_until: None,
            accumulators: Vec::new(),
            attributes: Vec::new(),
        })
    }

    /// Sets an accumulator, in fen.
    #[must_use]
    pub fn accumulator(mut self, code: &str, amount: i64) -> Self {
        self.0.accumulators.retain(|accumulator| accumulator.code != code);
        self.0.accumulators.push(Accumulator { code: code.to_owned(), amount: Fen::new(amount).into() });
        self
    }

    /// Sets the end of the coverage.
    #[must_use]
    pub fn until(mut self, end: Instant) -> Self {
        self.0.valid_until = Some(end);
        self
    }

    /// The coverage.
    pub fn build(self) -> Coverage {
        self.0
    }
}

/// An operation with this key, at [`START`].
pub fn operation(key: &str) -> Operation {
    Operation { key: key.to_owned(), at: START }
}
