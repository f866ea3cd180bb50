//! Errors of use cases: a stable code and details for the caller, and separately the context for
//! the log.

use std::fmt;

use serde_json::{Map, Value, json};
use xinglin_domain::{
    attachment::MediaError,
    billing::{BillingError, cash::CashError},
    capitation::year::YearError,
    code::Code,
    consent::ConsentError,
    conversation::ConversationError,
    emergency_access::EmergencyAccessError,
    encounter::EncounterError,
    enrolment::{CareError, ProposalError},
    identity::DecideError,
    item_order::ItemOrderError,
    ledger::LedgerError,
    machine::Refused,
    organisation::OrganisationError,
    patient::NotTreatable,
    prescription::{Barred, RxError},
    pricing::sale::SaleError,
    registration::RelationError,
    time::Instant,
};
use xinglin_fhir::{FhirError, outcome, search::SearchError};
use xinglin_plugin::{CallFailure, PluginError, ReplayError};

impl From<CareError> for AppError {
    fn from(error: CareError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<MediaError> for AppError {
    fn from(error: MediaError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<Box<CallFailure>> for AppError {
    fn from(failure: Box<CallFailure>) -> Self {
        Self::new(failure.code.code(), failure.message.clone())
            .with("plugin", &failure.plugin)
            .with("version", failure.version.to_string())
            .with("hook", &failure.hook)
            .with("call", failure.call)
            .with("hint", &failure.hint)
            .because(failure)
    }
}

impl From<BillingError> for AppError {
    fn from(error: BillingError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl<T> From<Refused<T, BillingError>> for AppError {
    fn from(refused: Refused<T, BillingError>) -> Self {
        refused.error.into()
    }
}

impl From<CashError> for AppError {
    fn from(error: CashError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<ItemOrderError> for AppError {
    fn from(error: ItemOrderError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl<T> From<Refused<T, CashError>> for AppError {
    fn from(refused: Refused<T, CashError>) -> Self {
        refused.error.into()
    }
}

impl From<ConsentError> for AppError {
    fn from(error: ConsentError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<ConversationError> for AppError {
    fn from(error: ConversationError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<NotTreatable> for AppError {
    fn from(error: NotTreatable) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<EncounterError> for AppError {
    fn from(error: EncounterError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl<T> From<Refused<T, EncounterError>> for AppError {
    fn from(refused: Refused<T, EncounterError>) -> Self {
        refused.error.into()
    }
}

impl From<ProposalError> for AppError {
    fn from(error: ProposalError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// A refused or failed use case.
#[derive(Debug)]
pub struct AppError {
    /// The stable code.
    pub code: Code,
    /// Details for the caller. Never contains internals.
    pub detail: String,
    /// Further members of the problem document, for example `findings`.
    pub members: Box<Map<String, Value>>,
    /// As OperationOutcome, if it is more precise than code and detail.
    pub outcome: Option<Box<Value>>,
    /// For the log only.
    pub context: Option<String>,
}

/// The result of every use case.
pub type AppResult<T> = Result<T, AppError>;

impl AppError {
    /// A refusal with details for the caller.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), members: Box::default(), outcome: None, context: None }
    }

    /// An internal error: the caller gets the code only, the rest is logged.
    pub fn internal(context: impl fmt::Display) -> Self {
        Self::new(Code::Internal, "").because(context)
    }

    /// Does not exist, or not for this caller.
    pub fn not_found(what: &str, id: impl fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("no {what} `{id}`"))
    }

    /// Parses the time in a field of the body or URL.
    ///
    /// # Errors
    /// `BODY_INVALID`, naming the field, if it is not a time.
    pub fn time(field: &str, text: &str) -> AppResult<Instant> {
        let unread =
            || Self::new(Code::BodyInvalid, format!("{field}: `{text}` is no date or time")).with("path", field);
        Instant::parse(text).ok_or_else(unread)
    }

    /// Adds context for the log.
    #[must_use]
    pub fn because(mut self, context: impl fmt::Display) -> Self {
        self.context = Some(context.to_string());
        self
    }

    /// As a FHIR OperationOutcome.
    pub fn operation_outcome(&self) -> Value {
        let issue_type = match self.code.class().status() {
            400 | 422 => "invalid",
            401 => "login",
            403 => "forbidden",
            404 => "not-found",
            409 | 412 => "conflict",
            410 => "deleted",
            503 => "transient",
            _ => "exception",
        };
        let told = || outcome::of_refusal(issue_type, self.code.as_str(), &self.detail);
        self.outcome.as_deref().cloned().unwrap_or_else(told)
    }

    /// Adds a member to the problem document.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl serde::Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.members.insert(member.to_owned(), value);
        }
        self
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)?;
        match &self.context {
            Some(context) => write!(f, " ({context})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for AppError {}

impl From<xinglin_store::StoreError> for AppError {
    fn from(error: xinglin_store::StoreError) -> Self {
        use xinglin_store::StoreError as E;
        match &error {
            E::NotFound { what, id } => Self::not_found(what, id),
            E::VersionConflict { what, id } => {
                Self::new(Code::VersionConflict, format!("{what} `{id}` has changed since it was read"))
            }
            E::Unique { table } => {
                Self::new(Code::AlreadyExists, format!("there is such an entry in `{table}` already"))
            }
            E::Invalid { detail } => Self::new(Code::BodyInvalid, detail.clone()),
            E::Frozen => Self::new(Code::TenantFrozen, "this hospital's records are in another's custody"),
            E::Contention | E::Unavailable(_) => Self::new(Code::StoreUnavailable, "").because(chain(&error)),
            E::PeriodClosed => Self::new(Code::LedgerClosed, "post to a day of a month that is open"),
            E::Unbalanced => Self::new(Code::LedgerUnbalanced, "").because(&error),
            E::AlreadyReversed { .. } => Self::new(Code::PayAlreadyReversed, error.to_string()),
            _ => Self::internal(chain(&error)),
        }
    }
}

/// An error with all its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl From<EmergencyAccessError> for AppError {
    fn from(error: EmergencyAccessError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<LedgerError> for AppError {
    fn from(error: LedgerError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<SaleError> for AppError {
    fn from(error: SaleError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<YearError> for AppError {
    fn from(error: YearError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<PluginError> for AppError {
    fn from(error: PluginError) -> Self {
        let code = error.code();
        if code == Code::Internal {
            return Self::internal(error);
        }
        Self::new(code, error.to_string())
    }
}

impl From<DecideError> for AppError {
    fn from(error: DecideError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<RxError> for AppError {
    fn from(error: RxError) -> Self {
        match error {
            RxError::Barred { line, why } => {
                let detail = format!("line {line}: {why}");
                Self { detail, ..why.into() }
            }
            error => Self::new(error.code(), error.to_string()),
        }
    }
}

impl From<Barred> for AppError {
    fn from(why: Barred) -> Self {
        let error = Self::new(why.code(), why.to_string());
        match why {
            Barred::Forbidden(forbidden) => error.with("forbidden", forbidden),
            Barred::Unclassified(_) | Barred::Kind(_) | Barred::Doubtful(_) => error,
        }
    }
}

impl<T> From<Refused<T, RxError>> for AppError {
    fn from(refused: Refused<T, RxError>) -> Self {
        refused.error.into()
    }
}

impl From<FhirError> for AppError {
    fn from(error: FhirError) -> Self {
        let issues: Vec<Value> = error
            .issues()
            .map(|issue| json!({ "code": issue.kind.code(), "path": issue.path, "message": issue.message }))
            .collect();
        let mut refusal = Self::new(Code::FhirInvalid, error.to_string()).with("issues", issues);
        refusal.outcome = Some(Box::new(outcome::of_error(&error)));
        refusal
    }
}

impl From<OrganisationError> for AppError {
    fn from(error: OrganisationError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<RelationError> for AppError {
    fn from(error: RelationError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<ReplayError> for AppError {
    fn from(error: ReplayError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<SearchError> for AppError {
    fn from(SearchError(issue): SearchError) -> Self {
        let name = issue.path.trim_start_matches("http.");
        let mut refusal = Self::new(Code::BodyInvalid, format!("`{name}`: {}", issue.message)).with("parameter", name);
        let told = outcome::of_parameter(name, issue.kind.code(), refusal.code.as_str(), &refusal.detail);
        refusal.outcome = Some(Box::new(told));
        refusal
    }
}
