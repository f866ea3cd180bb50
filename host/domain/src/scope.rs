//! What a token of a service client opens: scopes of SMART App Launch 2.2, system
//! context only (`system/Observation.rs`). The words of version 1 (`system/*.read`) are
//! understood and written in those of version 2.

use std::{collections::BTreeMap, fmt, str::FromStr};

use thiserror::Error;

/// One right on a type of resource, in the order in which scopes write them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are SMART's")]
pub enum Right {
    Create,
    /// Reading, and reading versions and histories.
    Read,
    /// Updating, and patching.
    Update,
    Delete,
    Search,
}

impl Right {
    const ALL: [(Self, char); 5] =
        [(Self::Create, 'c'), (Self::Read, 'r'), (Self::Update, 'u'), (Self::Delete, 'd'), (Self::Search, 's')];

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Rights by type of resource; `*` is every type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(BTreeMap<String, u8>);

/// Not a scope that this server gives.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no scope of a service client here: write them as `system/Observation.rs` or `system/*.cruds`")]
pub struct UnknownScope(pub String);

impl Scopes {
    /// Whether there is this right on this type.
    pub fn allow(&self, kind: &str, right: Right) -> bool {
        self.rights(kind) & right.bit() != 0
    }

    /// Whether there is this right on every type.
    pub fn allow_all(&self, right: Right) -> bool {
        self.0.get("*").is_some_and(|rights| rights & right.bit() != 0)
    }

    /// Whether all that is in `other` is in these.
    pub fn cover(&self, other: &Self) -> bool {
        other.0.iter().all(|(kind, rights)| rights & !self.rights(kind) == 0)
    }

    /// Whether they open nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn rights(&self, kind: &str) -> u8 {
        [kind, "*"].iter().filter_map(|kind| self.0.get(*kind)).fold(0, |all, rights| all | rights)
    }
}

impl FromStr for Scopes {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let mut scopes = Self::default();
        for scope in text.split_ascii_whitespace() {
            let unknown = || UnknownScope(scope.to_owned());
            let (kind, rights) =
                scope.strip_prefix("system/").and_then(|rest| rest.split_once('.')).ok_or_else(unknown)?;
            let is_type =
                kind.starts_with(|c: char| c.is_ascii_uppercase()) && kind.bytes().all(|b| b.is_ascii_alphabetic());
            if !(kind == "*" || is_type) {
                return Err(unknown());
            }
            let rights = match rights {
                "read" => "rs",
                "write" => "cud",
                "*" => "cruds",
                rights => rights,
            };
            let mut all = 0;
            let mut letters = rights.chars().peekable();
            for (right, letter) in Right::ALL {
                if letters.next_if_eq(&letter).is_some() {
                    all |= right.bit();
                }
            }
            // Others than these, or in another order.
            if all == 0 || letters.next().is_some() {
                return Err(unknown());
            }
            *scopes.0.entry(kind.to_owned()).or_default() |= all;
        }
        Ok(scopes)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (kind, rights)) in self.0.iter().enumerate() {
            write!(f, "{}system/{kind}.", if index == 0 { "" } else { " " })?;
            for (_, letter) in Right::ALL.iter().filter(|(right, _)| rights & right.bit() != 0) {
                write!(f, "{letter}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(text: &str) -> Scopes {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn rights_are_what_is_written() {
        let ours = scopes("system/Observation.rs system/Patient.read  system/Observation.c");
        assert_eq!(ours.to_string(), "system/Observation.crs system/Patient.rs");
        assert!(ours.allow("Observation", Right::Create) && ours.allow("Patient", Right::Search));
        assert!(!ours.allow("Patient", Right::Create) && !ours.allow("Encounter", Right::Read));
        assert!(!ours.allow_all(Right::Read));
        let all = scopes("system/*.*");
        assert_eq!(all.to_string(), "system/*.cruds");
        assert!(all.allow("Anything", Right::Delete) && all.allow_all(Right::Create));
        assert!(scopes("").is_empty() && !scopes("").allow("Patient", Right::Read));
    }

    #[test]
    fn what_is_asked_must_be_covered() {
        let granted = scopes("system/*.rs system/Observation.cu");
        for covered in ["system/Patient.r", "system/Observation.crus", "system/*.s", ""] {
            assert!(granted.cover(&scopes(covered)), "{covered}");
        }
        for more in ["system/Patient.c", "system/*.cruds", "system/Observation.d"] {
            assert!(!granted.cover(&scopes(more)), "{more}");
        }
    }

    #[test]
    fn other_words_are_refused() {
        for text in [
            "openid",
            "patient/Patient.rs",
            "user/*.rs",
            "system/Patient",
            "system/Patient.",
            "system/Patient.sr",
            "system/Patient.rr",
            "system/Patient.x",
            "system/patient.r",
            "system/.r",
            "system/Pat*.r",
            "system/Observation.rs?category=laboratory",
        ] {
            assert_eq!(text.parse::<Scopes>(), Err(UnknownScope(text.to_owned())));
        }
    }
}
