//! Claims and policies for tests, and answers as strict as the host.

use super::{Host, START, decimal};
use crate::{
    insurance::{
        Allowance, Balance, BasicClass, Claim, ClaimLine, Document, Draw, Error, LineKind, Operation, Period, Policy,
        PriorShare, Source,
        claims::{Adjudication, Claims, LineAdjudication, Predetermined, Response},
    },
    money::Fen,
    time::Instant,
    types::{Coding, Money},
};

/// The year 2026 in Asia/Shanghai, which holds [`START`].
pub const YEAR: Period = Period { start: 1_767_196_800_000_000, end: 1_798_732_800_000_000 };

/// Builds a claim line by line, in fen.
#[derive(Debug, Clone)]
pub struct ClaimBuilder(Claim);

impl ClaimBuilder {
    /// A claim without lines, of a service at [`START`].
    pub fn new(bill: &str) -> Self {
        Self(Claim {
            bill: bill.to_owned(),
            currency: Fen::CURRENCY.to_owned(),
            served_at: START,
            diagnoses: Vec::new(),
            lines: Vec::new(),
            preauthorization: None,
            related: None,
            documents: Vec::new(),
            attributes: Vec::new(),
        })
    }

    /// Adds a line: quantity and total of an item.
    #[must_use]
    #[track_caller]
    pub fn line(mut self, kind: LineKind, item: Coding, quantity: &str, gross: i64) -> Self {
        let number = u32::try_from(self.0.lines.len() + 1).unwrap_or(u32::MAX);
        self.0.lines.push(ClaimLine {
            number,
            kind,
            code: vec![item],
            quantity: decimal(quantity),
            gross: Fen::new(gross).into(),
            prior: Vec::new(),
            basic: None,
            attributes: Vec::new(),
        });
        self
    }

    /// Adds what a payer before this one pays of the last line.
    ///
    /// # Panics
    /// If there is no line.
    #[must_use]
    #[track_caller]
    pub fn prior(mut self, source: Source, amount: i64) -> Self {
        self.last().prior.push(PriorShare { source, amount: Fen::new(amount).into() });
        self
    }

    /// Sets how basic insurance classed the last line: self-funded, over the limit, paid before
    /// anything else, in scope.
    ///
    /// # Panics
    /// If there is no line.
    #[must_use]
    #[track_caller]
    pub fn basic(mut self, [self_funded, over_limit, pre_self_pay, in_scope]: [i64; 4]) -> Self {
        let fen = |amount| Fen::new(amount).into();
        self.last().basic = Some(BasicClass {
            self_funded: fen(self_funded),
            over_limit: fen(over_limit),
            pre_self_pay: fen(pre_self_pay),
            in_scope: fen(in_scope),
        });
        self
    }

    /// Changes the claim.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Claim)) -> Self {
        change(&mut self.0);
        self
    }

    /// Adds a document.
    #[must_use]
    pub fn document(mut self, kind: Coding, id: &str) -> Self {
        self.0.documents.push(Document { kind, id: id.to_owned() });
        self
    }

    /// The claim.
    pub fn build(self) -> Claim {
        self.0
    }

    #[track_caller]
    fn last(&mut self) -> &mut ClaimLine {
        self.0.lines.last_mut().expect("a line before what is said of it")
    }
}

/// Builds the policy of an insured person.
#[derive(Debug, Clone)]
pub struct PolicyBuilder(Policy);

impl PolicyBuilder {
    /// A policy in force since [`YEAR`] began, without end, in no network and without balances.
    pub fn new(member: &str, plan: Coding) -> Self {
        Self(Policy {
            member: member.to_owned(),
            valid_from: Some(YEAR.start),
            valid_until: None,
            number: String::new(),
            plan,
            network: None,
            balances: Vec::new(),
            attributes: Vec::new(),
        })
    }

    /// Sets a balance of money in [`YEAR`], in fen.
    #[must_use]
    pub fn money(self, code: &str, used: i64, limit: Option<i64>) -> Self {
        let money = |amount| Allowance::Money(Fen::new(amount).into());
        self.balance(code, money(used), limit.map(money))
    }

    /// Sets a balance of times in [`YEAR`].
    #[must_use]
    pub fn count(self, code: &str, used: u32, limit: Option<u32>) -> Self {
        self.balance(code, Allowance::Count(used), limit.map(Allowance::Count))
    }

    /// Changes the policy.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.0);
        self
    }

    /// The policy.
    pub fn build(self) -> Policy {
        self.0
    }

    fn balance(mut self, code: &str, used: Allowance, limit: Option<Allowance>) -> Self {
        self.0.balances.retain(|balance| balance.code != code);
        self.0.balances.push(Balance { code: code.to_owned(), period: YEAR, used, limit });
        self
    }
}

/// An operation of an insurer with this key, at [`START`].
pub fn attempt(key: &str) -> Operation {
    Operation { key: key.to_owned(), at: START }
}

impl Host {
    /// One call of [`Claims::predetermine`]. See [`Host::call`].
    ///
    /// # Panics
    /// If the host would refuse the figures.
    #[track_caller]
    pub fn predetermine<P: Claims>(
        &mut self,
        claim: &Claim,
        policy: &Policy,
        now: Instant,
    ) -> Result<Predetermined, Error> {
        let answer = self.call(|| P::predetermine(claim.clone(), policy.clone(), now));
        if let Ok(Predetermined::Covered(adjudication)) = &answer {
            check(adjudication, claim, policy);
        }
        answer
    }

    /// One call of [`Claims::submit`]. See [`Host::call`].
    ///
    /// # Panics
    /// If the host would refuse the figures, or the reference.
    #[track_caller]
    pub fn submit<P: Claims>(
        &mut self,
        operation: &Operation,
        claim: &Claim,
        policy: &Policy,
    ) -> Result<Response, Error> {
        let answer = self.call(|| P::submit(operation.clone(), claim.clone(), policy.clone()));
        match &answer {
            Ok(Response::Adjudicated(decided)) => {
                reference(&decided.reference);
                check(&decided.adjudication, claim, policy);
            }
            Ok(Response::Pending(pending)) => reference(&pending.reference),
            Ok(Response::Refused(reasons)) => assert!(!reasons.is_empty(), "refused without a reason"),
            Ok(Response::Cancelled(_)) => panic!("`cancelled` is an answer to `cancel` only"),
            Err(_) => {}
        }
        answer
    }
}

#[track_caller]
fn reference(reference: &str) {
    is_reference(reference).unwrap_or_else(|reason| panic!("{reason}"));
}

#[track_caller]
fn check(adjudication: &Adjudication, claim: &Claim, policy: &Policy) {
    sound(adjudication, claim, policy).unwrap_or_else(|reason| panic!("{reason}"));
}

/// Whether the host would take a reference.
pub(super) fn is_reference(reference: &str) -> Result<(), String> {
    ensure((1..=200).contains(&reference.len()), || format!("a reference of {} bytes; 1 to 200", reference.len()))
}

pub(super) fn ensure(holds: bool, reason: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(reason()) }
}

fn fen(money: &Money) -> Result<i64, String> {
    Fen::of(money).and_then(Fen::non_negative).map(Fen::amount).map_err(|error| error.to_string())
}

/// Whether the host would take the figures.
pub(super) fn sound(adjudication: &Adjudication, claim: &Claim, policy: &Policy) -> Result<(), String> {
    let numbers = |numbers: &mut dyn Iterator<Item = u32>| numbers.collect::<Vec<_>>();
    ensure(
        numbers(&mut adjudication.lines.iter().map(|line| line.number))
            == numbers(&mut claim.lines.iter().map(|line| line.number)),
        || "not one for each line of the claim, in its order".to_owned(),
    )?;
    for (asked, line) in claim.lines.iter().zip(&adjudication.lines) {
        let LineAdjudication { number, contractual, not_covered, allowed, .. } = line;
        let rest = asked.rest().map_err(|error| error.to_string())?.amount();
        let (contractual, not_covered, allowed) = (fen(contractual)?, fen(not_covered)?, fen(allowed)?);
        ensure(rest == contractual + not_covered + allowed, || {
            format!("line {number}: gross is not prior + contractual + not covered + allowed")
        })?;
        let mut shares = 0;
        for share in [&line.deductible, &line.copay, &line.coinsurance, &line.over_limit, &line.benefit] {
            shares += fen(share)?;
        }
        ensure(allowed == shares, || {
            format!("line {number}: allowed is not deductible + copay + coinsurance + over limit + benefit")
        })?;
        ensure(contractual + not_covered == 0 || !line.reasons.is_empty(), || {
            format!("line {number}: less is paid, without a reason")
        })?;
    }
    for (index, draw) in adjudication.draws.iter().enumerate() {
        let Draw { code, period, amount } = draw;
        let same = |other: &Draw| other.code == *code && other.period == *period;
        ensure(!adjudication.draws[..index].iter().any(same), || format!("`{code}` is drawn on twice"))?;
        ensure(period.contains(claim.served_at), || format!("`{code}` is drawn on in another period"))?;
        let known = policy.balances.iter().find(|balance| balance.code == *code && balance.period == *period);
        let balance = known.ok_or_else(|| format!("the policy has no balance `{code}` in that period"))?;
        let within = match (amount, &balance.used, &balance.limit) {
            (Allowance::Money(amount), Allowance::Money(used), limit) => match limit {
                Some(Allowance::Money(limit)) => fen(amount)? <= fen(limit)? - fen(used)?,
                _ => true,
            },
            (Allowance::Count(amount), Allowance::Count(used), limit) => match limit {
                Some(Allowance::Count(limit)) => *amount <= limit.saturating_sub(*used),
                _ => true,
            },
            _ => return Err(format!("`{code}` is money in one place and a number in the other")),
        };
        ensure(within, || format!("`{code}` is drawn on beyond its limit"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::{
        Plugin,
        insurance::{
            Refusal,
            claims::{Cancellation, ExplanationOfBenefit, Objection, Reason},
        },
        kv,
        money::Rounding,
        types::{Citation, Decimal, zh_en},
    };

    /// Pays, of what others leave, 80 % above the deductible; no test strips.
    struct Second;

    impl Plugin for Second {
        const MANIFEST: &'static str = r#"
            id = "test.second"
            version = "0.1.0"
            publisher = "Test"
            licence = "Apache-2.0"
            name = { zh-CN = "测试", en = "Test" }
            [capabilities.kv]
            reason = "to answer a key as before"
            quota-kib = 64
        "#;
    }

    fn terms() -> Citation {
        Citation::new("Policy terms", 2026)
    }

    fn share(claim: &Claim, policy: &Policy) -> Result<Adjudication, Error> {
        let wrong = |error: crate::money::MoneyError| Error::Other(error.to_string());
        let deductible = policy
            .balance("deductible", claim.served_at)
            .ok_or_else(|| Error::MissingData(zh_en("缺少免赔额", "The deductible is not known.")))?;
        let mut left = deductible.money_left().map_err(wrong)?.unwrap_or_default();
        let (start, zero) = (left, Money::from(Fen::ZERO));
        let mut lines = Vec::new();
        for line in &claim.lines {
            let rest = line.rest().map_err(wrong)?;
            let excluded = line.code.iter().any(|code| code.code == "test-strips");
            let allowed = if excluded { Fen::ZERO } else { rest };
            let paid = allowed.min(left);
            left = left.minus(paid).map_err(wrong)?;
            let above = allowed.minus(paid).map_err(wrong)?;
            let benefit = above.times(Decimal::new(80, 2), Rounding::HalfUp).map_err(wrong)?;
            let reason =
                || Reason { code: Coding::new("carc", "96"), message: zh_en("不保", "excluded"), citation: terms() };
            lines.push(LineAdjudication {
                number: line.number,
                contractual: zero.clone(),
                not_covered: rest.minus(allowed).map_err(wrong)?.into(),
                allowed: allowed.into(),
                deductible: paid.into(),
                copay: zero.clone(),
                coinsurance: above.minus(benefit).map_err(wrong)?.into(),
                over_limit: zero.clone(),
                benefit: benefit.into(),
                reasons: if excluded { vec![reason()] } else { Vec::new() },
            });
        }
        let amount = Allowance::Money(start.minus(left).map_err(wrong)?.into());
        let draws = vec![Draw { code: deductible.code.clone(), period: deductible.period, amount }];
        Ok(Adjudication { lines, draws, citation: terms(), attributes: Vec::new() })
    }

    /// Keeps what was asked under a key; whether it was asked before.
    fn seen(operation: &Operation, content: &str) -> Result<bool, Error> {
        match kv::get(&operation.key).map_err(|error| Error::NotDone(format!("{error:?}")))? {
            Some(before) if before == content.as_bytes() => Ok(true),
            Some(_) => Err(Error::Conflict("the same key, another claim".to_owned())),
            None => {
                kv::set(&operation.key, content.as_bytes()).map_err(|error| Error::NotDone(format!("{error:?}")))?;
                Ok(false)
            }
        }
    }

    impl Claims for Second {
        fn predetermine(claim: Claim, policy: Policy, _: Instant) -> Result<Predetermined, Error> {
            if policy.valid_from.is_none_or(|from| claim.served_at < from) {
                let why =
                    Refusal {
                        code: "NOT_YET_INSURED".into(), message: zh_en("未生效", "not yet"), citation: terms()
                    };
                return Ok(Predetermined::Declined(vec![why]));
            }
            share(&claim, &policy).map(Predetermined::Covered)
        }

        fn submit(operation: Operation, claim: Claim, policy: Policy) -> Result<Response, Error> {
            seen(&operation, &format!("{claim:?}"))?;
            let reference = format!("EOB-{}", operation.key);
            Ok(Response::Adjudicated(ExplanationOfBenefit { reference, adjudication: share(&claim, &policy)? }))
        }

        fn status(operation: Operation, _: Option<String>, _: Instant) -> Result<Option<Response>, Error> {
            let kept = kv::get(&operation.key).map_err(|error| Error::Other(format!("{error:?}")))?;
            match kept {
                None => Ok(None),
                Some(_) => Err(Error::Other("not in this test".to_owned())),
            }
        }

        fn cancel(operation: Operation, reference: String, _: Policy) -> Result<Response, Error> {
            seen(&operation, &reference)?;
            Ok(Response::Cancelled(Cancellation { reference: format!("CANCEL-{reference}") }))
        }

        fn appeal(_: Operation, _: Objection, _: Policy) -> Result<Response, Error> {
            Err(Error::NotDone("no appeals".to_owned()))
        }
    }

    fn item(code: &str) -> Coding {
        Coding::new("https://hospital.example/items", code)
    }

    fn visit() -> Claim {
        ClaimBuilder::new("bill-1")
            .line(LineKind::Service, item("visit"), "1", 2_000)
            .prior(Source::BasicFund, 895)
            .line(LineKind::Medicine, item("metformin"), "2", 5_000)
            .prior(Source::BasicFund, 2_238)
            .line(LineKind::Medicine, item("dapagliflozin"), "1", 6_800)
            .prior(Source::BasicFund, 2_417)
            .basic([0, 800, 600, 5_400])
            .line(LineKind::Material, item("test-strips"), "1", 4_500)
            .build()
    }

    fn policy() -> Policy {
        PolicyBuilder::new("m-1", item("gold")).money("deductible", 47_000, Some(50_000)).build()
    }

    #[test]
    fn a_second_insurer_shares_what_the_fund_leaves() {
        let (mut host, claim, policy) = (Host::of::<Second>(), visit(), policy());
        let Ok(Predetermined::Covered(quoted)) = host.predetermine::<Second>(&claim, &policy, START) else { panic!() };
        let sum =
            |part: fn(&LineAdjudication) -> &Money| quoted.lines.iter().map(|line| part(line).minor_units).sum::<i64>();
        // Insurer 4,200; patient 4,500 + 3,000 + 1,050 = 8,550; with the fund's 5,550 it is 18,300.
        assert_eq!(sum(|line| &line.not_covered), 4_500);
        assert_eq!(sum(|line| &line.deductible), 3_000);
        assert_eq!(sum(|line| &line.coinsurance), 1_050);
        assert_eq!(sum(|line| &line.benefit), 4_200);

        let key = attempt("key-1");
        assert_eq!(host.call(|| Second::status(key.clone(), None, key.at)), Ok(None));
        let first = host.submit::<Second>(&key, &claim, &policy);
        assert!(matches!(&first, Ok(Response::Adjudicated(eob)) if eob.adjudication == quoted));
        assert_eq!(host.submit::<Second>(&key, &claim, &policy), first, "a key is answered as before");
        let other = ClaimBuilder::new("bill-2").line(LineKind::Service, item("visit"), "1", 1).build();
        assert!(matches!(host.submit::<Second>(&key, &other, &policy), Err(Error::Conflict(_))));
        let young = PolicyBuilder::new("m-1", item("gold")).with(|policy| policy.valid_from = None).build();
        assert!(matches!(host.predetermine::<Second>(&claim, &young, START), Ok(Predetermined::Declined(_))));
    }

    #[test]
    fn it_refuses_what_the_host_refuses() {
        let (claim, policy) = (visit(), policy());
        let good = share(&claim, &policy).expect("figures");
        type Case = (fn(&mut Adjudication), &'static str);
        let cases: [Case; 8] = [
            (|a| a.lines.truncate(3), "in its order"),
            (|a| a.lines[0].allowed = Fen::new(1).into(), "gross is not prior"),
            (|a| a.lines[1].benefit = Fen::new(1).into(), "allowed is not deductible"),
            (|a| a.lines[1].benefit = Fen::new(-1).into(), "negative"),
            (|a| a.lines[3].reasons.clear(), "without a reason"),
            (|a| a.draws[0].code = "limit".into(), "has no balance"),
            (|a| a.draws.push(a.draws[0].clone()), "twice"),
            (|a| a.draws[0].amount = Allowance::Money(Fen::new(3_001).into()), "beyond its limit"),
        ];
        check(&good, &claim, &policy);
        for (change, says) in cases {
            let mut wrong = good.clone();
            change(&mut wrong);
            let panicked = catch_unwind(AssertUnwindSafe(|| check(&wrong, &claim, &policy))).expect_err(says);
            let message = panicked.downcast_ref::<String>().cloned();
            let message = message.or_else(|| panicked.downcast_ref::<&str>().map(ToString::to_string));
            assert!(message.as_deref().is_some_and(|message| message.contains(says)), "{says}: {message:?}");
        }
    }
}
