//! A payer of a patient: a scheme that decides bills (`xinglin:payment/payer`), or an insurer that
//! decides claims line by line (`xinglin:payment/claims`). Both are asked the same, and answer the same.

use std::sync::Arc;

use xinglin_domain::{
    billing::{
        Allocation, BillingError, Claim, Contract, PayerKind, Told,
        allocation::check_accumulators,
        claim::{Pending, Settling, Share, Unknown},
        discount::check_discount,
        insured,
    },
    code::Code,
    id::PatientId,
    insurance::{
        self, Balance, Fault, InsurerError, Policy,
        claims::{Adjudication as Decided, Asked, Predetermined, Response},
    },
    payer::{
        self, Adjudication, Authorization, Authorized, Bill, Operation, PayerError, Quoted, Reversal, Reversed,
        Settlement, Status,
    },
    time::Instant,
};
use xinglin_extensions::{Extensions, call::Calls, install};
use xinglin_platform::{AppError, AppResult, boxed, grant};
use xinglin_runtime::{Interface, Mistake, Plugin};
use xinglin_store::{Executor, Install, Tenant, TenantScope};

use crate::coverage;

/// A loaded payer with what covers one patient, for a service given at one time.
pub(super) struct Payer {
    pub(super) install: Install,
    plugin: Arc<Plugin>,
    /// What it is told of the patient, and so by which contract.
    pub(super) told: Told,
    /// The most that the hospital gives up by its contract with it, in thousandths.
    pub(super) discount_per_mille: u16,
}

/// The payer cannot be asked now: what the patient hears, whatever the cause, which is logged.
pub(super) fn unavailable(cause: impl std::fmt::Display) -> AppError {
    AppError::new(
        Code::PayUnavailable,
        "the insurer cannot be asked now; nothing was charged: try again later, or pay without insurance (`self_pay`)",
    )
    .because(cause)
}

/// The payer's mistake, if the error is one.
fn mistake<T>(checked: Result<T, BillingError>) -> Option<Mistake> {
    let error = checked.err()?;
    Some(Mistake { field: error.field()?, what: error.to_string() })
}

/// What an insurer says of itself as a payer says it.
fn error(error: InsurerError) -> PayerError {
    match error {
        InsurerError::NotDone(what) => PayerError::Unavailable(what),
        InsurerError::Conflict(what) => PayerError::Conflict(what),
        InsurerError::MissingData(what) => PayerError::MissingData(what),
        InsurerError::Unknown(what) | InsurerError::Other(what) => PayerError::Other(what),
    }
}

/// A decision whose figures fail their checks: nothing that could be agreed to, so that it is taken back. It
/// draws on nothing.
fn nonsense(decided: Decided) -> Adjudication {
    let decided = Decided { draws: Vec::new(), ..decided };
    Adjudication {
        lines: Vec::new(),
        parts: Vec::new(),
        accumulators: Vec::new(),
        citation: decided.citation.clone(),
        attributes: Vec::new(),
        insured: Some(Box::new(decided)),
    }
}

/// A decision of an insurer on a bill.
fn settlement(bill: &Bill, policy: &Policy, eob: insurance::claims::ExplanationOfBenefit) -> Settlement {
    let insurance::claims::ExplanationOfBenefit { reference, adjudication } = eob;
    let sound = insured::claim_of(bill).is_ok_and(|claim| adjudication.check(&claim, policy).is_ok());
    let whole = sound.then(|| insured::adjudicated(bill, adjudication.clone()).ok()).flatten();
    Settlement { reference, adjudication: whole.unwrap_or_else(|| nonsense(adjudication)) }
}

impl Payer {
    fn new(install: Install, plugin: Arc<Plugin>, told: Told) -> AppResult<Self> {
        let discount_per_mille = grant::discount_per_mille(&install)?;
        Ok(Self { install, plugin, told, discount_per_mille })
    }

    /// How it would share a bill. Changes nothing.
    pub(super) async fn quote(
        &self,
        extensions: &Extensions,
        calls: &mut Calls<'_>,
        (bill, kind): (&Bill, PayerKind),
    ) -> AppResult<Result<Quoted, PayerError>> {
        let context = calls.context(&self.install, &self.plugin)?;
        let (runtime, now) = (extensions.runtime(), bill.served_at);
        match &self.told {
            Told::Coverage(coverage) => {
                let judge = |answer: &Result<Quoted, PayerError>| match answer {
                    Ok(Quoted::Covered(adjudication)) => {
                        let within = check_discount(bill, adjudication, self.discount_per_mille);
                        mistake(Allocation::check(bill, adjudication, kind).and(within))
                    }
                    _ => None,
                };
                let call = runtime.quote(&self.plugin, context, (bill, coverage), now, &judge).await;
                calls.took(&self.install, call).await
            }
            Told::Policy(policy) => {
                let claim = insured::claim_of(bill)?;
                let judge = |answer: &Result<Predetermined, InsurerError>| match answer {
                    Ok(Predetermined::Covered(decided)) => {
                        decided.check_discount(&claim, self.discount_per_mille).err().map(Mistake::from)
                    }
                    _ => None,
                };
                let call = runtime.predetermine(&self.plugin, context, (&claim, policy), now, &judge).await;
                Ok(match calls.took(&self.install, call).await? {
                    Ok(Predetermined::Covered(decided)) => Ok(Quoted::Covered(insured::adjudicated(bill, decided)?)),
                    Ok(Predetermined::Declined(why)) => Ok(Quoted::Declined(why)),
                    Err(why) => Err(error(why)),
                })
            }
        }
    }

    /// Whether it stands for a bill. Insurers are not asked: they decide when they settle.
    pub(super) async fn authorize(
        &self,
        extensions: &Extensions,
        calls: &mut Calls<'_>,
        (operation, bill): (&Operation, &Bill),
    ) -> AppResult<Result<Authorized, PayerError>> {
        let Told::Coverage(coverage) = &self.told else {
            let nothing = Authorization { reference: String::new(), expires: operation.at };
            return Ok(Ok(Authorized::Granted(nothing)));
        };
        let context = calls.context(&self.install, &self.plugin)?;
        let call = extensions.runtime().authorize(&self.plugin, context, operation, bill, coverage).await;
        calls.took(&self.install, call).await
    }

    /// Settles a bill.
    pub(super) async fn settle(
        &self,
        extensions: &Extensions,
        calls: &mut Calls<'_>,
        (operation, authorization): (&Operation, &Authorization),
        settling: &Claim<Settling>,
    ) -> AppResult<Result<payer::Settled, PayerError>> {
        let context = calls.context(&self.install, &self.plugin)?;
        let (runtime, bill) = (extensions.runtime(), settling.bill_sent());
        match &self.told {
            Told::Coverage(coverage) => {
                let judge = |answer: &Result<payer::Settled, PayerError>| match answer {
                    Ok(payer::Settled::Done(settlement)) => mistake(settling.check(settlement)),
                    _ => None,
                };
                let asked = (operation, authorization);
                let call = runtime.settle(&self.plugin, context, asked, &bill, coverage, &judge).await;
                calls.took(&self.install, call).await
            }
            Told::Policy(policy) => {
                let claim = insured::claim_of(&bill)?;
                let judge = |answer: &Result<Response, InsurerError>| {
                    let asked = Asked::Submit { claim: &claim, policy };
                    answer.as_ref().ok().and_then(|response| response.check(asked).err()).map(Mistake::from)
                };
                let call = runtime.submit_claim(&self.plugin, context, operation, &claim, policy, &judge).await;
                Ok(match calls.took(&self.install, call).await? {
                    Ok(Response::Adjudicated(eob)) => Ok(payer::Settled::Done(settlement(&bill, policy, eob))),
                    Ok(Response::Refused(why)) => Ok(payer::Settled::Refused(why)),
                    // It is asked again what became of it.
                    Ok(Response::Pending(_) | Response::Cancelled(_)) => Err(PayerError::Other("pending".to_owned())),
                    Err(why) => Err(error(why)),
                })
            }
        }
    }

    /// What became of an operation.
    pub(super) async fn query(
        &self,
        extensions: &Extensions,
        calls: &mut Calls<'_>,
        operation: &Operation,
        unknown: &Claim<Unknown>,
    ) -> AppResult<Result<Status, PayerError>> {
        let context = calls.context(&self.install, &self.plugin)?;
        let runtime = extensions.runtime();
        let policy = match &self.told {
            Told::Coverage(_) => {
                let judge = |answer: &Result<Status, PayerError>| match answer {
                    Ok(status) => mistake(unknown.check(status)),
                    Err(_) => None,
                };
                let call = runtime.query(&self.plugin, context, operation, &judge).await;
                return calls.took(&self.install, call).await;
            }
            Told::Policy(policy) => policy,
        };
        let bill = unknown.bill_sent();
        let claim = insured::claim_of(&bill)?;
        // It was decided under the policy of then; what others have used up since does not make it wrong.
        let unlimited = |balance: &Balance| Balance { limit: None, ..balance.clone() };
        let policy = &Policy { balances: policy.balances.iter().map(unlimited).collect(), ..policy.clone() };
        let settles = matches!(unknown.state().pending, Pending::Settle(_));
        let judge = |answer: &Result<Option<Response>, InsurerError>| {
            let asked = if settles { Asked::Submit { claim: &claim, policy } } else { Asked::Cancel };
            let checked = answer.as_ref().map_or(Ok(()), |now| Response::check_status(now.as_ref(), asked, None));
            checked.err().map(|fault: Fault| Mistake::from(fault))
        };
        let call = runtime.claim_status(&self.plugin, context, operation, None, &judge).await;
        Ok(match calls.took(&self.install, call).await? {
            Ok(None) => Ok(Status::NeverSeen),
            Ok(Some(Response::Adjudicated(eob))) => Ok(Status::Settled(settlement(&bill, policy, eob))),
            Ok(Some(Response::Pending(_))) => Ok(Status::Pending),
            Ok(Some(Response::Refused(why))) => Ok(Status::Refused(why)),
            Ok(Some(Response::Cancelled(cancelled))) => {
                Ok(Status::Reversed(Reversal { reference: cancelled.reference, accumulators: Vec::new() }))
            }
            Err(why) => Err(error(why)),
        })
    }

    /// Reverses a settlement as a whole.
    pub(super) async fn reverse(
        &self,
        extensions: &Extensions,
        calls: &mut Calls<'_>,
        (operation, settlement): (&Operation, &Settlement),
    ) -> AppResult<Result<Reversed, PayerError>> {
        let context = calls.context(&self.install, &self.plugin)?;
        let runtime = extensions.runtime();
        match &self.told {
            Told::Coverage(coverage) => {
                let judge = |answer: &Result<Reversed, PayerError>| match answer {
                    Ok(Reversed::Done(reversal)) => mistake(check_accumulators(&reversal.accumulators)),
                    _ => None,
                };
                let call = runtime.reverse(&self.plugin, context, operation, settlement, coverage, &judge).await;
                calls.took(&self.install, call).await
            }
            Told::Policy(policy) => {
                let judge = |answer: &Result<Response, InsurerError>| {
                    answer.as_ref().ok().and_then(|response| response.check(Asked::Cancel).err()).map(Mistake::from)
                };
                let reference = settlement.reference.as_str();
                let call = runtime.cancel_claim(&self.plugin, context, operation, reference, policy, &judge).await;
                Ok(match calls.took(&self.install, call).await? {
                    Ok(Response::Cancelled(cancelled)) => {
                        Ok(Reversed::Done(Reversal { reference: cancelled.reference, accumulators: Vec::new() }))
                    }
                    Ok(Response::Refused(why)) => Ok(Reversed::Refused(why)),
                    Ok(Response::Pending(_) | Response::Adjudicated(_)) => Err(PayerError::Other("pending".to_owned())),
                    Err(why) => Err(error(why)),
                })
            }
        }
    }
}

/// The payers of a patient that can be called, in the order in which they are asked: basic insurance,
/// then commercial ones; only those that are named, if any are. Their figures are those of the benefit year
/// of the service. No other plugin is loaded.
pub(super) async fn find_payers<E: Executor>(
    extensions: &Extensions,
    records: &TenantScope<E>,
    (patient, served_at): (PatientId, Instant),
    named: Option<&[String]>,
) -> AppResult<Vec<(PayerKind, Payer)>> {
    let mut payers = Vec::new();
    for (row, membership) in coverage::of_patient(records, patient).await? {
        if named.is_some_and(|named| !named.contains(&row.payer)) {
            continue;
        }
        let Some((install, plugin)) = install::enabled(extensions, records, &row.payer).await? else { continue };
        // An insurer that could be asked either way decides claims.
        let contracts = [Contract::Claims, Contract::Payer];
        let Some(contract) = contracts.into_iter().find(|contract| speaks(&plugin, *contract)) else { continue };
        let Some(told) = membership.told(contract, served_at) else {
            tracing::warn!(payer = row.payer, "an insurer is not asked: the patient's policy is not on file");
            continue;
        };
        payers.push((grant::payer_kind(&install)?, Payer::new(install, plugin, told)?));
    }
    payers.sort_by_key(|(kind, _)| *kind != PayerKind::BasicInsurance);
    Ok(payers)
}

fn speaks(plugin: &Plugin, contract: Contract) -> bool {
    plugin.interfaces().contains(&match contract {
        Contract::Payer => Interface::Payer,
        Contract::Claims => Interface::Claims,
    })
}

/// The payer of a share, asked by the contract by which it quoted, whatever else it speaks since.
///
/// # Errors
/// `PAY_UNAVAILABLE` if it cannot be called: disabled, recalled, not to be loaded, or if it does not speak
/// that contract any more.
#[boxed]
pub(super) async fn payer_of(
    extensions: &Extensions,
    records: &Tenant,
    (patient, served_at): (PatientId, Instant),
    share: &Share,
) -> AppResult<Payer> {
    let (named, contract) = (share.payer(), share.told().contract());
    let (install, plugin) = match install::enabled(extensions, records, named).await {
        Ok(Some((install, _))) if install.recalled.is_some() => {
            return Err(unavailable(format!("the payer `{named}` of this bill was recalled")));
        }
        Ok(Some((_, plugin))) if !speaks(&plugin, contract) => {
            return Err(unavailable(format!("`{named}` is not asked by {contract:?} any more, by which it quoted")));
        }
        Ok(Some(found)) => found,
        Ok(None) => return Err(unavailable(format!("the payer `{named}` of this bill is not enabled any more"))),
        Err(error) if error.code == Code::StoreUnavailable => return Err(error),
        Err(error) => return Err(unavailable(error)),
    };
    let memberships = coverage::of_patient(records, patient).await?;
    let membership = memberships.iter().find(|(row, _)| row.payer == named);
    // What it was told remains true of what it was asked then, whatever is on file now.
    let now = membership.and_then(|(_, membership)| membership.told(contract, served_at));
    Payer::new(install, plugin, now.unwrap_or_else(|| share.told().clone()))
}
