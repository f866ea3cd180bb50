//! Drafted MedicationRequests as an order for checkers. A draft that cannot be converted exactly
//! is not checked: a partial order would get a partial verdict.

use serde_json::Value;
use thiserror::Error;
use xinglin_domain::{
    coding::{Coding, Decimal},
    review::{Line, Order},
};

use crate::{
    read::{codings, instant, items, text},
    snapshot,
};

/// Maximum medicines of a draft.
const MOST_LINES: usize = 100;

/// Digits after the point of non-integral doses per day.
const SCALE: u8 = 4;

const TIMING_CODES: &str = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation";

/// Why a draft cannot be checked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{of}: {what}")]
pub struct Unread {
    /// `MedicationRequest/…`, or its index in the Bundle.
    pub of: String,
    /// What is missing or not supported.
    pub what: &'static str,
}

/// Converts a Bundle of drafts to an order. Resources other than medicines are ignored;
/// `medicines` are Medications that the drafts refer to outside the Bundle.
///
/// # Errors
/// The first draft that cannot be converted.
pub fn order(patient: &str, drafts: &Value, medicines: Vec<Value>) -> Result<Order, Unread> {
    let resources: Vec<Value> =
        items(drafts, "entry").iter().filter_map(|entry| entry.get("resource").cloned()).collect();
    let library: Vec<Value> = resources.iter().cloned().chain(medicines).collect();
    let mut order = Order { diagnoses: Vec::new(), lines: Vec::new(), long_term: false, attributes: Vec::new() };
    let requests = resources.iter().filter(|resource| text(resource, "resourceType") == Some("MedicationRequest"));
    for (at, request) in requests.enumerate() {
        let of = text(request, "id").map_or_else(|| format!("entry {at}"), |id| format!("MedicationRequest/{id}"));
        let unread = |what| Unread { of: of.clone(), what };
        if at >= MOST_LINES {
            return Err(unread("there are more than 100 medicines"));
        }
        let subject = request.get("subject").and_then(|subject| text(subject, "reference"));
        if subject.and_then(|reference| crate::read::id_of(reference, "Patient")) != Some(patient) {
            return Err(unread("subject: is not the patient of the context"));
        }
        if request.get("doNotPerform") == Some(&Value::Bool(true)) {
            return Err(unread("doNotPerform: an order not to give something is not checked"));
        }
        let number = u32::try_from(order.lines.len() + 1).unwrap_or(u32::MAX);
        order.lines.push(line(number, request, &library).map_err(unread)?);
        for diagnosis in items(request, "reasonCode").iter().flat_map(codings) {
            if !order.diagnoses.contains(&diagnosis) {
                order.diagnoses.push(diagnosis);
            }
        }
        let course = request.get("courseOfTherapyType").map(codings).unwrap_or_default();
        order.long_term |= course.iter().any(|course| course.code == "continuous");
    }
    Ok(order)
}

fn line(number: u32, request: &Value, library: &[Value]) -> Result<Line, &'static str> {
    let (code, ingredients) = snapshot::medicine(request, library).ok_or("medication: has no code")?;
    let [dosage] = items(request, "dosageInstruction") else {
        return Err("dosageInstruction: must be one");
    };
    let [dose] = items(dosage, "doseAndRate") else {
        return Err("dosageInstruction.doseAndRate: must be one");
    };
    let dose = dose.get("doseQuantity").or_else(|| dose.get("doseRange")?.get("high"));
    let dose = dose.and_then(snapshot::quantity).filter(|dose| dose.value > Decimal::whole(0));
    let timing = dosage.get("timing").ok_or("dosageInstruction.timing: is missing")?;
    Ok(Line {
        number,
        code,
        ingredients,
        dose: dose.ok_or("dosageInstruction.doseAndRate.doseQuantity: is no amount")?,
        doses_per_day: doses_per_day(timing).ok_or("dosageInstruction.timing: says not how often a day")?,
        days: days(request, timing).ok_or("dosageInstruction.timing.repeat.boundsDuration: says not for how long")?,
        route: dosage.get("route").and_then(|route| codings(route).into_iter().next()),
        attributes: Vec::new(),
    })
}

/// Maximum doses per day, from `timing.repeat` or a GTS code.
fn doses_per_day(timing: &Value) -> Option<Decimal> {
    let of_code = || {
        let codes = codings(timing.get("code")?);
        let code = codes.iter().find(|code| code.system == TIMING_CODES)?;
        match code.code.as_str() {
            "QD" | "AM" | "PM" | "BED" => Some(Decimal::whole(1)),
            "BID" => Some(Decimal::whole(2)),
            "TID" => Some(Decimal::whole(3)),
            "QID" => Some(Decimal::whole(4)),
            _ => None,
        }
    };
    let Some(repeat) = timing.get("repeat").filter(|repeat| repeat.get("period").is_some()) else {
        return of_code();
    };
    // Days of the week and `when` would change the number.
    if !items(repeat, "dayOfWeek").is_empty() {
        return None;
    }
    let number = |name: &str| repeat.get(name).map(ToString::to_string);
    let frequency: i128 = number("frequencyMax").or_else(|| number("frequency")).map_or(Some(1), |n| n.parse().ok())?;
    let period: Decimal = number("period")?.parse().ok()?;
    let (numerator, denominator) = match text(repeat, "periodUnit")? {
        "min" => (24 * 60, 1),
        "h" => (24, 1),
        "d" => (1, 1),
        "wk" => (1, 7),
        _ => return None,
    };
    // frequency × numerator × 10^scale ÷ (unscaled × denominator), to four digits, rounded up so
    // that exceeding a limit is not missed.
    let shift = 10_i128.checked_pow(u32::from(period.scale()) + u32::from(SCALE))?;
    let above = frequency.checked_mul(numerator)?.checked_mul(shift)?;
    let below = i128::from(period.unscaled()).checked_mul(denominator).filter(|below| *below > 0)?;
    let found = i64::try_from(above.checked_add(below - 1)? / below).ok().filter(|found| *found > 0)?;
    match found % 10_i64.pow(SCALE.into()) {
        0 => Some(Decimal::whole(found / 10_i64.pow(SCALE.into()))),
        _ => Decimal::new(found, SCALE).ok(),
    }
}

fn days(request: &Value, timing: &Value) -> Option<u16> {
    let repeat = timing.get("repeat");
    let bounds = |name: &str| repeat.and_then(|repeat| repeat.get(name));
    let between = |period: &Value| {
        let micros = instant(period, "end")?.micros() - instant(period, "start")?.micros();
        // The last day is included.
        Some(micros.div_euclid(24 * 3_600_000_000) + 1)
    };
    let supply = || request.get("dispenseRequest")?.get("expectedSupplyDuration");
    let found = bounds("boundsDuration")
        .and_then(snapshot::days)
        .or_else(|| bounds("boundsPeriod").and_then(between))
        .or_else(|| supply().and_then(snapshot::days));
    u16::try_from(found?).ok().filter(|days| *days > 0)
}

/// Adds the hospital's data of a medicine to those of the draft.
pub fn known(line: &mut Line, codings: &[Coding], ingredients: &[Coding]) {
    let same = |a: &Coding, b: &Coding| a.system == b.system && a.code == b.code;
    for (list, more) in [(&mut line.code, codings), (&mut line.ingredients, ingredients)] {
        for coding in more {
            if !list.iter().any(|there| same(there, coding)) {
                list.push(coding.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request() -> Value {
        json!({
            "resourceType": "MedicationRequest", "id": "a", "status": "draft", "intent": "order",
            "subject": { "reference": "Patient/p" },
            "medicationCodeableConcept": { "coding": [{ "system": "urn:x", "code": "metformin" }] },
            "reasonCode": [{ "coding": [{ "system": "http://hl7.org/fhir/sid/icd-10", "code": "E11.9" }] }],
            "dosageInstruction": [{
                "timing": { "repeat": {
                    "frequency": 2, "period": 1, "periodUnit": "d",
                    "boundsDuration": { "value": 4, "code": "wk", "system": "http://unitsofmeasure.org" },
                } },
                "doseAndRate": [{ "doseQuantity": { "value": 1000, "unit": "mg", "code": "mg" } }],
            }],
        })
    }

    fn read(request: Value) -> Result<Order, Unread> {
        order("p", &json!({ "resourceType": "Bundle", "entry": [{ "resource": request }] }), Vec::new())
    }

    #[test]
    fn a_draft_is_read_to_the_last_figure() {
        let order = read(request()).expect("an order");
        assert_eq!(order.diagnoses, [Coding::new("http://hl7.org/fhir/sid/icd-10", "E11.9")]);
        let line = &order.lines[0];
        assert_eq!((line.number, line.days, line.doses_per_day), (1, 28, Decimal::whole(2)));
        assert_eq!((line.dose.value, line.dose.unit.as_str()), (Decimal::whole(1000), "mg"));
        assert_eq!(line.code, [Coding::new("urn:x", "metformin")]);
    }

    #[test]
    fn how_often_a_day_is_told_from_any_period() {
        let doses = |repeat: Value| {
            let mut request = request();
            for (key, value) in repeat.as_object().expect("fields") {
                request["dosageInstruction"][0]["timing"]["repeat"][key] = value.clone();
            }
            read(request).map(|order| order.lines[0].doses_per_day.to_string())
        };
        assert_eq!(doses(json!({ "period": 8, "periodUnit": "h", "frequency": 1 })).as_deref(), Ok("3"));
        assert_eq!(doses(json!({ "period": 1, "periodUnit": "wk", "frequency": 1 })).as_deref(), Ok("0.1429"));
        assert_eq!(doses(json!({ "period": 1.5, "periodUnit": "d", "frequency": 3 })).as_deref(), Ok("2"));
        assert_eq!(doses(json!({ "frequencyMax": 4 })).as_deref(), Ok("4"));
        for odd in [json!({ "period": 0 }), json!({ "periodUnit": "mo" }), json!({ "dayOfWeek": ["mon"] })] {
            assert!(doses(odd.clone()).is_err(), "{odd}");
        }
        let mut coded = request();
        coded["dosageInstruction"][0]["timing"] = json!({
            "repeat": { "boundsDuration": { "value": 7, "code": "d" } },
            "code": { "coding": [{ "system": TIMING_CODES, "code": "TID" }] },
        });
        assert_eq!(read(coded).expect("an order").lines[0].doses_per_day, Decimal::whole(3));
    }

    #[test]
    fn what_is_missing_is_named_and_nothing_is_guessed() {
        let spoil = |pointer: &str, value: Value| {
            let mut request = request();
            *request.pointer_mut(pointer).expect("a field") = value;
            read(request).expect_err("unread").to_string()
        };
        for (pointer, value, says) in [
            ("/subject/reference", json!("Patient/other"), "subject"),
            ("/medicationCodeableConcept", json!({ "text": "the white ones" }), "medication"),
            ("/dosageInstruction", json!([]), "dosageInstruction"),
            ("/dosageInstruction/0/doseAndRate/0/doseQuantity/value", json!("much"), "doseQuantity"),
            ("/dosageInstruction/0/doseAndRate/0/doseQuantity/value", json!(-1), "doseQuantity"),
            ("/dosageInstruction/0/timing/repeat/boundsDuration", json!({}), "for how long"),
            ("/dosageInstruction/0/timing/repeat/period", Value::Null, "how often"),
        ] {
            let told = spoil(pointer, value);
            assert!(told.starts_with("MedicationRequest/a: ") && told.contains(says), "{pointer}: {told}");
        }
        assert_eq!(order("p", &json!({}), Vec::new()).expect("nothing").lines, []);
    }

    #[test]
    fn a_medicine_may_be_in_the_bundle_or_in_the_record() {
        let medication = json!({
            "resourceType": "Medication", "id": "m", "code": { "coding": [{ "system": "urn:x", "code": "c" }] },
            "ingredient": [{ "itemCodeableConcept": { "coding": [{ "system": "urn:atc", "code": "A10BA02" }] } }],
        });
        let mut referring = request();
        referring.as_object_mut().expect("fields").remove("medicationCodeableConcept");
        referring["medicationReference"] = json!({ "reference": "Medication/m" });
        let alone = json!({ "entry": [{ "resource": referring }] });
        assert!(order("p", &alone, Vec::new()).is_err());
        let with = json!({ "entry": [{ "resource": medication }, { "resource": referring }] });
        for found in [order("p", &alone, vec![medication.clone()]), order("p", &with, Vec::new())] {
            assert_eq!(found.expect("an order").lines[0].ingredients, [Coding::new("urn:atc", "A10BA02")]);
        }
    }
}
