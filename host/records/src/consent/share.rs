use xinglin_domain::{
    code::Code,
    compartment::Compartments,
    consent::{Consent, Recipient, Scope},
    enrolment::Enrolment,
    part::{Part, PathwayParts},
    sharing::{may_consent, with_kin},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, acting, boxed, document::Stored, grant, organisation};

use super::{access::of_patient, record_access};

/// Checks a consent to show parts of a pathway, or a danger, to somebody who does not treat the patient. Other consents
/// pass.
///
/// # Errors
/// `NOT_FOUND` if there is no such enrolment that the caller may know of, or no such organisation; `CONSENT_INVALID` if
/// another person consents for the patient, the compartments are not those of the pathway, or the organisation is not
/// told this; `ORGANISATION_STATE` if it is closed.
#[boxed]
pub(super) async fn may_share(platform: &Platform, caller: &Caller, consent: &Consent) -> AppResult<()> {
    let invalid = |detail: &str| AppError::new(Code::ConsentInvalid, detail);
    let pathway = match consent.terms.scope {
        Scope::Pathway(pathway) => Some(pathway),
        Scope::Danger => None,
        Scope::Record | Scope::Compartment(_) | Scope::Identity => return Ok(()),
    };
    let records = platform.records(caller);
    let consenters = acting::consenters(&records, consent.patient, caller.now).await?;
    if let Some(PathwayParts { enrolment, compartments, .. }) = pathway {
        let none = || AppError::not_found("enrolment", enrolment);
        let Stored::<_, Enrolment> { value, .. } = records.get_document(enrolment).await?.try_into()?;
        if value.patient != consent.patient {
            return Err(none());
        }
        let labels = grant::compartments(&records.get_install(&value.plugin).await?)?;
        // The guardian of an adolescent consents to what they know of.
        let account = caller.actor.account;
        let knows = labels.is_empty()
            || caller.actor.acts_wholly_for(consent.patient)
            || record_access(platform, caller, consent.patient).await?.shows(labels)
            || {
                let consents = of_patient(&records, consent.patient).await?;
                let shared = with_kin(&consents, account, (enrolment, labels), &consenters, caller.now);
                shared.parts.contains(Part::Status)
            };
        if !knows {
            return Err(none());
        }
        if compartments != labels {
            return Err(invalid(&format!("compartments: this pathway lies in {}", named(labels))));
        }
    }
    let to_organisation = matches!(consent.terms.recipient, Recipient::Organisation(_));
    may_consent(&consenters, consent.as_guardian, to_organisation).map_err(invalid)?;
    if let (Recipient::Organisation(id), Some(PathwayParts { parts, .. })) = (&consent.terms.recipient, pathway) {
        let organisation = organisation::parse(records.get_organisation(*id).await?)?;
        if !organisation.is_open() {
            return Err(AppError::new(Code::OrganisationState, "it is told nothing any more"));
        }
        if !organisation.takes(parts) {
            return Err(invalid("parts: a school is told `status`, and an employer `counted`"));
        }
    }
    Ok(())
}

fn named(labels: Compartments) -> String {
    let names: Vec<&str> = labels.iter().map(|one| one.as_str()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
