use std::collections::BTreeMap;

use serde_json::{Value, json};
use xinglin_domain::{
    coding::Quantity,
    enrolment::Enrolment,
    id::EnrolmentId,
    pathway::{AnswerKind, AnswerValue, Item},
};
use xinglin_extensions::{Extensions, install};
use xinglin_platform::{AppResult, Caller, boxed, document::Stored};

use crate::pathway::{self, EnrolmentView};

/// Answers the form of a panel, as browsers send it: fields are named after the links of the questions,
/// a choice is `system|code`, an empty field is no answer. Then as [`pathway::answer`], which judges who may, and reads
/// for danger before it does: nothing is refused here.
///
/// # Errors
/// As [`pathway::answer`]: `BODY_INVALID` if a field does not fit its question.
#[boxed]
pub async fn answer(
    extensions: &Extensions,
    caller: &Caller,
    id: EnrolmentId,
    questionnaire: &str,
    fields: Vec<(String, String)>,
) -> AppResult<EnrolmentView> {
    let records = extensions.platform.records(caller);
    let Stored::<_, Enrolment> { value: enrolment, .. } = records.get_document(id).await?.try_into()?;
    let install = records.get_install(&enrolment.plugin).await.ok();
    let definition = install.and_then(|install| install::definition(&install).ok());
    let known = definition.iter().flat_map(|definition| &definition.questionnaires);
    let items = known.filter(|known| known.code == questionnaire).flat_map(|known| known.items.as_slice());
    pathway::answer(extensions, caller, id, body(questionnaire, &items.collect::<Vec<_>>(), fields)).await
}

/// The body of [`pathway::answer`]. What fits a question is typed; what does not is passed on as text, so
/// that it is refused by its link and what the answers say about danger is heard all the same.
fn body(questionnaire: &str, items: &[&Item], fields: Vec<(String, String)>) -> Value {
    let mut answers: BTreeMap<String, Vec<AnswerValue>> = BTreeMap::new();
    for (link, value) in fields {
        let value = value.trim();
        if value.is_empty() {
            continue;
        }
        let item = items.iter().find(|item| item.link_id == link);
        let typed = item.and_then(|item| typed(item, value));
        answers.entry(link).or_default().push(typed.unwrap_or_else(|| AnswerValue::Text(value.to_owned())));
    }
    let answers: Vec<Value> =
        answers.into_iter().map(|(link, values)| json!({ "link_id": link, "values": values })).collect();
    json!({ "questionnaire": questionnaire, "answers": answers })
}

fn typed(item: &Item, value: &str) -> Option<AnswerValue> {
    match &item.kind {
        AnswerKind::Display | AnswerKind::Text => None,
        AnswerKind::Boolean => match value {
            "true" => Some(AnswerValue::Boolean(true)),
            "false" => Some(AnswerValue::Boolean(false)),
            _ => None,
        },
        AnswerKind::Integer(_) => value.parse().ok().map(AnswerValue::Integer),
        AnswerKind::Decimal(_) => value.parse().ok().map(AnswerValue::Decimal),
        AnswerKind::Date => value.parse().ok().map(AnswerValue::Date),
        // As a browser sends it: of the clocks of Asia/Shanghai.
        AnswerKind::Moment => {
            let seconds = if value.len() == 16 { ":00" } else { "" };
            xinglin_domain::time::Instant::parse(&format!("{value}{seconds}+08:00")).map(AnswerValue::Moment)
        }
        AnswerKind::Quantity(unit, _) => {
            value.parse().ok().map(|value| AnswerValue::Quantity(Quantity { value, unit: unit.clone() }))
        }
        AnswerKind::Choice(options) => {
            let chosen = options.iter().find(|one| format!("{}|{}", one.code.system, one.code.code) == value);
            chosen.map(|option| AnswerValue::Choice(option.code.clone()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xinglin_domain::{
        coding::{Coding, LocalizedText},
        pathway::{Bounds, ChoiceOption},
        time::Instant,
    };

    fn question(kind: AnswerKind) -> Item {
        Item {
            link_id: "q".into(),
            text: LocalizedText::default(),
            kind,
            required: true,
            repeats: true,
            enabled_when: None,
            records_as: None,
        }
    }

    #[test]
    fn a_field_is_read_as_its_question_asks() {
        let option =
            |code| ChoiceOption { code: Coding::new("urn:own", code), text: LocalizedText::default(), weight: None };
        let bounds = Bounds::default();
        let decimal = |text: &str| text.parse().expect("a decimal");
        let quantity = Quantity { value: decimal("6.7"), unit: "mmol/L".into() };
        let noon = Instant::parse("2026-03-01T04:00:00Z").expect("a moment");
        let rows = [
            (AnswerKind::Boolean, "true", Some(AnswerValue::Boolean(true))),
            (AnswerKind::Boolean, "on", None),
            (AnswerKind::Integer(bounds), "-3", Some(AnswerValue::Integer(-3))),
            (AnswerKind::Integer(bounds), "3.5", None),
            (AnswerKind::Decimal(bounds), "3.5", Some(AnswerValue::Decimal(decimal("3.5")))),
            (AnswerKind::Date, "2026-03-01", Some(AnswerValue::Date("2026-03-01".parse().expect("a day")))),
            (AnswerKind::Date, "1 March", None),
            (AnswerKind::Moment, "2026-03-01T12:00", Some(AnswerValue::Moment(noon))),
            (AnswerKind::Moment, "noon", None),
            (AnswerKind::Text, "3.5", None),
            (AnswerKind::Quantity("mmol/L".into(), bounds), "6.7", Some(AnswerValue::Quantity(quantity))),
            (AnswerKind::Quantity("mmol/L".into(), bounds), "6,7", None),
            (
                AnswerKind::Choice(vec![option("a"), option("b")]),
                "urn:own|b",
                Some(AnswerValue::Choice(Coding::new("urn:own", "b"))),
            ),
            (AnswerKind::Choice(vec![option("a")]), "a", None),
        ];
        let field = |link: &str, value: &str| (link.to_owned(), value.to_owned());
        for (kind, value, expected) in rows {
            let item = question(kind.clone());
            let expected = expected.unwrap_or_else(|| AnswerValue::Text(value.into()));
            let sent = body("f", &[&item], vec![field("q", &format!(" {value} "))]);
            let wanted = json!({ "questionnaire": "f", "answers": [{ "link_id": "q", "values": [expected] }] });
            assert_eq!(sent, wanted, "{kind:?} {value}");
            assert_eq!(body("f", &[&item], vec![field("q", " ")])["answers"], json!([]));
        }
        let item = question(AnswerKind::Boolean);
        let several = body("f", &[&item], vec![field("q", "true"), field("other", "1"), field("q", "false")]);
        assert_eq!(several["answers"][0]["values"], json!([{ "text": "1" }]), "refused where all answers are");
        assert_eq!(several["answers"][1]["values"], json!([{ "boolean": true }, { "boolean": false }]));
    }
}
