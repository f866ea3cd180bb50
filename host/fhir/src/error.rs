//! Validation errors of FHIR input, with their location.

use std::fmt;

use thiserror::Error;

/// The kind of an [`Issue`], by FHIR's `issue-type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IssueKind {
    /// The structure of the JSON is invalid.
    Structure,
    /// A required element is missing.
    Required,
    /// A value is invalid for its type.
    Value,
    /// A code is not in the required value set.
    CodeInvalid,
    /// A duplicate.
    Duplicate,
    /// Valid FHIR that this server does not support.
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

/// One error.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{path}: {message}")]
pub struct Issue {
    /// Kind of error.
    pub kind: IssueKind,
    /// Location as a FHIRPath: `Bundle.entry[12].resource.birthDate`.
    pub path: String,
    /// Description.
    pub message: String,
}

/// Refused FHIR. Stable code [`FhirError::CODE`]; contains at least one issue and at most a
/// hundred, so that the response stays readable.
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

    /// The issues, in document order.
    pub fn issues(&self) -> impl Iterator<Item = &Issue> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

/// Collects issues during validation.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Issue>);

impl Findings {
    const MOST: usize = 100;

    pub fn add(&mut self, at: At<'_>, kind: IssueKind, message: impl Into<String>) {
        if self.0.len() < Self::MOST {
            self.0.push(Issue { kind, path: at.to_string(), message: message.into() });
        }
    }

    /// `value`, if there are no issues.
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

/// A location in a document: a chain of borrowed steps on the stack, formatted only for an issue.
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
                // A field name may come from the document: shorten it.
                let end = name.char_indices().nth(64).map_or(name.len(), |(end, _)| end);
                write!(f, "{dot}{}", &name[..end])
            }
        }
    }
}
