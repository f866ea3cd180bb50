//! API views of questions to insurers.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    billing::request::{Request, State},
    coding::{Coding, LocalizedText},
    id::{BillId, EncounterId, InsuranceRequestId},
    insurance::{Refusal, eligibility::Standing},
    money::Money,
};
use xinglin_extensions::call::CallView;

use crate::coverage::NewBalance;

/// A question to an insurer, and its answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequestView {
    /// `ins-…`
    #[schema(value_type = String)]
    pub id: InsuranceRequestId,
    /// `eligibility`, `guarantee` or `appeal`.
    pub kind: &'static str,
    /// `SENT`, `UNKNOWN`, `PENDING`, `DOCUMENTS_WANTED`, `NOT_DONE`, `IN_FORCE`, `NOT_IN_FORCE`, `GRANTED`,
    /// `PARTIAL`, `DECIDED`, `REFUSED`, `CANCELLED`, `COMPLETED` or `CLOSED`.
    pub status: &'static str,
    /// Id of the insurer's plugin.
    pub payer: String,
    /// The bill.
    #[schema(value_type = Option<String>)]
    pub bill: Option<BillId>,
    /// The visit.
    #[schema(value_type = Option<String>)]
    pub encounter: Option<EncounterId>,
    /// When it was asked (RFC 3339). The answer is of then.
    pub at: String,
    /// The insurer's reference of what it gave.
    pub reference: Option<String>,
    /// Until when a guarantee holds (RFC 3339).
    pub expires: Option<String>,
    /// Kinds of documents that the insurer wants before it goes on.
    #[schema(value_type = Vec<Object>)]
    pub documents_wanted: Vec<Coding>,
    /// Line by line.
    pub lines: Vec<LineView>,
    /// Running figures of the policy, as the insurer has them.
    pub balances: Vec<NewBalance>,
    /// Why it is refused, or not in force.
    pub refusals: Vec<RefusalView>,
    /// Why nothing was done, or why a person ended it.
    pub reason: Option<String>,
    /// Plugin calls that this request made.
    pub calls: Vec<CallView>,
}

/// A line.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct LineView {
    /// Its number.
    pub number: u32,
    /// Whether it is covered at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub covered: Option<bool>,
    /// Whether it needs a guarantee of payment first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guarantee_required: Option<bool>,
    /// The most that is guaranteed of it, or what is paid of it, in fen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub amount_fen: Option<Money>,
    /// Kinds of documents to hand in with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub documents_wanted: Vec<Coding>,
    /// Why it is not covered, or less than was asked.
    pub reasons: Vec<RefusalView>,
}

/// A reason of the insurer.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusalView {
    /// The insurer's stable code.
    pub code: String,
    /// For people, by language.
    pub message: BTreeMap<String, String>,
}

fn said(text: &LocalizedText) -> BTreeMap<String, String> {
    text.0.iter().map(|one| (one.language.clone(), one.text.clone())).collect()
}

impl From<&Refusal> for RefusalView {
    fn from(why: &Refusal) -> Self {
        Self { code: why.code.clone(), message: said(&why.message) }
    }
}

fn reasons(why: &[Refusal]) -> Vec<RefusalView> {
    why.iter().map(RefusalView::from).collect()
}

/// The view of a question.
pub(super) fn view(request: &Request, calls: Vec<CallView>) -> RequestView {
    let mut told = RequestView {
        id: request.id,
        kind: request.ask.as_str(),
        status: request.state.as_str(),
        payer: request.payer.clone(),
        bill: request.bill,
        encounter: request.visit,
        at: request.at.to_string(),
        reference: request.reference().map(str::to_owned),
        expires: None,
        documents_wanted: Vec::new(),
        lines: Vec::new(),
        balances: Vec::new(),
        refusals: Vec::new(),
        reason: None,
        calls,
    };
    match &request.state {
        State::Sent(_) | State::Cancelled | State::Completed { .. } => {}
        State::Waiting { pending, .. } => told.documents_wanted.clone_from(&pending.documents_wanted),
        // What the plugin says is for operators; that nothing was done is for everybody.
        State::NotDone { .. } => told.reason = Some("the insurer could not be asked; nothing was done".to_owned()),
        State::Closed { reason, .. } => told.reason = Some(reason.clone()),
        State::Refused(why) | State::Answered(Standing::NotInForce(why)) => told.refusals = reasons(why),
        State::Answered(Standing::InForce(entitlement)) => {
            told.lines = entitlement
                .benefits
                .iter()
                .map(|benefit| LineView {
                    number: benefit.number,
                    covered: Some(benefit.excluded.is_empty()),
                    guarantee_required: Some(benefit.preauthorization_required),
                    amount_fen: None,
                    documents_wanted: benefit.documents_wanted.clone(),
                    reasons: reasons(&benefit.excluded),
                })
                .collect();
            told.balances = entitlement.balances.iter().cloned().map(NewBalance::from).collect();
        }
        State::Guaranteed { guarantee, .. } => {
            told.expires = Some(guarantee.expires.to_string());
            told.lines = guarantee
                .lines
                .iter()
                .map(|line| LineView {
                    number: line.number,
                    amount_fen: Some(line.amount),
                    reasons: reasons(&line.reasons),
                    ..LineView::default()
                })
                .collect();
        }
        State::DecidedAnew(decided) => {
            told.lines = decided
                .adjudication
                .lines
                .iter()
                .map(|line| LineView {
                    number: line.number,
                    amount_fen: Some(line.benefit),
                    reasons: line
                        .reasons
                        .iter()
                        .map(|reason| RefusalView { code: reason.code.code.clone(), message: said(&reason.message) })
                        .collect(),
                    ..LineView::default()
                })
                .collect();
        }
    }
    told
}
