//! FHIR projections of questions to insurers. What a question discloses of a restricted compartment, its
//! answer does too.

use serde_json::Value;
use xinglin_domain::{
    billing::request::{Ask, Request, State},
    insurance::preauthorization::Decision,
    time::Instant,
};
use xinglin_fhir::insurance::{self, Question};
use xinglin_records::resource;

/// Of a question in its state. Appeals are told by the bill's own resources.
pub(super) fn of(request: &Request, now: Instant) -> Vec<Value> {
    let patient = request.patient.to_string();
    let question = Question {
        id: request.id,
        tenant: request.tenant,
        patient: &patient,
        payer: &request.payer,
        claim: request.ask.claim(),
        at: request.at,
    };
    let resources = match &request.ask {
        Ask::Appeal { .. } => Vec::new(),
        Ask::Eligibility(_) => {
            let answer = match &request.state {
                State::Answered(standing) => Some(insurance::eligibility_response(&question, standing, now)),
                _ => None,
            };
            std::iter::once(insurance::eligibility_request(&question)).chain(answer).collect()
        }
        Ask::Guarantee(_) => {
            let decision = match &request.state {
                State::Guaranteed { guarantee, whole: true } => Some(Decision::Approved(guarantee.clone())),
                State::Guaranteed { guarantee, whole: false } => Some(Decision::Partial(guarantee.clone())),
                State::Waiting { pending, .. } => Some(Decision::Pending(pending.clone())),
                State::Refused(why) => Some(Decision::Refused(why.clone())),
                State::Cancelled => Some(Decision::Cancelled),
                _ => None,
            };
            let ended = matches!(
                request.state,
                State::Cancelled | State::Completed { .. } | State::Closed { .. } | State::NotDone { .. }
            );
            let answer = decision.map(|decision| insurance::guarantee_response(&question, &decision, now));
            std::iter::once(insurance::guarantee_request(&question, ended)).chain(answer).collect()
        }
    };
    resource::marked(resources, request.labels())
}
