//! Decisions of insurers, schemes per head and lists of prices.

use super::{Decides, Decisions, coding, refusals, word};
use crate::{
    capitation::{Budget, Closing, Enrolled, Quality},
    insurance::{
        Allowance, Balance, Draw, InsurerError, Pending,
        claims::{Adjudication, Predetermined, Response},
        eligibility::Standing,
        preauthorization::{Decision, Guarantee},
        reconciliation::{Comparison, Remittance},
    },
    money::Money,
    pricing::{Due, Price, Priced, Refund},
};

impl<T: Decides> Decides for Option<T> {
    fn decide(&self, decisions: &mut Decisions) {
        match self {
            Some(answer) => answer.decide(decisions),
            None => decisions.add("status", "never seen"),
        }
    }
}

fn allowance(allowance: Allowance) -> String {
    match allowance {
        Allowance::Money(money) => money.to_string(),
        Allowance::Count(count) => format!("{count} times"),
    }
}

fn draws(draws: &[Draw], decisions: &mut Decisions) {
    for draw in draws {
        decisions.add("draw", format!("{} {} from {}", draw.code, allowance(draw.amount), draw.period.start));
    }
}

fn balances(balances: &[Balance], decisions: &mut Decisions) {
    for Balance { code, period, used, limit } in balances {
        let limit = limit.map_or_else(|| "no limit".to_owned(), allowance);
        decisions.add("balance", format!("{code} {} of {limit} from {}", allowance(*used), period.start));
    }
}

impl Decides for Standing {
    fn decide(&self, decisions: &mut Decisions) {
        match self {
            Self::NotInForce(why) => {
                decisions.add("standing", "not in force");
                refusals(why, decisions);
            }
            Self::InForce(entitlement) => {
                decisions.add("standing", "in force");
                for benefit in &entitlement.benefits {
                    let mut say = |what: String| decisions.add("benefit", format!("line {}: {what}", benefit.number));
                    if benefit.preauthorization_required {
                        say("needs a guarantee".to_owned());
                    }
                    for refusal in &benefit.excluded {
                        say(format!("excluded, {}", refusal.code));
                    }
                    for document in &benefit.documents_wanted {
                        say(format!("wants {}", coding(document)));
                    }
                }
                balances(&entitlement.balances, decisions);
            }
        }
    }
}

fn guarantee(guarantee: &Guarantee, decisions: &mut Decisions) {
    for line in &guarantee.lines {
        decisions.add("guarantee", format!("line {}: {}", line.number, line.amount));
    }
    decisions.add("expires", guarantee.expires.to_string());
}

fn pending(pending: &Pending, decisions: &mut Decisions) {
    decisions.add("decision", "pending");
    for document in &pending.documents_wanted {
        decisions.add("document", coding(document));
    }
}

impl Decides for Decision {
    fn decide(&self, decisions: &mut Decisions) {
        match self {
            Self::Approved(granted) => {
                decisions.add("decision", "approved");
                guarantee(granted, decisions);
            }
            Self::Partial(granted) => {
                decisions.add("decision", "partial");
                guarantee(granted, decisions);
            }
            Self::Pending(wait) => pending(wait, decisions),
            Self::Refused(why) => {
                decisions.add("decision", "refused");
                refusals(why, decisions);
            }
            Self::Cancelled => decisions.add("decision", "cancelled"),
        }
    }
}

impl Decides for Adjudication {
    fn decide(&self, decisions: &mut Decisions) {
        for line in &self.lines {
            for (share, amount) in [
                ("contractual", line.contractual),
                ("not covered", line.not_covered),
                ("deductible", line.deductible),
                ("copay", line.copay),
                ("coinsurance", line.coinsurance),
                ("over limit", line.over_limit),
                ("benefit", line.benefit),
            ] {
                if amount != Money::ZERO {
                    decisions.add("amount", format!("line {}: {share} {amount}", line.number));
                }
            }
        }
        draws(&self.draws, decisions);
    }
}

impl Decides for Predetermined {
    fn decide(&self, decisions: &mut Decisions) {
        match self {
            Self::Covered(adjudication) => adjudication.decide(decisions),
            Self::Declined(why) => refusals(why, decisions),
        }
    }
}

impl Decides for Response {
    fn decide(&self, decisions: &mut Decisions) {
        match self {
            Self::Adjudicated(decided) => {
                decisions.add("decision", "adjudicated");
                decided.adjudication.decide(decisions);
            }
            Self::Pending(wait) => pending(wait, decisions),
            Self::Refused(why) => {
                decisions.add("decision", "refused");
                refusals(why, decisions);
            }
            Self::Cancelled(_) => decisions.add("decision", "cancelled"),
        }
    }
}

impl Decides for Comparison {
    fn decide(&self, decisions: &mut Decisions) {
        decisions.add("total", format!("{} in {}", self.total, self.count));
        for difference in &self.differences {
            let side = |side: Option<Money>| side.map_or_else(|| "nothing".to_owned(), |money| money.to_string());
            let (ours, theirs) = (side(difference.ours), side(difference.theirs));
            decisions.add("difference", format!("{}: {ours}, {theirs}", difference.reference));
        }
    }
}

impl Decides for Vec<Remittance> {
    fn decide(&self, decisions: &mut Decisions) {
        for remittance in self {
            decisions.add("remittance", format!("{} {}", remittance.trace, remittance.amount));
        }
    }
}

impl Decides for Enrolled {
    fn decide(&self, decisions: &mut Decisions) {
        match self {
            Self::Accepted(acceptance) => {
                let class = coding(&acceptance.risk_class);
                decisions.add("enrolment", format!("from {} as {class}", acceptance.accrues_from));
            }
            Self::Refused(why) => refusals(why, decisions),
        }
    }
}

impl Decides for Budget {
    fn decide(&self, decisions: &mut Decisions) {
        decisions.add("amount", format!("budget {}, prepayment {}", self.amount, self.prepayment));
    }
}

impl Decides for Money {
    fn decide(&self, decisions: &mut Decisions) {
        decisions.add("amount", self.to_string());
    }
}

impl Decides for Quality {
    fn decide(&self, decisions: &mut Decisions) {
        decisions.add("score", self.total.to_string());
        for one in &self.points {
            decisions.add("points", format!("{} {} of {}", one.code, one.points, one.maximum));
        }
    }
}

impl Decides for Closing {
    fn decide(&self, decisions: &mut Decisions) {
        for (name, amount) in [
            ("kept", self.kept),
            ("returned", self.returned),
            ("fund bears", self.fund_bears),
            ("provider bears", self.provider_bears),
            ("payable", self.payable),
        ] {
            decisions.add("amount", format!("{name} {amount}"));
        }
        for share in &self.shares {
            decisions.add("share", format!("{} {}", share.code, share.amount));
        }
    }
}

impl Decides for Price {
    fn decide(&self, decisions: &mut Decisions) {
        for fee in &self.fees {
            let due = match fee.due {
                Due::AtStart => "at the start".to_owned(),
                Due::AtCompletion(share) => format!("at {share} ‰"),
            };
            decisions.add("fee", format!("{} {} to {} {due}", coding(&fee.code), fee.amount, word(fee.payee)));
        }
        draws(&self.draws, decisions);
        balances(&self.opens, decisions);
    }
}

impl Decides for Priced {
    fn decide(&self, decisions: &mut Decisions) {
        match self {
            Self::Offered(price) => price.decide(decisions),
            Self::Refused(why) => refusals(why, decisions),
        }
    }
}

impl Decides for Refund {
    fn decide(&self, decisions: &mut Decisions) {
        for fee in &self.fees {
            decisions.add("refund", format!("{} {}", coding(&fee.code), fee.amount));
        }
    }
}

impl Decides for InsurerError {
    fn decide(&self, decisions: &mut Decisions) {
        decisions.add(
            "undecided",
            match self {
                Self::NotDone(_) => "not done",
                Self::Unknown(_) => "unknown",
                Self::Conflict(_) => "conflict",
                Self::MissingData(_) => "missing data",
                Self::Other(_) => "other",
            },
        );
    }
}
