//! Batches of values from a device: an Observation with `valueSampledData`.

use serde_json::Value;
use xinglin_domain::{
    coding::{Coding, Decimal, Quantity},
    measure::{self, Fault},
    pathway::Point,
    time::Instant,
};

use crate::{
    read::{codings, instant, text},
    snapshot::{EFFECTIVE, Refused, exact, period_micros, quantity},
};

/// How long after the moment of writing a value of a device may be dated, in minutes: its clock may be fast.
const CLOCK_MINUTES: i64 = 10;

/// Most values of one batch: a minute grid of 31 days.
const MOST_VALUES: usize = 31 * 24 * 60;

/// The values of one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sampled {
    /// What is measured, in the code of its canonical unit where the host knows it.
    pub code: Coding,
    /// UCUM.
    pub unit: String,
    /// Oldest first. Whatever the device could not measure is not in here.
    pub points: Vec<Point>,
    /// How many cannot be true: outside of the bounds of what is measured, or later than when they were written.
    pub implausible: u32,
}

/// Whether an observation is a batch.
pub fn is_batch(observation: &Value) -> bool {
    observation.get("valueSampledData").is_some()
}

/// The values of an observation with `valueSampledData` that was written at a moment. A value is `data × factor +
/// origin`; `L` and `U` are the limits of the device, where it names them and neither factor nor origin makes it unclear
/// what they mean; `E` and blanks are no value. `None` if it is no batch, or of nothing that has a code.
///
/// # Errors
/// Of what the host knows to measure: the unit, or that there is no unit, no time, several dimensions, or more than
/// 44,640 values.
pub fn sampled(observation: &Value, written: Instant) -> Option<Result<Sampled, Refused>> {
    let data = observation.get("valueSampledData")?;
    let codes = observation.get("code").map(codings).unwrap_or_default();
    let what = measure::measurand(&codes);
    let code = what.map_or_else(|| codes.first().cloned(), |what| Some(what.coding()))?;
    let read = values(observation, data);
    let refused = |fault| {
        what.map(|what| {
            let unit = data.get("origin").and_then(|origin| text(origin, "code").or_else(|| text(origin, "unit")));
            Err(Refused { fault, what, sent: unit.unwrap_or_default().to_owned() })
        })
    };
    let Some((unit, values)) = read else { return refused(Fault::UnitNotUnderstood) };
    let canonical = |value: Decimal| match what {
        None => Ok(Quantity { value, unit: measure::unit(&unit) }),
        Some(what) => what.canonical(&Quantity { value, unit: unit.clone() }),
    };
    let mut sampled = Sampled { code, unit: measure::unit(&unit), points: Vec::new(), implausible: 0 };
    let latest = written.plus_minutes(CLOCK_MINUTES);
    for (at, value) in values {
        match value.ok_or(Fault::Implausible).and_then(canonical) {
            Ok(quantity) if at <= latest => {
                sampled.unit = quantity.unit;
                sampled.points.push(Point { at, value: quantity.value });
            }
            Ok(_) | Err(Fault::Implausible) => sampled.implausible = sampled.implausible.saturating_add(1),
            Err(fault) => return refused(fault),
        }
    }
    Some(Ok(sampled))
}

/// A value with its time, if it is known.
type Dated = (Instant, Option<Decimal>);

/// The unit, and each value with its time; none where a number is beyond all bounds.
fn values(observation: &Value, data: &Value) -> Option<(String, Vec<Dated>)> {
    let origin = quantity(data.get("origin")?)?;
    if origin.unit.is_empty() || data.get("dimensions").is_some_and(|dimensions| *dimensions != 1) {
        return None;
    }
    let start = EFFECTIVE.iter().find_map(|name| instant(observation, name))?;
    let number = |name: &str| data.get(name).map(exact);
    let factor = number("factor").unwrap_or(Some(Decimal::whole(1)))?;
    let period = period_micros(data)?;
    let plain = factor == Decimal::whole(1) && origin.value == Decimal::whole(0);
    let limit = |name: &str| number(name).flatten().filter(|_| plain);
    // What needs no arithmetic keeps its digits.
    let scaled = |value: Decimal| match plain {
        true => Some(value),
        false => value.times(factor).and_then(|value| value.plus(origin.value)).ok(),
    };
    let mut values = Vec::new();
    for (place, word) in text(data, "data")?.split_ascii_whitespace().enumerate() {
        if place == MOST_VALUES {
            return None;
        }
        let elapsed = i64::try_from(place).ok().and_then(|place| period.checked_mul(place))?;
        let at = Instant::from_micros(start.micros().checked_add(elapsed)?);
        let value = match word {
            "E" => continue,
            "L" => limit("lowerLimit"),
            "U" => limit("upperLimit"),
            number => scaled(number.parse().ok()?),
        };
        values.push((at, value));
    }
    Some((origin.unit, values))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use xinglin_domain::coding::system;

    use super::*;

    fn now() -> Instant {
        Instant::parse("2026-11-01T12:00:00Z").expect("a time")
    }

    fn batch(more: Value) -> Value {
        let mut data = json!({
            "origin": { "value": 0, "code": "mmol/L" }, "period": 300_000, "dimensions": 1, "data": "5.6 5.8 E 6.1",
        });
        data.as_object_mut().expect("fields").extend(more.as_object().expect("fields").clone());
        json!({
            "resourceType": "Observation", "status": "final", "effectiveDateTime": "2026-11-01T11:00:00Z",
            "code": { "coding": [{ "system": system::LOINC, "code": "105272-9" }] }, "valueSampledData": data,
        })
    }

    fn read(batch: &Value) -> (Vec<(i64, String)>, u32) {
        let sampled = sampled(batch, now()).expect("a batch").expect("understood");
        assert_eq!((sampled.code.code.as_str(), sampled.unit.as_str()), ("105272-9", "mmol/L"));
        let start = Instant::parse("2026-11-01T11:00:00Z").expect("a time").micros();
        let minute = |point: &Point| ((point.at.micros() - start) / 60_000_000, point.value.to_string());
        (sampled.points.iter().map(minute).collect(), sampled.implausible)
    }

    fn points(points: &[(i64, &str)]) -> Vec<(i64, String)> {
        points.iter().map(|(at, value)| (*at, (*value).to_owned())).collect()
    }

    #[test]
    fn a_batch_is_read_with_times_in_the_canonical_unit() {
        assert_eq!(read(&batch(json!({}))), (points(&[(0, "5.6"), (5, "5.8"), (15, "6.1")]), 0));
        let scaled = batch(json!({ "origin": { "value": 1, "unit": "mmol/l" }, "factor": 0.1, "data": "46 48" }));
        assert_eq!(read(&scaled), (points(&[(0, "5.6"), (5, "5.8")]), 0));
        let mut american = batch(json!({ "origin": { "value": 0, "code": "mg/dL" }, "data": "90" }));
        american["code"]["coding"][0]["code"] = json!("99504-3");
        assert_eq!(read(&american), (points(&[(0, "4.9949")]), 0));
        let limits = json!({ "data": "L 5.0 U", "lowerLimit": 2.2, "upperLimit": 22.2 });
        assert_eq!(read(&batch(limits)), (points(&[(0, "2.2"), (5, "5.0"), (10, "22.2")]), 0));
        let unclear = json!({ "data": "L 50", "factor": 0.1, "lowerLimit": 22 });
        assert_eq!(read(&batch(unclear)), (points(&[(5, "5")]), 1), "a person looks at it");
    }

    #[test]
    fn what_cannot_be_true_is_counted() {
        assert_eq!(read(&batch(json!({ "data": "0.1 5.0 99 L" }))), (points(&[(5, "5.0")]), 3));
        let ahead = batch(json!({ "data": "5.0 5.1 5.2", "period": 35 * 60_000 }));
        assert_eq!(read(&ahead), (points(&[(0, "5.0"), (35, "5.1"), (70, "5.2")]), 0), "ten minutes ahead");
        assert_eq!(read(&batch(json!({ "data": "5.0 5.1 5.2", "period": 36 * 60_000 }))).1, 1, "twelve");
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let wrong = [
            json!({ "origin": { "value": 0, "code": "furlong" } }),
            json!({ "origin": { "value": 0 } }),
            json!({ "dimensions": 2 }),
            json!({ "period": 0 }),
            json!({ "period": "often" }),
            json!({ "data": "5.6 much" }),
            json!({ "data": "5 ".repeat(MOST_VALUES + 1) }),
        ];
        for more in wrong {
            let fault = sampled(&batch(more.clone()), now()).expect("a batch").expect_err("refused").fault;
            assert_eq!(fault, Fault::UnitNotUnderstood, "{more}");
        }
        let mut undated = batch(json!({}));
        undated.as_object_mut().expect("fields").remove("effectiveDateTime");
        assert!(sampled(&undated, now()).expect("a batch").is_err());
        assert!(sampled(&json!({ "resourceType": "Observation" }), now()).is_none());
    }
}
