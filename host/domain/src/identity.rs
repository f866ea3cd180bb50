//! Claims about who somebody is and what they hold, and how they are decided. As in
//! `xinglin:identity/verifier`.
//!
//! A claim is decided by a person or by a plugin that the hospital runs, and the
//! decision says which. No name, id number or certificate number is part of anything
//! here: what a verifier judges are facts that the host computed from them.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    code::Code,
    coding::{Attribute, Citation, LocalizedText},
    id::{AccountId, CallId},
    review::Severity,
    time::Instant,
};

/// Whether something about a claim is so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It is.
    Holds,
    /// It is not.
    Fails,
    /// Nobody can tell: there is no rule for such numbers, or nothing to compare with.
    #[default]
    Unknown,
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }
}

/// What the host found out about a number, without the number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberFacts {
    /// It has the length and the characters of its kind.
    pub form: Truth,
    /// Its check character fits.
    pub checksum: Truth,
    /// It begins with a region that there is.
    pub region: Truth,
    /// The day of birth in it is that of the record.
    pub birth: Truth,
    /// It is, or holds, the number of the identity card of the same person.
    pub holder: Truth,
}

/// Something that was shown or measured beside a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// `face` or `name_and_number`; more may come.
    pub kind: String,
    /// How well it agrees, in thousandths.
    pub per_mille: u16,
    /// Who says so, for example `account`.
    pub source: String,
}

/// That somebody bears the name and number of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonClaim {
    /// Different for each verifier.
    pub subject: String,
    /// `identity_card`; empty if the record holds no number of a document.
    pub document: String,
    /// Of the number.
    pub number: NumberFacts,
    /// Whole years.
    pub age_years: Option<u16>,
    /// What was shown.
    pub evidence: Vec<Evidence>,
    /// The open door.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// That somebody holds a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialClaim {
    /// Different for each verifier.
    pub subject: String,
    /// `doctor_practice`, …: the names of [`crate::practice::Kind`].
    pub kind: String,
    /// What the person is here.
    pub roles: Vec<String>,
    /// Of the number.
    pub number: NumberFacts,
    /// Who issued it.
    pub issued_by: String,
    /// When.
    pub issued_on: Instant,
    /// Until just before then, if it ends.
    pub valid_until: Option<Instant>,
    /// On a title.
    pub rank: Option<String>,
    /// Specialities, on a practice certificate.
    pub scope: Vec<String>,
    /// Where the person practises in the first place.
    pub institution: Option<String>,
    /// Whole months of independent work, as claimed.
    pub practice_months: Option<u32>,
    /// The open door.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// How sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The document agrees with itself.
    Basic,
    /// Evidence was shown that it is the person's.
    Substantial,
    /// The register that issued it agrees.
    High,
}

impl Level {
    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Substantial => "substantial",
            Self::High => "high",
        }
    }
}

/// One thing that whoever decides should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Stable, upper snake case.
    pub code: String,
    /// How grave.
    pub severity: Severity,
    /// What is the matter.
    pub message: LocalizedText,
    /// Who says so.
    pub citation: Citation,
    /// The open door.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// A verifier's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is so.
    Verified {
        /// How sure.
        level: Level,
        /// It is to be asked again then.
        valid_until: Option<Instant>,
    },
    /// It is not. At least one finding says why.
    Refused(Vec<Finding>),
    /// A register was asked and has not answered; the host asks again.
    Pending {
        /// What the register knows the request by.
        reference: String,
    },
}

/// Why a verifier could not decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifyError {
    /// Something it needs is not in the claim.
    MissingData(LocalizedText),
    /// A kind of document that it does not know.
    NotUnderstood(String),
    /// A register that it needs does not answer.
    Unavailable(String),
    /// Anything else.
    Other(String),
}

/// A call of a plugin that judged a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verifier {
    /// Id of the plugin.
    pub id: String,
    /// SHA-256 of its package.
    pub digest: String,
    /// Its tape has what was asked.
    pub call: CallId,
}

/// A register was asked and will answer later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// Id of the plugin that asked it.
    pub plugin: String,
    /// What the register knows the request by.
    pub reference: String,
}

/// Who decided a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Decider {
    /// Somebody of the hospital, who looked at the document.
    Person {
        /// Who.
        account: AccountId,
        /// What they say they saw. Never empty: see [`Decider::person`].
        reason: String,
    },
    /// A verifier.
    Plugin(Verifier),
}

/// A claim cannot be decided so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecideError {
    /// It was decided.
    #[error("it was decided before; submit it anew")]
    Decided,
    /// Nothing is said for it.
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
    /// A person, who must say what they saw.
    ///
    /// # Errors
    /// Without a reason.
    pub fn person(account: AccountId, reason: &str) -> Result<Self, DecideError> {
        match reason.trim() {
            "" => Err(DecideError::NoReason),
            reason => Ok(Self::Person { account, reason: reason.to_owned() }),
        }
    }
}

/// What was decided of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case", deny_unknown_fields)]
pub enum Verdict {
    /// It is so.
    Verified {
        /// How sure.
        level: Level,
        /// Holds until just before then; for good if nothing is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Instant>,
    },
    /// It is not so.
    Refused {
        /// Why. A person's reason is in [`Decider::Person`].
        findings: Vec<Finding>,
    },
}

/// A verdict, who gave it, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Who.
    pub by: Decider,
    /// When.
    pub at: Instant,
    /// What.
    pub verdict: Verdict,
}

/// Whether a patient is who the record says: unverified until decided, and a later
/// decision takes the place of an earlier one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RealName {
    /// Nobody decided.
    #[default]
    Unverified,
    /// A register has been asked.
    Pending(Pending),
    /// Somebody did.
    Decided(Decision),
}

impl RealName {
    /// Whether nothing was decided or asked.
    pub const fn is_unverified(&self) -> bool {
        matches!(self, Self::Unverified)
    }

    /// The level at which it is verified at a moment, if it is.
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

/// What the answers of all verifiers come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Folded {
    /// Nothing: one gave no answer, or none was asked.
    Undecided,
    /// One waits for a register.
    Pending(Pending),
    /// They decided; the call that weighed most.
    Decided(Verifier, Verdict),
}

/// One answer out of those of all verifiers; `None` stands for one that broke or could
/// not decide. A refusal wins; verified is only what all verified, to the least level and
/// the earliest end that any of them gave.
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

/// Something that says who a patient is.
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
    /// The number of the insured.
    InsuranceNumber,
}

impl IdentityField {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Name, Self::IdNumber, Self::Phone, Self::BirthDate, Self::InsuranceNumber];

    /// As placeholders and manifests write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::IdNumber => "id-number",
            Self::Phone => "phone",
            Self::BirthDate => "birth-date",
            Self::InsuranceNumber => "insurance-number",
        }
    }

    /// In words for whoever grants it.
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
