//! Claims and questions of eligibility that an app submits (`Claim/$submit`,
//! `CoverageEligibilityRequest/$submit`), read strictly: what the host would not act upon is refused, not
//! ignored.
//!
//! A bill of the hospital is named by `identifier` with the system [`BILLS`]: the host prices it, so the
//! amounts of a claim must be the bill's.

use serde_json::Value;
use thiserror::Error;
use xinglin_domain::{
    coding::{Coding, Decimal},
    id::{BillId, BlobId, EncounterId, PatientId, PrescriptionId},
    money::Money,
};

use crate::read::{codings, id_of, items, text};

/// Identifiers of bills: `bill-…`.
pub const BILLS: &str = "urn:xinglin:bill";

/// Extension of a Claim with `use` = claim: what the patient agrees to pay, as Money.
pub const AGREED: &str = "urn:xinglin:patient-agrees-to-pay";

/// Extension of a Claim with `use` = claim: that the patient has read the risk notice, as boolean.
pub const RISK: &str = "urn:xinglin:risk-acknowledged";

/// Why it is not acted upon.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{path}: {what}")]
pub struct Unread {
    /// FHIRPath.
    pub path: &'static str,
    /// What is wrong.
    pub what: &'static str,
}

const fn unread(path: &'static str, what: &'static str) -> Unread {
    Unread { path, what }
}

/// What a claim is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// To be paid.
    Claim,
    /// For a guarantee of payment.
    Preauthorization,
    /// How it would be shared.
    Predetermination,
}

/// A line of a submitted claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its number.
    pub sequence: u32,
    /// What it is.
    pub codes: Vec<Coding>,
    /// How many; 1 if it is not said.
    pub quantity: Decimal,
    /// What is charged, if it is said.
    pub net: Option<Money>,
}

/// A submitted claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// What it is for.
    pub for_what: Use,
    /// The patient.
    pub patient: PatientId,
    /// Id of the insurer's Organization; the Claim must name one unless it is to be paid.
    pub insurer: Option<String>,
    /// The bill.
    pub bill: Option<BillId>,
    /// The prescription that is to be quoted.
    pub prescription: Option<PrescriptionId>,
    /// Lines.
    pub items: Vec<Item>,
    /// Total, if it is said.
    pub total: Option<Money>,
    /// Papers: their kind and attachment.
    pub documents: Vec<(Coding, BlobId)>,
    /// What the patient agrees to pay.
    pub agreed: Option<Money>,
    /// Whether the patient has read the risk notice.
    pub risk_acknowledged: bool,
}

/// A submitted question of eligibility.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The patient.
    pub patient: PatientId,
    /// Id of the insurer's Organization.
    pub insurer: String,
    /// The bill.
    pub bill: Option<BillId>,
    /// The visit.
    pub visit: Option<EncounterId>,
}

fn referred<'a>(resource: &'a Value, name: &str, kind: &str) -> Option<&'a str> {
    id_of(text(resource.get(name)?, "reference")?, kind)
}

fn patient(resource: &Value) -> Result<PatientId, Unread> {
    referred(resource, "patient", "Patient")
        .and_then(|id| id.parse().ok())
        .ok_or(unread("patient", "must be a Patient of this hospital"))
}

fn bill(resource: &Value) -> Result<Option<BillId>, Unread> {
    let named = items(resource, "identifier").iter().find(|one| text(one, "system") == Some(BILLS));
    let Some(named) = named else { return Ok(None) };
    let parsed = text(named, "value").and_then(|value| value.parse().ok());
    parsed.map(Some).ok_or(unread("identifier", "is no bill of this hospital"))
}

/// An amount in yuan, exactly in fen.
fn money(of: &Value) -> Option<Money> {
    if text(of, "currency").is_some_and(|currency| currency != Money::CURRENCY) {
        return None;
    }
    let value: Decimal = of.get("value")?.as_number()?.to_string().parse().ok()?;
    let scale = u32::from(value.scale());
    let hundred = value.unscaled().checked_mul(100)?;
    let divisor = 10_i64.checked_pow(scale)?;
    (hundred % divisor == 0).then(|| Money::fen(hundred / divisor))
}

fn amount(of: Option<&Value>, path: &'static str) -> Result<Option<Money>, Unread> {
    of.map(|of| money(of).ok_or(unread(path, "is not whole fen in CNY"))).transpose()
}

fn item(of: &Value) -> Result<Item, Unread> {
    const UNSUPPORTED: [&str; 5] = ["detail", "modifier", "bodySite", "programCode", "subSite"];
    if UNSUPPORTED.into_iter().any(|name| of.get(name).is_some()) {
        return Err(unread("item", "details and modifiers are not supported"));
    }
    let sequence = of.get("sequence").and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    let quantity = match of.get("quantity") {
        None => Decimal::whole(1),
        Some(quantity) => {
            let value =
                quantity.get("value").and_then(Value::as_number).and_then(|value| value.to_string().parse().ok());
            value.ok_or(unread("item.quantity", "is no number"))?
        }
    };
    let codes = of.get("productOrService").map(codings).unwrap_or_default();
    if codes.is_empty() {
        return Err(unread("item.productOrService", "has no code"));
    }
    Ok(Item {
        sequence: sequence.ok_or(unread("item.sequence", "is missing"))?,
        codes,
        quantity,
        net: amount(of.get("net"), "item.net")?,
    })
}

fn document(of: &Value) -> Result<(Coding, BlobId), Unread> {
    let wrong = unread("supportingInfo", "must have a code and a Binary of the patient");
    let kind = of.get("code").map(codings).and_then(|codes| codes.into_iter().next()).ok_or(wrong.clone())?;
    let blob = referred(of, "valueReference", "Binary").and_then(|id| id.parse().ok()).ok_or(wrong)?;
    Ok((kind, blob))
}

fn extension<'a>(resource: &'a Value, url: &str, value: &str) -> Option<&'a Value> {
    items(resource, "extension").iter().find(|one| text(one, "url") == Some(url))?.get(value)
}

/// Reads a Claim.
///
/// # Errors
/// What of it the host would not act upon.
pub fn claim(resource: &Value) -> Result<Submitted, Unread> {
    if text(resource, "resourceType") != Some("Claim") {
        return Err(unread("resourceType", "must be Claim"));
    }
    if text(resource, "status") != Some("active") {
        return Err(unread("status", "must be active"));
    }
    let for_what = match text(resource, "use") {
        Some("claim") => Use::Claim,
        Some("preauthorization") => Use::Preauthorization,
        Some("predetermination") => Use::Predetermination,
        _ => return Err(unread("use", "must be claim, preauthorization or predetermination")),
    };
    for (name, path) in [("related", "related"), ("accident", "accident"), ("referral", "referral")] {
        if resource.get(name).is_some() {
            return Err(unread(path, "is not supported"));
        }
    }
    let prescription = referred(resource, "prescription", "MedicationRequest").map(|id| {
        // `rx-…-1` is the first line of `rx-…`.
        let whole = id.rsplit_once('-').filter(|(_, line)| line.bytes().all(|byte| byte.is_ascii_digit()));
        whole.map_or(id, |(whole, _)| whole).parse().map_err(|_| unread("prescription", "is none of this hospital"))
    });
    let insurer = referred(resource, "insurer", "Organization").map(str::to_owned);
    if insurer.is_none() && for_what == Use::Preauthorization {
        return Err(unread("insurer", "must be an Organization of this hospital's record"));
    }
    let bill = bill(resource)?;
    match for_what {
        Use::Predetermination if resource.get("prescription").is_none() => {
            return Err(unread("prescription", "is missing: a quote is of an approved prescription"));
        }
        Use::Claim | Use::Preauthorization if bill.is_none() => {
            return Err(unread("identifier", "must name the bill (urn:xinglin:bill): quote it first"));
        }
        _ => {}
    }
    Ok(Submitted {
        for_what,
        patient: patient(resource)?,
        insurer,
        bill,
        prescription: prescription.transpose()?,
        items: items(resource, "item").iter().map(item).collect::<Result<_, _>>()?,
        total: amount(resource.get("total"), "total")?,
        documents: items(resource, "supportingInfo").iter().map(document).collect::<Result<_, _>>()?,
        agreed: amount(extension(resource, AGREED, "valueMoney"), "extension")?,
        risk_acknowledged: extension(resource, RISK, "valueBoolean").and_then(Value::as_bool) == Some(true),
    })
}

/// Reads a CoverageEligibilityRequest. The visit is its `supportingInfo`.
///
/// # Errors
/// What of it the host would not act upon.
pub fn eligibility(resource: &Value) -> Result<Asked, Unread> {
    if text(resource, "resourceType") != Some("CoverageEligibilityRequest") {
        return Err(unread("resourceType", "must be CoverageEligibilityRequest"));
    }
    let insurer = referred(resource, "insurer", "Organization");
    let visits = items(resource, "supportingInfo").iter();
    let visit = visits.filter_map(|info| referred(info, "information", "Encounter")).next();
    let asked = Asked {
        patient: patient(resource)?,
        insurer: insurer.ok_or(unread("insurer", "must be an Organization of this hospital's record"))?.to_owned(),
        bill: bill(resource)?,
        visit: visit.map(|id| id.parse().map_err(|_| unread("supportingInfo", "is no visit"))).transpose()?,
    };
    match (asked.bill, asked.visit) {
        (Some(_), None) | (None, Some(_)) => Ok(asked),
        _ => Err(unread("identifier", "name either the bill (urn:xinglin:bill), or the visit as supportingInfo")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn submitted() -> Value {
        json!({
            "resourceType": "Claim", "status": "active", "use": "preauthorization",
            "identifier": [{"system": BILLS, "value": BillId::from_u128(1)}],
            "patient": {"reference": format!("Patient/{}", PatientId::from_u128(2))},
            "insurer": {"reference": "Organization/payer-insurer"},
            "item": [{
                "sequence": 1, "productOrService": {"coding": [{"system": "urn:items", "code": "session"}]},
                "net": {"value": 1200.50, "currency": "CNY"},
            }],
            "supportingInfo": [{
                "sequence": 1, "code": {"coding": [{"system": "http://loinc.org", "code": "34133-9"}]},
                "valueReference": {"reference": format!("Binary/{}", BlobId::from_u128(3))},
            }],
            "extension": [
                {"url": AGREED, "valueMoney": {"value": 100, "currency": "CNY"}},
                {"url": RISK, "valueBoolean": true},
            ],
        })
    }

    fn changed(pointer: &str, value: Value) -> Value {
        let mut claim = submitted();
        *claim.pointer_mut(pointer).expect("a place") = value;
        claim
    }

    #[test]
    fn a_claim_is_read_or_refused_with_its_place() {
        let read = claim(&submitted()).expect("sound");
        assert_eq!((read.bill, read.items[0].net), (Some(BillId::from_u128(1)), Some(Money::fen(120_050))));
        assert_eq!((read.agreed, read.risk_acknowledged, read.documents.len()), (Some(Money::fen(10_000)), true, 1));
        for (pointer, value, path) in [
            ("/resourceType", json!("Bundle"), "resourceType"),
            ("/status", json!("draft"), "status"),
            ("/use", json!("other"), "use"),
            ("/use", json!("predetermination"), "prescription"),
            ("/identifier", json!([]), "identifier"),
            ("/identifier/0/value", json!("17"), "identifier"),
            ("/patient/reference", json!("Patient/7"), "patient"),
            ("/insurer/reference", json!("Patient/7"), "insurer"),
            ("/item/0/net/value", json!(0.001), "item.net"),
            ("/item/0/net/currency", json!("USD"), "item.net"),
            ("/item/0/productOrService", json!({"text": "x"}), "item.productOrService"),
            ("/item/0/sequence", json!(-1), "item.sequence"),
            ("/supportingInfo/0/valueReference/reference", json!("Binary/x"), "supportingInfo"),
            ("/extension/0/valueMoney/value", json!("1"), "extension"),
        ] {
            assert_eq!(claim(&changed(pointer, value)).map_err(|e| e.path), Err(path), "{pointer}");
        }
        for name in ["related", "accident", "referral"] {
            let mut more = submitted();
            more[name] = json!({});
            assert_eq!(claim(&more).map_err(|e| e.path), Err(name));
        }
        let mut quoted = changed("/use", json!("predetermination"));
        quoted["prescription"] = json!({"reference": format!("MedicationRequest/{}-2", PrescriptionId::from_u128(4))});
        assert_eq!(claim(&quoted).expect("sound").prescription, Some(PrescriptionId::from_u128(4)));
    }

    #[test]
    fn eligibility_is_of_a_bill_or_of_a_visit() {
        let visit =
            json!([{"sequence": 1, "information": {"reference": format!("Encounter/{}", EncounterId::from_u128(5))}}]);
        let ask = |identifier: bool, visit: Option<&Value>| {
            let mut ask = submitted();
            ask["resourceType"] = json!("CoverageEligibilityRequest");
            if !identifier {
                ask["identifier"] = json!([]);
            }
            ask["supportingInfo"] = visit.cloned().unwrap_or(json!([]));
            eligibility(&ask).map_err(|error| error.path)
        };
        assert_eq!(ask(true, None).expect("a bill").bill, Some(BillId::from_u128(1)));
        assert_eq!(ask(false, Some(&visit)).expect("a visit").visit, Some(EncounterId::from_u128(5)));
        assert_eq!(ask(true, Some(&visit)), Err("identifier"));
        assert_eq!(ask(false, None), Err("identifier"));
        assert_eq!(eligibility(&submitted()).map_err(|error| error.path), Err("resourceType"));
    }
}
