use xinglin_domain::{
    coding::Quantity,
    enrolment::Enrolment,
    id::EnrolmentId,
    pathway::{Answer, AnswerKind, AnswerValue, Question, Questionnaire},
};
use xinglin_extensions::{Extensions, install};
use xinglin_platform::{AppError, AppResult, Caller, boxed, document::Stored};
use xinglin_records::consent;

use crate::pathway::{self, Answers, EnrolmentView};

/// Answers the form of a panel, as browsers send it: fields are named after the links of the questions,
/// a choice is `system|code`, an empty field is no answer. Then as [`pathway::answer`].
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
    let platform = &extensions.platform;
    let records = platform.records(caller);
    let Stored::<_, Enrolment> { value: enrolment, .. } = records.get_document(id).await?.try_into()?;
    let labels = consent::compartments_of(&records, &enrolment.plugin).await?;
    let author = enrolment.enrolled_by == caller.actor.account;
    consent::may_open(platform, caller, enrolment.patient, (labels, author), "enrolment", id).await?;
    let definition = install::definition(&records.get_install(&enrolment.plugin).await?)?;
    let known = definition.questionnaires.iter().find(|known| known.code == questionnaire);
    let known = known.ok_or_else(|| AppError::not_found("questionnaire", questionnaire))?;
    let answers = read(known, fields);
    pathway::answer(extensions, caller, id, Answers { questionnaire: questionnaire.to_owned(), answers }).await
}

/// What fits a question is typed; what does not is passed on as text, so that it is refused by its link
/// and what the answers say about danger is heard all the same.
fn read(questionnaire: &Questionnaire, fields: Vec<(String, String)>) -> Vec<Answer> {
    let filled = fields.into_iter().filter(|(_, value)| !value.trim().is_empty());
    filled
        .map(|(link_id, value)| {
            let question = questionnaire.questions.iter().find(|question| question.link_id == link_id);
            let text = || AnswerValue::Text(value.trim().to_owned());
            let value = question.and_then(|question| typed(question, value.trim())).unwrap_or_else(text);
            Answer { link_id, value }
        })
        .collect()
}

fn typed(question: &Question, value: &str) -> Option<AnswerValue> {
    match &question.kind {
        AnswerKind::Boolean => match value {
            "true" => Some(AnswerValue::Boolean(true)),
            "false" => Some(AnswerValue::Boolean(false)),
            _ => None,
        },
        AnswerKind::Integer => value.parse().ok().map(AnswerValue::Integer),
        AnswerKind::Text => None,
        AnswerKind::Quantity(unit) => {
            value.parse().ok().map(|value| AnswerValue::Quantity(Quantity { value, unit: unit.clone() }))
        }
        AnswerKind::Choice(choices) => {
            let chosen = choices.iter().find(|one| format!("{}|{}", one.system, one.code) == value);
            chosen.cloned().map(AnswerValue::Choice)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xinglin_domain::coding::{Coding, LocalizedText};

    #[test]
    fn a_field_is_read_as_its_question_asks() {
        let choices = vec![Coding::new("urn:own", "a"), Coding::new("urn:own", "b")];
        let rows = [
            (AnswerKind::Boolean, "true", Some(AnswerValue::Boolean(true))),
            (AnswerKind::Boolean, "on", None),
            (AnswerKind::Integer, "-3", Some(AnswerValue::Integer(-3))),
            (AnswerKind::Integer, "3.5", None),
            (AnswerKind::Text, "3.5", None),
            (
                AnswerKind::Quantity("mmol/L".into()),
                "6.70",
                Some(AnswerValue::Quantity(Quantity { value: "6.7".parse().expect("one"), unit: "mmol/L".into() })),
            ),
            (AnswerKind::Quantity("mmol/L".into()), "6,7", None),
            (AnswerKind::Choice(choices.clone()), "urn:own|b", Some(AnswerValue::Choice(choices[1].clone()))),
            (AnswerKind::Choice(choices), "b", None),
        ];
        for (kind, value, expected) in rows {
            let question = Question {
                link_id: "q".into(),
                text: LocalizedText::default(),
                kind: kind.clone(),
                required: true,
                records_as: None,
            };
            assert_eq!(typed(&question, value), expected, "{kind:?} {value}");
            let expected = expected.unwrap_or_else(|| AnswerValue::Text(value.into()));
            let form = Questionnaire {
                code: "f".into(),
                title: LocalizedText::default(),
                questions: vec![question],
                citation: None,
            };
            let field = |link: &str, value: &str| vec![(link.to_owned(), value.to_owned())];
            let back = read(&form, field("q", &format!(" {value} ")));
            assert_eq!(back, [Answer { link_id: "q".into(), value: expected }]);
            assert_eq!(read(&form, field("q", " ")), []);
            let other = read(&form, field("other", "1"));
            assert_eq!(other[0].value, AnswerValue::Text("1".into()), "refused where all answers are");
        }
    }
}
