//! Calls of an insurer's plugin, and what follows from the answers.

use xinglin_care::pathway::Occasion;
use xinglin_domain::{
    billing::request::{Ask, Request, Sent, State, Verb},
    code::Code,
    consent::Purpose,
    insurance::{
        InsurerError, Policy,
        claims::{Adjudication, Asked as AskedOfClaims, Response},
        eligibility::Standing,
        preauthorization::{Asked, Decision},
    },
    time::Instant,
};
use xinglin_extensions::{
    Extensions,
    call::{CallView, Calls},
};
use xinglin_platform::{AppError, AppResult, boxed};
use xinglin_records::resource;
use xinglin_runtime::{Interface, Mistake};
use xinglin_store::{Tenant, TenantTx};

use super::{Row, project, update};
use crate::{charge, coverage, insurer::Insurer};

/// The interface that a question is asked by.
pub(super) const fn role_of(ask: &Ask) -> Interface {
    match ask {
        Ask::Eligibility(_) => Interface::Eligibility,
        Ask::Guarantee(_) => Interface::Preauthorization,
        Ask::Appeal { .. } => Interface::Claims,
    }
}

/// Whether the plugin was never started.
const fn never_sent(error: &AppError) -> bool {
    matches!(
        error.code,
        Code::PluginBusy | Code::PluginResting | Code::PluginInterface | Code::PluginCapability | Code::PluginState
    )
}

/// The policy as it was before a decision drew on it.
fn before(policy: &Policy, former: &Adjudication) -> Policy {
    let undrawn = |balance: &xinglin_domain::insurance::Balance| {
        let drawn = former.draws.iter().find(|draw| balance.is_of(draw));
        drawn.and_then(|draw| balance.given_back(draw).ok()).unwrap_or_else(|| balance.clone())
    };
    Policy { balances: policy.balances.iter().map(undrawn).collect(), ..policy.clone() }
}

/// An answer on a guarantee, checked.
fn check_decision(request: &Request, sent: &Sent, decision: &Decision) -> Option<Mistake> {
    let asked = match sent.verb {
        Verb::Submit => Asked::Submit(request.ask.claim(), sent.operation.at),
        Verb::Cancel => Asked::Cancel,
    };
    decision.check(asked).err().map(Mistake::from)
}

/// An answer on an appeal, checked.
fn check_response(request: &Request, response: &Response) -> Option<Mistake> {
    let Ask::Appeal { objection, claim, former } = &request.ask else { return None };
    let policy = before(&request.policy, former);
    let asked = AskedOfClaims::Appeal { reference: &objection.reference, claim, policy: &policy };
    // An appeal takes no more discount than the decision that it is against.
    let more = match response {
        Response::Adjudicated(anew) => {
            let pairs = former.lines.iter().zip(&anew.adjudication.lines);
            pairs.filter(|(was, is)| is.contractual > was.contractual).map(|(_, is)| is).next()
        }
        _ => None,
    };
    let more = more.map(|line| Mistake {
        field: format!("lines[{}].contractual", line.number),
        what: "more than before the appeal".to_owned(),
    });
    response.check(asked).err().map(Mistake::from).or(more)
}

/// What was answered.
enum Answer {
    Standing(Standing),
    Decision(Decision),
    Response(Response),
}

impl Answer {
    /// Whether it makes sense. What does not is asked about again: the insurer may have acted.
    fn is_sound(&self, request: &Request, sent: &Sent) -> bool {
        match self {
            // The runtime has refused what is not.
            Self::Standing(_) => true,
            Self::Decision(decision) => check_decision(request, sent, decision).is_none(),
            Self::Response(response) => check_response(request, response).is_none(),
        }
    }

    fn applied(self, request: Request) -> Request {
        match self {
            Self::Standing(standing) => request.stood(standing),
            Self::Decision(decision) => request.decided(decision),
            Self::Response(response) => request.responded(response),
        }
    }
}

/// Asks the insurer for the first time, or once more under the same key.
async fn call(
    extensions: &Extensions,
    calls: &mut Calls<'_>,
    insurer: &Insurer,
    (request, sent): (&Request, &Sent),
    now: Instant,
) -> AppResult<Result<Answer, InsurerError>> {
    let Insurer { install, plugin } = insurer;
    let context = calls.context(install, plugin)?;
    let (runtime, policy) = (extensions.runtime(), &request.policy);
    match (&request.ask, sent.verb) {
        (Ask::Eligibility(claim), _) => {
            let call = runtime.check_eligibility(plugin, context, claim, policy, now).await;
            Ok(calls.took(install, call).await?.map(Answer::Standing))
        }
        (Ask::Guarantee(claim), Verb::Submit) => {
            let judge = |answer: &Result<Decision, InsurerError>| {
                answer.as_ref().ok().and_then(|decision| check_decision(request, sent, decision))
            };
            let call = runtime.request_guarantee(plugin, context, &sent.operation, claim, policy, &judge).await;
            Ok(calls.took(install, call).await?.map(Answer::Decision))
        }
        (Ask::Guarantee(_), Verb::Cancel) => {
            let judge = |answer: &Result<Decision, InsurerError>| {
                answer.as_ref().ok().and_then(|decision| check_decision(request, sent, decision))
            };
            let reference = request.reference().unwrap_or_default();
            let call = runtime.cancel_guarantee(plugin, context, &sent.operation, reference, policy, &judge).await;
            Ok(calls.took(install, call).await?.map(Answer::Decision))
        }
        (Ask::Appeal { objection, .. }, _) => {
            let judge = |answer: &Result<Response, InsurerError>| {
                answer.as_ref().ok().and_then(|response| check_response(request, response))
            };
            let call = runtime.appeal_claim(plugin, context, &sent.operation, objection, policy, &judge).await;
            Ok(calls.took(install, call).await?.map(Answer::Response))
        }
    }
}

/// Asks what became of an operation; `None` if the insurer has never seen it.
async fn status(
    extensions: &Extensions,
    calls: &mut Calls<'_>,
    insurer: &Insurer,
    (request, sent): (&Request, &Sent),
) -> AppResult<Result<Option<Answer>, InsurerError>> {
    let Insurer { install, plugin } = insurer;
    let context = calls.context(install, plugin)?;
    let (runtime, reference) = (extensions.runtime(), request.reference_read());
    match &request.ask {
        // It changes nothing, so it may be asked again.
        Ask::Eligibility(_) => Ok(Ok(None)),
        Ask::Guarantee(_) => {
            let judge = |answer: &Result<Option<Decision>, InsurerError>| match answer {
                Ok(Some(decision)) => check_decision(request, sent, decision),
                Ok(None) | Err(_) => None,
            };
            let call = runtime.guarantee_status(plugin, context, &sent.operation, reference, &judge).await;
            Ok(calls.took(install, call).await?.map(|known| known.map(Answer::Decision)))
        }
        Ask::Appeal { .. } => {
            let judge = |answer: &Result<Option<Response>, InsurerError>| match answer {
                Ok(Some(response)) => check_response(request, response),
                Ok(None) | Err(_) => None,
            };
            let call = runtime.claim_status(plugin, context, &sent.operation, reference, &judge).await;
            Ok(calls.took(install, call).await?.map(|known| known.map(Answer::Response)))
        }
    }
}

fn calls_of<'a>(extensions: &'a Extensions, request: &Request, occasion: &Occasion) -> Calls<'a> {
    let calls = Calls::new(extensions, request.tenant, &occasion.request_id, occasion.now);
    let calls = calls.of(request.patient, Purpose::Payment).about(request.id).restricted(!request.labels().is_empty());
    match request.bill {
        Some(bill) => calls.about(bill),
        None => calls,
    }
}

/// Sends an operation that was just stored, and stores the answer.
///
/// # Errors
/// If the answer cannot be stored: then the job asks what became of it.
#[boxed]
pub(super) async fn send(
    extensions: &Extensions,
    records: &Tenant,
    (row, request): (Row, Request),
    insurer: &Insurer,
    occasion: &Occasion,
) -> AppResult<(Request, Vec<CallView>)> {
    let platform = &extensions.platform;
    let Some(sent) = request.sent().cloned() else { return Err(AppError::internal("nothing to send")) };
    if !charge::is_still_in_time(row.updated_at, platform.now()) {
        // The job may be asking about it at any moment.
        return Ok((request, Vec::new()));
    }
    let mut calls = calls_of(extensions, &request, occasion);
    let answered = call(extensions, &mut calls, insurer, (&request, &sent), occasion.now).await;
    let now = platform.now();
    let next = match answered {
        Ok(Ok(answer)) if answer.is_sound(&request, &sent) => answer.applied(request),
        Ok(Ok(_)) => request.unanswered(now),
        Ok(Err(error)) => request.failed(&error, now),
        Err(error) if never_sent(&error) => request.failed(&InsurerError::NotDone(error.to_string()), now),
        Err(error) => {
            tracing::warn!(request = %request.id, %error, "an insurer gave no answer");
            request.unanswered(now)
        }
    };
    keep(records, row, next, calls, now).await
}

/// Asks what became of an operation, and sends it again if the insurer has never seen it.
#[boxed]
pub(super) async fn ask_after(
    extensions: &Extensions,
    records: &Tenant,
    (row, request): (Row, Request),
    insurer: &Insurer,
    occasion: &Occasion,
) -> AppResult<()> {
    let platform = &extensions.platform;
    let Some(sent) = request.sent().cloned() else { return Ok(()) };
    let mut calls = calls_of(extensions, &request, occasion);
    let answered = status(extensions, &mut calls, insurer, (&request, &sent)).await;
    let now = platform.now();
    let (next, sends) = match answered {
        Ok(Ok(Some(answer))) if answer.is_sound(&request, &sent) => (answer.applied(request), false),
        Ok(Ok(None)) if matches!(request.state, State::Sent(_)) => request.never_seen(),
        // Seen before, and denied now; or nonsense.
        Ok(Ok(_)) => (request.unanswered(now), false),
        Ok(Err(_)) | Err(_) => (request.unanswered(now), false),
    };
    if !sends {
        return keep(records, row, next, calls, now).await.map(drop);
    }
    let tx = records.begin().await?;
    let row = update(&tx, row, &next, now).await?;
    calls.write(&tx).await?;
    tx.commit().await?;
    send(extensions, records, (row, next), insurer, occasion).await.map(drop)
}

/// Stores the next state with its effects.
async fn keep(
    records: &Tenant,
    row: Row,
    next: Request,
    calls: Calls<'_>,
    now: Instant,
) -> AppResult<(Request, Vec<CallView>)> {
    let tx = records.begin().await?;
    let views = calls.write(&tx).await?;
    effects(&tx, &next, now).await?;
    update(&tx, row, &next, now).await?;
    tx.commit().await?;
    Ok((next, views))
}

/// What an answer changes elsewhere: balances of the policy, the bill and its ledger, the record.
async fn effects(tx: &TenantTx, request: &Request, now: Instant) -> AppResult<()> {
    match (&request.state, &request.ask) {
        (State::Answered(Standing::InForce(entitlement)), _) => {
            coverage::take_over(tx, (request.patient, &request.payer), &entitlement.balances, now).await?;
        }
        (State::DecidedAnew(decided), Ask::Appeal { .. }) => {
            charge::decide_anew(tx, request, decided, now).await?;
        }
        _ => {}
    }
    let resources = project::of(request, now);
    if !resources.is_empty() {
        resource::project(tx, resources, now).await?;
    }
    Ok(())
}
