//! The protocol of commercial insurers, in the words of each (`plugins/direct-billing/src/gateway`).
//!
//! An operation is named by its key: the same key with the same content is answered as before, with other content
//! `409`. Of which key it was said that it was never seen, nothing is done any more.

mod adjudicate;
mod answer;
mod dialect;

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use dialect::{Dialect, all as dialects};

use self::{
    adjudicate::{Case, Decision, adjudicate},
    answer::{Said, refusal},
};
use crate::{
    books::{self, Reversed, Settlement},
    parameters::Insurer,
    store::Tx,
};

/// Why a request is not carried out.
#[derive(Debug)]
pub enum Failure {
    /// The request makes no sense: 400.
    Invalid(String),
    /// The key is taken by other content, or was said never to have been seen: 409.
    Conflict,
    /// The database failed.
    Store(sqlx::Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error)
    }
}

type Outcome<T> = Result<T, Failure>;

fn invalid<T>(why: &str) -> Outcome<T> {
    Err(Failure::Invalid(why.to_owned()))
}

/// An insurer and everything a request is carried out with.
pub struct Desk<'a> {
    /// Its words.
    pub dialect: &'a Dialect,
    /// Its terms.
    pub insurer: &'a Insurer,
    /// When the request came.
    pub now: Timestamp,
    /// Whether other figures are decided than predetermined.
    pub drifts: bool,
}

/// A guarantee.
#[derive(Debug, Serialize, Deserialize)]
struct Guarantee {
    expires: i64,
    is_cancelled: bool,
}

const GUARANTEE_SECONDS: i64 = 30 * 86_400;

impl Desk<'_> {
    fn kind(&self, of: &str) -> String {
        format!("{of}:{}", self.dialect.id)
    }

    /// What was answered under a key, in its own words; `None` if it was never seen.
    pub async fn status(&self, tx: &mut Tx, id: &str) -> Outcome<Option<Value>> {
        if let Some(answered) = tx.answered(id).await? {
            return Ok(serde_json::from_str(&answered.answer).ok());
        }
        tx.put("never-seen", id, &true).await?;
        Ok(None)
    }

    /// What is said of a key that was never seen.
    pub fn never_seen(&self) -> Value {
        Said::new(self.dialect, "never-seen").end()
    }

    /// Whether anything may be done under a key.
    pub async fn may_begin(&self, tx: &mut Tx, id: &str) -> Outcome<()> {
        match tx.get::<bool>("never-seen", id).await? {
            Some(_) => Err(Failure::Conflict),
            None => Ok(()),
        }
    }

    /// Carries out what was posted to a path.
    pub async fn post(&self, tx: &mut Tx, path: &str, body: &Value) -> Outcome<Option<Value>> {
        Ok(Some(match path {
            "/eligibility" => self.eligibility(tx, body).await?,
            "/preauthorizations" => self.guarantee(tx, body).await?,
            "/claims" => self.claim(tx, body).await?,
            "/cancellations" => self.cancel(tx, body).await?,
            "/appeals" => self.appeal(tx, body).await?,
            "/statements" => self.statement(tx, body).await?,
            "/remittances" => self.remittances(tx, body).await?,
            _ => return Ok(None),
        }))
    }

    async fn case<'b>(&'b self, tx: &mut Tx, body: &Value) -> Outcome<Result<Case<'b>, Value>> {
        Case::read(self, tx, body).await
    }

    async fn eligibility(&self, tx: &mut Tx, body: &Value) -> Outcome<Value> {
        let case = match self.case(tx, body).await? {
            Ok(case) => case,
            Err(refusal) => return Ok(Said::new(self.dialect, "not-in-force").refusals(vec![refusal]).end()),
        };
        Ok(Said::new(self.dialect, "in-force").standing(&case).end())
    }

    async fn guarantee(&self, tx: &mut Tx, body: &Value) -> Outcome<Value> {
        let case = match self.case(tx, body).await? {
            Ok(case) => case,
            Err(refusal) => return Ok(Said::new(self.dialect, "refused").refusals(vec![refusal]).end()),
        };
        let reference = format!("G{:09}", tx.next(&self.kind("guarantee")).await?);
        let expires = self.now.as_second() + GUARANTEE_SECONDS;
        tx.put(&self.kind("guarantee"), &reference, &Guarantee { expires, is_cancelled: false }).await?;
        let is_whole = case.lines.iter().all(|line| !line.is_excluded);
        let said = Said::new(self.dialect, if is_whole { "approved" } else { "partial" }).reference(&reference);
        Ok(said.guarantee(&case, expires).end())
    }

    async fn claim(&self, tx: &mut Tx, body: &Value) -> Outcome<Value> {
        let is_binding = self.dialect.text(body, "use") == Some("claim");
        let declined = if is_binding { "refused" } else { "declined" };
        let case = match self.case(tx, body).await? {
            Ok(case) => case,
            Err(refusal) => return Ok(Said::new(self.dialect, declined).refusals(vec![refusal]).end()),
        };
        if let Some(refusal) = self.unguaranteed(tx, &case, body).await? {
            return Ok(Said::new(self.dialect, declined).refusals(vec![refusal]).end());
        }
        let Some(decision) = adjudicate(&case, is_binding && self.drifts) else { return invalid("amounts") };
        if !is_binding {
            return Ok(Said::new(self.dialect, "covered").decision(&case, &decision).end());
        }
        let settlement = self.write_down(tx, &case, &decision, body).await?;
        Ok(Said::new(self.dialect, "adjudicated").reference(&settlement.id).decision(&case, &decision).end())
    }

    /// Why a claim needs a guarantee that it does not have.
    async fn unguaranteed(&self, tx: &mut Tx, case: &Case<'_>, body: &Value) -> Outcome<Option<Value>> {
        let Some(most) = case.plan.preauthorization_above.filter(|most| case.asked > *most) else { return Ok(None) };
        let reference = self.dialect.text(body, "preauthorization").unwrap_or_default();
        let guarantee: Option<Guarantee> = tx.get(&self.kind("guarantee"), reference).await?;
        let stands = guarantee.is_some_and(|one| !one.is_cancelled && self.now.as_second() < one.expires);
        let why = || refusal(self.dialect, "NO_PREAUTHORIZATION", &format!("超过 {most} 分须先取得预授权"));
        Ok((!stands).then(why))
    }

    async fn write_down(&self, tx: &mut Tx, case: &Case<'_>, decision: &Decision, body: &Value) -> Outcome<Settlement> {
        let Some(key) = self.dialect.text(body, "key") else { return invalid("key") };
        let settlement = Settlement {
            id: format!("{}-E{:09}", self.dialect.id, tx.next(&self.kind("claim")).await?),
            payer: self.dialect.id.clone(),
            key: key.to_owned(),
            bill: case.bill.clone(),
            visit: String::new(),
            person: case.member.clone(),
            total: case.asked,
            paid: decision.benefit,
            account: 0,
            deductible: decision.deductible,
            cash: case.asked - decision.benefit - decision.contractual,
            year: case.year.clone(),
            at: self.now.as_second(),
            reversed: None,
        };
        settlement.save(tx).await?;
        tx.put(&self.kind("asked"), &settlement.id, body).await?;
        case.draw(self, tx, settlement.deductible).await?;
        Ok(settlement)
    }

    /// A settlement of this insurer that stands.
    async fn standing(&self, tx: &mut Tx, reference: Option<&str>) -> Outcome<Option<Settlement>> {
        let Some(reference) = reference else { return invalid("reference") };
        let found = Settlement::find(tx, reference).await?;
        Ok(found.filter(|one| one.payer == self.dialect.id && one.reversed.is_none()))
    }

    /// Takes a settlement back; its reference.
    async fn take_back(&self, tx: &mut Tx, mut settlement: Settlement, by: &str, body: &Value) -> Outcome<String> {
        let Some(key) = self.dialect.text(body, "key") else { return invalid("key") };
        // A decision that is replaced is below zero under its own reference.
        let reference = match by {
            "appeal" => settlement.id.clone(),
            _ => format!("{}-C{:09}", self.dialect.id, tx.next(&self.kind("cancellation")).await?),
        };
        let reversed =
            Reversed { key: key.to_owned(), by: by.to_owned(), reference: reference.clone(), at: self.now.as_second() };
        adjudicate::draw(self, tx, (&settlement.person, &settlement.year), -settlement.deductible).await?;
        settlement.reversed = Some(reversed);
        settlement.save(tx).await?;
        Ok(reference)
    }

    async fn cancel(&self, tx: &mut Tx, body: &Value) -> Outcome<Value> {
        let reference = self.dialect.text(body, "reference");
        let refused = |code: &str, why: &str| {
            Said::new(self.dialect, "refused").refusals(vec![refusal(self.dialect, code, why)]).end()
        };
        match self.dialect.text(body, "of") {
            Some("claim") => {
                let Some(settlement) = self.standing(tx, reference).await? else {
                    return Ok(refused("NOTHING_TO_CANCEL", "没有可撤销的理赔"));
                };
                let reference = self.take_back(tx, settlement, "cancellation", body).await?;
                Ok(Said::new(self.dialect, "cancelled").reference(&reference).end())
            }
            Some("preauthorization") => {
                let (kind, reference) = (self.kind("guarantee"), reference.unwrap_or_default());
                let Some(guarantee) = tx.get::<Guarantee>(&kind, reference).await?.filter(|one| !one.is_cancelled)
                else {
                    return Ok(refused("NOTHING_TO_CANCEL", "没有可撤销的预授权"));
                };
                tx.put(&kind, reference, &Guarantee { is_cancelled: true, ..guarantee }).await?;
                Ok(Said::new(self.dialect, "cancelled").reference(reference).end())
            }
            _ => invalid("of"),
        }
    }

    /// Decides anew, without the exclusions of the lines that are appealed, where the insurer grants that.
    async fn appeal(&self, tx: &mut Tx, body: &Value) -> Outcome<Value> {
        let refused = |code: &str, why: &str| {
            Said::new(self.dialect, "refused").refusals(vec![refusal(self.dialect, code, why)]).end()
        };
        let Some(settlement) = self.standing(tx, self.dialect.text(body, "reference")).await? else {
            return Ok(refused("NO_SUCH_CLAIM", "没有该理赔"));
        };
        let asked: Option<Value> = tx.get(&self.kind("asked"), &settlement.id).await?;
        let (Some(mut asked), true) = (asked, self.insurer.grants_appeals) else {
            return Ok(refused("UPHELD", "维持原决定"));
        };
        // Decided under the key of the appeal, and as if the former decision had drawn nothing.
        asked[self.dialect.field("key")] = body[self.dialect.field("key")].clone();
        let numbers: Vec<String> = self.dialect.list(body, "lines").iter().map(Value::to_string).collect();
        let mut case = match self.case(tx, &asked).await? {
            Ok(case) => case,
            Err(refusal) => return Ok(Said::new(self.dialect, "refused").refusals(vec![refusal]).end()),
        };
        case.used = (case.used - settlement.deductible).max(0);
        for line in case.lines.iter_mut().filter(|line| numbers.contains(&line.number.to_string())) {
            line.is_excluded = false;
        }
        let Some(decision) = adjudicate(&case, false) else { return invalid("amounts") };
        if decision.benefit <= settlement.paid {
            return Ok(refused("UPHELD", "维持原决定"));
        }
        self.take_back(tx, settlement, "appeal", body).await?;
        let settlement = self.write_down(tx, &case, &decision, &asked).await?;
        Ok(Said::new(self.dialect, "adjudicated").reference(&settlement.id).decision(&case, &decision).end())
    }

    fn period(&self, body: &Value) -> Outcome<(i64, i64)> {
        match (self.dialect.time(body, "from"), self.dialect.time(body, "to")) {
            (Some(from), Some(to)) if from < to => Ok((from, to)),
            _ => invalid("a period"),
        }
    }

    /// Each entry under its reference; a decision that was replaced by an appeal below zero under its own again.
    async fn owed(&self, tx: &mut Tx, period: (i64, i64)) -> Outcome<Vec<(String, i64, i64)>> {
        let entries = books::entries(Settlement::all(tx).await?, &self.dialect.id, period);
        let of = |entry: books::Entry| (entry.reference, entry.sign * entry.settlement.paid, entry.at);
        Ok(entries.into_iter().map(of).collect())
    }

    async fn statement(&self, tx: &mut Tx, body: &Value) -> Outcome<Value> {
        let owed = self.owed(tx, self.period(body)?).await?;
        let Some(total) = crate::money::sum(owed.iter().map(|(_, amount, _)| *amount)) else {
            return invalid("amounts");
        };
        let entries = owed.iter().map(|(reference, amount, _)| {
            self.dialect.object(vec![("reference", reference.as_str().into()), ("amount", self.dialect.money(*amount))])
        });
        Ok(self.dialect.object(vec![
            ("entries", entries.collect()),
            ("total", self.dialect.money(total)),
            ("count", json!(owed.len())),
        ]))
    }

    /// What is decided in a day is sent at its end, in one transfer; a day that is not above zero sends nothing.
    async fn remittances(&self, tx: &mut Tx, body: &Value) -> Outcome<Value> {
        let (from, to) = self.period(body)?;
        let zone = TimeZone::fixed(jiff::tz::offset(8));
        let mut days = std::collections::BTreeMap::<civil::Date, Vec<(String, i64)>>::new();
        for (reference, amount, at) in self.owed(tx, (i64::MIN, i64::MAX)).await? {
            let Ok(at) = Timestamp::from_second(at) else { return invalid("a time") };
            days.entry(at.to_zoned(zone.clone()).date()).or_default().push((reference, amount));
        }
        let mut sent = Vec::new();
        for (day, items) in days {
            let Ok(end) = day.tomorrow().and_then(|next| next.to_zoned(zone.clone())) else { continue };
            let (end, amount) = (end.timestamp().as_second(), items.iter().map(|(_, amount)| *amount).sum::<i64>());
            if amount <= 0 || !(from..to).contains(&end) || end > self.now.as_second() {
                continue;
            }
            let items = items.into_iter().map(|(reference, amount)| {
                self.dialect.object(vec![("reference", reference.into()), ("amount", self.dialect.money(amount))])
            });
            sent.push(self.dialect.object(vec![
                ("trace", format!("{}-{day}", self.dialect.id).into()),
                ("sent-at", self.dialect.written(end)),
                ("amount", self.dialect.money(amount)),
                ("items", items.collect()),
            ]));
        }
        Ok(self.dialect.object(vec![("remittances", sent.into())]))
    }
}
