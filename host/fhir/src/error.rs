//! What is wrong with FHIR that came in, and where.

use std::fmt;

use thiserror::Error;

/// The kind of an [`Issue`], as FHIR's `issue-type` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IssueKind {
    /// The JSON has another shape than FHIR wants.
    Structure,
    /// Something that must be there is not.
    Required,
    /// A value is not of its type.
    Value,
    /// A code is not in the required value set.
    CodeInvalid,
    /// The same thing twice.
    Duplicate,
    /// FHIR allows it, this server does not.
    NotSupported,
}

impl IssueKind {
    /// The code in `http://hl7.org/fhir/issue-type`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Required => "required",
            Self::Value => "value",
            Self::CodeInvalid => "code-invalid",
            Self::Duplicate => "duplicate",
            Self::NotSupported => "not-supported",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{path}: {message}")]
pub struct Issue {
    /// What kind of thing.
    pub kind: IssueKind,
    /// Where, in the way of FHIRPath: `Bundle.entry[12].resource.birthDate`.
    pub path: String,
    /// What, for the people who made it.
    pub message: String,
}

/// FHIR that was refused. Stable code [`FhirError::CODE`]; holds at least one
/// issue and, so that hopeless input gets a readable answer, at most a hundred.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}: {first}{}", Self::CODE, more(.rest.len()))]
pub struct FhirError {
    first: Issue,
    rest: Vec<Issue>,
}

fn more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" (and {count} more)") }
}

impl FhirError {
    /// The stable code.
    pub const CODE: &'static str = "FHIR_INVALID";

    /// What is wrong, in the order of the document.
    pub fn issues(&self) -> impl Iterator<Item = &Issue> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

/// Collects issues while a document is read.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Issue>);

impl Findings {
    const MOST: usize = 100;

    pub fn add(&mut self, at: At<'_>, kind: IssueKind, message: impl Into<String>) {
        if self.0.len() < Self::MOST {
            self.0.push(Issue { kind, path: at.to_string(), message: message.into() });
        }
    }

    /// `value`, if nothing was found.
    pub fn or<T>(self, value: T) -> Result<T, FhirError> {
        match self.into_error() {
            None => Ok(value),
            Some(error) => Err(error),
        }
    }

    pub fn into_error(self) -> Option<FhirError> {
        let mut issues = self.0.into_iter();
        let first = issues.next()?;
        Some(FhirError { first, rest: issues.collect() })
    }

    pub fn extend(&mut self, error: &FhirError) {
        let room = Self::MOST.saturating_sub(self.0.len());
        self.0.extend(error.issues().take(room).cloned());
    }
}

/// A place in a document, written out only when there is something to say about
/// it: a chain of borrowed steps on the stack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a> {
    parent: Option<&'a At<'a>>,
    step: Step<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Field(&'a str),
    Item(usize),
}

impl<'a> At<'a> {
    pub const fn root(name: &'a str) -> Self {
        Self { parent: None, step: Step::Field(name) }
    }

    pub const fn field<'b>(&'b self, name: &'b str) -> At<'b> {
        At { parent: Some(self), step: Step::Field(name) }
    }

    pub const fn item<'b>(&'b self, index: usize) -> At<'b> {
        At { parent: Some(self), step: Step::Item(index) }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Item(index) => write!(f, "[{index}]"),
            Step::Field(name) => {
                let dot = if self.parent.is_some() { "." } else { "" };
                // A field name may come from the document: keep the path short.
                let end = name.char_indices().nth(64).map_or(name.len(), |(end, _)| end);
                write!(f, "{dot}{}", &name[..end])
            }
        }
    }
}
