//! The list of bundles, and what one costs.

use scheme::{
    Reason,
    edition::{Editions, Figures, unique},
    invalid, missing,
    number::{Amount, Exact, Percent},
    pricing::{Answer, CATALOGUE, Item, NOT_PRICED, Offer, PriceList, Split, Terms, Title, check_codes, is_medicine},
};
use serde::Deserialize;
use xinglin_sdk::{
    insurance::Error,
    money::{Fen, MoneyError, Rounding},
    pricing::{Due, Service},
    time::Instant,
    types::{Coding, Codings as _, system},
};

/// What is asked for to be given a bundle.
const SERVICE: &str = "bundle";

const NO_BUNDLE: Reason = Reason {
    code: "BUNDLE_NOT_PRICED",
    zh: "没有适用于该诊断、严重程度和方案的打包价格。",
    en: "There is no bundle for this diagnosis, severity and plan.",
};

/// `[edition.scheme]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Bundles {
    source: String,
    base: Amount,
    at_start: Percent,
    tasks_done: Percent,
    split: Split,
    refund: Terms,
    systems: Systems,
    group: Vec<Group>,
    bundle: Vec<Row>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Systems {
    severity: String,
    plan: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    code: String,
    icd10: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    code: String,
    title: Title,
    group: String,
    severity: String,
    plan: String,
    weight: Exact,
}

impl Figures for Bundles {
    fn cited(&self) -> Vec<&str> {
        vec![&self.source, &self.refund.source]
    }

    fn check(&self) -> Result<(), String> {
        self.split.check()?;
        if !self.tasks_done.hundredths().is_multiple_of(10) {
            return Err("`tasks-done` has at most one digit after the point".to_owned());
        }
        // A price by medicine would be one in disguise.
        for system in [&self.systems.severity, &self.systems.plan] {
            if is_medicine(&Coding::new(system, "")) {
                return Err(format!("BUNDLE_DRUG_LINKED: `{system}` has codes of medicines"));
            }
        }
        unique(self.group.iter().map(|group| group.code.as_str()))?;
        check_codes(self.bundle.iter().map(|row| row.code.as_str()))?;
        let keys: Vec<String> =
            self.bundle.iter().map(|row| format!("{}/{}/{}", row.group, row.severity, row.plan)).collect();
        unique(keys.iter().map(String::as_str))?;
        for row in &self.bundle {
            row.title.check()?;
            if !self.group.iter().any(|group| group.code == row.group) {
                return Err(format!("`{}`: there is no group `{}`", row.code, row.group));
            }
            self.price_of(row).map_err(|error| format!("`{}`: {error}", row.code))?;
        }
        Ok(())
    }
}

impl PriceList for Bundles {
    fn source(&self) -> &str {
        &self.source
    }

    fn refund(&self) -> &Terms {
        &self.refund
    }

    fn price(&self, _: &Editions<Self>, service: &Service, _: Instant) -> Result<Answer, Error> {
        if !service.code.has(CATALOGUE, SERVICE) {
            return Ok(Answer::Refused(NOT_PRICED));
        }
        let (Some(severity), Some(plan)) = (&service.severity, &service.plan) else {
            return Err(missing("缺少严重程度或方案。", "Severity or plan is not given."));
        };
        if service.diagnoses.is_empty() {
            return Err(missing("缺少诊断。", "No diagnosis is given."));
        }
        // The first diagnosis that has a bundle: the host lists the main one first.
        let row = service.diagnoses.iter().find_map(|diagnosis| {
            let fits = |row: &&Row| {
                severity.is(&self.systems.severity, &row.severity)
                    && plan.is(&self.systems.plan, &row.plan)
                    && self.groups(diagnosis).any(|group| group.code == row.group)
            };
            self.bundle.iter().find(fits)
        });
        let Some(row) = row else { return Ok(Answer::Refused(NO_BUNDLE)) };

        let price = self.price_of(row).map_err(invalid)?;
        let start = self.at_start.of(price, Rounding::HalfUp).map_err(invalid)?;
        let rest = price.minus(start).map_err(invalid)?;
        let mut fees = Vec::new();
        for (when, title, amount, due) in [
            ("start", row.title.and("·开始", ", at the start"), start, Due::AtStart),
            (
                "completion",
                row.title.and("·完成", ", at completion"),
                rest,
                Due::AtCompletion(self.tasks_done.hundredths() / 10),
            ),
        ] {
            if amount > Fen::ZERO {
                let code = format!("{}-{when}", row.code);
                let item = Item { code: &code, title: &title, amount, split: &self.split, due, earned_over: None };
                fees.extend(item.fees()?);
            }
        }
        Ok(Answer::Offered(Offer { fees, ..Offer::default() }))
    }
}

impl Bundles {
    fn price_of(&self, row: &Row) -> Result<Fen, MoneyError> {
        self.base.fen().times(row.weight.value(), Rounding::HalfUp)
    }

    fn groups<'a>(&'a self, diagnosis: &'a Coding) -> impl Iterator<Item = &'a Group> {
        let holds = |group: &&Group| group.icd10.iter().any(|prefix| diagnosis.under(system::ICD10, prefix));
        self.group.iter().filter(holds)
    }
}
