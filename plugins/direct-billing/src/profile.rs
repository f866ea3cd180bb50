//! The insurers. The table is generated from `data/profiles/*.toml`.

use xinglin_sdk::{
    insurance::Policy,
    types::{Citation, Coding},
};

/// What is known of an insurer without a contract with it.
#[derive(Debug)]
pub struct Profile {
    /// Lower case, of the file.
    pub id: &'static str,
    pub(crate) zh: &'static str,
    pub(crate) en: &'static str,
    pub(crate) source: &'static str,
    pub(crate) as_of: u16,
    /// Sorted by key.
    pub(crate) terms: &'static [Term],
    pub(crate) gateway: Gateway,
}

/// A term of the contract, as published, or as an example.
#[derive(Debug)]
pub(crate) struct Term {
    pub key: &'static str,
    pub value: &'static str,
    /// Not published: only the contract has it.
    pub illustrative: bool,
}

/// How the insurer's gateway spells the one protocol of this plugin.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub illustrative: bool,
    pub base: &'static str,
    pub amounts: Amounts,
    pub times: Times,
    /// Name and kind of the key that signs requests.
    pub signature: &'static str,
    pub signature_header: &'static str,
    /// What of the patient the insurer has to know.
    pub identity: &'static [&'static str],
    /// Statuses by which it states that it did nothing.
    pub not_processed: &'static [u16],
    /// Ours and theirs, sorted by ours.
    pub fields: &'static [(&'static str, &'static str)],
    pub outcomes: &'static [(&'static str, &'static str)],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Amounts {
    /// A whole number.
    Fen,
    /// A text with two decimals.
    Yuan,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    /// In Asia/Shanghai.
    Rfc3339,
    /// Milliseconds since 1970.
    Millis,
}

/// All insurers, sorted by id.
pub static ALL: &[Profile] = include!(concat!(env!("OUT_DIR"), "/profiles.rs"));

/// The insurer with this id.
pub fn find(id: &str) -> Option<&'static Profile> {
    ALL.iter().find(|profile| profile.id == id)
}

impl Profile {
    /// Code system of its plans.
    pub fn system(&self) -> String {
        format!("https://xinglin.dev/insurers/{}", self.id)
    }

    /// A plan of it.
    pub fn plan(&self, code: &str) -> Coding {
        Coding::new(self.system(), code)
    }

    /// The insurer of a policy, by the system of its plan.
    pub(crate) fn of(policy: &Policy) -> Option<&'static Self> {
        find(policy.plan.system.strip_prefix("https://xinglin.dev/insurers/")?)
    }

    /// The term that a decision rests on.
    pub(crate) fn cite(&self, term: &str) -> Citation {
        let cited =
            Citation::new(format!("{}直付协议 ({} direct billing)", self.zh, self.en), self.as_of).section(term);
        if self.source.starts_with("http") { cited.url(self.source) } else { cited }
    }
}
