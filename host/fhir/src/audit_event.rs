//! Audit entries as FHIR R4 AuditEvent, by the IHE BALP profile.

use serde_json::{Value, json};
use xinglin_domain::{
    audit::{Access, Act, Who},
    consent::Purpose,
};

const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";

const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";

const ENTITY: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";

const OBJECT_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";

/// The entry with this sequence number.
pub fn audit_event(seq: i64, access: &Access) -> Value {
    let search = access.patients.len() != 1;
    let (profile, interaction, action) = match access.act {
        Act::Read if search => ("IHE.BasicAudit.Query", "search-type", "E"),
        Act::Read => ("IHE.BasicAudit.PatientRead", "read", "R"),
        Act::Write => ("IHE.BasicAudit.PatientUpdate", "update", "U"),
        Act::Disclose => ("IHE.BasicAudit.PrivacyDisclosure.Source", "operation", "R"),
    };
    let (zone, reason) = match access.purpose {
        Purpose::Treatment if access.emergency => (ACT_REASON, "BTG"),
        Purpose::Treatment => (ACT_REASON, "TREAT"),
        Purpose::Payment => (ACT_REASON, "HPAYMT"),
        Purpose::Safety => (ACT_REASON, "PATSFTY"),
        Purpose::Research => (ACT_REASON, "HRESCH"),
        Purpose::Family => (ACT_REASON, "FAMRQT"),
        Purpose::Organisation => (ACT_REASON, "PATRQT"),
    };
    let agent = match &access.who {
        Who::Person { account, roles } => json!({
            "type": { "coding": [{ "system": DICOM, "code": "110153", "display": "Source Role ID" }] },
            "role": roles.iter().map(|role| json!({ "text": role })).collect::<Vec<_>>(),
            "who": { "identifier": { "value": account } },
            "requestor": true,
        }),
        Who::Plugin { id, call } => json!({
            "type": { "coding": [{ "system": DICOM, "code": "110150", "display": "Application" }] },
            "who": { "identifier": { "value": id } },
            "requestor": true,
            "altId": call,
        }),
    };
    let patients = access.patients.iter().map(|patient| {
        json!({
            "what": { "reference": format!("Patient/{patient}") },
            "type": { "system": ENTITY, "code": "1", "display": "Person" },
            "role": { "system": OBJECT_ROLE, "code": "1", "display": "Patient" },
        })
    });
    let target = json!({
        "type": { "system": ENTITY, "code": "2", "display": "System Object" },
        "role": { "system": OBJECT_ROLE, "code": "24", "display": "Query" },
        "description": access.target,
    });
    let mut event = json!({
        "resourceType": "AuditEvent",
        "id": seq.to_string(),
        "meta": { "profile": [format!("https://profiles.ihe.net/ITI/BALP/StructureDefinition/{profile}")] },
        "type": { "system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest" },
        "subtype": [{ "system": "http://hl7.org/fhir/restful-interaction", "code": interaction }],
        "action": action,
        "recorded": access.at.to_string(),
        "outcome": if access.refused.is_some() { "4" } else { "0" },
        "purposeOfEvent": [{ "coding": [{ "system": zone, "code": reason }] }],
        "agent": [agent],
        "source": { "observer": { "display": "Xinglin" } },
        "entity": patients.chain([target]).collect::<Vec<_>>(),
    });
    if let Some(refused) = &access.refused {
        event["outcomeDesc"] = json!(refused);
    }
    if !access.request.is_empty() {
        let request = json!({
            "what": { "identifier": { "value": access.request } },
            "type": { "system": "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", "code": "XrequestId" },
        });
        if let Some(entities) = event["entity"].as_array_mut() {
            entities.push(request);
        }
    }
    event
}
