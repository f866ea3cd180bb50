//! Mutation test: the shipped patient with random changes must not cause a panic.

use serde_json::{Value, json};
use xinglin_domain::time::Instant;

use crate::{
    bundle::{self, Plan},
    index::index,
    outcome, snapshot, testing,
    validate::validate,
};

/// A generator with a fixed seed (xorshift64*): failures are reproducible.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize;
        high % bound
    }

    fn nonsense(&mut self) -> Value {
        let long = "9".repeat(400);
        let values = [
            json!(null),
            json!(true),
            json!(-1),
            serde_json::from_str("1e400").expect("a number to arbitrary precision"),
            serde_json::from_str(&long).expect("a number to arbitrary precision"),
            json!(""),
            json!("urn:uuid:"),
            json!("Patient?identifier=|"),
            json!("/_history/"),
            json!("T血糖\u{0}"),
            json!("9999-12-31T23:59:60Z"),
            json!([]),
            json!([[null]]),
            json!({}),
            json!({"resourceType": "Observation", "value": {"coding": 1}}),
        ];
        values[self.below(values.len())].clone()
    }
}

/// Replaces, removes or duplicates something at a random depth.
fn wound(value: &mut Value, dice: &mut Dice) {
    let deeper = dice.below(8) != 0;
    match value {
        Value::Object(fields) if deeper && !fields.is_empty() => {
            let name = fields.keys().nth(dice.below(fields.len())).cloned().unwrap_or_default();
            match dice.below(12) {
                0 => drop(fields.remove(&name)),
                1 => drop(fields.insert(format!("{name}X"), json!(1))),
                _ => wound(&mut fields[&name], dice),
            }
        }
        Value::Array(items) if deeper && !items.is_empty() => {
            let index = dice.below(items.len());
            match dice.below(12) {
                0 => drop(items.remove(index)),
                1 => items.push(items[index].clone()),
                _ => wound(&mut items[index], dice),
            }
        }
        _ => *value = dice.nonsense(),
    }
}

#[test]
fn a_wounded_bundle_is_planned_or_refused() {
    let mut sound = testing::shipped_bundle();
    let entries = sound["entry"].as_array_mut().expect("entries");
    // One of each type, so that most mutations reach another type.
    entries.dedup_by_key(|entry| entry["resource"]["resourceType"].to_string());
    let mut dice = Dice(20_261_101);
    let (mut planned, mut refused) = (0, 0);
    for round in 0..3000 {
        let mut bundle = sound.clone();
        bundle["type"] = json!(if round % 2 == 0 { "transaction" } else { "batch" });
        for _ in 0..=dice.below(3) {
            let whole = dice.below(8) == 0;
            match bundle.get_mut("entry") {
                Some(entries) if !whole => wound(entries, &mut dice),
                _ => wound(&mut bundle, &mut dice),
            }
        }
        match bundle::plan(bundle, &mut testing::counter()) {
            Ok(Plan::Transaction(entries)) => {
                planned += 1;
                let resources: Vec<Value> = entries.into_iter().map(|entry| entry.resource).collect();
                read(&resources);
            }
            Ok(Plan::Batch(entries)) => {
                planned += 1;
                entries.iter().filter_map(|entry| entry.as_ref().err()).for_each(|error| {
                    assert_eq!(validate(&outcome::of_error(error)), Ok(()));
                });
            }
            Err(error) => {
                refused += 1;
                assert_eq!(validate(&outcome::of_error(&error)), Ok(()));
            }
        }
    }
    assert!(planned > 300 && refused > 300, "{planned} planned, {refused} refused");
}

/// Stored resources may be read unchecked, so mutations must not cause a panic there either.
#[test]
fn a_wounded_record_is_read() {
    let sound = testing::shipped_resources();
    let mut dice = Dice(44_054_006);
    for _ in 0..20 {
        let mut record = sound.clone();
        for resource in &mut record {
            wound(resource, &mut dice);
        }
        read(&record);
    }
}

fn read(record: &[Value]) {
    let now = Instant::from_micros(1_793_491_200_000_000);
    for resource in record {
        index(resource);
        // Refused or accepted; only a panic fails.
        validate(resource).err();
    }
    let snapshot = snapshot::build(record.first().unwrap_or(&Value::Null), record, "psn".into(), now);
    let text = serde_json::to_string(&snapshot).expect("a snapshot is serializable");
    assert_eq!(serde_json::from_str::<xinglin_domain::clinical::Snapshot>(&text).ok(), Some(snapshot));
}
