//! Policies: Cedar files over the catalogue of actions ([`Action`]). The shipped ones permit; files
//! of the host and of a tenant only forbid. The table of roles required by law
//! ([`xinglin_domain::access::can`]) applies in any case; no policy extends it.

mod ask;
mod read;

use std::{collections::HashMap, fmt, path::PathBuf};

use cedar_policy::{PolicySet, Schema};
use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, id::TenantId};

pub use crate::policy::ask::Asked;
pub use crate::policy::ask::Decision;
pub use crate::policy::ask::Principal;
pub use crate::policy::ask::Question;
pub use crate::policy::read::check;
pub use crate::policy::read::fingerprint;

/// Folder of the policies for all tenants.
pub const HOST: &str = "_host";

/// All policies in force on this host. Built once, shared, replaced as a whole.
pub struct Policies {
    /// For tenants without files of their own.
    everywhere: Rules,
    tenants: HashMap<TenantId, Rules>,
}

/// The policies of a tenant.
pub struct Rules {
    /// Only policies that concern the action, so that a decision evaluates few.
    by_action: HashMap<Action, PolicySet>,
    texts: Vec<PolicyText>,
}

/// One policy, as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PolicyText {
    /// Its `@id`, or file and line, prefixed with its source: `shipped`, `_host` or the tenant.
    pub id: String,
    /// `permit` or `forbid`.
    pub effect: &'static str,
    /// Path of the file, relative to the folder of policies.
    pub file: String,
    /// Its first line.
    pub line: usize,
    /// In Cedar.
    pub text: String,
}

/// An error in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Flaw {
    /// Path of the file, or of the folder.
    pub file: String,
    /// The line, from 1, if known.
    pub line: Option<usize>,
    /// The error, with Cedar's suggestion if there is one.
    pub problem: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.problem),
            None => write!(f, "{}: {}", self.file, self.problem),
        }
    }
}

/// All errors of files that were rejected.
#[derive(Debug)]
pub struct Flaws(pub Vec<Flaw>);

impl fmt::Display for Flaws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("; "))
    }
}

impl std::error::Error for Flaws {}

impl Policies {
    /// Reads all policies: the shipped ones, and those in the folder if it exists.
    ///
    /// # Errors
    /// All errors, in any file: no file is accepted then.
    pub fn load(root: &std::path::Path) -> Result<Self, Flaws> {
        read::load(root)
    }

    /// The policies of a tenant, shipped ones first.
    pub fn texts(&self, tenant: TenantId) -> &[PolicyText] {
        &self.rules(tenant).texts
    }

    /// Number of policies in addition to the shipped ones.
    pub fn added(&self) -> usize {
        let shipped = |text: &&PolicyText| !text.id.starts_with(read::SHIPPED);
        let everywhere = self.everywhere.texts.iter().filter(shipped).count();
        let own = self.tenants.values().map(|rules| rules.texts.iter().filter(shipped).count() - everywhere);
        everywhere + own.sum::<usize>()
    }

    fn rules(&self, tenant: TenantId) -> &Rules {
        self.tenants.get(&tenant).unwrap_or(&self.everywhere)
    }
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Policies({} tenants with files)", self.tenants.len())
    }
}

/// The Cedar schema.
pub const SCHEMA: &str = include_str!("../../policies/xinglin.cedarschema");

pub(crate) fn schema() -> Result<Schema, Flaws> {
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(|error| {
        Flaws(vec![Flaw { file: "xinglin.cedarschema".into(), line: None, problem: error.to_string() }])
    })?;
    Ok(schema)
}

/// Folder of the policies in a data folder.
pub fn folder(data_dir: &std::path::Path) -> PathBuf {
    data_dir.join("policies")
}
