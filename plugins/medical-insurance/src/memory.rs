//! What is kept between calls, under digests of keys, so that keys of any length and alphabet are valid.
//!
//! | key | value |
//! |---|---|
//! | `op/<operation>` | what was asked and answered here |
//! | `g/<authorization>` | what the insurance office registered |
//! | `q/<operation>` | what was sent to the office under it |
//! | `d/<day>/<list>` | the keys of a day |
//! | `first` | the first day that may have keys |
//! | `pruned` | the last day of which keys were deleted |
//!
//! The host commits the writes of a call together: a settlement is answered and stored, or neither. What is older
//! than `keep-days` is deleted, a little in each call that stores something; what became of it is then unknown.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use xinglin_sdk::{
    kv,
    payment::{Bill, Coverage, Error, Operation, Settlement},
    settings,
    time::{Instant, china},
};

use crate::adjudicate::{Figures, Used};

/// Key of an operation in storage and in references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The key of this operation: 128 bits of a digest.
    pub fn of(operation: &Operation) -> Self {
        Self::digest(&operation.key)
    }

    /// 128 bits of a digest of a text.
    fn digest(text: &str) -> Self {
        let digest = Sha256::digest(text.as_bytes());
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
pub fn recall(operation: &Operation, claim: &Claim) -> Result<Option<Outcome>, Error> {
    match seen(operation)? {
        None => Ok(None),
        Some(entry) if entry.claim == *claim => Ok(Some(entry.outcome)),
        Some(_) => Err(Error::Conflict("the key was used before with other amounts".to_owned())),
    }
}

/// The outcome of an operation, if stored.
pub fn outcome(operation: &Operation) -> Result<Option<Outcome>, Error> {
    Ok(seen(operation)?.map(|entry| entry.outcome))
}

fn seen(operation: &Operation) -> Result<Option<Entry>, Error> {
    let found = load(&Key::of(operation))?;
    if found.is_none() {
        kept(operation)?;
    }
    Ok(found)
}

/// Whether everything of an operation's day is still here.
///
/// # Errors
/// If not: then what is not found may have been deleted.
pub fn kept(operation: &Operation) -> Result<(), Error> {
    match read::<i64>("pruned")? {
        Some(last) if china::day(operation.at) <= last => {
            Err(Error::Other("the operation is older than what this plugin keeps".to_owned()))
        }
        _ => Ok(()),
    }
}

/// Stores the outcome of an operation.
pub fn remember(operation: &Operation, claim: Claim, outcome: Outcome) -> Result<(), Error> {
    keep(operation.at, &Key::of(operation).slot(), &Entry { claim, outcome })
}

/// Stores what belongs to an authorization.
pub fn note(at: Instant, reference: &str, value: &impl Serialize) -> Result<(), Error> {
    keep(at, &format!("g/{}", Key::digest(reference).0), value)
}

/// What belongs to an authorization.
pub fn noted<T: DeserializeOwned>(reference: &str) -> Result<Option<T>, Error> {
    read(&format!("g/{}", Key::digest(reference).0))
}

/// Stores what is sent under an operation.
pub fn send(operation: &Operation, value: &impl Serialize) -> Result<(), Error> {
    keep(operation.at, &format!("q/{}", Key::of(operation).0), value)
}

/// What was sent under an operation; `None` also if the call that sent it did not end.
pub fn sent<T: DeserializeOwned>(operation: &Operation) -> Result<Option<T>, Error> {
    read(&format!("q/{}", Key::of(operation).0))
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
    let outcome = Outcome::Settled { figures: entry.figures, reversed: true };
    write(&key.slot(), &Entry { claim: entry.claim, outcome })
}

fn load(key: &Key) -> Result<Option<Entry>, Error> {
    read(&key.slot())
}

// --- days ----------------------------------------------------------------------

/// Lists of a day. Of two calls that write one list at once the last wins (a limit of `kv`), so that a key may be
/// missing in it and stays.
const LISTS: u8 = 16;
/// Keys that one call deletes at most.
const DELETIONS: usize = 16;
/// Days that one call goes on at most.
const DAYS: i64 = 60;

/// Stores a value of a day.
fn keep(at: Instant, slot: &str, value: &impl Serialize) -> Result<(), Error> {
    let today = china::day(at);
    prune(today)?;
    let list = list(today, Sha256::digest(slot.as_bytes())[0] % LISTS);
    let mut slots = read::<Vec<String>>(&list)?.unwrap_or_default();
    if !slots.iter().any(|known| known == slot) {
        slots.push(slot.to_owned());
        write(&list, &slots)?;
    }
    write(slot, value)
}

fn list(day: i64, list: u8) -> String {
    format!("d/{day}/{list}")
}

/// Deletes what is older than the hospital keeps.
fn prune(today: i64) -> Result<(), Error> {
    let Some(begin) = read::<i64>("first")? else { return write("first", &today) };
    let until = (today - settings::integer("keep-days").unwrap_or(730)).min(begin + DAYS);
    let (mut day, mut budget) = (begin, DELETIONS);
    'days: while day < until {
        for number in 0..LISTS {
            let list = list(day, number);
            let Some(mut slots) = read::<Vec<String>>(&list)? else { continue };
            write("pruned", &day)?;
            let left = slots.len().saturating_sub(budget);
            budget -= slots.len() - left;
            for slot in slots.drain(left..) {
                kv::delete(&slot).map_err(unavailable)?;
            }
            if left > 0 {
                write(&list, &slots)?;
                break 'days;
            }
            kv::delete(&list).map_err(unavailable)?;
        }
        day += 1;
    }
    if day == begin { Ok(()) } else { write("first", &day) }
}

// --- values --------------------------------------------------------------------

fn read<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Error> {
    let Some(bytes) = kv::get(key).map_err(unavailable)? else { return Ok(None) };
    postcard::from_bytes(&bytes).map(Some).map_err(unreadable)
}

fn write(key: &str, value: &impl Serialize) -> Result<(), Error> {
    let bytes = postcard::to_allocvec(value).map_err(unreadable)?;
    kv::set(key, &bytes).map_err(unavailable)
}

fn unavailable(error: kv::Error) -> Error {
    Error::Unavailable(format!("the store of this plugin: {error:?}"))
}

fn unreadable(error: postcard::Error) -> Error {
    Error::Other(format!("a stored answer cannot be read or written: {error}"))
}
