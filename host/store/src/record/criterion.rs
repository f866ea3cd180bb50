//! Queries of the record: trees of [`Criterion`]s.

use serde::{Deserialize, Serialize};
use xinglin_domain::{
    compartment::{Compartment, Compartments},
    time::Instant,
};

use crate::db::Sql;

/// A code, in one system or in any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeFilter {
    /// `None`: any system; empty: no system.
    pub system: Option<String>,
    /// The code; empty: any code of the system.
    pub code: String,
}

/// A search parameter with the values of which it must have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFilter {
    /// Search parameter.
    pub param: String,
    /// One of these; an empty list matches nothing.
    pub any_of: Vec<CodeFilter>,
}

/// Comparison of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextMatch {
    /// Begins with it, ignoring case. The text is already folded.
    Begins,
    /// Contains it, ignoring case. The text is already folded.
    Contains,
    /// Equals it.
    Exact,
}

/// Comparison of a stored range with the searched one, as FHIR's prefixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeMatch {
    /// Inside it.
    Eq,
    /// Not inside it.
    Ne,
    /// Partly below.
    Lt,
    /// Partly below, or inside.
    Le,
    /// Partly above.
    Gt,
    /// Partly above, or inside.
    Ge,
    /// Entirely above.
    After,
    /// Entirely below.
    Before,
}

/// The kind of values of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Codes, identifiers, references, URIs.
    Tokens,
    /// Texts.
    Texts,
    /// Times and quantities.
    Ranges,
}

impl Values {
    /// Their table.
    pub(crate) const fn table(self) -> &'static str {
        match self {
            Self::Tokens => "resource_token",
            Self::Texts => "resource_string",
            Self::Ranges => "resource_range",
        }
    }
}

/// A condition on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Criterion {
    /// One of these is met; an empty list never is.
    Any(Vec<Criterion>),
    /// It is not met.
    Not(Box<Criterion>),
    /// A token that is rare as a rule; others belong into the `tokens` of the query.
    Token(TokenFilter),
    /// A text.
    #[expect(missing_docs, reason = "the names say it")]
    Text { param: String, how: TextMatch, text: String },
    /// A range, in this unit if one is given.
    #[expect(missing_docs, reason = "the names say it")]
    Range { param: String, how: RangeMatch, low: i64, high: i64, unit: Option<CodeFilter> },
    /// The parameter has a value.
    Present(Values, String),
    /// Time of the last update.
    #[expect(missing_docs, reason = "the names say it")]
    Written { how: RangeMatch, low: Instant, high: Instant },
    /// One of these ids.
    Ids(Vec<String>),
    /// Belongs to the record of this patient.
    OfPatient(String),
    /// `param` refers to a `kind` that meets all of these.
    #[expect(missing_docs, reason = "the names say it")]
    Chained { param: String, kind: String, all: Vec<Criterion> },
    /// A `kind` that meets all of these refers to it by `param`.
    #[expect(missing_docs, reason = "the names say it")]
    Referred { kind: String, param: String, all: Vec<Criterion> },
}

impl Criterion {
    /// Whether it matches few resources in any hospital, as a rule.
    pub(crate) fn is_telling(&self) -> bool {
        match self {
            Self::Token(_)
            | Self::Text { .. }
            | Self::Chained { .. }
            | Self::Referred { .. }
            | Self::Ids(_)
            | Self::OfPatient(_) => true,
            Self::Range { how: RangeMatch::Eq, .. } => true,
            Self::Any(any) => any.iter().all(Self::is_telling),
            _ => false,
        }
    }
}

/// Sort key of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortBy {
    /// Effective time.
    Effective,
    /// Time of the last update.
    Updated,
    /// Its id.
    Id,
    /// The least value of a parameter, or the greatest if descending. Resources without a value are
    /// sorted as if they had the least possible one.
    Value(Values, String),
}

/// One sort order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// The sort key.
    pub by: SortBy,
    /// Greatest first.
    pub descending: bool,
}

/// A query of resources of one type. All conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceQuery {
    /// FHIR type.
    pub kind: String,
    /// Of this patient's record.
    pub patient_id: Option<String>,
    /// Of these patients' records, if given; applies also to resources that criteria refer to.
    pub within: Option<Vec<String>>,
    /// With one of these ids; empty for all.
    pub ids: Vec<String>,
    /// With all of these; the most selective first.
    pub tokens: Vec<TokenFilter>,
    /// Effective at or after this time.
    pub from: Option<Instant>,
    /// Effective before this time.
    pub until: Option<Instant>,
    /// Updated at or after this time.
    pub updated_from: Option<Instant>,
    /// Meeting all of these.
    pub criteria: Vec<Criterion>,
    /// If empty: by effective time, newest first.
    pub sort: Vec<Sort>,
    /// Excludes resources in these compartments.
    pub withheld: Compartments,
    /// Excludes matches by referred resources in these compartments.
    pub withheld_beyond: Compartments,
}

/// A value of a sort key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SortKey {
    /// A time or a quantity.
    Int(i64),
    /// Any other value.
    Text(String),
}

/// A position in a sorted list: the last row of the previous page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// One for each sort order.
    pub keys: Vec<SortKey>,
    /// Distinguishes rows with the same keys.
    pub id: String,
}

/// A query of resources of all types, by type and id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordQuery {
    /// Of this patient's record.
    pub patient_id: Option<String>,
    /// Of these types; empty for all.
    pub kinds: Vec<String>,
    /// Updated at or after this time.
    pub updated_from: Option<Instant>,
    /// Excludes resources in these compartments.
    pub withheld: Compartments,
    /// Deleted resources instead of existing ones.
    pub deleted: bool,
}

/// `AND` the code is one of these. Grouped by system, so that each group is a list of codes, which
/// an index looks up one by one.
pub(crate) fn push_any_of(sql: &mut Sql, table: &str, any_of: &[CodeFilter]) {
    let mut by_system: Vec<(&Option<String>, Vec<&str>)> = Vec::new();
    for CodeFilter { system, code } in any_of {
        match by_system.iter_mut().find(|(known, codes)| *known == system && codes[0].is_empty() == code.is_empty()) {
            Some((_, codes)) => codes.push(code),
            None => by_system.push((system, vec![code])),
        }
    }
    sql.push(if by_system.is_empty() { " AND (FALSE" } else { " AND (" });
    for (index, (system, codes)) in by_system.iter().enumerate() {
        sql.push(if index == 0 { "(" } else { " OR (" });
        match codes.as_slice() {
            ["", ..] => drop(sql.push("TRUE")),
            [code] => drop(sql.push(&format!("{table}.code = ")).bind(*code)),
            codes => drop(sql.push(&format!("{table}.code IN ")).bind_all(codes.iter().copied())),
        }
        if let Some(system) = system {
            sql.push(&format!(" AND {table}.system = ")).bind(system);
        }
        sql.push(")");
    }
    sql.push(")");
}

/// `AND` the resource with this alias is in none of these compartments. A join with another table
/// of resources needs this for that one too, or matches disclose withheld resources.
pub(crate) fn push_withheld(sql: &mut Sql, alias: &str, withheld: Compartments) {
    if withheld.is_empty() {
        return;
    }
    sql.push(&format!(
        " AND NOT EXISTS (SELECT 1 FROM resource_label w WHERE w.tenant_id = {alias}.tenant_id
          AND w.resource_type = {alias}.resource_type AND w.resource_id = {alias}.resource_id AND w.compartment IN "
    ));
    sql.bind_all(withheld.iter().map(Compartment::as_str)).push(")");
}
