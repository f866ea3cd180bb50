//! Stored answers of local decisions, so that a repeated operation is answered as before.
//!
//! | key | value |
//! |---|---|
//! | `op/<operation>` | [`Entry`] |
//! | `x/<operation>` | the operation that ended it: a cancellation, a decision anew, a completed request |
//! | `u/<operation>` | the claim that rests on this guarantee |
//! | `b/<bill>` | the claim of this bill |
//! | `d/<day>/<list>` | the operations of a day |
//! | `first` | the first day that may have operations |
//! | `pruned` | the last day of which operations were deleted |
//!
//! The last write of an operation is its `op/`; a pointer to an operation that is not stored counts
//! as none. So a write that the quota refuses changes nothing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use xinglin_sdk::{
    insurance::{Error, Operation, Period},
    kv, settings,
    time::Instant,
    types::Coding,
};

use crate::{
    adjudicate::{Figures, Guaranteed},
    calendar,
    case::{Case, Content, Member},
    not_done,
    profile::{self, Profile},
};

/// Of an operation, in storage and in references: 128 bits of a digest of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key([u8; 16]);

impl Key {
    /// Of this operation.
    pub fn of(operation: &Operation) -> Self {
        Self::digest(&[operation.key.as_bytes()])
    }

    fn digest(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize()[..16]);
        Self(key)
    }

    fn hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn parse(hex: &str) -> Option<Self> {
        let mut key = [0; 16];
        if hex.len() != 32 || !hex.is_ascii() {
            return None;
        }
        for (byte, digits) in key.iter_mut().zip(hex.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(key))
    }

    /// What this insurer calls it: `G` a guarantee, `E` an explanation of benefit, `P` a pending
    /// request, `C` a cancellation.
    pub fn reference(self, profile: &Profile, kind: char) -> String {
        format!("{}:{kind}-{}", profile.id, self.hex())
    }

    /// Of a reference of one of these kinds.
    pub fn referred(reference: &str, kinds: &[char]) -> Option<Self> {
        let (profile, rest) = reference.split_once(':')?;
        profile::find(profile)?;
        let mut letters = rest.chars();
        let kind = letters.next()?;
        Self::parse(letters.as_str().strip_prefix('-')?).filter(|_| kinds.contains(&kind))
    }
}

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verb {
    /// For a guarantee.
    Guarantee,
    /// To give a guarantee back.
    Release,
    /// To pay.
    Claim,
    /// To take a claim back.
    Cancel,
    /// To decide anew.
    Appeal,
}

impl Verb {
    /// Whether it is one of `preauthorization`.
    pub const fn is_before_service(self) -> bool {
        matches!(self, Self::Guarantee | Self::Release)
    }
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// A guarantee of payment.
    Guaranteed {
        /// Of each line.
        lines: Guaranteed,
        /// Lines that get less than was asked.
        short: Vec<u32>,
        /// All lines, each in full.
        is_whole: bool,
        /// Exclusive.
        expires: Instant,
    },
    /// Shared.
    Decided(Figures),
    /// Until these papers come: system and code.
    Pending(Vec<(String, String)>),
    /// For these reasons.
    Refused(Vec<String>),
    /// Taken back, by this operation.
    Cancelled(Key),
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What was asked.
    pub verb: Verb,
    /// Of whom.
    pub profile: String,
    /// For whom.
    pub member: Member,
    /// Digest of the content.
    pub content: Content,
    /// When.
    pub at: Instant,
    /// Of a claim that may be decided anew.
    pub case: Option<Case>,
    /// The operation that it is about: of a cancellation or appeal.
    pub about: Option<Key>,
    /// What was answered.
    pub outcome: Outcome,
}

impl Entry {
    /// The insurer.
    pub fn profile(&self) -> Result<&'static Profile, Error> {
        profile::find(&self.profile)
            .ok_or_else(|| Error::Unknown(format!("there is no insurer `{}` any more", self.profile)))
    }
}

/// An operation of this key, if it was seen. `Conflict` if it asked something else.
pub fn recall(operation: &Operation, verb: Verb, content: Content) -> Result<Option<Entry>, Error> {
    match seen(operation)? {
        Some(entry) if entry.verb != verb || entry.content != content => {
            Err(Error::Conflict("the key was used before with other content".to_owned()))
        }
        seen => Ok(seen),
    }
}

/// An operation of this key, if it was seen. `Unknown` if it is older than what is kept.
pub fn seen(operation: &Operation) -> Result<Option<Entry>, Error> {
    let found = load(Key::of(operation))?;
    if found.is_none() && is_pruned(calendar::day(operation.at))? {
        return Err(Error::Unknown("the operation is older than what this plugin keeps".to_owned()));
    }
    Ok(found)
}

/// A stored operation.
pub fn load(key: Key) -> Result<Option<Entry>, Error> {
    read(&format!("op/{}", key.hex()))
}

/// Stores an operation.
pub fn remember(key: Key, entry: &Entry) -> Result<(), Error> {
    let day = calendar::day(entry.at);
    prune(day)?;
    append(day, key)?;
    write(&format!("op/{}", key.hex()), entry)
}

// --- pointers ------------------------------------------------------------------

/// What ended an operation.
pub fn ended(key: Key) -> Result<Option<(Key, Entry)>, Error> {
    pointed(&format!("x/{}", key.hex()))
}

/// Lets an operation end another, once it is stored.
pub fn end(key: Key, by: Key) -> Result<(), Error> {
    write(&format!("x/{}", key.hex()), &by)
}

/// The claim that rests on a guarantee and still stands.
pub fn user(guarantee: Key) -> Result<Option<Key>, Error> {
    standing(&format!("u/{}", guarantee.hex()))
}

/// Lets a claim rest on a guarantee, once it is stored.
pub fn rest(guarantee: Key, claim: Key) -> Result<(), Error> {
    write(&format!("u/{}", guarantee.hex()), &claim)
}

fn of_bill(profile: &str, member: Member, bill: &str) -> String {
    format!("b/{}", Key::digest(&[profile.as_bytes(), member.bytes(), bill.as_bytes()]).hex())
}

/// The claim of a bill that still stands, decided or pending.
pub fn claimed(profile: &Profile, member: Member, bill: &str) -> Result<Option<Key>, Error> {
    standing(&of_bill(profile.id, member, bill))
}

/// Notes the claim of a bill, once it is stored.
pub fn claim(profile: &Profile, member: Member, bill: &str, claim: Key) -> Result<(), Error> {
    write(&of_bill(profile.id, member, bill), &claim)
}

fn pointed(from: &str) -> Result<Option<(Key, Entry)>, Error> {
    let Some(key) = read::<Key>(from)? else { return Ok(None) };
    Ok(load(key)?.map(|entry| (key, entry)))
}

fn standing(from: &str) -> Result<Option<Key>, Error> {
    let Some((key, entry)) = pointed(from)? else { return Ok(None) };
    let stands = matches!(entry.outcome, Outcome::Decided(_) | Outcome::Pending(_)) && ended(key)?.is_none();
    Ok(stands.then_some(key))
}

// --- days ----------------------------------------------------------------------

/// Lists of a day. Of two calls that write one list at once the last wins (a limit of `kv`), so a
/// list may lack an operation: what our ledger names is looked up by its reference as well.
const LISTS: u8 = 16;
/// Operations that one call deletes at most.
const DELETIONS: usize = 32;
/// Longest period that is looked through, and most days that one call goes on.
const DAYS: i64 = 400;

fn list(day: i64, list: u8) -> String {
    format!("d/{day}/{list}")
}

fn append(day: i64, key: Key) -> Result<(), Error> {
    let list = list(day, key.0[0] % LISTS);
    let mut keys = read::<Vec<Key>>(&list)?.unwrap_or_default();
    keys.push(key);
    write(&list, &keys)
}

/// The operations of a period, and those of it that these references name.
pub fn within<'a>(period: &Period, named: impl Iterator<Item = &'a str>) -> Result<Vec<(Key, Entry)>, Error> {
    let (from, to) = (calendar::day(period.start), calendar::day(period.end.saturating_sub(1)));
    if to - from > DAYS {
        return Err(Error::Other(format!("the period is longer than {DAYS} days: ask in shorter ones")));
    }
    if is_pruned(from)? {
        return Err(Error::Other("the period begins before what this plugin keeps".to_owned()));
    }
    let mut keys: BTreeSet<Key> = named.filter_map(|reference| Key::referred(reference, &['E', 'C'])).collect();
    for day in from..=to {
        for number in 0..LISTS {
            keys.extend(read::<Vec<Key>>(&list(day, number))?.unwrap_or_default());
        }
    }
    let mut found = Vec::new();
    for key in keys {
        found.extend(load(key)?.filter(|entry| period.contains(entry.at)).map(|entry| (key, entry)));
    }
    found.sort_by_key(|(_, entry)| entry.at);
    Ok(found)
}

/// Whether operations of this day may have been deleted.
fn is_pruned(day: i64) -> Result<bool, Error> {
    Ok(read::<i64>("pruned")?.is_some_and(|last| day <= last))
}

/// Deletes what is older than the tenant keeps, a little in each call.
fn prune(today: i64) -> Result<(), Error> {
    let kept = settings::integer("keep-days").unwrap_or(730);
    let Some(begin) = read::<i64>("first")? else { return write("first", &today) };
    let (mut day, mut budget) = (begin.min(today), DELETIONS);
    let until = (today - kept).min(day + DAYS);
    'days: while day < until {
        for number in 0..LISTS {
            let list = list(day, number);
            let Some(mut keys) = read::<Vec<Key>>(&list)? else { continue };
            write("pruned", &day)?;
            let left = keys.len().saturating_sub(budget);
            budget -= keys.len() - left;
            for key in keys.drain(left..) {
                forget(key)?;
            }
            if left > 0 {
                write(&list, &keys)?;
                break 'days;
            }
            delete(&list)?;
        }
        day += 1;
    }
    if day == begin { Ok(()) } else { write("first", &day) }
}

fn forget(key: Key) -> Result<(), Error> {
    if let Some(Entry { case: Some(case), profile, member, .. }) = load(key)? {
        let bill = of_bill(&profile, member, &case.bill);
        if read::<Key>(&bill)? == Some(key) {
            delete(&bill)?;
        }
    }
    for folder in ["x", "u", "op"] {
        delete(&format!("{folder}/{}", key.hex()))?;
    }
    Ok(())
}

// --- values --------------------------------------------------------------------

fn read<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Error> {
    let Some(bytes) = kv::get(key).map_err(store)? else { return Ok(None) };
    let unreadable = |error: postcard::Error| Error::Unknown(format!("a stored answer cannot be read: {error}"));
    postcard::from_bytes(&bytes).map(Some).map_err(unreadable)
}

fn write(key: &str, value: &impl Serialize) -> Result<(), Error> {
    let bytes =
        postcard::to_allocvec(value).map_err(|error| not_done(format!("an answer cannot be stored: {error}")))?;
    kv::set(key, &bytes).map_err(store)
}

fn delete(key: &str) -> Result<(), Error> {
    kv::delete(key).map_err(store)
}

/// Nothing is decided that is not stored.
fn store(error: kv::Error) -> Error {
    not_done(format!("the store of this plugin: {error:?}"))
}

/// As stored.
pub fn pair(coding: &Coding) -> (String, String) {
    (coding.system.clone(), coding.code.clone())
}
