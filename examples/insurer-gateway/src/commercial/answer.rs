//! What an insurer says, in its words.

use serde_json::{Map, Value};

use super::{
    adjudicate::{Case, Decision},
    dialect::Dialect,
};

/// A reason.
pub fn refusal(dialect: &Dialect, code: &str, why: &str) -> Value {
    dialect.object(vec![("code", code.into()), ("message", why.into())])
}

/// An answer in the making.
pub struct Said<'a> {
    dialect: &'a Dialect,
    pairs: Map<String, Value>,
}

impl<'a> Said<'a> {
    pub fn new(dialect: &'a Dialect, outcome: &str) -> Self {
        let said = Self { dialect, pairs: Map::new() };
        said.with("outcome", dialect.outcome(outcome).into())
    }

    fn with(mut self, field: &str, value: Value) -> Self {
        self.pairs.insert(self.dialect.field(field).to_owned(), value);
        self
    }

    pub fn end(self) -> Value {
        self.pairs.into()
    }

    pub fn reference(self, reference: &str) -> Self {
        self.with("reference", reference.into())
    }

    pub fn refusals(self, refusals: Vec<Value>) -> Self {
        self.with("refusals", refusals.into())
    }

    /// Code and period of the deductible, with more.
    fn balance(&self, case: &Case<'_>, more: Vec<(&str, Value)>) -> Value {
        let (start, end) = case.period;
        let mut pairs = vec![
            ("code", "deductible".into()),
            ("start", self.dialect.written(start)),
            ("end", self.dialect.written(end)),
        ];
        pairs.extend(more);
        self.dialect.object(pairs)
    }

    pub fn standing(self, case: &Case<'_>) -> Self {
        let dialect = self.dialect;
        let needs = case.plan.preauthorization_above.is_some_and(|most| case.asked > most);
        let benefits = case.lines.iter().map(|line| {
            let why = line.is_excluded.then(|| refusal(dialect, "EXCLUDED", "除外责任"));
            dialect.object(vec![
                ("number", line.number.into()),
                ("excluded", why.into_iter().collect()),
                ("preauthorization-required", needs.into()),
            ])
        });
        let benefits = benefits.collect();
        let amount = |amount: i64| dialect.object(vec![("amount", dialect.money(amount))]);
        let balance = self.balance(case, vec![("used", amount(case.used)), ("limit", amount(case.plan.deductible))]);
        self.with("benefits", benefits).with("balances", vec![balance].into())
    }

    /// Every line in full, but for what is not insured.
    pub fn guarantee(self, case: &Case<'_>, expires: i64) -> Self {
        let dialect = self.dialect;
        let lines = case.lines.iter().map(|line| {
            let why = line.is_excluded.then(|| refusal(dialect, "EXCLUDED", "除外责任"));
            dialect.object(vec![
                ("number", line.number.into()),
                ("amount", dialect.money(if line.is_excluded { 0 } else { line.rest })),
                ("reasons", why.into_iter().collect()),
            ])
        });
        let lines = lines.collect();
        self.with("lines", lines).with("expires", dialect.written(expires))
    }

    pub fn decision(self, case: &Case<'_>, decision: &Decision) -> Self {
        /// X12 external code list 139: 45 the contract's fee schedule, 96 not covered.
        const REASONS: &str = "https://x12.org/codes/claim-adjustment-reason-codes";
        let dialect = self.dialect;
        let reason = |code: &str, why: &str| {
            dialect.object(vec![("system", REASONS.into()), ("code", code.into()), ("message", why.into())])
        };
        let lines = case.lines.iter().zip(&decision.lines).map(|(line, share)| {
            let mut reasons = Vec::new();
            if share.contractual > 0 {
                reasons.push(reason("45", "协议折扣"));
            }
            if share.not_covered > 0 {
                reasons.push(reason("96", "除外责任"));
            }
            let money = |amount: i64| dialect.money(amount);
            dialect.object(vec![
                ("number", line.number.into()),
                ("contractual", money(share.contractual)),
                ("not-covered", money(share.not_covered)),
                ("allowed", money(share.allowed)),
                ("deductible", money(share.deductible)),
                ("copay", money(share.copay)),
                ("coinsurance", money(share.coinsurance)),
                ("over-limit", money(share.over_limit)),
                ("benefit", money(share.benefit)),
                ("reasons", reasons.into()),
            ])
        });
        let lines = lines.collect();
        let drawn =
            (decision.deductible > 0).then(|| self.balance(case, vec![("amount", dialect.money(decision.deductible))]));
        self.with("lines", lines).with("draws", drawn.into_iter().collect())
    }
}
