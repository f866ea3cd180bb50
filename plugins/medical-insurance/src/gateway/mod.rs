//! Decisions of the insurance office, in the messages of the NHSA (国家医疗保障信息平台).
//!
//! | channel | quote | authorize | settle | reverse | what became of it |
//! |---|---|---|---|---|---|
//! | `counter` | 1101 2001 5206 2201 2203A 2204 2206, then 2205 2202 | 1101 2001 5206 2201 2203A 2204 | 2207 | 2208 | 2601 |
//! | `online` | 1101 2001 5206 6201, then 6401 | 1101 2001 5206 6201 | 6202 | 6203 | 6301 |
//!
//! A message that moves money is sent once. Its `msgid` follows from the key of the operation, so that it can be named
//! afterwards; that of any other is drawn. If the answer to one that moves money is lost,
//! makes no sense or is not signed by the office, nobody knows what came of it: `query` asks 6301, or has 2601 undo
//! whatever the message did, after which nothing of it stands and a message that is still under way does nothing.

mod answer;
mod counter;
mod envelope;
mod message;
mod office;
mod online;

use serde::{Deserialize, Serialize};
use xinglin_sdk::{
    log,
    money::Fen,
    payment::{
        Accumulator, Authorization, Authorized, Bill, Coverage, Error, Operation, Quoted, Refusal, Reversal, Reversed,
        Settled, Settlement, Status,
    },
    time::{Instant, plus_days},
};

use crate::{
    AUTHORIZATION_DAYS,
    adjudicate::{ACCOUNT_BALANCE, DEDUCTIBLE_USED, FUND_USED, refusals},
    memory::{self, Claim},
    refusal::refusal,
};
use answer::{LineShares, Setl};
use envelope::Failure;
pub use office::{Channel, Office, unset};

/// What the office registered for a bill.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Registered {
    claim: Claim,
    channel: Channel,
    psn_no: String,
    insutype: String,
    /// `mdtrt_id`, or `payOrdId`.
    id: String,
    /// `chrg_bchno`, or `payToken`.
    token: String,
    /// As uploaded, in fen.
    total: i64,
    lines: Vec<LineShares>,
    use_account: bool,
    /// Deductible and fund used before, as far as the office says so.
    used: Option<(i64, i64)>,
    expires: Instant,
}

/// What was sent under an operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Sent {
    /// A settlement under this authorization.
    Settle(String),
    /// The reversal of this settlement.
    Reverse(String),
}

/// Whose a reference is: `C:` and `O:` are an office's.
pub fn is_of_office(reference: &str) -> bool {
    Reference::read(reference).is_some()
}

/// Whether anything was sent to the office under an operation.
pub fn was_sent(operation: &Operation) -> Result<bool, Error> {
    Ok(memory::sent::<Sent>(operation)?.is_some())
}

/// A reference of an office's answer: `C:<visit>:<batch>` and `O:<order>` of an authorization,
/// `C:<settlement>:<visit>` and `O:<order>` of a settlement.
struct Reference<'a> {
    channel: Channel,
    first: &'a str,
    second: &'a str,
}

impl<'a> Reference<'a> {
    fn read(text: &'a str) -> Option<Self> {
        if let Some(first) = text.strip_prefix("O:") {
            return Some(Self { channel: Channel::Online, first, second: "" });
        }
        let (first, second) = text.strip_prefix("C:")?.split_once(':')?;
        Some(Self { channel: Channel::Counter, first, second })
    }
}

/// Where nothing was moved: the office did nothing that counts.
fn nothing_moved(failure: Failure) -> Error {
    match failure {
        Failure::NotDone(why) | Failure::Lost(why) => Error::Unavailable(why),
        Failure::Refused { infno, said } => Error::MissingData(crate::refusal::of_office(&infno, &said).message),
        Failure::Error(error) => error,
    }
}

/// After a message that may have moved money.
fn perhaps_moved(failure: Failure) -> Result<Vec<Refusal>, Error> {
    match failure {
        Failure::NotDone(why) => Err(Error::Unavailable(why)),
        Failure::Lost(why) => Err(Error::Other(why)),
        Failure::Refused { infno, said } => Ok(vec![crate::refusal::of_office(&infno, &said)]),
        Failure::Error(error) => Err(error),
    }
}

/// Whether a failure says that the person is not insured: then there are other payers.
fn declines(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused { infno, .. } if matches!(infno.as_str(), "1101" | "2001"))
}

/// A person as the office knows them.
struct Person {
    psn_no: String,
    insutype: String,
    used: Option<(i64, i64)>,
}

impl Office {
    /// How the office would share the bill; what it registered for that is withdrawn.
    pub fn quote(&self, bill: &Bill, coverage: &Coverage, now: Instant) -> Result<Quoted, Error> {
        let declined = refusals(bill, coverage)?;
        if !declined.is_empty() {
            return Ok(Quoted::Declined(declined.into_iter().map(refusal).collect()));
        }
        let uploaded = match self.register(now, bill, coverage) {
            Ok(Ok(uploaded)) => uploaded,
            Ok(Err(refused)) => return Ok(Quoted::Declined(vec![refused])),
            Err(failure @ Failure::Refused { .. }) if declines(&failure) => {
                return perhaps_moved(failure).map(Quoted::Declined);
            }
            Err(failure) => return Err(nothing_moved(failure)),
        };
        let (registered, setl) = match self.channel {
            Channel::Counter => counter::quote(self, now, uploaded, bill),
            Channel::Online => online::quote(self, now, uploaded),
        }
        .map_err(nothing_moved)?;
        let adjudication = setl.adjudication(&registered.lines, self.after(&registered, &setl));
        let sound = setl.check(registered.total, &registered.lines, registered.use_account);
        sound.map_err(|what| Error::Other(format!("the office's quote does not add up: {what}")))?;
        Ok(Quoted::Covered(adjudication))
    }

    /// Registers the bill.
    pub fn authorize(&self, operation: &Operation, bill: &Bill, coverage: &Coverage) -> Result<Authorized, Error> {
        memory::kept(operation)?;
        let declined = refusals(bill, coverage)?;
        if !declined.is_empty() {
            return Ok(Authorized::Refused(declined.into_iter().map(refusal).collect()));
        }
        let uploaded = match self.register(operation.at, bill, coverage) {
            Ok(Ok(uploaded)) => uploaded,
            Ok(Err(refused)) => return Ok(Authorized::Refused(vec![refused])),
            Err(failure @ Failure::Refused { .. }) => return perhaps_moved(failure).map(Authorized::Refused),
            Err(failure) => return Err(nothing_moved(failure)),
        };
        let registered = uploaded.registered;
        let reference = match registered.channel {
            Channel::Counter => format!("C:{}:{}", registered.id, registered.token),
            Channel::Online => format!("O:{}", registered.id),
        };
        let expires = registered.expires;
        memory::note(operation.at, &reference, &registered)?;
        Ok(Authorized::Granted(Authorization { reference, expires }))
    }

    /// Sends the settlement.
    pub fn settle(
        &self,
        operation: &Operation,
        authorization: &Authorization,
        bill: &Bill,
        coverage: &Coverage,
    ) -> Result<Settled, Error> {
        let refused = |code: &str| Ok(Settled::Refused(vec![refusal(code)]));
        let Some(registered) = memory::noted::<Registered>(&authorization.reference)? else {
            return refused("AUTHORIZATION_UNKNOWN");
        };
        if registered.claim != memory::claim(bill, coverage)? {
            return refused("AUTHORIZATION_OTHER_BILL");
        }
        if operation.at >= registered.expires {
            return refused("AUTHORIZATION_EXPIRED");
        }
        memory::send(operation, &Sent::Settle(authorization.reference.clone()))?;
        let answer = match registered.channel {
            Channel::Counter => counter::settle(self, operation, &registered, bill),
            Channel::Online => online::settle(self, operation, &registered),
        };
        match answer {
            Ok((reference, setl)) => Ok(Settled::Done(self.settlement(&registered, reference, &setl))),
            Err(failure) => perhaps_moved(failure).map(Settled::Refused),
        }
    }

    /// A settlement whose figures do not hold is one that the host takes back at once: it has no parts.
    fn settlement(&self, registered: &Registered, reference: String, setl: &Setl) -> Settlement {
        let mut adjudication = setl.adjudication(&registered.lines, self.after(registered, setl));
        if let Err(what) = setl.check(registered.total, &registered.lines, registered.use_account) {
            log::error(format!("the office's settlement {reference} does not add up: {what}"));
            adjudication.parts.clear();
        }
        Settlement { reference, adjudication }
    }

    /// What became of an operation.
    pub fn query(&self, operation: &Operation) -> Result<Status, Error> {
        let sent = memory::sent::<Sent>(operation)?;
        let noted = match &sent {
            Some(Sent::Settle(reference)) => memory::noted::<Registered>(reference)?,
            _ => None,
        };
        let answer = match (&sent, noted) {
            (Some(Sent::Settle(_)), Some(registered)) if registered.channel == Channel::Online => {
                online::settled(self, operation, &registered)
            }
            (Some(Sent::Reverse(reference)), _) => match Reference::read(reference) {
                Some(Reference { channel: Channel::Online, first, .. }) => online::refunded(self, operation, first),
                _ => self.undo(operation, &["2208"]),
            },
            (Some(Sent::Settle(_)), _) => self.undo(operation, &["2207", "6202"]),
            // The call that sent it did not end, or never began.
            (None, _) => {
                memory::kept(operation)?;
                self.undo(operation, &["2207", "2208", "6202", "6203"])
            }
        };
        answer.map_err(|failure| match failure {
            Failure::NotDone(why) | Failure::Lost(why) => Error::Other(why),
            Failure::Refused { infno, said } => Error::Other(format!("the office refused {infno}: {said}")),
            Failure::Error(error) => error,
        })
    }

    /// 2601: whatever these messages did is undone, and nothing of the operation stands.
    fn undo(&self, operation: &Operation, messages: &[&str]) -> Result<Status, Failure> {
        let person = self.find(operation.at)?;
        for original in messages {
            let input = message::compensation(self, &person, &self.msgid(operation, original), original);
            match self.send(operation.at, "2601", input) {
                Err(Failure::Refused { said, .. }) if self.has_nothing_to_undo(&said) => {}
                other => drop(other?),
            }
        }
        Ok(Status::NeverSeen)
    }

    fn has_nothing_to_undo(&self, said: &str) -> bool {
        !self.nothing_to_undo.is_empty() && said.contains(&self.nothing_to_undo)
    }

    /// Takes a settlement back.
    pub fn reverse(
        &self,
        operation: &Operation,
        settlement: &Settlement,
        coverage: &Coverage,
    ) -> Result<Reversed, Error> {
        let Some(reference) = Reference::read(&settlement.reference) else {
            return Ok(Reversed::Refused(vec![refusal("SETTLEMENT_UNKNOWN")]));
        };
        memory::send(operation, &Sent::Reverse(settlement.reference.clone()))?;
        let answer = match reference.channel {
            Channel::Counter => counter::reverse(self, operation, &reference),
            Channel::Online => online::reverse(self, operation, &reference, settlement),
        };
        match answer {
            Ok((reference, balance)) => {
                let accumulators = taken_back(settlement, coverage, balance);
                Ok(Reversed::Done(Reversal { reference, accumulators }))
            }
            Err(failure) => perhaps_moved(failure).map(Reversed::Refused),
        }
    }

    /// What the accumulators become: what the office says, and what follows from its figures.
    fn after(&self, registered: &Registered, setl: &Setl) -> Vec<Accumulator> {
        let fen = |code: &str, fen: i64| Accumulator { code: code.to_owned(), amount: Fen::new(fen.max(0)).into() };
        let used = registered.used.into_iter().flat_map(|(deductible, fund)| {
            [
                fen(DEDUCTIBLE_USED, deductible.saturating_add(setl.deductible)),
                fen(FUND_USED, fund.saturating_add(setl.pooled)),
            ]
        });
        used.chain(setl.balance.map(|balance| fen(ACCOUNT_BALANCE, balance))).collect()
    }

    /// Registers a bill: the inner error is a refusal.
    fn register(&self, now: Instant, bill: &Bill, coverage: &Coverage) -> Result<Result<Uploaded, Refusal>, Failure> {
        let insutype = coverage.category.code.clone();
        let (person, enjoys) = self.insured(now, &insutype)?;
        if !enjoys {
            return Ok(Err(refusal("BENEFITS_SUSPENDED")));
        }
        let claim = memory::claim(bill, coverage).map_err(Failure::Error)?;
        let uploaded = match self.channel {
            Channel::Counter => counter::upload(self, now, &person, bill, claim)?,
            Channel::Online => online::upload(self, now, &person, bill, claim)?,
        };
        Ok(Ok(uploaded))
    }

    /// 1101
    fn find(&self, now: Instant) -> Result<Person, Failure> {
        let answer = self.send(now, "1101", message::certificate()?)?;
        answer::person(&answer).ok_or_else(envelope::nonsense)
    }

    /// 1101, 2001 and 5206: who it is, and whether benefits are enjoyed.
    fn insured(&self, now: Instant, insutype: &str) -> Result<(Person, bool), Failure> {
        let answer = self.send(now, "1101", message::certificate()?)?;
        let mut person = answer::person(&answer).ok_or_else(envelope::nonsense)?;
        if !answer::is_insured(&answer, insutype) {
            return Ok((person, false));
        }
        insutype.clone_into(&mut person.insutype);
        let entitled = self.send(now, "2001", message::entitlement(self, &person, now))?;
        if !answer::is_entitled(&entitled) {
            return Ok((person, false));
        }
        let counted = self.send(now, "5206", message::accumulators(&person, now))?;
        person.used = answer::used(&counted, self);
        Ok((person, true))
    }
}

/// What was registered, with the quote that came with it (6201).
struct Uploaded {
    registered: Registered,
    setl: Option<Setl>,
}

/// What the accumulators become: less what the settlement took.
fn taken_back(settlement: &Settlement, coverage: &Coverage, balance: Option<i64>) -> Vec<Accumulator> {
    let took = |key: &str| answer::figure(&settlement.adjudication.attributes, key);
    let known = |code: &str| coverage.accumulators.iter().find(|accumulator| accumulator.code == code);
    let less = |code: &str, took: Option<i64>| {
        let left = known(code)?.amount.minor_units.checked_sub(took?)?;
        Some(Accumulator { code: code.to_owned(), amount: Fen::new(left.max(0)).into() })
    };
    let balance = balance
        .map(|balance| Accumulator { code: ACCOUNT_BALANCE.to_owned(), amount: Fen::new(balance.max(0)).into() });
    [less(DEDUCTIBLE_USED, took("nhsa.act-pay-dedc")), less(FUND_USED, took("nhsa.hifp-pay")), balance]
        .into_iter()
        .flatten()
        .collect()
}

fn expires(at: Instant) -> Instant {
    plus_days(at, AUTHORIZATION_DAYS)
}
