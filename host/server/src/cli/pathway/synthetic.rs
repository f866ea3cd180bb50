//! Synthetic values of what pathways look at, for searches and simulations.

use xinglin_domain::{
    clinical::{DataNeed, Observation, ObservationValue},
    coding::{Attribute, AttributeValue, Coding, Decimal, Quantity, system},
    measure,
    pathway::{Answer, AnswerValue, Definition, Questionnaire},
    time::Instant,
};
use xinglin_pathway_file::known;

/// Codes of observations that it declares.
pub(in crate::cli) fn needed(definition: &Definition) -> impl Iterator<Item = &Coding> {
    definition.data_needs.iter().flat_map(|need| match need {
        DataNeed::Observations(codes) => codes.as_slice(),
        _ => &[],
    })
}

/// Low, middle and high values of a code, and positive. Of an analyte that the host knows, only the
/// code that rules receive has any.
pub(in crate::cli) fn values(code: &Coding) -> Vec<ObservationValue> {
    let known = measure::measurand(std::slice::from_ref(code));
    if known.is_some_and(|known| !known.coding().same(code)) {
        return Vec::new();
    }
    let unit = known::known(&code.code).filter(|_| code.system == system::LOINC).map(|known| known.unit);
    let numbers: [i64; 3] = match unit {
        Some("mmol/L") => [2, 6, 20],
        Some("%") => [5, 9, 92],
        Some("mm[Hg]") => [50, 120, 190],
        Some("umol/L") => [60, 380, 900],
        Some("mg/g") => [5, 100, 1_000],
        Some("mL/min/{1.73_m2}") => [10, 50, 95],
        Some("Cel") => [35, 37, 40],
        Some("kg") => [45, 70, 110],
        _ => [20, 150, 5_000],
    };
    // A number of copies, cells or units by its own unit, if nobody knows a better one.
    let unit = unit.unwrap_or(match code.code.as_str() {
        "20447-9" => "{copies}/mL",
        "24467-3" => "/uL",
        _ => "1",
    });
    let quantity =
        |number| ObservationValue::Quantity(Quantity { value: Decimal::whole(number), unit: unit.to_owned() });
    let mut values: Vec<ObservationValue> = numbers.map(quantity).to_vec();
    if unit == "1" {
        values.push(ObservationValue::Coded(vec![Coding::new(system::SNOMED, "10828004")]));
    }
    values
}

/// One of them; `reported` by the patient.
pub(in crate::cli) fn observation(code: &Coding, value: ObservationValue, at: Instant, reported: bool) -> Observation {
    let reported =
        reported.then(|| Attribute { key: "xinglin.self-reported".to_owned(), value: AttributeValue::Boolean(true) });
    let attributes = reported.into_iter().collect();
    Observation { code: vec![code.clone()], value, components: Vec::new(), effective: Some(at), attributes }
}

/// What the host records of answers before it tells of them: each that is an observation, and the scores.
pub(in crate::cli) fn recorded(form: &Questionnaire, answers: &[Answer], at: Instant) -> Vec<Observation> {
    let mut all = Vec::new();
    for answer in answers {
        let item = form.items.iter().find(|item| item.link_id == answer.link_id);
        let Some(code) = item.and_then(|item| item.records_as.as_ref()) else { continue };
        all.extend(answer.values.iter().map(|value| {
            let value = match value {
                AnswerValue::Boolean(yes) => ObservationValue::Boolean(*yes),
                AnswerValue::Integer(number) => ObservationValue::Integer(*number),
                AnswerValue::Quantity(quantity) => ObservationValue::Quantity(quantity.clone()),
                AnswerValue::Choice(choice) => ObservationValue::Coded(vec![choice.clone()]),
                AnswerValue::Text(text) => ObservationValue::Text(text.clone()),
                AnswerValue::Decimal(_) | AnswerValue::Date(_) | AnswerValue::Moment(_) => ObservationValue::Absent,
            };
            observation(code, value, at, true)
        }));
    }
    let sum = |(code, sum): (&Coding, i64)| observation(code, ObservationValue::Integer(sum), at, true);
    all.extend(form.scores(answers).into_iter().map(sum));
    all
}
