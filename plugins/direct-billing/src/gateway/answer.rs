//! What an insurer answers. Whatever does not fit makes the whole answer `unknown`.

use xinglin_sdk::{
    insurance::{
        Allowance, Balance, Claim, Draw, Error, Pending, Period, Policy, Refusal,
        claims::{Adjudication, Cancellation, ExplanationOfBenefit, LineAdjudication, Predetermined, Reason, Response},
        eligibility::{Benefit, Entitlement, Standing},
        preauthorization::{Decision, Guarantee, GuaranteedLine},
        reconciliation::{Remittance, Remitted},
    },
    log,
    money::Fen,
    time::Instant,
    types::{Coding, Decimal, LocalizedText, Money, zh_en},
};

use super::{later, nonsense};
use crate::{
    calendar,
    json::Json,
    profile::{Amounts, Profile, Times},
};

/// An answer, or a part of one.
pub struct Answer {
    pub profile: &'static Profile,
    pub json: Json,
}

/// Longest reference of the contract, in bytes.
const REFERENCE: usize = 200;
/// Longest text that is passed on, in characters.
const TEXT: usize = 500;

impl Answer {
    fn get(&self, field: &str) -> Option<&Json> {
        self.json.get(self.profile.field(field)).filter(|value| **value != Json::Null)
    }

    fn text(&self, field: &str) -> Option<&str> {
        match self.get(field)? {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    fn part(&self, json: &Json) -> Self {
        Self { profile: self.profile, json: json.clone() }
    }

    fn list(&self, field: &str) -> Option<Vec<Self>> {
        match self.get(field) {
            None => Some(Vec::new()),
            Some(Json::List(items)) => Some(items.iter().map(|item| self.part(item)).collect()),
            Some(_) => None,
        }
    }

    fn number(&self, field: &str) -> Option<u32> {
        match self.get(field)? {
            Json::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    fn fen(&self, field: &str) -> Option<Fen> {
        let scaled = |digits: &str, scale: i64| {
            let amount: Decimal = digits.parse().ok()?;
            let amount = amount.times(Decimal::whole(scale))?.normalized();
            (amount.scale == 0).then_some(Fen::new(amount.unscaled))
        };
        match (self.profile.gateway.amounts, self.get(field)?) {
            (Amounts::Fen, Json::Number(digits)) => scaled(digits, 1),
            (Amounts::Yuan, Json::Text(digits) | Json::Number(digits)) => scaled(digits, 100),
            _ => None,
        }
    }

    /// An amount that is not negative; absent is zero.
    fn share(&self, field: &str) -> Option<Fen> {
        if self.get(field).is_none() { Some(Fen::ZERO) } else { self.fen(field)?.non_negative().ok() }
    }

    fn time(&self, field: &str) -> Option<Instant> {
        match (self.profile.gateway.times, self.get(field)?) {
            (Times::Rfc3339, Json::Text(text)) => calendar::parse(text),
            (Times::Millis, Json::Number(digits)) => digits.parse::<i64>().ok()?.checked_mul(1_000),
            _ => None,
        }
    }

    fn code(&self) -> Option<Coding> {
        let system = self.text("system").map_or_else(|| self.profile.system(), str::to_owned);
        self.text("code").map(|code| Coding::new(system, code))
    }

    fn codes(&self, field: &str) -> Option<Vec<Coding>> {
        self.list(field)?.iter().map(Self::code).collect()
    }

    fn message(&self) -> LocalizedText {
        let text: String =
            self.text("message").or_else(|| self.text("code")).unwrap_or_default().chars().take(TEXT).collect();
        zh_en(text.clone(), text)
    }

    /// What it says that it is.
    fn outcome(&self) -> Option<&'static str> {
        let said = self.text("outcome")?;
        let outcomes = self.profile.gateway.outcomes;
        outcomes.iter().find(|(_, theirs)| *theirs == said).map(|(ours, _)| *ours)
    }

    /// Whether it says that it is this.
    pub fn says(&self, outcome: &str) -> bool {
        self.outcome() == Some(outcome)
    }

    /// Its reference, with the name of the insurer before it: several insurers may count alike.
    fn reference(&self, field: &str) -> Option<String> {
        let theirs = self.text(field).filter(|theirs| !theirs.is_empty())?;
        Some(format!("{}:{theirs}", self.profile.id)).filter(|reference| reference.len() <= REFERENCE)
    }

    fn refusals(&self, field: &str) -> Option<Vec<Refusal>> {
        let read = |reason: &Self| {
            let code = upper_snake(reason.text("code")?)?;
            Some(Refusal { code, message: reason.message(), citation: self.profile.cite("refusals") })
        };
        self.list(field)?.iter().map(read).collect()
    }

    /// At least one.
    fn refused(&self) -> Option<Vec<Refusal>> {
        self.refusals("refusals").filter(|reasons| !reasons.is_empty())
    }

    fn pending(&self, now: Instant) -> Option<Pending> {
        Some(Pending {
            reference: self.reference("reference")?,
            ask_after: self.time("ask-after").unwrap_or_else(|| later(now)),
            documents_wanted: self.codes("documents-wanted")?,
        })
    }

    fn allowance(&self, field: &str) -> Option<Allowance> {
        let part = self.part(self.get(field)?);
        if part.get("count").is_some() {
            return part.number("count").map(Allowance::Count);
        }
        Some(Allowance::Money(part.fen("amount")?.non_negative().ok()?.into()))
    }

    fn period(&self) -> Option<Period> {
        let period = Period { start: self.time("start")?, end: self.time("end")? };
        (period.start < period.end).then_some(period)
    }

    // --- eligibility --------------------------------------------------------------

    pub fn standing(&self, claim: &Claim) -> Result<Standing, Error> {
        let read = || match self.outcome()? {
            "not-in-force" => self.refused().map(Standing::NotInForce),
            "in-force" => {
                let benefits: Vec<Benefit> = self.list("benefits")?.iter().map(Self::benefit).collect::<Option<_>>()?;
                let is_same = benefits.len() == claim.lines.len()
                    && benefits.iter().zip(&claim.lines).all(|(benefit, line)| benefit.number == line.number);
                let balances = self.list("balances")?.iter().map(Self::balance).collect::<Option<_>>()?;
                let citation = self.profile.cite("eligibility");
                is_same.then_some(Standing::InForce(Entitlement { benefits, balances, citation }))
            }
            _ => None,
        };
        read().ok_or_else(nonsense)
    }

    fn benefit(&self) -> Option<Benefit> {
        Some(Benefit {
            number: self.number("number")?,
            excluded: self.refusals("excluded")?,
            preauthorization_required: match self.get("preauthorization-required") {
                None => false,
                Some(Json::Boolean(is_required)) => *is_required,
                Some(_) => return None,
            },
            documents_wanted: self.codes("documents-wanted")?,
        })
    }

    fn balance(&self) -> Option<Balance> {
        let (used, limit) = (self.allowance("used")?, self.get("limit").map(|_| self.allowance("limit")));
        let limit = match limit {
            None => None,
            Some(limit) => Some(limit?),
        };
        let is_alike = limit.as_ref().is_none_or(|limit| {
            matches!(
                (limit, &used),
                (Allowance::Money(_), Allowance::Money(_)) | (Allowance::Count(_), Allowance::Count(_))
            )
        });
        let code = self.text("code")?.to_owned();
        is_alike.then_some(Balance { code, period: self.period()?, used, limit })
    }

    // --- preauthorization ---------------------------------------------------------

    pub fn decision(&self, now: Instant, claim: Option<&Claim>) -> Result<Decision, Error> {
        let read = || {
            Some(match self.outcome()? {
                "approved" => Decision::Approved(self.guarantee(claim, true)?),
                "partial" => Decision::Partial(self.guarantee(claim, false)?),
                "pending" => Decision::Pending(self.pending(now)?),
                "refused" => Decision::Refused(self.refused()?),
                "cancelled" => Decision::Cancelled,
                _ => return None,
            })
        };
        read().ok_or_else(nonsense)
    }

    fn guarantee(&self, claim: Option<&Claim>, is_whole: bool) -> Option<Guarantee> {
        let read = |line: &Self| {
            Some(GuaranteedLine {
                number: line.number("number")?,
                amount: line.fen("amount")?.non_negative().ok()?.into(),
                reasons: line.refusals("reasons")?,
            })
        };
        let lines: Vec<GuaranteedLine> = self.list("lines")?.iter().map(read).collect::<Option<_>>()?;
        let is_twice =
            |(index, line): (usize, &GuaranteedLine)| lines[..index].iter().any(|other| other.number == line.number);
        if lines.is_empty() || lines.iter().enumerate().any(is_twice) {
            return None;
        }
        if let Some(claim) = claim {
            let rest = |number: u32| claim.lines.iter().find(|line| line.number == number)?.rest().ok();
            for line in &lines {
                if line.amount.minor_units > rest(line.number)?.amount() {
                    return None;
                }
            }
            let full =
                |line: &GuaranteedLine| rest(line.number).is_some_and(|rest| rest.amount() == line.amount.minor_units);
            if is_whole && (lines.len() != claim.lines.len() || !lines.iter().all(full)) {
                return None;
            }
        }
        Some(Guarantee { reference: self.reference("reference")?, lines, expires: self.time("expires")? })
    }

    // --- claims -------------------------------------------------------------------

    pub fn predetermined(&self, claim: &Claim, policy: &Policy) -> Result<Predetermined, Error> {
        let read = || match self.outcome()? {
            "covered" => self.adjudication(Some((claim, policy))).map(Predetermined::Covered),
            "declined" => self.refused().map(Predetermined::Declined),
            _ => None,
        };
        read().ok_or_else(nonsense)
    }

    pub fn response(&self, now: Instant, asked: Option<(&Claim, &Policy)>) -> Result<Response, Error> {
        let read = || {
            Some(match self.outcome()? {
                "adjudicated" => Response::Adjudicated(ExplanationOfBenefit {
                    reference: self.reference("reference")?,
                    adjudication: self.adjudication(asked)?,
                }),
                "pending" => Response::Pending(self.pending(now)?),
                "refused" => Response::Refused(self.refused()?),
                "cancelled" => Response::Cancelled(Cancellation { reference: self.reference("reference")? }),
                _ => return None,
            })
        };
        read().ok_or_else(nonsense)
    }

    /// Without the claim (`status` does not have it) the host checks it against what it sent.
    fn adjudication(&self, asked: Option<(&Claim, &Policy)>) -> Option<Adjudication> {
        let lines: Vec<LineAdjudication> = self.list("lines")?.iter().map(Self::line).collect::<Option<_>>()?;
        let mut draws: Vec<Draw> = self.list("draws")?.iter().map(Self::draw).collect::<Option<_>>()?;
        if let Some((claim, policy)) = asked {
            let is_same = |(line, asked): (&LineAdjudication, &xinglin_sdk::insurance::ClaimLine)| {
                let parts = [&line.contractual, &line.not_covered, &line.allowed];
                let sum = parts.into_iter().try_fold(Fen::ZERO, |sum, part| sum.plus(Fen::of(part)?));
                line.number == asked.number && sum == asked.rest()
            };
            if lines.len() != claim.lines.len() || !lines.iter().zip(&claim.lines).all(is_same) {
                return None;
            }
            // The host may draw on balances that the policy has. The next eligibility brings the others.
            let is_known = |draw: &Draw| {
                let same = |balance: &&Balance| balance.code == draw.code && balance.period == draw.period;
                policy.balances.iter().find(same).is_some_and(|balance| {
                    matches!(
                        (&balance.used, &draw.amount),
                        (Allowance::Money(_), Allowance::Money(_)) | (Allowance::Count(_), Allowance::Count(_))
                    )
                })
            };
            for draw in draws.iter().filter(|draw| !is_known(draw)) {
                log::warn(format!("{} draws on `{}`, which the policy does not have", self.profile.id, draw.code));
            }
            draws.retain(is_known);
        }
        Some(Adjudication { lines, draws, citation: self.profile.cite("claims"), attributes: Vec::new() })
    }

    fn line(&self) -> Option<LineAdjudication> {
        let money = |field: &str| self.share(field).map(Money::from);
        let reason = |reason: &Self| {
            Some(Reason { code: reason.code()?, message: reason.message(), citation: self.profile.cite("claims") })
        };
        let line = LineAdjudication {
            number: self.number("number")?,
            contractual: money("contractual")?,
            not_covered: money("not-covered")?,
            allowed: money("allowed")?,
            deductible: money("deductible")?,
            copay: money("copay")?,
            coinsurance: money("coinsurance")?,
            over_limit: money("over-limit")?,
            benefit: money("benefit")?,
            reasons: self.list("reasons")?.iter().map(reason).collect::<Option<_>>()?,
        };
        let shares = [&line.deductible, &line.copay, &line.coinsurance, &line.over_limit, &line.benefit];
        let sum = shares.into_iter().try_fold(Fen::ZERO, |sum, part| sum.plus(Fen::of(part)?)).ok()?;
        let is_reduced = line.contractual.minor_units > 0 || line.not_covered.minor_units > 0;
        (sum.amount() == line.allowed.minor_units && (!is_reduced || !line.reasons.is_empty())).then_some(line)
    }

    fn draw(&self) -> Option<Draw> {
        let amount = match self.get("count") {
            Some(_) => Allowance::Count(self.number("count")?),
            None => Allowance::Money(self.fen("amount")?.non_negative().ok()?.into()),
        };
        Some(Draw { code: self.text("code")?.to_owned(), period: self.period()?, amount })
    }

    // --- reconciliation -----------------------------------------------------------

    pub fn entries(&self) -> Result<Vec<(String, i64)>, Error> {
        let read = || {
            let entry = |entry: &Self| Some((entry.reference("reference")?, entry.fen("amount")?.amount()));
            let entries: Vec<_> = self.list("entries")?.iter().map(entry).collect::<Option<_>>()?;
            let total = Fen::sum(entries.iter().map(|(_, amount)| Fen::new(*amount))).ok()?;
            let is_whole = self.get("total").is_none_or(|_| self.fen("total") == Some(total))
                && self
                    .get("count")
                    .is_none_or(|_| self.number("count").map(|count| count as usize) == Some(entries.len()));
            is_whole.then_some(entries)
        };
        read().ok_or_else(nonsense)
    }

    pub fn remittances(&self, period: &Period) -> Result<Vec<Remittance>, Error> {
        let read = |remittance: &Self| {
            let item = |item: &Self| {
                Some(Remitted { reference: item.reference("reference")?, amount: item.fen("amount")?.into() })
            };
            let items: Vec<Remitted> = remittance.list("items")?.iter().map(item).collect::<Option<_>>()?;
            let adjustment =
                if remittance.get("adjustment").is_some() { remittance.fen("adjustment")? } else { Fen::ZERO };
            let amount = remittance.fen("amount")?;
            let sum = items.iter().try_fold(adjustment, |sum, item| sum.plus(Fen::of(&item.amount)?)).ok()?;
            let trace = remittance.text("trace").filter(|trace| (1..=REFERENCE).contains(&trace.len()))?.to_owned();
            let sent_at = remittance.time("sent-at").filter(|at| period.contains(*at))?;
            (sum == amount).then_some(Remittance {
                trace,
                sent_at,
                amount: amount.into(),
                items,
                adjustment: adjustment.into(),
            })
        };
        let remittances: Option<Vec<_>> = self.list("remittances").and_then(|all| all.iter().map(read).collect());
        remittances.ok_or_else(nonsense)
    }
}

/// A code of theirs in the alphabet of ours.
fn upper_snake(code: &str) -> Option<String> {
    let code: String =
        code.chars().take(64).map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    let code = code.trim_matches('_').to_owned();
    if code.is_empty() {
        None
    } else {
        Some(if code.starts_with(|c: char| c.is_ascii_digit()) { format!("CODE_{code}") } else { code })
    }
}
