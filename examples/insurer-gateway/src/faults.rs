//! Mistakes on demand: a plan of rules, and a seed from which everything by chance follows.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing is done, and no answer comes.
    TimeoutBeforeCommit,
    /// It is done, and no answer comes.
    TimeoutAfterCommit,
    /// It is done, and the connection breaks before the answer.
    LostAnswer,
    /// It is done, and the answer comes twice in one body.
    DuplicateAnswer,
    /// It is done, and what is answered is the answer to the message before.
    StaleAnswer,
    /// It is done, and the answer's sums do not hold.
    WrongTotal,
    /// It is settled with other figures than quoted, which add up.
    Drift,
    /// It is done, and the signature of the answer is another's.
    BadSignature,
    /// It is done, and answered late.
    Slow,
    /// Nothing is done; 503 says so.
    Maintenance,
}

/// When something goes wrong.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// An `infno`, or a path of the commercial protocol such as `/claims`; `*` is any.
    pub on: String,
    /// What.
    pub kind: Kind,
    /// Every so many matching requests: 1 is each.
    #[serde(default = "one")]
    pub every: u32,
    /// Of a hundred of those, how many; drawn from the seed.
    #[serde(default = "hundred")]
    pub percent: u32,
    /// How often at most; without it, for ever.
    pub times: Option<u32>,
    /// Of a timeout and of `slow`, how long.
    #[serde(default = "ten_seconds")]
    pub delay_ms: u64,
}

const fn one() -> u32 {
    1
}
const fn hundred() -> u32 {
    100
}
const fn ten_seconds() -> u64 {
    10_000
}

/// All rules. The first that applies to a request applies alone.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Of all chance.
    #[serde(default)]
    pub seed: u64,
    /// The rules.
    #[serde(default)]
    pub rule: Vec<Rule>,
}

/// A plan at work.
#[derive(Debug, Default)]
pub struct Faults {
    plan: Plan,
    dice: u64,
    /// Matching requests and faults of each rule.
    counts: HashMap<usize, (u32, u32)>,
    /// Faults that were committed, by kind and what they were committed on.
    committed: Vec<(String, Kind)>,
}

impl Faults {
    /// A plan from its beginning.
    pub fn new(plan: Plan) -> Self {
        Self { dice: plan.seed, plan, ..Self::default() }
    }

    /// What goes wrong with a request, and how long it takes.
    pub fn strike(&mut self, on: &str) -> Option<(Kind, u64)> {
        for (index, rule) in self.plan.rule.iter().enumerate() {
            if rule.on != "*" && rule.on != on {
                continue;
            }
            let (seen, struck) = self.counts.entry(index).or_default();
            *seen += 1;
            if *seen % rule.every.max(1) != 0 || rule.times.is_some_and(|times| *struck >= times) {
                continue;
            }
            if rule.percent < 100 && !chance(&mut self.dice, rule.percent) {
                continue;
            }
            *struck += 1;
            self.committed.push((on.to_owned(), rule.kind));
            return Some((rule.kind, rule.delay_ms));
        }
        None
    }

    /// Plan and what was committed.
    pub fn report(&self) -> serde_json::Value {
        let committed: Vec<_> =
            self.committed.iter().map(|(on, kind)| serde_json::json!({ "on": on, "kind": kind })).collect();
        serde_json::json!({ "plan": self.plan, "committed": committed })
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
fn chance(dice: &mut u64, percent: u32) -> bool {
    *dice = dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*dice ^ (*dice >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % 100 < u64::from(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(plan: &str, requests: &[&str]) -> Vec<Option<Kind>> {
        let mut faults = Faults::new(toml::from_str(plan).expect("a plan"));
        requests.iter().map(|on| faults.strike(on).map(|(kind, _)| kind)).collect()
    }

    #[test]
    fn a_rule_strikes_when_it_says() {
        let every = "[[rule]]\non = \"2207\"\nkind = \"slow\"\nevery = 3\ntimes = 1";
        let requests = ["2207", "2206", "2207", "2207", "2207", "2207", "2207"];
        assert_eq!(struck(every, &requests), [None, None, None, Some(Kind::Slow), None, None, None]);
        let any = "[[rule]]\non = \"*\"\nkind = \"maintenance\"";
        assert_eq!(struck(any, &["2601", "/claims"]), [Some(Kind::Maintenance); 2]);
    }

    #[test]
    fn a_seed_repeats_itself() {
        let plan = |seed: u64| format!("seed = {seed}\n[[rule]]\non = \"*\"\nkind = \"lost_answer\"\npercent = 50");
        let requests = ["2207"; 64];
        let first = struck(&plan(7), &requests);
        assert_eq!(first, struck(&plan(7), &requests));
        assert_ne!(first, struck(&plan(8), &requests));
        assert!((16..48).contains(&first.iter().flatten().count()));
    }

    #[test]
    fn a_plan_with_a_mistake_is_refused() {
        for plan in ["[[rule]]\non = \"1\"\nkind = \"fast\"", "[[rule]]\non = \"1\"\nkind = \"slow\"\neach = 2"] {
            assert!(toml::from_str::<Plan>(plan).is_err(), "{plan}");
        }
    }
}
