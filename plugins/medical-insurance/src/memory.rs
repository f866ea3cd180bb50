//! What was answered before. One value an operation, under a digest of its key, so
//! that a key of any length and alphabet is a valid one here.
//!
//! The host makes the writes of a call durable together: a settlement is either
//! answered and remembered, or it never happened.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use xinglin_sdk::{
    kv,
    payment::{Bill, Coverage, Error, Operation, Settlement},
    time::Instant,
};

use crate::adjudicate::{Figures, Used};

/// Names an operation in storage and in references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Of this operation. 128 bits of a digest: unique for ever.
    pub fn of(operation: &Operation) -> Self {
        let digest = Sha256::digest(operation.key.as_bytes());
        Self(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }

    /// The reference of an authorization under this key.
    pub fn authorization(&self) -> String {
        format!("A-{}", self.0)
    }

    /// The reference of a settlement under this key.
    pub fn settlement(&self) -> String {
        format!("S-{}", self.0)
    }

    /// The reference of a reversal under this key.
    pub fn reversal(&self) -> String {
        format!("R-{}", self.0)
    }

    fn from_reference(reference: &str, prefix: &str) -> Option<Self> {
        reference.strip_prefix(prefix).map(|digest| Self(digest.to_owned()))
    }

    fn slot(&self) -> String {
        format!("op/{}", self.0)
    }
}

/// A digest of what an operation was about: same key, other claim is a conflict.
/// The accumulators are no part of it, for they move with every settlement, and a
/// repeated question must get the first answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim([u8; 32]);

/// The claim of a bill.
pub fn claim(bill: &Bill, coverage: &Coverage) -> Result<Claim, Error> {
    let lines: Vec<_> = bill
        .lines
        .iter()
        .map(|line| {
            let codes: Vec<_> = line.code.iter().map(|code| (&code.system, &code.code)).collect();
            let quantity = line.quantity.normalized();
            (line.number, codes, quantity.unscaled, quantity.scale, line.gross.minor_units, &line.gross.currency)
        })
        .collect();
    let person = (&coverage.member, &coverage.category.system, &coverage.category.code);
    digest(&(&bill.id, &bill.currency, bill.served_at, bill.use_account, bill.prior.len(), person, lines))
}

/// The claim of a reversal.
pub fn reversal_claim(settlement: &Settlement, coverage: &Coverage) -> Claim {
    let mut hash = Sha256::new();
    for text in [&settlement.reference, &coverage.member] {
        hash.update(text.len().to_le_bytes());
        hash.update(text.as_bytes());
    }
    for part in &settlement.adjudication.parts {
        hash.update([part.source as u8]);
        hash.update(part.amount.minor_units.to_le_bytes());
    }
    Claim(hash.finalize().into())
}

fn digest(value: &impl Serialize) -> Result<Claim, Error> {
    let bytes = postcard::to_allocvec(value).map_err(unreadable)?;
    Ok(Claim(Sha256::digest(bytes).into()))
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The scheme stands for the bill until then.
    Authorized {
        /// Not valid at this moment and after.
        expires: Instant,
    },
    /// Settled with these figures.
    Settled {
        /// Who paid what.
        figures: Figures,
        /// Whether it was taken back since.
        reversed: bool,
    },
    /// Taken back.
    Reversed {
        /// What the accumulators became.
        after: Used,
    },
    /// Refused for these reasons.
    Refused(Vec<String>),
}

#[derive(Serialize, Deserialize)]
struct Entry {
    claim: Claim,
    outcome: Outcome,
}

/// A settlement that stands, or stood.
pub struct SettledEntry {
    /// Who paid what.
    pub figures: Figures,
    /// Whether it was taken back.
    pub reversed: bool,
    claim: Claim,
}

/// How the operation ended if it was seen before; `Conflict` if it was about
/// something else then.
pub fn recall(key: &Key, claim: &Claim) -> Result<Option<Outcome>, Error> {
    match load(key)? {
        None => Ok(None),
        Some(entry) if entry.claim == *claim => Ok(Some(entry.outcome)),
        Some(_) => Err(Error::Conflict("the key was used before with other amounts".to_owned())),
    }
}

/// How the operation ended, if it was seen.
pub fn outcome(key: &Key) -> Result<Option<Outcome>, Error> {
    Ok(load(key)?.map(|entry| entry.outcome))
}

/// Keeps how an operation ended.
pub fn remember(key: &Key, claim: Claim, outcome: Outcome) -> Result<(), Error> {
    let bytes = postcard::to_allocvec(&Entry { claim, outcome }).map_err(unreadable)?;
    kv::set(&key.slot(), &bytes).map_err(unavailable)
}

/// The claim an authorization was given for, and its end.
pub fn authorized(reference: &str) -> Result<Option<(Claim, Instant)>, Error> {
    let Some(key) = Key::from_reference(reference, "A-") else { return Ok(None) };
    Ok(match load(&key)? {
        Some(Entry { claim, outcome: Outcome::Authorized { expires } }) => Some((claim, expires)),
        _ => None,
    })
}

/// A settlement by its reference.
pub fn settled(reference: &str) -> Result<Option<(Key, SettledEntry)>, Error> {
    let Some(key) = Key::from_reference(reference, "S-") else { return Ok(None) };
    Ok(match load(&key)? {
        Some(Entry { claim, outcome: Outcome::Settled { figures, reversed } }) => {
            Some((key, SettledEntry { figures, reversed, claim }))
        }
        _ => None,
    })
}

/// A settlement can be taken back once.
pub fn mark_reversed(key: &Key, entry: SettledEntry) -> Result<(), Error> {
    remember(key, entry.claim, Outcome::Settled { figures: entry.figures, reversed: true })
}

fn load(key: &Key) -> Result<Option<Entry>, Error> {
    let Some(bytes) = kv::get(&key.slot()).map_err(unavailable)? else { return Ok(None) };
    postcard::from_bytes(&bytes).map(Some).map_err(unreadable)
}

fn unavailable(error: kv::Error) -> Error {
    Error::Unavailable(format!("the store of this plugin: {error:?}"))
}

fn unreadable(error: postcard::Error) -> Error {
    Error::Other(format!("a stored answer cannot be read or written: {error}"))
}
