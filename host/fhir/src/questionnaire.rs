//! Questionnaires of pathways as FHIR `Questionnaire`, for whoever asks the questions.

use serde_json::{Value, json};
use xinglin_domain::{
    coding::LocalizedText,
    pathway::{AnswerKind, Questionnaire},
};

use crate::project::{LANGUAGE, PATHWAYS, Resource, UCUM, coding};

const QUESTIONNAIRE_UNIT: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-unit";

const TRANSLATION: &str = "http://hl7.org/fhir/StructureDefinition/translation";

/// `Questionnaire` of a pathway. Each text has its other languages as translations.
pub fn questionnaire(pathway: &str, of: &Questionnaire) -> Value {
    let items = of.questions.iter().map(|question| {
        let mut item = json!({ "linkId": question.link_id, "required": question.required });
        translated(&mut item, "text", &question.text);
        if let Some(code) = &question.records_as {
            item["code"] = json!([coding(code)]);
        }
        item["type"] = match &question.kind {
            AnswerKind::Boolean => "boolean".into(),
            AnswerKind::Integer => "integer".into(),
            AnswerKind::Text => "text".into(),
            AnswerKind::Quantity(unit) => {
                let unit = json!({ "system": UCUM, "code": unit });
                item["extension"] = json!([{ "url": QUESTIONNAIRE_UNIT, "valueCoding": unit }]);
                "quantity".into()
            }
            AnswerKind::Choice(choices) => {
                let options = choices.iter().map(|choice| json!({ "valueCoding": coding(choice) }));
                item["answerOption"] = options.collect();
                "choice".into()
            }
        };
        item
    });
    let mut resource = Resource::new("Questionnaire", &of.code)
        .with("url", format!("{PATHWAYS}/{pathway}/{}", of.code))
        .with("status", "active")
        .with("subjectType", json!(["Patient"]))
        .maybe("copyright", of.citation.as_ref().map(|citation| format!("{} ({})", citation.title, citation.year)))
        .list("item", items)
        .done();
    translated(&mut resource, "title", &of.title);
    resource
}

/// Writes a text, with its other languages beside it.
fn translated(to: &mut Value, name: &str, words: &LocalizedText) {
    to[name] = words.get(LANGUAGE).into();
    let others = words.0.iter().filter(|other| other.language != LANGUAGE && !other.text.trim().is_empty());
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
    use xinglin_domain::{coding::Coding, pathway::Question};

    use super::*;

    #[test]
    fn each_kind_of_question_has_its_type() {
        let text = |zh: &str| LocalizedText::zh_en(zh, "in English");
        let question = |link: &str, kind| Question {
            link_id: link.into(),
            text: text("问题"),
            kind,
            required: link == "a",
            records_as: None,
        };
        let of = Questionnaire {
            code: "follow-up".into(),
            title: text("随访"),
            questions: vec![
                question("a", AnswerKind::Boolean),
                question("b", AnswerKind::Quantity("mmol/L".into())),
                question("c", AnswerKind::Choice(vec![Coding::new("http://loinc.org", "LA6568-5")])),
                question("d", AnswerKind::Text),
                Question {
                    records_as: Some(Coding::new("http://loinc.org", "44260-8")),
                    ..question("e", AnswerKind::Integer)
                },
            ],
            citation: None,
        };
        let resource = questionnaire("diabetes-t2", &of);
        assert_eq!(resource["url"], "urn:xinglin:pathway/diabetes-t2/follow-up");
        assert_eq!((&resource["title"], &resource["status"]), (&json!("随访"), &json!("active")));
        let types: Vec<&str> =
            resource["item"].as_array().expect("items").iter().filter_map(|item| item["type"].as_str()).collect();
        assert_eq!(types, ["boolean", "quantity", "choice", "text", "integer"]);
        assert_eq!((&resource["item"][0]["required"], &resource["item"][1]["required"]), (&json!(true), &json!(false)));
        assert_eq!(resource["item"][1]["extension"][0]["valueCoding"]["code"], "mmol/L");
        assert_eq!(resource["item"][2]["answerOption"][0]["valueCoding"]["code"], "LA6568-5");
        assert_eq!(resource["item"][4]["code"][0]["code"], "44260-8");
        let translation = &resource["item"][0]["_text"]["extension"][0]["extension"];
        assert_eq!(translation[1]["valueString"], "in English");
        assert!(crate::validate::validate(&resource).is_ok(), "{resource}");
    }
}
