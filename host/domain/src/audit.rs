//! The audit trail: who read or changed which part of a patient's record, when and for what
//! purpose. One entry for each act, in an append-only hash chain.

use serde::{Deserialize, Serialize};

use crate::{
    access::Role,
    consent::Purpose,
    id::{AccountId, CallId, PatientId},
    time::Instant,
};

/// The actor of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// A person, with the roles at that moment.
    Person {
        /// The account.
        account: AccountId,
        /// Its roles at that moment.
        roles: Vec<Role>,
    },
    /// A plugin, in one of its calls.
    Plugin {
        /// Its id.
        id: String,
        /// The call; its tape is stored.
        call: CallId,
    },
}

impl Who {
    /// Key by which entries of this actor are found.
    pub fn key(&self) -> String {
        match self {
            Self::Person { account, .. } => account.to_string(),
            Self::Plugin { id, .. } => id.clone(),
        }
    }
}

/// Kind of act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Read.
    Read,
    /// Written or decided.
    Write,
    /// Sent to an external server.
    Disclose,
}

impl Act {
    /// The name in the API and the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Disclose => "disclose",
        }
    }
}

/// One act on patients' records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// The time.
    pub at: Instant,
    /// The actor.
    pub who: Who,
    /// Kind of act.
    pub act: Act,
    /// The purpose.
    pub purpose: Purpose,
    /// The patients, each once.
    pub patients: Vec<PatientId>,
    /// The object: method and path of the request without its query, or what a plugin received.
    /// Never a value of the record.
    pub target: String,
    /// If refused: the stable code, or the HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Whether emergency access was used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub emergency: bool,
    /// Id of the request.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request: String,
}
