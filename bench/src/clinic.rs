//! A hospital of a measurement: its staff, and what is imported.

use serde_json::{Value, json};

use crate::{
    Result,
    server::{Api, PASSWORD, text},
};

/// Opens the account of a member of staff, whose login is the role; the numbers of the certificates differ by `number`.
///
/// # Errors
/// If the server refuses.
pub async fn hire(anyone: &Api, operator: &Api, tenant: &str, (role, number): (&str, usize)) -> Result<Api> {
    let mut account = json!({ "login": role, "password": PASSWORD, "roles": [role] });
    if ["doctor", "pharmacist"].contains(&role) {
        account["certificates"] = certificates(role, number).into();
        account["filings"] = json!([{ "basis": "main", "from": "2020-01-01", "state": "in_force" }]);
    }
    let accounts = format!("/api/v1/tenants/{tenant}/accounts");
    let opened = operator.post(&accounts, account).await?;
    let submitted: Vec<&Value> =
        opened["certificates"].as_array().into_iter().flatten().map(|one| &one["id"]).collect();
    if !submitted.is_empty() {
        let judgement = json!({ "certificates": submitted, "verified": true, "reason": "the originals were seen" });
        operator.post(&format!("{accounts}/{}/certificates/judge", text(&opened, "id")?), judgement).await?;
    }
    anyone.sign_in(Some(tenant), role).await
}

/// Imports resources in one transaction; `Type/id` of each. One may name another by the `fullUrl` `urn:uuid:…` of its
/// `id`.
///
/// # Errors
/// If the server refuses.
pub async fn import(caller: &Api, resources: &[Value]) -> Result<Vec<String>> {
    let entries: Vec<Value> = resources
        .iter()
        .map(|one| {
            let mut entry = json!({ "resource": one, "request": { "method": "POST", "url": one["resourceType"] } });
            if let Some(id) = one["id"].as_str() {
                entry["fullUrl"] = format!("urn:uuid:{id}").into();
            }
            entry
        })
        .collect();
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
    let answer = caller.post("/fhir/R4", bundle).await?;
    let entries = answer["entry"].as_array().ok_or("no entries")?;
    let located = |entry: &Value| -> Result<String> {
        let location = entry.pointer("/response/location").and_then(Value::as_str).ok_or("no location")?;
        let path = location.split("/_history").next().unwrap_or(location);
        let mut parts = path.rsplitn(3, '/');
        match (parts.next(), parts.next()) {
            (Some(id), Some(kind)) => Ok(format!("{kind}/{id}")),
            _ => Err(format!("{location} is no location").into()),
        }
    };
    entries.iter().map(located).collect()
}

fn certificates(role: &str, number: usize) -> Vec<Value> {
    let paper = |kind: &str, number: String, more: Value| {
        let mut paper = json!({
            "kind": kind, "number": number, "issued_by": "北京市卫生健康委员会", "issued_on": "2020-01-01",
            "valid_until": "2099-01-01",
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            paper[key] = value.clone();
        }
        paper
    };
    let title = json!({ "rank": "middle" });
    if role == "pharmacist" {
        return vec![paper("pharmacy_title", format!("{}", 8_000_000 + number), title)];
    }
    let card = "11010519491231002X";
    vec![
        paper("identity_card", card.to_owned(), json!({})),
        paper("doctor_qualification", format!("200511110{card}"), json!({})),
        paper(
            "doctor_practice",
            format!("{}", 110_000_000_000_000_usize + number),
            json!({ "scope": ["内科专业"], "institution": "City Hospital", "practising_since": "2010-01-01" }),
        ),
        paper("doctor_title", format!("{}", 7_000_000 + number), title),
    ]
}
