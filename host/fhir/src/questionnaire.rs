//! Questionnaires of pathways as FHIR `Questionnaire`, for whoever asks the questions.

use serde_json::{Value, json};
use xinglin_domain::{
    coding::{Decimal, LocalizedText},
    pathway::{AnswerKind, Behavior, Bounds, ChoiceOption, Condition, Item, Questionnaire, Test},
};

use crate::project::{LANGUAGE, PATHWAYS, Resource, UCUM, coding, number};

const QUESTIONNAIRE_UNIT: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-unit";

const TRANSLATION: &str = "http://hl7.org/fhir/StructureDefinition/translation";

const MIN_VALUE: &str = "http://hl7.org/fhir/StructureDefinition/minValue";

const MAX_VALUE: &str = "http://hl7.org/fhir/StructureDefinition/maxValue";

const ORDINAL_VALUE: &str = "http://hl7.org/fhir/StructureDefinition/ordinalValue";

/// `Questionnaire` of a pathway. Each text has its other languages as translations.
pub fn questionnaire(pathway: &str, of: &Questionnaire) -> Value {
    let mut resource = Resource::new("Questionnaire", &of.code)
        .with("url", format!("{PATHWAYS}/{pathway}/{}", of.code))
        .with("status", "active")
        .with("subjectType", json!(["Patient"]))
        .maybe("copyright", of.citation.as_ref().map(|citation| format!("{} ({})", citation.title, citation.year)))
        .list("item", of.items.iter().map(|one| item(of, one)))
        .done();
    translated(&mut resource, "title", &of.title);
    resource
}

fn item(of: &Questionnaire, one: &Item) -> Value {
    let mut item = json!({ "linkId": one.link_id });
    translated(&mut item, "text", &one.text);
    if let Some(code) = &one.records_as {
        item["code"] = json!([coding(code)]);
    }
    let mut extensions = Vec::new();
    item["type"] = match &one.kind {
        AnswerKind::Display => "display",
        AnswerKind::Boolean => "boolean",
        AnswerKind::Integer(bounds) => {
            extensions.extend(bounded(bounds, "valueInteger"));
            "integer"
        }
        AnswerKind::Decimal(bounds) => {
            extensions.extend(bounded(bounds, "valueDecimal"));
            "decimal"
        }
        AnswerKind::Date => "date",
        AnswerKind::Moment => "dateTime",
        AnswerKind::Text => "text",
        AnswerKind::Quantity(unit, bounds) => {
            let unit = json!({ "system": UCUM, "code": unit });
            extensions.push(json!({ "url": QUESTIONNAIRE_UNIT, "valueCoding": unit }));
            extensions.extend(bounded(bounds, "valueDecimal"));
            "quantity"
        }
        AnswerKind::Choice(options) => {
            item["answerOption"] = options.iter().map(option).collect();
            "choice"
        }
    }
    .into();
    if one.kind != AnswerKind::Display {
        item["required"] = one.required.into();
    }
    if one.repeats {
        item["repeats"] = true.into();
    }
    if !extensions.is_empty() {
        item["extension"] = extensions.into();
    }
    if let Some(when) = &one.enabled_when {
        let conditions: Vec<Value> = when.conditions.iter().flat_map(|condition| conditions(of, condition)).collect();
        if conditions.len() > 1 {
            // A choice of at least a weight is one of several choices, of which an answer is one.
            let any = when.behavior == Behavior::Any || when.conditions.len() == 1;
            item["enableBehavior"] = if any { "any" } else { "all" }.into();
        }
        item["enableWhen"] = conditions.into();
    }
    item
}

/// The least and the most.
fn bounded<'a>(bounds: &'a Bounds, name: &'a str) -> impl Iterator<Item = Value> + 'a {
    let bound = move |url: &str, value: Decimal| {
        let value = if name == "valueDecimal" { number(value) } else { json!(value.ceil_over(Decimal::whole(1))) };
        json!({ "url": url, name: value })
    };
    let least = bounds.least.map(|least| bound(MIN_VALUE, least));
    let most = bounds.most.map(|most| bound(MAX_VALUE, most));
    least.into_iter().chain(most)
}

fn option(of: &ChoiceOption) -> Value {
    let mut shown = coding(&of.code);
    if !of.text.is_empty() {
        translated(&mut shown, "display", &of.text);
    }
    if let Some(weight) = of.weight {
        shown["extension"] = json!([{ "url": ORDINAL_VALUE, "valueDecimal": weight }]);
    }
    json!({ "valueCoding": shown })
}

/// `enableWhen`, which knows no weights: a choice of at least one is each of those choices.
fn conditions(of: &Questionnaire, condition: &Condition) -> Vec<Value> {
    let question = condition.link_id.as_str();
    let when =
        |operator: &str, name: &str, answer: Value| json!({ "question": question, "operator": operator, name: answer });
    let kind = of.items.iter().find(|item| item.link_id == question).map(|item| &item.kind);
    match (&condition.test, kind) {
        (Test::Answered, _) => vec![when("exists", "answerBoolean", true.into())],
        (Test::Equals(code), _) => vec![when("=", "answerCoding", coding(code))],
        (Test::Is(yes), _) => vec![when("=", "answerBoolean", (*yes).into())],
        (Test::AtLeast(least), Some(AnswerKind::Choice(options))) => options
            .iter()
            .filter(|option| option.weight.is_some_and(|weight| Decimal::whole(i64::from(weight)) >= *least))
            .map(|option| when("=", "answerCoding", coding(&option.code)))
            .collect(),
        (Test::AtLeast(least), Some(AnswerKind::Integer(_))) => {
            vec![when(">=", "answerInteger", json!(least.ceil_over(Decimal::whole(1))))]
        }
        (Test::AtLeast(least), Some(AnswerKind::Quantity(unit, _))) => {
            let quantity = json!({ "value": number(*least), "system": UCUM, "code": unit });
            vec![when(">=", "answerQuantity", quantity)]
        }
        (Test::AtLeast(least), _) => vec![when(">=", "answerDecimal", number(*least))],
    }
}

/// Writes a text, with its other languages beside it.
fn translated(to: &mut Value, name: &str, words: &LocalizedText) {
    to[name] = words.get(LANGUAGE).into();
    let shown = words.get(LANGUAGE);
    let says_more = |text: &str| !text.trim().is_empty() && text != shown;
    let others = words.0.iter().filter(|other| other.language != LANGUAGE && says_more(&other.text));
    let translations: Vec<Value> = others
        .map(|other| {
            json!({ "url": TRANSLATION, "extension": [
                { "url": "lang", "valueCode": other.language }, { "url": "content", "valueString": other.text },
            ] })
        })
        .collect();
    if !translations.is_empty() {
        to[format!("_{name}")] = json!({ "extension": translations });
    }
}

#[cfg(test)]
mod tests {
    use xinglin_domain::{coding::Coding, pathway::Enablement};

    use super::*;

    fn text(zh: &str) -> LocalizedText {
        LocalizedText::zh_en(zh, "in English")
    }

    fn item(link: &str, kind: AnswerKind) -> Item {
        Item {
            link_id: link.into(),
            text: text("问题"),
            kind,
            required: link == "a",
            repeats: link == "d",
            enabled_when: None,
            records_as: None,
        }
    }

    fn often(code: &str, weight: i32) -> ChoiceOption {
        ChoiceOption { code: Coding::new("http://loinc.org", code), text: text("几天"), weight: Some(weight) }
    }

    fn form(items: Vec<Item>) -> Value {
        let of = Questionnaire {
            code: "follow-up".into(),
            title: text("随访"),
            items,
            scores: vec![],
            safeguards: vec![],
            citation: None,
        };
        let resource = questionnaire("diabetes-t2", &of);
        assert!(crate::validate::validate(&resource).is_ok(), "{resource}");
        resource
    }

    #[test]
    fn each_kind_of_question_has_its_type() {
        let bounds = Bounds { least: Some(Decimal::whole(0)), most: Some(Decimal::new(105, 1).expect("a decimal")) };
        let resource = form(vec![
            item("a", AnswerKind::Boolean),
            item("b", AnswerKind::Quantity("mmol/L".into(), Bounds::default())),
            item("c", AnswerKind::Choice(vec![often("LA6568-5", 0)])),
            item("d", AnswerKind::Text),
            Item {
                records_as: Some(Coding::new("http://loinc.org", "44260-8")),
                ..item("e", AnswerKind::Integer(Bounds::default()))
            },
            item("f", AnswerKind::Decimal(bounds)),
            item("g", AnswerKind::Date),
            item("h", AnswerKind::Moment),
            item("i", AnswerKind::Display),
        ]);
        assert_eq!(resource["url"], "urn:xinglin:pathway/diabetes-t2/follow-up");
        assert_eq!((&resource["title"], &resource["status"]), (&json!("随访"), &json!("active")));
        let types: Vec<&str> =
            resource["item"].as_array().expect("items").iter().filter_map(|item| item["type"].as_str()).collect();
        let all = ["boolean", "quantity", "choice", "text", "integer", "decimal", "date", "dateTime", "display"];
        assert_eq!(types, all);
        assert_eq!((&resource["item"][0]["required"], &resource["item"][1]["required"]), (&json!(true), &json!(false)));
        assert_eq!((&resource["item"][3]["repeats"], &resource["item"][4]["repeats"]), (&json!(true), &Value::Null));
        assert_eq!(resource["item"][1]["extension"][0]["valueCoding"]["code"], "mmol/L");
        let option = &resource["item"][2]["answerOption"][0]["valueCoding"];
        assert_eq!((&option["code"], &option["extension"][0]["valueDecimal"]), (&json!("LA6568-5"), &json!(0)));
        assert_eq!(resource["item"][4]["code"][0]["code"], "44260-8");
        assert_eq!(resource["item"][5]["extension"][1]["valueDecimal"].to_string(), "10.5");
        let translation = &resource["item"][0]["_text"]["extension"][0]["extension"];
        assert_eq!(translation[1]["valueString"], "in English");
    }

    #[test]
    fn each_test_has_its_operator() {
        let when = |behavior, conditions: &[(&str, Test)]| {
            let conditions = conditions
                .iter()
                .map(|(link, test)| Condition { link_id: (*link).into(), test: test.clone() })
                .collect();
            Some(Enablement { behavior, conditions })
        };
        let one = Test::AtLeast(Decimal::whole(1));
        let resource = form(vec![
            item("a", AnswerKind::Boolean),
            item("b", AnswerKind::Choice(vec![often("LA6568-5", 0), often("LA6569-3", 1), often("LA6570-1", 2)])),
            item("e", AnswerKind::Integer(Bounds::default())),
            Item { enabled_when: when(Behavior::All, &[("b", one.clone())]), ..item("f", AnswerKind::Text) },
            Item {
                enabled_when: when(Behavior::All, &[("a", Test::Is(true)), ("e", one), ("b", Test::Answered)]),
                ..item("g", AnswerKind::Text)
            },
        ]);
        let weighed = &resource["item"][3];
        assert_eq!(
            (weighed["enableBehavior"].as_str(), weighed["enableWhen"].as_array().map(Vec::len)),
            (Some("any"), Some(2))
        );
        let of_three = &resource["item"][4];
        assert_eq!(of_three["enableBehavior"], "all");
        let operators: Vec<&str> = of_three["enableWhen"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|when| when["operator"].as_str())
            .collect();
        assert_eq!(operators, ["=", ">=", "exists"]);
    }
}
