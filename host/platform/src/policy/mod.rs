//! Policies: readable files in Cedar over the one catalogue of actions
//! ([`Action`]). What this program ships says who may do what; files of the host
//! and of a tenant only forbid. Below them all stands the table of the law
//! ([`xinglin_domain::access::can`]), which no policy widens.

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

/// Folder of the policies that hold in every tenant.
pub const HOST: &str = "_host";

/// All that is in force on this host. Made once, shared, replaced as a whole.
pub struct Policies {
    /// Where no tenant has files of its own.
    everywhere: Rules,
    tenants: HashMap<TenantId, Rules>,
}

/// What holds in a tenant.
pub struct Rules {
    /// Only those that speak of the action at all, so that a decision looks at few.
    by_action: HashMap<Action, PolicySet>,
    texts: Vec<PolicyText>,
}

/// One policy, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PolicyText {
    /// Its `@id`, or file and line, after where it comes from: `shipped`, `_host` or
    /// the tenant.
    pub id: String,
    /// `permit` or `forbid`.
    pub effect: &'static str,
    /// Path of the file, from where the policies are.
    pub file: String,
    /// Line on which it begins.
    pub line: usize,
    /// In Cedar.
    pub text: String,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Flaw {
    /// Path of the file, or of the folder.
    pub file: String,
    /// Where, counted from 1, if it is in one place.
    pub line: Option<usize>,
    /// What, and what would be right if Cedar knows.
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

/// Files that cannot be taken as they are; all that is wrong with them.
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
    /// Reads all there are: the shipped ones, and those in the folder if there is one.
    ///
    /// # Errors
    /// All that is wrong, in any file: none of them is taken then.
    pub fn load(root: &std::path::Path) -> Result<Self, Flaws> {
        read::load(root)
    }

    /// What holds in a tenant, shipped ones first.
    pub fn texts(&self, tenant: TenantId) -> &[PolicyText] {
        &self.rules(tenant).texts
    }

    /// How many policies there are beside the shipped ones.
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

/// The words that policies may use.
pub const SCHEMA: &str = include_str!("../../policies/xinglin.cedarschema");

pub(crate) fn schema() -> Result<Schema, Flaws> {
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(|error| {
        Flaws(vec![Flaw { file: "xinglin.cedarschema".into(), line: None, problem: error.to_string() }])
    })?;
    Ok(schema)
}

/// Where policies of a data folder are.
pub fn folder(data_dir: &std::path::Path) -> PathBuf {
    data_dir.join("policies")
}
