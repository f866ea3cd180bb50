//! Stored answers: one value for each operation, under a digest of its key, so that
//! keys of any length and alphabet are valid.
//!
//! The host commits the writes of a call together: a settlement is
//! answered and stored, or neither.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use xinglin_sdk::{
    kv,
    payment::{Bill, Coverage, Error, Operation, Settlement},
    time::Instant,
};

use crate::adjudicate::{Figures, Used};

/// Key of an operation in storage and in references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The key of this operation: 128 bits of a digest.
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

/// Digest of the content of an operation: the same key with another claim is a conflict.
/// Accumulators are not included, since every settlement changes them, and a
/// repeated operation must get the first answer.
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

/// The outcome of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Authorized until `expires`.
    Authorized {
        /// Expiry, exclusive.
        expires: Instant,
    },
    /// Settled with these figures.
    Settled {
        /// The shares.
        figures: Figures,
        /// Whether it was reversed since.
        reversed: bool,
    },
    /// Reversed.
    Reversed {
        /// The accumulators after the reversal.
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

/// A settlement, possibly reversed.
pub struct SettledEntry {
    /// The shares.
    pub figures: Figures,
    /// Whether it was reversed.
    pub reversed: bool,
    claim: Claim,
}

/// The outcome of an earlier operation with this key; `Conflict` if its
/// claim differs.
pub fn recall(key: &Key, claim: &Claim) -> Result<Option<Outcome>, Error> {
    match load(key)? {
        None => Ok(None),
        Some(entry) if entry.claim == *claim => Ok(Some(entry.outcome)),
        Some(_) => Err(Error::Conflict("the key was used before with other amounts".to_owned())),
    }
}

/// The outcome of an operation, if stored.
pub fn outcome(key: &Key) -> Result<Option<Outcome>, Error> {
    Ok(load(key)?.map(|entry| entry.outcome))
}

/// Stores the outcome of an operation.
pub fn remember(key: &Key, claim: Claim, outcome: Outcome) -> Result<(), Error> {
    let bytes = postcard::to_allocvec(&Entry { claim, outcome }).map_err(unreadable)?;
    kv::set(&key.slot(), &bytes).map_err(unavailable)
}

/// The claim of an authorization, and its expiry.
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

/// Marks a settlement as reversed; possible once.
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
