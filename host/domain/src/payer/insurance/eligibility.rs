//! Whether the patient is insured for something.

use serde::{Deserialize, Serialize};

use super::{
    Balance, Claim, Policy, Refusal,
    balance::{Allowance, check_balances},
    fault::{Fault, Wrong, citation, codings, refusals, refused},
};
use crate::coding::{Citation, Coding};

/// What the policy says of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Benefit {
    /// Number of the line.
    pub number: u32,
    /// Why it is not covered; empty if it is.
    pub excluded: Vec<Refusal>,
    /// Whether it needs a guarantee of payment first.
    pub preauthorization_required: bool,
    /// Kinds of documents to hand in.
    pub documents_wanted: Vec<Coding>,
}

/// What the policy gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entitlement {
    /// By line.
    pub benefits: Vec<Benefit>,
    /// As the insurer has them now.
    pub balances: Vec<Balance>,
    /// The source.
    pub citation: Citation,
}

/// Answer to a question about eligibility.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// In force on the day of service.
    InForce(Entitlement),
    /// Not insured that day.
    NotInForce(Vec<Refusal>),
}

impl Standing {
    /// Checks the answer.
    ///
    /// # Errors
    /// If there is not one benefit for each line, a refusal cannot be read, or a balance is
    /// malformed, of another period than that of the service, or of another case than the host's.
    pub fn check(&self, claim: &Claim, policy: &Policy) -> Result<(), Fault> {
        let entitlement = match self {
            Self::NotInForce(why) => return refused("not_in_force", why),
            Self::InForce(entitlement) => entitlement,
        };
        if !entitlement.benefits.iter().map(|benefit| benefit.number).eq(claim.numbers()) {
            return Err(Wrong::Lines.at("benefits"));
        }
        for benefit in &entitlement.benefits {
            refusals(&format!("benefits[{}].excluded", benefit.number), &benefit.excluded)?;
            codings(&format!("benefits[{}].documents_wanted", benefit.number), &benefit.documents_wanted)?;
        }
        check_balances(&entitlement.balances)?;
        for balance in &entitlement.balances {
            let field = format!("balances[{}]", balance.code);
            if !balance.period.contains(claim.served_at) {
                return Err(Wrong::Period.at(field));
            }
            let known = policy.balances.iter().find(|known| known.code == balance.code);
            let is_money = |allowance: Allowance| matches!(allowance, Allowance::Money(_));
            if known.is_some_and(|known| is_money(known.used) != is_money(balance.used)) {
                return Err(Wrong::Kind.at(field));
            }
        }
        citation("citation", &entitlement.citation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insurance::{
        Period,
        fixture::{YEAR, citation as source, deductible, refusal, secondary},
    };

    fn benefit(number: u32) -> Benefit {
        Benefit { number, excluded: Vec::new(), preauthorization_required: false, documents_wanted: Vec::new() }
    }

    fn standing() -> Entitlement {
        let excluded = Benefit { excluded: vec![refusal("EXCLUDED")], ..benefit(4) };
        Entitlement {
            benefits: vec![benefit(1), benefit(2), benefit(3), excluded],
            balances: vec![deductible(47_500)],
            citation: source(),
        }
    }

    /// A change of a sound answer, and what is found wrong with it.
    type Case = (fn(&mut Entitlement, Period), Option<(&'static str, Wrong)>);

    #[test]
    fn one_benefit_a_line_and_balances_of_the_day() {
        let (claim, policy, _) = secondary();
        let next = Period { start: YEAR.end, end: YEAR.end.plus_days(365) };
        let cases: [Case; 8] = [
            (|_, _| {}, None),
            // The insurer may tell of balances that the host did not know.
            (|e, _| e.balances[0].code = "annual-limit".into(), None),
            (|e, _| e.benefits.truncate(3), Some(("benefits", Wrong::Lines))),
            (|e, _| e.benefits.swap(0, 1), Some(("benefits", Wrong::Lines))),
            (|e, _| e.benefits[3].excluded[0].code = "x".into(), Some(("benefits[4].excluded[0].code", Wrong::Code))),
            (|e, next| e.balances[0].period = next, Some(("balances[deductible]", Wrong::Period))),
            (
                |e, _| (e.balances[0].used, e.balances[0].limit) = (Allowance::Count(1), None),
                Some(("balances[deductible]", Wrong::Kind)),
            ),
            (|e, _| e.citation.title.clear(), Some(("citation.title", Wrong::Empty))),
        ];
        for (change, fault) in cases {
            let mut entitlement = standing();
            change(&mut entitlement, next);
            let found = Standing::InForce(entitlement).check(&claim, &policy).err();
            assert_eq!(found, fault.map(|(field, wrong)| wrong.at(field)));
        }
        assert_eq!(Standing::NotInForce(vec![refusal("COVERAGE_LAPSED")]).check(&claim, &policy), Ok(()));
        let unreasoned = Standing::NotInForce(Vec::new()).check(&claim, &policy);
        assert_eq!(unreasoned, Err(Wrong::Empty.at("not_in_force")));
    }
}
