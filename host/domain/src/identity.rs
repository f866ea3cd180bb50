//! Claims about a person's identity and certificates, and decisions on them, as in
//! `xinglin:identity/verifier`.
//!
//! A claim is decided by a person or by a plugin that the hospital runs; the decision records
//! which. No type here contains a name, id number or certificate number: verifiers receive facts
//! that the host computed from them.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    code::Code,
    coding::{Attribute, Citation, LocalizedText},
    id::{AccountId, CallId},
    review::Severity,
    time::Instant,
};

/// Truth of a fact about a claim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// True.
    Holds,
    /// False.
    Fails,
    /// Unknown: no rule for such numbers, or nothing to compare with.
    #[default]
    Unknown,
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }
}

/// Facts that the host computed from a number, without the number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberFacts {
    /// It has the length and characters of its kind.
    pub form: Truth,
    /// Its check character is right.
    pub checksum: Truth,
    /// Its region code exists.
    pub region: Truth,
    /// The birth date in it equals that of the record.
    pub birth: Truth,
    /// It is, or contains, the number of the same person's identity card.
    pub holder: Truth,
}

/// Evidence that was presented or measured in addition to a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// `face` or `name_and_number`; later versions may add others.
    pub kind: String,
    /// Degree of agreement, in thousandths.
    pub per_mille: u16,
    /// Source, for example `account`.
    pub source: String,
}

/// The claim that a person has the name and number of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonClaim {
    /// Pseudonym, different for each verifier.
    pub subject: String,
    /// `identity_card`; empty if the record contains no document number.
    pub document: String,
    /// Facts about the number.
    pub number: NumberFacts,
    /// Whole years.
    pub age_years: Option<u16>,
    /// The evidence.
    pub evidence: Vec<Evidence>,
    /// Additional attributes, for later versions.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// The claim that a person holds a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialClaim {
    /// Pseudonym, different for each verifier.
    pub subject: String,
    /// `doctor_practice`, …: the names of [`crate::practice::Kind`].
    pub kind: String,
    /// Roles of the person in the tenant.
    pub roles: Vec<String>,
    /// Facts about the number.
    pub number: NumberFacts,
    /// The issuer.
    pub issued_by: String,
    /// Date of issue.
    pub issued_on: Instant,
    /// End of validity, exclusive, if it ends.
    pub valid_until: Option<Instant>,
    /// Rank, of a title.
    pub rank: Option<String>,
    /// Specialities, of a practice certificate.
    pub scope: Vec<String>,
    /// Main institution.
    pub institution: Option<String>,
    /// Whole months of independent work, as claimed.
    pub practice_months: Option<u32>,
    /// Additional attributes, for later versions.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// Level of assurance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The document is consistent.
    Basic,
    /// There is evidence that the document is the person's.
    Substantial,
    /// Confirmed by the issuing register.
    High,
}

impl Level {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Substantial => "substantial",
            Self::High => "high",
        }
    }
}

/// A finding for the person who decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Stable, upper snake case.
    pub code: String,
    /// Severity.
    pub severity: Severity,
    /// The text.
    pub message: LocalizedText,
    /// The source.
    pub citation: Citation,
    /// Additional attributes, for later versions.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// Answer of a verifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The claim is verified.
    Verified {
        /// Level of assurance.
        level: Level,
        /// When it must be verified again.
        valid_until: Option<Instant>,
    },
    /// The claim is refused. At least one finding gives the reason.
    Refused(Vec<Finding>),
    /// A register was queried and has not answered; the host queries it again.
    Pending {
        /// The register's reference of the request.
        reference: String,
    },
}

/// Why a verifier could not decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifyError {
    /// Data that it needs are missing from the claim.
    MissingData(LocalizedText),
    /// Unknown kind of document.
    NotUnderstood(String),
    /// A register that it needs is unavailable.
    Unavailable(String),
    /// Anything else.
    Other(String),
}

/// The plugin call that decided a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verifier {
    /// Id of the plugin.
    pub id: String,
    /// SHA-256 of its package.
    pub digest: String,
    /// The call; its tape contains the claim.
    pub call: CallId,
}

/// A register was queried and will answer later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// Id of the plugin.
    pub plugin: String,
    /// The register's reference of the request.
    pub reference: String,
}

/// Who decided a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Decider {
    /// A person of the hospital, who saw the document.
    Person {
        /// The account.
        account: AccountId,
        /// The person's reason. Never empty: see [`Decider::person`].
        reason: String,
    },
    /// A verifier.
    Plugin(Verifier),
}

/// Why a claim cannot be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecideError {
    /// It is already decided.
    #[error("it was decided before; submit it anew")]
    Decided,
    /// The reason is missing.
    #[error("a decision needs a reason")]
    NoReason,
}

impl DecideError {
    /// The stable code.
    pub const fn code(self) -> Code {
        match self {
            Self::Decided => Code::CredState,
            Self::NoReason => Code::BodyInvalid,
        }
    }
}

impl Decider {
    /// A decision by a person, who must give a reason.
    ///
    /// # Errors
    /// If the reason is empty.
    pub fn person(account: AccountId, reason: &str) -> Result<Self, DecideError> {
        match reason.trim() {
            "" => Err(DecideError::NoReason),
            reason => Ok(Self::Person { account, reason: reason.to_owned() }),
        }
    }
}

/// The verdict on a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case", deny_unknown_fields)]
pub enum Verdict {
    /// Verified.
    Verified {
        /// Level of assurance.
        level: Level,
        /// End of validity, exclusive; unlimited if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Instant>,
    },
    /// Refused.
    Refused {
        /// The reasons. A person's reason is in [`Decider::Person`].
        findings: Vec<Finding>,
    },
}

/// A verdict, who gave it, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Who decided.
    pub by: Decider,
    /// The time.
    pub at: Instant,
    /// The verdict.
    pub verdict: Verdict,
}

/// Real-name verification of a patient: unverified until decided; a later decision replaces an
/// earlier one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RealName {
    /// Not decided.
    #[default]
    Unverified,
    /// A register was queried.
    Pending(Pending),
    /// Decided.
    Decided(Decision),
}

impl RealName {
    /// Whether it is neither decided nor pending.
    pub const fn is_unverified(&self) -> bool {
        matches!(self, Self::Unverified)
    }

    /// The level of assurance at a moment, if verified.
    pub fn level(&self, at: Instant) -> Option<Level> {
        match self {
            Self::Decided(Decision { at: since, verdict: Verdict::Verified { level, until }, .. })
                if at >= *since && until.is_none_or(|until| at < until) =>
            {
                Some(*level)
            }
            _ => None,
        }
    }

    /// `unverified`, `pending`, `verified`, `lapsed` or `refused`.
    pub fn word(&self, at: Instant) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Pending(_) => "pending",
            Self::Decided(Decision { verdict: Verdict::Refused { .. }, .. }) => "refused",
            Self::Decided(_) if self.level(at).is_some() => "verified",
            Self::Decided(_) => "lapsed",
        }
    }
}

/// Combined answer of all verifiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Folded {
    /// No result: a verifier gave no answer, or none was called.
    Undecided,
    /// A register has not answered.
    Pending(Pending),
    /// Decided, with the call that determined the verdict.
    Decided(Verifier, Verdict),
}

/// Combines the answers of all verifiers; `None` is a verifier that failed or could not decide. A
/// refusal wins; verified requires that all verified, with the lowest level and the earliest end
/// among them.
pub fn fold(answers: Vec<Option<(Verifier, Outcome)>>) -> Folded {
    let (mut silent, mut pending, mut verified) =
        (answers.is_empty(), None, None::<(Verifier, Level, Option<Instant>)>);
    for answer in answers {
        match answer {
            None => silent = true,
            Some((by, Outcome::Refused(findings))) => return Folded::Decided(by, Verdict::Refused { findings }),
            Some((by, Outcome::Pending { reference })) => {
                pending.get_or_insert(Pending { plugin: by.id, reference });
            }
            Some((by, Outcome::Verified { level, valid_until })) => {
                verified = Some(match verified {
                    Some((first, least, end)) => {
                        let end = [end, valid_until].into_iter().flatten().min();
                        if level < least { (by, level, end) } else { (first, least, end) }
                    }
                    None => (by, level, valid_until),
                });
            }
        }
    }
    match (silent, pending, verified) {
        (false, None, Some((by, level, until))) => Folded::Decided(by, Verdict::Verified { level, until }),
        (false, Some(pending), _) => Folded::Pending(pending),
        _ => Folded::Undecided,
    }
}

/// A field that identifies a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityField {
    /// The full name.
    Name,
    /// The number of the resident identity card.
    IdNumber,
    /// A telephone number.
    Phone,
    /// The date of birth.
    BirthDate,
    /// The insurance number.
    InsuranceNumber,
}

impl IdentityField {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Name, Self::IdNumber, Self::Phone, Self::BirthDate, Self::InsuranceNumber];

    /// The name in placeholders and manifests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::IdNumber => "id-number",
            Self::Phone => "phone",
            Self::BirthDate => "birth-date",
            Self::InsuranceNumber => "insurance-number",
        }
    }

    /// A description for whoever grants it.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Name => ("姓名", "name"),
            Self::IdNumber => ("身份证号", "resident identity card number"),
            Self::Phone => ("电话号码", "telephone number"),
            Self::BirthDate => ("出生日期", "date of birth"),
            Self::InsuranceNumber => ("医保号", "insurance number"),
        }
    }
}

impl std::fmt::Display for IdentityField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, NOW};

    fn finding() -> Finding {
        Finding {
            code: "DOCUMENT_EXPIRED".into(),
            severity: Severity::Critical,
            message: fixture::text("已过期"),
            citation: fixture::citation(),
            attributes: Vec::new(),
        }
    }

    #[test]
    fn verified_is_what_all_verified() {
        let by = |id: &str| Verifier { id: id.into(), digest: "d".into(), call: CallId::from_u128(1) };
        let said = |id: &str, outcome: Outcome| Some((by(id), outcome));
        let verified =
            |level, days: Option<i64>| Outcome::Verified { level, valid_until: days.map(|days| NOW.plus_days(days)) };
        let (a, b) = (said("a", verified(Level::High, None)), said("b", verified(Level::Basic, Some(9))));
        let least = Verdict::Verified { level: Level::Basic, until: Some(NOW.plus_days(9)) };
        assert_eq!(fold(vec![a.clone(), b.clone()]), Folded::Decided(by("b"), least.clone()));
        assert_eq!(fold(vec![b.clone(), a.clone()]), Folded::Decided(by("b"), least));
        assert_eq!(fold(vec![a.clone(), None]), Folded::Undecided, "one broke");
        assert_eq!(fold(vec![]), Folded::Undecided, "none was asked");
        let waits = said("c", Outcome::Pending { reference: "7".into() });
        let pending = Folded::Pending(Pending { plugin: "c".into(), reference: "7".into() });
        assert_eq!(fold(vec![a.clone(), waits.clone()]), pending);
        assert_eq!(fold(vec![None, waits.clone()]), Folded::Undecided);
        let refused = said("d", Outcome::Refused(vec![finding()]));
        let verdict = Verdict::Refused { findings: vec![finding()] };
        assert_eq!(fold(vec![a, None, waits, refused]), Folded::Decided(by("d"), verdict), "a refusal wins");
    }

    #[test]
    fn a_real_name_holds_from_its_decision_to_its_end() {
        let by = Decider::person(AccountId::from_u128(1), " saw the card ").expect("a reason");
        assert!(matches!(&by, Decider::Person { reason, .. } if reason == "saw the card"));
        let decided = |verdict| RealName::Decided(Decision { by: by.clone(), at: NOW, verdict });
        let until = Some(NOW.plus_days(1));
        let verified = decided(Verdict::Verified { level: Level::High, until });
        assert_eq!(verified.level(NOW.plus_seconds(-1)), None);
        assert_eq!((verified.level(NOW), verified.word(NOW)), (Some(Level::High), "verified"));
        assert_eq!((verified.level(NOW.plus_days(1)), verified.word(NOW.plus_days(1))), (None, "lapsed"));
        let refused = decided(Verdict::Refused { findings: Vec::new() });
        assert_eq!((refused.level(NOW), refused.word(NOW)), (None, "refused"));
        assert_eq!((RealName::Unverified.level(NOW), RealName::Unverified.word(NOW)), (None, "unverified"));
        assert_eq!(Decider::person(AccountId::from_u128(1), " ").expect_err("none").code(), Code::BodyInvalid);
    }
}
