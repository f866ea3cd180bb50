//! Who saw or changed what of a patient's record, when and what for: one entry for
//! each act, in a chain that only grows.

use serde::{Deserialize, Serialize};

use crate::{
    access::Role,
    consent::Purpose,
    id::{AccountId, CallId, PatientId},
    time::Instant,
};

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// A person, in the roles that they could act in.
    Person {
        /// Their account.
        account: AccountId,
        /// Its roles at that moment.
        roles: Vec<Role>,
    },
    /// A plugin, in one of its calls.
    Plugin {
        /// Its id.
        id: String,
        /// The call, which is on tape.
        call: CallId,
    },
}

impl Who {
    /// What entries of theirs are found by.
    pub fn key(&self) -> String {
        match self {
            Self::Person { account, .. } => account.to_string(),
            Self::Plugin { id, .. } => id.clone(),
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Seen.
    Read,
    /// Written or decided.
    Write,
    /// Sent to a server outside.
    Disclose,
}

impl Act {
    /// As it is written everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Disclose => "disclose",
        }
    }
}

/// One act on the records of patients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// When.
    pub at: Instant,
    /// Who.
    pub who: Who,
    /// What kind of act.
    pub act: Act,
    /// What for.
    pub purpose: Purpose,
    /// Of whom, each once.
    pub patients: Vec<PatientId>,
    /// On what: method and path of the request without its query, or what a plugin was
    /// shown. Never a value of the record.
    pub target: String,
    /// How it was refused, if it was: the stable code, or the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Whether emergency access was used for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub emergency: bool,
    /// Name of the request.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request: String,
}
