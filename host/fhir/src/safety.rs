//! What a written resource says of danger to the patient's life: observations, and answers to questionnaires of
//! others. It is read as it was sent: a snapshot leaves texts and unusual values out, and none of them may be
//! overlooked here.

use serde_json::Value;
use xinglin_domain::safety::{Danger, Item, Reply};

use crate::{
    read::{items, text},
    snapshot::stands,
};

/// Whether a resource has a safety item, answered or not.
pub fn has_item(resource: &Value) -> bool {
    !parts(resource).is_empty()
}

/// Whether a resource counts: it is final, or a response that was not entered in error. Who stops halfway has answered
/// all the same.
pub fn is_valid(resource: &Value) -> bool {
    match text(resource, "resourceType") {
        Some("Observation") => stands(resource),
        Some("QuestionnaireResponse") => text(resource, "status") != Some("entered-in-error"),
        _ => false,
    }
}

/// The greatest danger in a resource, if any; none in one that is not valid.
pub fn danger(resource: &Value) -> Option<Danger> {
    let parts = if is_valid(resource) { parts(resource) } else { Vec::new() };
    parts.iter().filter_map(|(item, reply)| item.danger(reply)).max()
}

/// Its safety items, with what was answered to each.
fn parts(resource: &Value) -> Vec<(Item, Reply)> {
    match text(resource, "resourceType") {
        Some("Observation") => {
            let holders = std::iter::once(resource).chain(items(resource, "component"));
            holders.filter_map(|holder| Some((asked(holder.get("code")?)?, answered(holder)?))).collect()
        }
        Some("QuestionnaireResponse") => {
            let mut found = Vec::new();
            answers(resource, &mut found);
            found
        }
        _ => Vec::new(),
    }
}

/// The item of a concept: by its codes, of whatever system, else by its words.
fn asked(concept: &Value) -> Option<Item> {
    let codings = || items(concept, "coding").iter();
    let named = codings().filter_map(|coding| text(coding, "code")).find_map(Item::named);
    let words = || text(concept, "text").into_iter().chain(codings().filter_map(|coding| text(coding, "display")));
    named.or_else(|| words().find_map(Item::worded))
}

/// Items, and those within them and within their answers.
fn answers(holder: &Value, found: &mut Vec<(Item, Reply)>) {
    for item in items(holder, "item") {
        let asked = text(item, "linkId").and_then(Item::named).or_else(|| Item::worded(text(item, "text")?));
        for answer in items(item, "answer") {
            found.extend(asked.zip(answered(answer)));
            answers(answer, found);
        }
        // A question that nobody answered is one all the same: it may be answered later.
        found.extend(asked.filter(|_| items(item, "answer").is_empty()).map(|item| (item, Reply::default())));
        answers(item, found);
    }
}

/// The value[x] of an observation, of a component or of an answer.
fn answered(holder: &Value) -> Option<Reply> {
    let fields = holder.as_object()?;
    let value = |name: &str| name.strip_prefix("value").is_some_and(|kind| kind.starts_with(char::is_uppercase));
    let found = fields.iter().find(|(name, _)| value(name)).map(|(name, value)| reply(name, value));
    // A value that says nothing is not understood.
    Some(found.map_or_else(Reply::default, |reply| if reply.is_empty() { Reply::unclear() } else { reply }))
}

fn reply(name: &str, value: &Value) -> Reply {
    let number = |value: &Value| value.to_string().parse().map_or_else(|_| Reply::unclear(), Reply::number);
    match (name, value) {
        ("valueBoolean", Value::Bool(yes)) => Reply::yes(*yes),
        ("valueInteger" | "valueDecimal", Value::Number(_)) => number(value),
        ("valueQuantity", Value::Object(quantity)) => {
            let reply = quantity.get("value").map_or_else(Reply::unclear, number);
            // More than the number is not the number.
            if quantity.contains_key("comparator") { reply.or_unclear() } else { reply }
        }
        ("valueString", Value::String(words)) => Reply::text(words),
        ("valueCoding", Value::Object(_)) => Reply::coded(coding(value), None),
        ("valueCodeableConcept", Value::Object(_)) => {
            Reply::coded(items(value, "coding").iter().filter_map(coding), text(value, "text"))
        }
        _ => Reply::unclear(),
    }
}

fn coding(coding: &Value) -> Option<(&str, Option<&str>)> {
    let display = text(coding, "display");
    Some((text(coding, "code").or(display)?, display))
}

#[cfg(test)]
mod tests {
    use Danger::{Acute, Assess};
    use serde_json::json;

    use super::*;

    fn observation(code: &Value, value: &Value) -> Value {
        let mut resource = json!({ "resourceType": "Observation", "status": "final", "code": code });
        resource.as_object_mut().expect("fields").extend(value.as_object().expect("fields").clone());
        resource
    }

    fn item_9() -> Value {
        json!({ "coding": [{ "system": "http://loinc.org", "code": "44260-8" }] })
    }

    #[test]
    fn an_item_by_its_code_of_any_system_or_its_words() {
        let three = json!({ "valueInteger": 3 });
        for (code, expected) in [
            (item_9(), Some(Acute)),
            (json!({ "coding": [{ "code": "44260-8" }] }), Some(Acute)),
            (json!({ "coding": [{ "system": "urn:local", "code": "q9" }, { "code": "44260-8" }] }), Some(Acute)),
            (json!({ "text": "PHQ-9 第9题：有不如死掉或伤害自己的念头" }), Some(Acute)),
            (
                json!({ "coding": [{ "system": "urn:local", "code": "q9", "display": "Thoughts of suicide" }] }),
                Some(Acute),
            ),
            (json!({ "coding": [{ "system": "urn:local", "code": "asq-5" }] }), Some(Acute)),
            (json!({ "text": "食欲不振" }), None),
            (json!({ "coding": [{ "system": "http://loinc.org", "code": "44261-6" }] }), None),
        ] {
            let resource = observation(&code, &three);
            assert_eq!((danger(&resource), has_item(&resource)), (expected, expected.is_some()), "{code}");
        }
    }

    #[test]
    fn every_kind_of_value_is_read_or_looked_at() {
        for (value, expected) in [
            (json!({ "valueString": "几乎每天" }), Some(Acute)),
            (json!({ "valueString": "完全不会" }), None),
            (json!({ "valueString": "2" }), Some(Acute)),
            (json!({ "valueString": "病人不愿说" }), Some(Assess)),
            (json!({ "valueInteger": 0 }), None),
            (json!({ "valueDecimal": 0.5 }), Some(Assess)),
            (json!({ "valueQuantity": { "value": 2, "code": "{score}" } }), Some(Acute)),
            (json!({ "valueQuantity": { "value": 0 } }), None),
            (json!({ "valueQuantity": { "value": 0, "comparator": ">" } }), Some(Assess)),
            (json!({ "valueQuantity": { "value": 2, "comparator": ">=" } }), Some(Acute)),
            (json!({ "valueQuantity": { "unit": "分" } }), Some(Assess)),
            (json!({ "valueCodeableConcept": { "coding": [{ "system": "urn:local" }] } }), Some(Assess)),
            (json!({ "valueRange": { "low": { "value": 2 } } }), Some(Assess)),
            (json!({ "valueDateTime": "2026-11-30" }), Some(Assess)),
            (json!({ "valueSampledData": {} }), Some(Assess)),
            (json!({ "valueBoolean": "yes" }), Some(Assess)),
            (json!({ "valueCodeableConcept": { "text": "一半以上的天数" } }), Some(Acute)),
            (json!({ "valueCodeableConcept": { "coding": [{ "code": "LA6571-9" }] } }), Some(Acute)),
            (json!({ "valueCodeableConcept": { "coding": [{ "display": "几乎每天" }] } }), Some(Acute)),
            (json!({ "valueCodeableConcept": { "coding": [{ "code": "LA6568-5" }], "text": "0分" } }), None),
            (json!({ "dataAbsentReason": { "text": "未问" } }), None),
            (json!({}), None),
        ] {
            let resource = observation(&item_9(), &value);
            assert_eq!(danger(&resource), expected, "{value}");
            assert!(has_item(&resource), "{value}");
            let panel = json!({ "coding": [{ "system": "http://loinc.org", "code": "44249-1" }] });
            let mut part = observation(&item_9(), &value);
            part.as_object_mut().expect("fields").remove("resourceType");
            let whole = observation(&panel, &json!({ "valueInteger": 21, "component": [part] }));
            assert_eq!(danger(&whole), expected, "as a component: {value}");
        }
        let mut draft = observation(&item_9(), &json!({ "valueInteger": 3 }));
        draft["status"] = json!("entered-in-error");
        assert_eq!(danger(&draft), None);
    }

    #[test]
    fn a_response_is_read_to_its_depths() {
        let response = |item: Value| {
            json!({ "resourceType": "QuestionnaireResponse", "status": "completed", "item": [
                { "linkId": "1", "text": "食欲", "answer": [{ "valueInteger": 3 }] }, item,
            ] })
        };
        for (item, expected) in [
            (json!({ "linkId": "/44260-8", "answer": [{ "valueCoding": { "code": "LA6571-9" } }] }), Some(Acute)),
            (json!({ "linkId": "/44260-8", "answer": [{ "valueCoding": { "code": "LA6568-5" } }] }), None),
            (
                json!({ "linkId": "9", "text": "有伤害自己的念头", "answer": [{ "valueString": "好几天" }] }),
                Some(Assess),
            ),
            (
                json!({ "linkId": "g", "item": [{ "linkId": "asq-5", "answer": [{ "valueBoolean": true }] }] }),
                Some(Acute),
            ),
            (
                json!({ "linkId": "g", "answer": [{ "valueBoolean": true, "item": [
                    { "linkId": "asq-1", "answer": [{ "valueBoolean": false }, { "valueBoolean": true }] },
                ] }] }),
                Some(Assess),
            ),
            (json!({ "linkId": "asq-5" }), None),
        ] {
            let resource = response(item);
            assert_eq!((danger(&resource), has_item(&resource)), (expected, true), "{resource}");
        }
        let mut wrong = response(json!({ "linkId": "asq-5", "answer": [{ "valueBoolean": true }] }));
        wrong["status"] = json!("in-progress");
        assert_eq!(danger(&wrong), Some(Acute));
        wrong["status"] = json!("entered-in-error");
        assert_eq!(danger(&wrong), None);
        assert!(!has_item(&response(json!({ "linkId": "2" }))));
        assert!(!has_item(&json!({ "resourceType": "Condition", "code": item_9() })));
    }
}
