//! The first and the second example of direct billing, shared by tests: all amounts in fen.

use super::{
    Allowance, Balance, Claim, ClaimLine, Draw, LineKind, Period, Policy, PriorShare, Refusal, Source,
    claims::{Adjudication, LineAdjudication, Reason},
};
use crate::{
    coding::{Citation, Coding, Decimal, LocalizedText},
    money::Money,
    time::Instant,
};

/// 2026 in Asia/Shanghai.
pub(crate) const YEAR: Period =
    Period { start: Instant::from_micros(1_767_196_800_000_000), end: Instant::from_micros(1_798_732_800_000_000) };

pub(crate) fn citation() -> Citation {
    Citation { title: "Policy terms".into(), section: Some("4.2".into()), year: 2026, url: None }
}

pub(crate) fn refusal(code: &str) -> Refusal {
    Refusal { code: code.into(), message: LocalizedText::zh_en("不保", "not covered"), citation: citation() }
}

pub(crate) fn reason(code: &str) -> Reason {
    Reason {
        code: Coding::new("https://x12.org/codes/claim-adjustment-reason-codes", code),
        message: LocalizedText::zh_en("不属于保险责任", "excluded"),
        citation: citation(),
    }
}

/// A deductible of 50,000.
pub(crate) fn deductible(used: i64) -> Balance {
    Balance {
        code: "deductible".into(),
        period: YEAR,
        used: Allowance::Money(Money::fen(used)),
        limit: Some(Allowance::Money(Money::fen(50_000))),
    }
}

fn line(number: u32, kind: LineKind, gross: i64, fund: i64) -> ClaimLine {
    let share = PriorShare { source: Source::BasicFund, amount: Money::fen(fund) };
    ClaimLine {
        number,
        kind,
        code: vec![Coding::new("https://hospital.example/items", format!("item-{number}"))],
        quantity: Decimal::whole(1),
        gross: Money::fen(gross),
        prior: if fund > 0 { vec![share] } else { Vec::new() },
        basic: None,
        attributes: Vec::new(),
    }
}

fn claim(lines: Vec<ClaimLine>) -> Claim {
    Claim {
        bill: "bill-1".into(),
        served_at: YEAR.start.plus_days(100),
        diagnoses: Vec::new(),
        lines,
        preauthorization: None,
        related: None,
        documents: Vec::new(),
        attributes: Vec::new(),
    }
}

pub(crate) fn policy(balances: Vec<Balance>) -> Policy {
    Policy {
        member: "m-1".into(),
        valid_from: Some(YEAR.start),
        valid_until: None,
        number: "G-7".into(),
        plan: Coding::new("https://insurer.example/plans", "gold"),
        network: Some("A".into()),
        balances,
        attributes: Vec::new(),
    }
}

/// `[contractual, not covered, allowed, deductible, copay, coinsurance, over limit, benefit]`.
pub(crate) fn adjudicated(number: u32, amounts: [i64; 8]) -> LineAdjudication {
    let [contractual, not_covered, allowed, deductible, copay, coinsurance, over_limit, benefit] =
        amounts.map(Money::fen);
    let reasons = if amounts[0] + amounts[1] > 0 { vec![reason("96")] } else { Vec::new() };
    LineAdjudication {
        number,
        contractual,
        not_covered,
        allowed,
        deductible,
        copay,
        coinsurance,
        over_limit,
        benefit,
        reasons,
    }
}

fn adjudication(lines: Vec<LineAdjudication>, draws: Vec<Draw>) -> Adjudication {
    Adjudication { lines, draws, citation: citation(), attributes: Vec::new() }
}

/// After basic insurance, which pays 895, 2238, 2417 and nothing: 18,300 = 5,550 fund + 4,200
/// insurer + 8,550 patient.
pub(crate) fn secondary() -> (Claim, Policy, Adjudication) {
    let claim = claim(vec![
        line(1, LineKind::Service, 2_000, 895),
        line(2, LineKind::Medicine, 5_000, 2_238),
        line(3, LineKind::Medicine, 6_800, 2_417),
        line(4, LineKind::Material, 4_500, 0),
    ]);
    let lines = vec![
        adjudicated(1, [0, 0, 1_105, 1_105, 0, 0, 0, 0]),
        adjudicated(2, [0, 0, 2_762, 1_895, 0, 173, 0, 694]),
        adjudicated(3, [0, 0, 4_383, 0, 0, 877, 0, 3_506]),
        adjudicated(4, [0, 4_500, 0, 0, 0, 0, 0, 0]),
    ];
    let draw = Draw { code: "deductible".into(), period: YEAR, amount: Allowance::Money(Money::fen(3_000)) };
    (claim, policy(vec![deductible(47_000)]), adjudication(lines, vec![draw]))
}

/// Without another payer: 120,000 = 6,000 by contract + 10,000 copay + 104,000 insurer.
pub(crate) fn primary() -> (Claim, Policy, Adjudication) {
    let claim = claim(vec![line(1, LineKind::Service, 120_000, 0)]);
    let lines = vec![adjudicated(1, [6_000, 0, 114_000, 0, 10_000, 0, 0, 104_000])];
    (claim, policy(Vec::new()), adjudication(lines, Vec::new()))
}
