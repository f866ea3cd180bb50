//! Scopes of a token, in the syntax of SMART App Launch 2.2: `system/Observation.rs` for systems,
//! `user/*.cruds` and `patient/*.rs` for apps that a person authorised, and a few special scopes.
//! Scopes of version 1 (`system/*.read`) are accepted and converted to version 2.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use thiserror::Error;

/// One right on a resource type, in the order in which scopes list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are SMART's")]
pub enum Right {
    Create,
    /// Read, version read and history.
    Read,
    /// Update and patch.
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

/// The context of a scope: the rights of whom it delegates, and so its maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Context {
    /// A person's, in the record of one patient. Read-only.
    Patient,
    /// The system's own.
    System,
    /// A person's, on all that this person may access.
    User,
}

impl Context {
    const ALL: [Self; 3] = [Self::Patient, Self::System, Self::User];

    /// The name in scopes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::System => "system",
            Self::User => "user",
        }
    }

    /// The rights that the context allows at most.
    const fn most(self) -> u8 {
        match self {
            Self::Patient => Right::Read.bit() | Right::Search.bit(),
            Self::System | Self::User => u8::MAX,
        }
    }
}

/// A scope that is not a right on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// The person's FHIR resource, as a claim of the id token.
    FhirUser,
    /// The patient in whose record the app was launched.
    Launch,
    /// A patient, selected at authorisation if the app was launched standalone.
    LaunchPatient,
    /// A refresh token that remains valid after the person signs out.
    OfflineAccess,
    /// A refresh token valid as long as the person's session.
    OnlineAccess,
    /// The person's identity, in an id token.
    OpenId,
}

impl Word {
    /// All special scopes, with their names.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::FhirUser, "fhirUser"),
        (Self::Launch, "launch"),
        (Self::LaunchPatient, "launch/patient"),
        (Self::OfflineAccess, "offline_access"),
        (Self::OnlineAccess, "online_access"),
        (Self::OpenId, "openid"),
    ];
}

/// Rights by context and resource type (`*` is every type), and special scopes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes {
    rights: BTreeMap<(Context, String), u8>,
    words: BTreeSet<Word>,
}

/// Not a scope of this server.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is no scope here: write them as `system/Observation.rs`, `user/*.cruds` or `patient/*.rs`, or `launch`, \
     `launch/patient`, `openid`, `fhirUser`, `offline_access`, `online_access`"
)]
pub struct UnknownScope(pub String);

impl Scopes {
    /// The known scopes among those requested; others are ignored.
    pub fn known(text: &str) -> Self {
        let mut scopes = Self::default();
        for scope in text.split_ascii_whitespace() {
            match parse(scope) {
                Some(Scope::Word(word)) => drop(scopes.words.insert(word)),
                Some(Scope::Rights(context, kind, rights)) => scopes.add(context, kind, rights & context.most()),
                None => {}
            }
        }
        scopes
    }

    /// Whether this right on this type is granted, in any context.
    pub fn allow(&self, kind: &str, right: Right) -> bool {
        Context::ALL.into_iter().any(|context| self.rights(context, kind) & right.bit() != 0)
    }

    /// Whether this right is granted on every type.
    pub fn allow_all(&self, right: Right) -> bool {
        self.allow("*", right)
    }

    /// Whether the special scope is granted.
    pub fn has(&self, word: Word) -> bool {
        self.words.contains(&word)
    }

    /// Whether there are rights in this context.
    pub fn reach(&self, context: Context) -> bool {
        self.rights.keys().any(|(of, _)| *of == context)
    }

    /// Whether a refresh token is issued with them.
    pub fn last(&self) -> bool {
        self.has(Word::OfflineAccess) || self.has(Word::OnlineAccess)
    }

    /// Whether all of `other` is contained.
    pub fn cover(&self, other: &Self) -> bool {
        let covers = |((context, kind), rights): (&(Context, String), &u8)| rights & !self.rights(*context, kind) == 0;
        other.rights.iter().all(covers) && other.words.is_subset(&self.words)
    }

    /// The intersection.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        let mut common = Self { words: &self.words & &other.words, ..Self::default() };
        // A type of one may be covered by the `*` of the other.
        for (context, kind) in self.rights.keys().chain(other.rights.keys()) {
            common.add(*context, kind, self.rights(*context, kind) & other.rights(*context, kind));
        }
        common
    }

    /// Only the scopes of systems, or only the others.
    #[must_use]
    pub fn of_systems(&self, systems: bool) -> Self {
        let rights = self.rights.iter().filter(|((context, _), _)| (*context == Context::System) == systems);
        Self {
            rights: rights.map(|(key, rights)| (key.clone(), *rights)).collect(),
            words: if systems { BTreeSet::new() } else { self.words.clone() },
        }
    }

    /// Without the scopes that need a patient in context.
    #[must_use]
    pub fn without_patient(mut self) -> Self {
        self.rights.retain(|(context, _), _| *context != Context::Patient);
        self.words.retain(|word| !matches!(word, Word::Launch | Word::LaunchPatient));
        self
    }

    /// Each right or special scope separately, for a person to grant or deny.
    pub fn each(&self) -> Vec<Self> {
        let rights = self
            .rights
            .iter()
            .map(|(key, rights)| Self { rights: BTreeMap::from([(key.clone(), *rights)]), words: BTreeSet::new() });
        let words = self.words.iter().map(|word| Self { rights: BTreeMap::new(), words: BTreeSet::from([*word]) });
        rights.chain(words).collect()
    }

    /// The rights: context, type, and whether they include read and write.
    pub fn rights_in_words(&self) -> impl Iterator<Item = (Context, &str, bool, bool)> {
        const READS: u8 = Right::Read.bit() | Right::Search.bit();
        self.rights
            .iter()
            .map(|((context, kind), rights)| (*context, kind.as_str(), rights & READS != 0, rights & !READS != 0))
    }

    /// The special scopes.
    pub fn words(&self) -> impl Iterator<Item = Word> {
        self.words.iter().copied()
    }

    /// Whether they grant nothing.
    pub fn is_empty(&self) -> bool {
        self.rights.is_empty() && self.words.is_empty()
    }

    fn rights(&self, context: Context, kind: &str) -> u8 {
        let of = |kind: &str| self.rights.get(&(context, kind.to_owned())).copied().unwrap_or_default();
        of(kind) | of("*")
    }

    fn add(&mut self, context: Context, kind: &str, rights: u8) {
        if rights != 0 {
            *self.rights.entry((context, kind.to_owned())).or_default() |= rights;
        }
    }
}

enum Scope<'a> {
    Word(Word),
    Rights(Context, &'a str, u8),
}

fn parse(scope: &str) -> Option<Scope<'_>> {
    if let Some((word, _)) = Word::ALL.into_iter().find(|(_, text)| *text == scope) {
        return Some(Scope::Word(word));
    }
    let (context, rest) = scope.split_once('/')?;
    let context = Context::ALL.into_iter().find(|of| of.as_str() == context)?;
    let (kind, rights) = rest.split_once('.')?;
    let is_type = kind.starts_with(|c: char| c.is_ascii_uppercase()) && kind.bytes().all(|b| b.is_ascii_alphabetic());
    if !(kind == "*" || is_type) {
        return None;
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
    // Empty, with unknown letters, or in another order.
    (all != 0 && letters.next().is_none()).then_some(Scope::Rights(context, kind, all))
}

impl FromStr for Scopes {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let mut scopes = Self::default();
        for scope in text.split_ascii_whitespace() {
            match parse(scope) {
                Some(Scope::Word(word)) => drop(scopes.words.insert(word)),
                Some(Scope::Rights(context, kind, rights)) if rights & !context.most() == 0 => {
                    scopes.add(context, kind, rights);
                }
                _ => return Err(UnknownScope(scope.to_owned())),
            }
        }
        Ok(scopes)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        for ((context, kind), rights) in &self.rights {
            write!(f, "{gap}{}/{kind}.", context.as_str())?;
            gap = " ";
            for (_, letter) in Right::ALL.iter().filter(|(right, _)| rights & right.bit() != 0) {
                write!(f, "{letter}")?;
            }
        }
        for (_, text) in Word::ALL.iter().filter(|(word, _)| self.words.contains(word)) {
            write!(f, "{gap}{text}")?;
            gap = " ";
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
            "profile",
            "encounter/Patient.rs",
            "patient/Patient.cruds",
            "patient/*.write",
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

    #[test]
    fn contexts_do_not_cover_each_other() {
        let granted = scopes("patient/*.rs user/Observation.cruds launch/patient");
        assert!(granted.cover(&scopes("patient/Condition.r launch/patient")));
        for more in ["user/Condition.r", "system/Observation.r", "patient/*.rs openid"] {
            assert!(!granted.cover(&scopes(more)), "{more}");
        }
        assert_eq!(granted.to_string(), "patient/*.rs user/Observation.cruds launch/patient");
        assert_eq!(granted.clone().without_patient().to_string(), "user/Observation.cruds");
        assert!(granted.of_systems(true).is_empty());
        assert_eq!(scopes("system/*.rs openid").of_systems(true).to_string(), "system/*.rs");
        assert_eq!(scopes("system/*.rs openid").of_systems(false).to_string(), "openid");
        let each: Vec<String> = granted.each().iter().map(Scopes::to_string).collect();
        assert_eq!(each, ["patient/*.rs", "user/Observation.cruds", "launch/patient"]);
    }

    #[test]
    fn apps_get_what_they_ask_for_and_may_have() {
        let asked = Scopes::known("patient/*.cruds user/*.r profile launch/patient openid patient/Condition.write");
        assert_eq!(asked.to_string(), "patient/*.rs user/*.r launch/patient openid");
        let granted = scopes("patient/Observation.r patient/Condition.rs user/Patient.cruds openid");
        let common = "patient/Condition.rs patient/Observation.r user/Patient.r openid";
        assert_eq!(asked.common(&granted).to_string(), common);
        assert_eq!(granted.common(&asked).to_string(), common);
        assert!(granted.common(&Scopes::default()).is_empty());
    }
}
