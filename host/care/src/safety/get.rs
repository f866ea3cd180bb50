use serde_json::{Value, json};
use xinglin_domain::{access::Action, id::ContactId, relation::Kind};
use xinglin_platform::{
    AppResult, Caller, Platform,
    acting::{born, parse},
    boxed, document,
    document::Stored,
};

use super::{SafetyContactView, load, view};

/// One contact, with whom else to tell: guardians, emergency contacts, and the contacts that the patient's
/// record names.
///
/// # Errors
/// If the caller may not speak with patients in danger; `NOT_FOUND`.
#[boxed]
pub async fn get(platform: &Platform, caller: &Caller, id: ContactId) -> AppResult<SafetyContactView> {
    caller.may(Action::EndSafetyContact)?;
    let records = platform.records(caller);
    let Stored { value: contact, .. } = load(&records, id).await?;
    caller.trail.saw(contact.patient);
    let person = document::value(&records.get_resource("Patient", &contact.patient.to_string()).await?)?;
    let born = born(&records, contact.patient).await?;
    let mut kin = Vec::new();
    for row in records.list_relations(&contact.patient.to_string(), false).await? {
        let relation = parse(row)?;
        let told = matches!(relation.terms.kind, Kind::Guardian | Kind::EmergencyContact);
        if told && relation.holds(born, caller.now) {
            let related = records.get_resource("RelatedPerson", &relation.id.to_string()).await?;
            let related = document::value(&related)?;
            kin.push(json!({
                "kind": relation.terms.kind, "tie": relation.terms.tie, "account": relation.person,
                "name": related["name"][0]["text"], "telecom": related["telecom"],
            }));
        }
    }
    let named = person["contact"].as_array().into_iter().flatten();
    kin.extend(named.map(|contact| -> Value {
        json!({ "kind": "named_in_record", "tie": contact["relationship"], "name": contact["name"],
                "telecom": contact["telecom"] })
    }));
    Ok(SafetyContactView { kin: Some(kin), ..view(&contact, caller.now)? })
}
