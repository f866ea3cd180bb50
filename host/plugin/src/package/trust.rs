//! Trust in signatures, and the policy of required signatures. Pure: keys and policy come from
//! the operator's settings, signatures with the package.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use semver::Version;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use xinglin_domain::time::Instant;

use super::signature::{KeyId, PublicKey, Signature, SignerRole, Statement};
use super::{Package, manifest::Manifest};
use crate::{digest::Digest, error::PluginError};

/// The trusted keys and the policy of a host.
///
/// ```toml
/// [trust]
/// policy = { all_of = ["vendor", { any_of = ["dr-li", "dr-wang", "hospital"], minimum = 2 }] }
///
/// [[trust.keys]]
/// name = "acme"
/// role = "vendor"
/// public_key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
/// plugins = ["acme.*"]
///
/// [trust.floors]
/// "acme.glucose-watch" = "1.2.0"
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawTrust")]
pub struct TrustStore {
    keys: Vec<TrustedKey>,
    policy: Option<Policy>,
    floors: BTreeMap<String, Version>,
}

/// A trusted key and its scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedKey {
    /// Its name in policies and messages.
    pub name: String,
    /// The role of the signer.
    pub role: SignerRole,
    /// The key.
    pub public_key: PublicKey,
    /// Plugins it may sign, by id or prefix (`acme.*`); all if empty.
    #[serde(default)]
    pub plugins: Vec<String>,
    /// Revoked: its signatures do not count, whenever made.
    #[serde(default)]
    pub revoked: bool,
}

/// Required signatures. One signature may meet several terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Policy {
    /// A role, or the name of a key.
    Signer(String),
    /// All of the terms.
    AllOf {
        /// The terms.
        all_of: Vec<Policy>,
    },
    /// At least `minimum` of the terms.
    AnyOf {
        /// The terms.
        any_of: Vec<Policy>,
        /// The minimum.
        minimum: usize,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct RawTrust {
    keys: Vec<TrustedKey>,
    policy: Option<Policy>,
    floors: BTreeMap<String, Version>,
}

impl TryFrom<RawTrust> for TrustStore {
    type Error = String;

    fn try_from(raw: RawTrust) -> Result<Self, String> {
        let RawTrust { keys, policy, floors } = raw;
        Self::new(keys, policy, floors)
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Signer(String),
            Terms(BTreeMap<String, Value>),
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Value {
            Number(usize),
            Terms(Vec<Policy>),
        }
        let wrong = "a policy is a role, the name of a key, { all_of = [..] } or { any_of = [..], minimum = 1 }";
        let mut terms = match Raw::deserialize(deserializer) {
            Ok(Raw::Signer(name)) => return Ok(Self::Signer(name)),
            Ok(Raw::Terms(terms)) => terms,
            Err(_) => return Err(D::Error::custom(wrong)),
        };
        let policy = match (terms.remove("all_of"), terms.remove("any_of"), terms.remove("minimum")) {
            (Some(Value::Terms(all_of)), None, None) => Self::AllOf { all_of },
            (None, Some(Value::Terms(any_of)), None) => Self::AnyOf { any_of, minimum: 1 },
            (None, Some(Value::Terms(any_of)), Some(Value::Number(minimum))) => Self::AnyOf { any_of, minimum },
            _ => return Err(D::Error::custom(wrong)),
        };
        if terms.is_empty() { Ok(policy) } else { Err(D::Error::custom(wrong)) }
    }
}

/// Standing of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Valid and trusted.
    Good,
    /// By an unknown key.
    Unknown,
    /// By a revoked key.
    Revoked,
    /// By a key that may not sign this plugin.
    OutOfScope,
    /// Valid for the bytes, but the trusted comment names another package.
    Mismatch,
    /// It names a trusted key, but is not valid for these bytes.
    Tampered,
}

/// An evaluated signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Weighed {
    /// The key that it names.
    pub key_id: KeyId,
    /// Name of the key, if it is known.
    pub key: Option<String>,
    /// Role of the key, if it is known.
    pub role: Option<SignerRole>,
    /// Time of signing, if stated in a valid trusted comment.
    pub signed_at: Option<Instant>,
    /// The signer's comment.
    pub comment: String,
    /// The standing.
    pub standing: Standing,
    /// Why it does not count; empty if it does.
    pub reason: String,
}

/// Evaluation of a package and its signatures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Each signature, in the order given.
    pub signatures: Vec<Weighed>,
    /// Unmet terms of the policy; empty if it is met.
    pub missing: Vec<String>,
}

impl TrustStore {
    /// Checks that keys and policy are consistent.
    ///
    /// # Errors
    /// The inconsistency: a duplicate name, or one that is a role; a duplicate key; a scope that
    /// is no plugin id; a term that cannot be met; a policy without requirements.
    pub fn new(
        keys: Vec<TrustedKey>,
        policy: Option<Policy>,
        floors: BTreeMap<String, Version>,
    ) -> Result<Self, String> {
        let (mut names, mut ids) = (BTreeSet::new(), BTreeSet::new());
        for key in &keys {
            let name = &key.name;
            let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
            if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
                return Err(format!("trust.keys: `{name}` is no name; take letters, digits, `-`, `_`, `.` or `@`"));
            }
            if name.parse::<SignerRole>().is_ok() {
                return Err(format!("trust.keys: `{name}` is a role; call the key something else"));
            }
            if !names.insert(name.as_str()) {
                return Err(format!("trust.keys: two keys are called `{name}`"));
            }
            // One key under two names would count as two signers.
            if !ids.insert(key.public_key.id()) {
                return Err(format!("trust.keys: `{name}` has the key id of another key"));
            }
            if let Some(scope) = key.plugins.iter().find(|scope| !is_scope(scope)) {
                return Err(format!("trust.keys: `{scope}` of `{name}` is neither a plugin's id nor like `acme.*`"));
            }
        }
        if let Some(policy) = &policy {
            policy.check(&keys, 0)?;
        }
        Ok(Self { keys, policy, floors })
    }

    /// The keys.
    pub fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }

    /// The policy, as text.
    pub fn policy(&self) -> String {
        match &self.policy {
            Some(policy) => policy.to_string(),
            None => "any one trusted key".into(),
        }
    }

    /// Evaluates the signatures of a package against the policy.
    pub fn evaluate(&self, package: &Package, signatures: &[Signature]) -> Verdict {
        let signatures: Vec<Weighed> = signatures.iter().map(|signature| self.weigh(package, signature)).collect();
        let good: Vec<&Weighed> = signatures.iter().filter(|s| s.standing == Standing::Good).collect();
        let missing = match &self.policy {
            Some(policy) => policy.missing(&good),
            None if good.is_empty() => vec![self.policy()],
            None => Vec::new(),
        };
        Verdict { signatures, missing }
    }

    fn weigh(&self, package: &Package, signature: &Signature) -> Weighed {
        let known = self.keys.iter().find(|key| key.public_key.id() == signature.key());
        let mut weighed = Weighed {
            key_id: signature.key(),
            key: known.map(|key| key.name.clone()),
            role: known.map(|key| key.role),
            signed_at: None,
            comment: String::new(),
            standing: Standing::Good,
            reason: String::new(),
        };
        let mut fail = |standing: Standing, reason: String| {
            (weighed.standing, weighed.reason) = (standing, reason);
        };
        let Some(key) = known else {
            fail(Standing::Unknown, "no trusted key has this id".into());
            return weighed;
        };
        if !signature.fits(&key.public_key, package.bytes()) {
            fail(Standing::Tampered, "the key did not sign these bytes: package or signature was changed".into());
            return weighed;
        }
        let statement = Statement::parse(signature.comment());
        let id = &package.manifest().id;
        if key.revoked {
            fail(Standing::Revoked, "the key is revoked".into());
        } else if !key.vouches_for(id) {
            fail(Standing::OutOfScope, format!("the key vouches for {} only", key.plugins.join(", ")));
        } else {
            match &statement {
                Err(reason) => fail(Standing::Mismatch, reason.clone()),
                Ok(Some(stated)) => {
                    if let Some(reason) = stated.mismatch(package) {
                        fail(Standing::Mismatch, reason);
                    } else if stated.role != key.role {
                        let reason = format!("it was made as {}, and the key is trusted as {}", stated.role, key.role);
                        fail(Standing::Mismatch, reason);
                    }
                }
                Ok(None) => {}
            }
        }
        if let Ok(Some(stated)) = statement {
            (weighed.signed_at, weighed.comment) = (Some(stated.time), stated.comment);
        }
        weighed
    }

    /// Refuses a package below the operator's minimum version of its plugin.
    ///
    /// # Errors
    /// `PLUGIN_DOWNGRADE`.
    pub fn check_floor(&self, package: &Package) -> Result<(), PluginError> {
        let Manifest { id, version, .. } = package.manifest();
        match self.floors.get(id).filter(|floor| version.cmp_precedence(floor).is_lt()) {
            Some(floor) => {
                let detail = format!("{id} {version} is below {floor}, this host's floor for it (`trust.floors`)");
                Err(PluginError::Downgrade(detail))
            }
            None => Ok(()),
        }
    }

    /// Refuses a downgrade: a version not newer than one installed before with other bytes.
    /// `known` are all packages of this plugin that were ever installed, including recalled ones;
    /// the same bytes are always accepted.
    ///
    /// # Errors
    /// `PLUGIN_DOWNGRADE`.
    pub fn check_order(package: &Package, known: &[(Version, Digest)]) -> Result<(), PluginError> {
        let Manifest { id, version, .. } = package.manifest();
        if known.iter().any(|(_, digest)| *digest == package.digest()) {
            return Ok(());
        }
        // Build metadata (`1.0.0+b`) does not make a version newer.
        match known.iter().map(|(version, _)| version).max_by(|a, b| a.cmp_precedence(b)) {
            Some(newest) if version.cmp_precedence(newest).is_le() => {
                Err(PluginError::Downgrade(format!("{id} {newest} has been installed, and {version} is not newer")))
            }
            _ => Ok(()),
        }
    }
}

/// A plugin's id, or a prefix: `acme.*`.
fn is_scope(scope: &str) -> bool {
    let stem = scope.strip_suffix(".*").unwrap_or(scope);
    let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    stem.split('.').all(part)
}

impl TrustedKey {
    /// Whether it may sign a plugin. `acme.*` does not match `acmeevil.x`.
    pub fn vouches_for(&self, id: &str) -> bool {
        let covers = |scope: &String| match scope.strip_suffix('*') {
            Some(stem) => id.starts_with(stem),
            None => id == scope,
        };
        self.plugins.is_empty() || self.plugins.iter().any(covers)
    }
}

impl Policy {
    const DEEPEST: usize = 8;

    fn check(&self, keys: &[TrustedKey], depth: usize) -> Result<(), String> {
        let terms = match self {
            Self::Signer(name) => {
                let role = name.parse::<SignerRole>().ok();
                return match keys.iter().any(|key| key.name == *name || Some(key.role) == role) {
                    true => Ok(()),
                    false => Err(format!("trust.policy: no key is, or has the role, `{name}`")),
                };
            }
            Self::AllOf { all_of } => all_of,
            Self::AnyOf { any_of, minimum } => {
                if *minimum == 0 || *minimum > any_of.len() {
                    return Err(format!("trust.policy: minimum = {minimum} of {} terms", any_of.len()));
                }
                any_of
            }
        };
        if terms.is_empty() {
            return Err("trust.policy: a list without terms asks for nothing".into());
        }
        if depth >= Self::DEEPEST {
            return Err(format!("trust.policy: nested deeper than {}", Self::DEEPEST));
        }
        for (n, term) in terms.iter().enumerate() {
            if terms.iter().skip(n + 1).any(|other| other == term) {
                return Err(format!("trust.policy: {term} stands twice in a list; name two keys instead"));
            }
            term.check(keys, depth + 1)?;
            if let (Self::Signer(name), true) = (term, matches!(self, Self::AnyOf { minimum: 2.., .. })) {
                let key = keys.iter().find(|key| key.name == *name);
                if let Some(role) = key.map(|key| Self::Signer(key.role.to_string())).filter(|r| terms.contains(r)) {
                    return Err(format!("trust.policy: one signature of `{name}` would count twice, as {role} too"));
                }
            }
        }
        Ok(())
    }

    /// Terms that these signatures do not meet.
    fn missing(&self, good: &[&Weighed]) -> Vec<String> {
        match self {
            Self::Signer(name) => {
                let role = name.parse::<SignerRole>().ok();
                let by = |signer: &&Weighed| match role {
                    Some(_) => signer.role == role,
                    None => signer.key.as_ref() == Some(name),
                };
                if good.iter().any(by) { Vec::new() } else { vec![name.clone()] }
            }
            Self::AllOf { all_of } => all_of.iter().flat_map(|term| term.missing(good)).collect(),
            Self::AnyOf { any_of, minimum } => {
                let met = any_of.iter().filter(|term| term.missing(good).is_empty()).count();
                if met >= *minimum { Vec::new() } else { vec![format!("{self}, of which {met} are there")] }
            }
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |terms: &[Self]| terms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::Signer(name) => f.write_str(name),
            Self::AllOf { all_of } => write!(f, "all of ({})", list(all_of)),
            Self::AnyOf { any_of, minimum } => write!(f, "{minimum} of ({})", list(any_of)),
        }
    }
}

impl Verdict {
    /// Signatures that count.
    pub fn good(&self) -> impl Iterator<Item = &Weighed> {
        self.signatures.iter().filter(|signature| signature.standing == Standing::Good)
    }

    /// Whether the policy is met and no signature is tampered.
    pub fn passes(&self) -> bool {
        self.missing.is_empty() && !self.is_tampered()
    }

    fn is_tampered(&self) -> bool {
        self.signatures.iter().any(|signature| signature.standing == Standing::Tampered)
    }

    /// Refuses what does not pass.
    ///
    /// # Errors
    /// `PLUGIN_TAMPERED` if a signature of a trusted key is not valid, whatever the others are;
    /// `PLUGIN_SIGNATURE` if the policy is not met.
    pub fn check(&self) -> Result<(), PluginError> {
        let reasons = || {
            let bad = self.signatures.iter().filter(|signature| signature.standing != Standing::Good);
            let told = bad.map(|s| format!("{} ({}): {}", s.key.as_deref().unwrap_or("?"), s.key_id, s.reason));
            told.collect::<Vec<_>>().join("; ")
        };
        if self.is_tampered() {
            return Err(PluginError::Tampered(reasons()));
        }
        if self.missing.is_empty() {
            return Ok(());
        }
        let have = match (self.signatures.is_empty(), reasons()) {
            (true, _) => "it is not signed".to_owned(),
            (false, reasons) if reasons.is_empty() => "what is there is good, and not enough".to_owned(),
            (false, reasons) => reasons,
        };
        Err(PluginError::Untrusted(format!("missing {}; {have}", self.missing.join(", "))))
    }
}
