//! Claims put to verifiers, and what is made of their answers. Failure class: closed. A
//! verifier that broke, ran late or could not decide leaves a claim as it was.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
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
use xinglin_extensions::{Extensions, call::Calls, plugin};
use xinglin_fhir::person;
use xinglin_platform::{AppError, AppResult, Caller, Platform, document, standing::standing};
use xinglin_records::real_name::{self, lock};
use xinglin_runtime::{CallFailure, IdentityField, Interface, Plugin};
use xinglin_store::{Account, CertificateNumber, Install, StoreError};

use crate::{
    account::AccountView,
    practice::{self, DecisionView, Numbers, by_hand, certificate, put_standing},
    suspension,
};

/// What somebody who looked at a patient's documents found.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RealNameJudgement {
    /// Whether the patient is who the record says.
    pub verified: bool,
    /// What was seen, or what is wrong.
    pub reason: String,
    /// It is to be looked at again then.
    #[serde(default)]
    pub until: Option<String>,
}

/// Whether a patient is who the record says.
#[derive(Serialize, ToSchema)]
pub struct RealNameView {
    /// `pat-…`
    pub patient: String,
    /// `unverified`, `pending`, `verified`, `lapsed` or `refused`.
    pub state: &'static str,
    /// Who decided last, if anybody did.
    pub decision: Option<DecisionView>,
}

/// What a verifier is asked.
enum Claim {
    Credential(CredentialClaim),
    Person(PersonClaim),
}

/// Under what the host tells a verifier again what it answered before.
const REFERENCE: &str = "xinglin.reference";

/// Puts what is not decided of an account's certificates to the verifiers.
///
/// # Errors
/// If the caller may not, or the account is their own. What a verifier does is none.
pub async fn check_certificates(
    extensions: &Extensions,
    caller: &Caller,
    tenant: TenantId,
    id: AccountId,
) -> AppResult<AccountView> {
    suspension::other_account(&extensions.platform, caller, tenant, id, Action::ManageAccounts).await?;
    ask_of_certificates(extensions, caller, tenant, id).await?;
    AccountView::of(extensions.platform.store().tenant(tenant).get_account(id).await?, caller.now)
}

/// Asks the verifiers after an account was opened or got more to show: certificates,
/// and the patients it acts for. The account is there, whatever they do.
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

/// Asks every verifier about each certificate that is still open.
pub(crate) async fn ask_of_certificates(
    extensions: &Extensions,
    caller: &Caller,
    tenant: TenantId,
    id: AccountId,
) -> AppResult<()> {
    let records = extensions.platform.store().tenant(tenant);
    let verifiers = plugin::playing(extensions, &records, Interface::Verifier).await?;
    if verifiers.is_empty() {
        return Ok(());
    }
    let row = records.get_account(id).await?;
    let numbers = records.list_certificate_numbers(id).await?;
    let card = card_of(&extensions.platform, &row, &numbers)?;
    for one in standing(&row)?.certificates {
        let State::Submitted { pending } = one.state() else { continue };
        let number = practice::number_of(&extensions.platform, tenant, &numbers, &one)?;
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

/// Asks one verifier after the other, puts the calls on tape, and says what comes of
/// their answers. One that a policy is against says nothing.
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

/// What the verifiers said of one certificate, unless somebody decided it meanwhile.
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
        Some(card) => Ok(practice::number_of(platform, row.tenant, numbers, card)?.parse().ok()),
        None => Ok(None),
    }
}

/// What is known of a patient's real name.
///
/// # Errors
/// If the caller may not, or there is no such patient.
pub async fn get_real_name(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    patient: PatientId,
) -> AppResult<RealNameView> {
    let (_, name, _) = patient_to_judge(platform, caller, tenant, patient).await?;
    Ok(view(patient, name, caller.now))
}

/// Decides by hand whether a patient is who the record says. The record says who did.
///
/// # Errors
/// If the caller may not, or acts for the patient; `BODY_INVALID` without a reason.
pub async fn judge_real_name(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    patient: PatientId,
    judgement: RealNameJudgement,
) -> AppResult<RealNameView> {
    let (person, _, version) = patient_to_judge(platform, caller, tenant, patient).await?;
    let RealNameJudgement { verified, reason, until } = judgement;
    let name = RealName::Decided(by_hand(caller, verified, &reason, until.as_deref())?);
    put_real_name(platform, caller, (tenant, patient, version), &person, &name, None).await?;
    Ok(view(patient, name, caller.now))
}

/// Puts a patient's real name to the verifiers.
///
/// # Errors
/// If the caller may not, or there is no such patient. What a verifier does is none.
pub async fn check_real_name(
    extensions: &Extensions,
    caller: &Caller,
    tenant: TenantId,
    patient: PatientId,
) -> AppResult<RealNameView> {
    let (person, name, version) = patient_to_judge(&extensions.platform, caller, tenant, patient).await?;
    let name = ask_of_person(extensions, caller, (tenant, patient, version), &person, name).await?;
    Ok(view(patient, name, caller.now))
}

/// Asks every verifier whether a patient is who the record says.
pub(crate) async fn ask_of_person(
    extensions: &Extensions,
    caller: &Caller,
    (tenant, patient, version): (TenantId, PatientId, i64),
    person: &Value,
    before: RealName,
) -> AppResult<RealName> {
    let records = extensions.platform.store().tenant(tenant);
    let verifiers = plugin::playing(extensions, &records, Interface::Verifier).await?;
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

async fn put_real_name(
    platform: &Platform,
    caller: &Caller,
    (tenant, patient, version): (TenantId, PatientId, i64),
    person: &Value,
    name: &RealName,
    calls: Option<&Calls<'_>>,
) -> AppResult<()> {
    let body = serde_json::to_value(name).map_err(AppError::internal)?;
    let tx = platform.store().tenant(tenant).begin().await?;
    lock(&tx, patient).await?;
    // Of whom it was decided, and not of whom the record speaks by now.
    let now = document::value(&tx.get_resource("Patient", &patient.to_string()).await?)?;
    if !person::is_same(person, &now) {
        return Err(StoreError::VersionConflict { what: "patient", id: patient.to_string() }.into());
    }
    tx.put_real_name(&xinglin_store::RealName { patient, body, version, updated_at: caller.now }).await?;
    if let Some(calls) = calls {
        calls.write(&tx).await?;
    }
    tx.commit().await?;
    let (state, by) = (name.word(caller.now), caller.actor.account);
    tracing::info!(%tenant, %patient, state, %by, "a real name was looked into");
    Ok(())
}

/// A patient's resource and what was decided of it, for who may judge: nobody judges
/// those they act for.
async fn patient_to_judge(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    patient: PatientId,
) -> AppResult<(Value, RealName, i64)> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    caller.trail.saw(patient);
    if caller.actor.patients.contains(&patient) || caller.actor.acts_for(patient) {
        return Err(AppError::new(Code::AuthForbidden, "nobody judges those they act for; ask a colleague"));
    }
    let found = platform.store().tenant(tenant).get_resource("Patient", &patient.to_string()).await;
    let person = match found {
        Ok(found) if !found.deleted => document::value(&found)?,
        Ok(_) | Err(StoreError::NotFound { .. }) => return Err(AppError::not_found("patient", patient)),
        Err(error) => return Err(error.into()),
    };
    let (name, version) = real_name::real_name(platform, tenant, patient).await?;
    Ok((person, name, version))
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

/// What a call says, if it says anything.
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

/// What a verifier answered before, told again.
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

fn view(patient: PatientId, name: RealName, now: Instant) -> RealNameView {
    let state = name.word(now);
    let decision = match name {
        RealName::Decided(decision) => Some(decision.into()),
        RealName::Unverified | RealName::Pending(_) => None,
    };
    RealNameView { patient: patient.to_string(), state, decision }
}
