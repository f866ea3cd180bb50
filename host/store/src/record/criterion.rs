//! What is asked of the record: a query is a tree of [`Criterion`]s.

use serde::{Deserialize, Serialize};
use xinglin_domain::{
    compartment::{Compartment, Compartments},
    time::Instant,
};

use crate::db::Sql;

/// A code, in one system or in any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeFilter {
    /// `None` for any; empty for codes without a system.
    pub system: Option<String>,
    /// The code; empty for any of the system.
    pub code: String,
}

/// A search parameter that must have one of these values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFilter {
    /// Search parameter.
    pub param: String,
    /// Any of them will do; none at all matches nothing.
    pub any_of: Vec<CodeFilter>,
}

/// How a text must be like the one that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextMatch {
    /// It begins with it, whatever the case. The text is folded already.
    Begins,
    /// It holds it somewhere, whatever the case. The text is folded already.
    Contains,
    /// It is it.
    Exact,
}

/// How a span must lie to the one that is looked for, as FHIR's prefixes have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeMatch {
    /// Within it.
    Eq,
    /// Not within it.
    Ne,
    /// Some of it before.
    Lt,
    /// Some of it before, or within.
    Le,
    /// Some of it after.
    Gt,
    /// Some of it after, or within.
    Ge,
    /// All of it after.
    After,
    /// All of it before.
    Before,
}

/// Where the values of a parameter are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Codes, identifiers, references, URIs.
    Tokens,
    /// Texts.
    Texts,
    /// Times and measures.
    Ranges,
}

impl Values {
    /// The table of them.
    pub(crate) const fn table(self) -> &'static str {
        match self {
            Self::Tokens => "resource_token",
            Self::Texts => "resource_string",
            Self::Ranges => "resource_range",
        }
    }
}

/// What a resource must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Criterion {
    /// One of these holds; none of none does.
    Any(Vec<Criterion>),
    /// It does not hold.
    Not(Box<Criterion>),
    /// A token that few have, as a rule; others belong into the query's own list.
    Token(TokenFilter),
    /// A text.
    #[expect(missing_docs, reason = "the names say it")]
    Text { param: String, how: TextMatch, text: String },
    /// A span, of this unit if one is named.
    #[expect(missing_docs, reason = "the names say it")]
    Range { param: String, how: RangeMatch, low: i64, high: i64, unit: Option<CodeFilter> },
    /// Some value of the parameter.
    Present(Values, String),
    /// When it was written.
    #[expect(missing_docs, reason = "the names say it")]
    Written { how: RangeMatch, low: Instant, high: Instant },
    /// One of these ids.
    Ids(Vec<String>),
    /// It belongs to the record of this patient.
    OfPatient(String),
    /// What `param` refers to is a `kind` of which all of these hold.
    #[expect(missing_docs, reason = "the names say it")]
    Chained { param: String, kind: String, all: Vec<Criterion> },
    /// Some `kind` refers to it by `param`, and all of these hold of that one.
    #[expect(missing_docs, reason = "the names say it")]
    Referred { kind: String, param: String, all: Vec<Criterion> },
}

impl Criterion {
    /// Whether few resources are like that in any hospital, as a rule.
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

/// What a list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortBy {
    /// When it was true of the patient.
    Effective,
    /// When it was written.
    Updated,
    /// Its id.
    Id,
    /// The first of its values for a parameter, or the last if descending. What has
    /// none stands where the least value would.
    Value(Values, String),
}

/// One order of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub by: SortBy,
    /// Largest first.
    pub descending: bool,
}

/// Which resources of a type. All filters must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceQuery {
    /// FHIR type.
    pub kind: String,
    /// Only of this patient's record.
    pub patient_id: Option<String>,
    /// Only of these patients' records, if it is said; so also of everything that a
    /// criterion leads to.
    pub within: Option<Vec<String>>,
    /// Only these; empty for all.
    pub ids: Vec<String>,
    /// Only with these; the most telling first.
    pub tokens: Vec<TokenFilter>,
    /// Only effective then or later.
    pub from: Option<Instant>,
    /// Only effective before then.
    pub until: Option<Instant>,
    /// Only written then or later.
    pub updated_from: Option<Instant>,
    /// Only of which these hold.
    pub criteria: Vec<Criterion>,
    /// Newest first by when it was true, if it is empty.
    pub sort: Vec<Sort>,
    /// Nothing that falls into one of these.
    pub withheld: Compartments,
    /// Nor anything that a criterion leads to and that falls into one of these.
    pub withheld_beyond: Compartments,
}

/// A value that a list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SortKey {
    /// A moment, or a measure.
    Int(i64),
    /// Anything else.
    Text(String),
}

/// Where a sorted list goes on: the last row of the page before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// One for each order of the list.
    pub keys: Vec<SortKey>,
    /// Tells rows that are sorted alike apart.
    pub id: String,
}

/// Resources of all types, by type and id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordQuery {
    /// Only of this patient's record.
    pub patient_id: Option<String>,
    /// Only of these types; empty for all.
    pub kinds: Vec<String>,
    /// Only written then or later.
    pub updated_from: Option<Instant>,
    /// Nothing that falls into one of these.
    pub withheld: Compartments,
    /// What is gone, instead of what is there.
    pub deleted: bool,
}

/// `AND` it is one of these. By system, so that each is a list of codes, which an index
/// is asked for one by one.
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

/// `AND` the resource with this alias is in none of these compartments. Whatever
/// joins another table of resources says it of that one too, or what is withheld
/// shows in what is found.
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
