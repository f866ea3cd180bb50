//! Builds claims from open items, calls every enabled verifier, and folds the answers into one
//! decision.

use std::sync::Arc;

use serde_json::Value;
use xinglin_domain::{
    coding::{Attribute, AttributeValue},
    consent::Purpose,
    id::{AccountId, CertificateId, PatientId, TenantId},
    id_number::IdNumber,
    identity::{
        CredentialClaim, Decider, Decision, Evidence, Folded, NumberFacts, Outcome, Pending, PersonClaim, RealName,
        Truth, Verifier, VerifyError, fold,
    },
    practice::{Certificate, Kind, State, id_facts},
    time::Instant,
};
use xinglin_extensions::{Extensions, call::Calls, install};
use xinglin_fhir::person;
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document, standing::standing};
use xinglin_records::real_name;
use xinglin_runtime::{CallFailure, IdentityField, Interface, Plugin};
use xinglin_store::{Account, CertificateNumber, Install};

use super::put_real_name;
use crate::account::certificate::{self, Numbers, certificate, put_standing};

/// A request to a verifier.
enum Claim {
    Credential(CredentialClaim),
    Person(PersonClaim),
}

/// The key of a verifier's earlier answer, which is passed to it again.
const REFERENCE: &str = "xinglin.reference";

/// Calls the verifiers after an account was created or got new certificates: for its
/// certificates and the patients it acts for. The account exists whatever they answer.
#[boxed]
pub(crate) async fn hear_verifiers(extensions: &Extensions, caller: &Caller, tenant: TenantId, id: AccountId) {
    let asked = async {
        ask_of_certificates(extensions, caller, tenant, id).await?;
        let row = extensions.platform.store().tenant(tenant).get_account(id).await?;
        for patient in standing(&row)?.patients {
            let (name, version) = real_name::real_name(&extensions.platform, tenant, patient).await?;
            if name.level(caller.now).is_none() {
                let person =
                    extensions.platform.store().tenant(tenant).get_resource("Patient", &patient.to_string()).await?;
                let person = document::value(&person)?;
                ask_of_person(extensions, caller, (tenant, patient, version), &person, name).await?;
            }
        }
        Ok::<_, AppError>(())
    };
    if let Err(error) = asked.await {
        tracing::error!(%error, %tenant, account = %id, "what was submitted could not be put to the verifiers");
    }
}

/// Calls every verifier for each undecided certificate.
#[boxed]
pub(crate) async fn ask_of_certificates(
    extensions: &Extensions,
    caller: &Caller,
    tenant: TenantId,
    id: AccountId,
) -> AppResult<()> {
    let records = extensions.platform.store().tenant(tenant);
    let verifiers = install::playing(extensions, &records, Interface::Verifier).await?;
    if verifiers.is_empty() {
        return Ok(());
    }
    let row = records.get_account(id).await?;
    let numbers = records.list_certificate_numbers(id).await?;
    let card = card_of(&extensions.platform, &row, &numbers)?;
    for one in standing(&row)?.certificates {
        let State::Submitted { pending } = one.state() else { continue };
        let number = certificate::number_of(&extensions.platform, tenant, &numbers, &one)?;
        let mut calls = Calls::new(extensions, tenant, &caller.request_id, caller.now).about(id).about(one.id);
        let claim = |install: &Install| {
            let facts = one.kind().facts(&number, card.as_ref());
            let subject = extensions.platform.keys().pseudonym_of_account(tenant, &install.plugin_id, id);
            let mut claim = credential_claim(&one, subject, row.roles.clone(), facts, caller.now);
            let asked = pending.iter().filter(|pending| pending.plugin == install.plugin_id);
            claim.attributes.extend(asked.map(again));
            Claim::Credential(claim)
        };
        let folded = ask_all(extensions, &mut calls, &verifiers, claim, caller.now).await?;
        write_certificate(&extensions.platform, caller, (tenant, id, one.id), folded, &calls).await?;
    }
    Ok(())
}

/// Calls the verifiers one after the other, records the calls on tape, and folds their
/// answers. One that a policy forbids has no answer.
async fn ask_all(
    extensions: &Extensions,
    calls: &mut Calls<'_>,
    verifiers: &[(Install, Arc<Plugin>)],
    claim: impl Fn(&Install) -> Claim,
    now: Instant,
) -> AppResult<Folded> {
    let mut answers = Vec::with_capacity(verifiers.len());
    for (install, plugin) in verifiers {
        let context = match calls.context(install, plugin) {
            Ok(context) => context,
            Err(error) => {
                tracing::warn!(%error, "a verifier may not be called");
                answers.push(None);
                continue;
            }
        };
        let call = match claim(install) {
            Claim::Credential(claim) => extensions.runtime().verify_credential(plugin, context, &claim, now).await,
            Claim::Person(claim) => extensions.runtime().verify_person(plugin, context, &claim, now).await,
        };
        let tape = &call.tape;
        let by = Verifier { id: tape.plugin.clone(), digest: tape.digest.to_string(), call: tape.call };
        let answered = calls.note(vec![(install, call)]).await?;
        answers.extend(answered.into_iter().map(|answer| heard(by.clone(), answer)));
    }
    Ok(fold(answers))
}

/// Stores the verifiers' decision on one certificate, unless it was decided meanwhile.
async fn write_certificate(
    platform: &Platform,
    caller: &Caller,
    (tenant, account, which): (TenantId, AccountId, CertificateId),
    folded: Folded,
    calls: &Calls<'_>,
) -> AppResult<()> {
    let mut row = platform.store().tenant(tenant).get_account(account).await?;
    let mut standing = standing(&row)?;
    let found = certificate(&mut standing, which)?;
    // Whoever decided it by hand meanwhile looked at the document itself.
    let decided = match folded {
        Folded::Undecided => Ok(()),
        Folded::Pending(pending) => found.await_answer(pending),
        Folded::Decided(by, verdict) => found.decide(Decision { by: Decider::Plugin(by), at: caller.now, verdict }),
    };
    if decided.is_err() {
        return Ok(());
    }
    let release = Numbers::release(&standing, &[which]);
    let tx = platform.store().tenant(tenant).begin().await?;
    put_standing(&tx, &mut row, &standing, release, caller.now).await?;
    calls.write(&tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Number of the identity card, if one was submitted and not rejected, and it is one.
fn card_of(platform: &Platform, row: &Account, numbers: &[CertificateNumber]) -> AppResult<Option<IdNumber>> {
    let all = standing(row)?.certificates;
    match all.iter().rfind(|one| one.kind() == Kind::IdentityCard && !one.is_rejected()) {
        Some(card) => Ok(certificate::number_of(platform, row.tenant, numbers, card)?.parse().ok()),
        None => Ok(None),
    }
}

/// Calls every verifier for a patient's real name.
#[boxed]
pub(crate) async fn ask_of_person(
    extensions: &Extensions,
    caller: &Caller,
    (tenant, patient, version): (TenantId, PatientId, i64),
    person: &Value,
    before: RealName,
) -> AppResult<RealName> {
    let records = extensions.platform.store().tenant(tenant);
    let verifiers = install::playing(extensions, &records, Interface::Verifier).await?;
    if verifiers.is_empty() {
        return Ok(before);
    }
    let evidence = evidence_of(&extensions.platform, tenant, patient).await?;
    let mut calls = Calls::new(extensions, tenant, &caller.request_id, caller.now).of(patient, Purpose::Treatment);
    let claim = |install: &Install| {
        let subject = extensions.platform.keys().pseudonym(tenant, &install.plugin_id, patient);
        let mut claim = person_claim(person, subject, evidence.clone(), caller.now);
        if let RealName::Pending(pending) = &before {
            claim.attributes.extend((pending.plugin == install.plugin_id).then(|| again(pending)));
        }
        Claim::Person(claim)
    };
    let name = match ask_all(extensions, &mut calls, &verifiers, claim, caller.now).await? {
        Folded::Undecided => return Ok(before),
        // What was verified stays so until the register says otherwise.
        Folded::Pending(_) if before.level(caller.now).is_some() => return Ok(before),
        Folded::Pending(pending) => RealName::Pending(pending),
        Folded::Decided(by, verdict) => {
            RealName::Decided(Decision { by: Decider::Plugin(by), at: caller.now, verdict })
        }
    };
    put_real_name(&extensions.platform, caller, (tenant, patient, version), person, &name, Some(&calls)).await?;
    Ok(name)
}

/// What was shown when accounts were opened that act for the patient first of all.
async fn evidence_of(platform: &Platform, tenant: TenantId, patient: PatientId) -> AppResult<Vec<Evidence>> {
    let mut evidence = Vec::new();
    for row in platform.store().tenant(tenant).list_accounts_of(&patient.to_string()).await? {
        let Some(check) = standing(&row)?.identity.filter(|_| row.active) else { continue };
        let matches = if check.document_matches { 1000 } else { 0 };
        for (kind, per_mille) in [("name_and_number", matches), ("face", check.face_per_mille)] {
            evidence.push(Evidence { kind: kind.to_owned(), per_mille, source: "account".to_owned() });
        }
    }
    Ok(evidence)
}

/// The answer of a call, if any.
fn heard(by: Verifier, answer: Result<Result<Outcome, VerifyError>, Box<CallFailure>>) -> Option<(Verifier, Outcome)> {
    match answer {
        Ok(Ok(outcome)) => Some((by, outcome)),
        Ok(Err(undecided)) => {
            tracing::info!(plugin = by.id, call = %by.call, ?undecided, "a verifier could not decide");
            None
        }
        // It was logged when it was put on tape.
        Err(_) => None,
    }
}

/// A verifier's earlier answer.
fn again(pending: &Pending) -> Attribute {
    Attribute { key: REFERENCE.to_owned(), value: AttributeValue::Text(pending.reference.clone()) }
}

fn credential_claim(
    one: &Certificate,
    subject: String,
    roles: Vec<String>,
    number: NumberFacts,
    now: Instant,
) -> CredentialClaim {
    CredentialClaim {
        subject,
        kind: one.kind().as_str().to_owned(),
        roles,
        number,
        issued_by: one.issued_by.clone(),
        issued_on: one.issued_on,
        valid_until: one.valid_until,
        rank: one.document.rank().map(|rank| rank.as_str().to_owned()),
        scope: one.document.scope().to_vec(),
        institution: one.document.place().map(str::to_owned),
        // Of who says to begin later, none.
        practice_months: one.document.practising_since().map(|since| now.months_since(since).unwrap_or(0)),
        attributes: Vec::new(),
    }
}

fn person_claim(person: &Value, subject: String, evidence: Vec<Evidence>, now: Instant) -> PersonClaim {
    let (birth, number) = (person["birthDate"].as_str(), person::field(person, IdentityField::IdNumber));
    let facts = number.as_deref().map(|number| {
        let told = id_facts(number, None);
        let named = number.parse::<IdNumber>().ok().map(|number| number.birth_date());
        match named.zip(birth) {
            Some((named, birth)) => NumberFacts { birth: Truth::from(named == birth), ..told },
            None => told,
        }
    });
    let months = birth.and_then(Instant::parse).and_then(|born| now.months_since(born));
    PersonClaim {
        subject,
        document: number.map(|_| "identity_card".to_owned()).unwrap_or_default(),
        number: facts.unwrap_or_default(),
        age_years: months.and_then(|months| u16::try_from(months / 12).ok()),
        evidence,
        attributes: Vec::new(),
    }
}
