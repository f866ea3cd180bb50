//! The list of packages and of single services.

use scheme::{
    Reason, calendar,
    edition::{Editions, Figures, unique},
    missing,
    number::Amount,
    pricing::{Answer, CATALOGUE, Item, NOT_PRICED, Offer, PriceList, Split, Terms, Title, check_codes, known},
};
use serde::Deserialize;
use xinglin_sdk::{
    insurance::{Allowance, Balance, Draw, Error, Period},
    money::Fen,
    pricing::{Due, Payee, Service},
    time::Instant,
    types::{Coding, Codings as _, system},
};

const RUNNING: Reason = Reason {
    code: "PACKAGE_RUNNING",
    zh: "该服务包尚在有效期内,期满后可续。",
    en: "The package is still running; it can be bought again when it has ended.",
};
const OTHER_DIAGNOSIS: Reason = Reason {
    code: "PACKAGE_OTHER_DIAGNOSIS",
    zh: "该服务包只面向特定诊断的患者。",
    en: "The package is for patients with another diagnosis.",
};
const OTHER_AGE: Reason = Reason {
    code: "PACKAGE_OTHER_AGE",
    zh: "该服务包只面向特定年龄的患者。",
    en: "The package is for patients of another age.",
};
const USED_UP: Reason = Reason {
    code: "ENTITLEMENT_USED_UP",
    zh: "服务包内该项次数已用完,且不单独出售。",
    en: "The package has none of this service left, and it is not sold by itself.",
};
const PACKAGE_ONLY: Reason =
    Reason {
        code: "PACKAGE_ONLY", zh: "该服务仅随服务包提供。", en: "The service is given with a package only."
    };

/// `[edition.scheme]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packages {
    source: String,
    refund: Terms,
    package: Vec<Package>,
    service: Vec<Single>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Package {
    code: String,
    title: Title,
    price: Amount,
    months: u32,
    split: Split,
    /// Only with one of these diagnoses; for everybody if empty.
    #[serde(default)]
    icd10: Vec<String>,
    /// In completed years; the last is `age-until`.
    age_from: Option<u16>,
    age_until: Option<u16>,
    counter: Vec<Counter>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counter {
    code: String,
    services: Vec<String>,
    /// Unbounded if absent.
    count: Option<u32>,
}

/// A service at its list price.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Single {
    code: String,
    title: Title,
    price: Amount,
    split: Split,
    /// Whether it is sold without a package.
    #[serde(default = "yes")]
    alone: bool,
}

const fn yes() -> bool {
    true
}

impl Figures for Packages {
    fn cited(&self) -> Vec<&str> {
        vec![&self.source, &self.refund.source]
    }

    fn check(&self) -> Result<(), String> {
        let packages = self.package.iter().map(|package| package.code.as_str());
        check_codes(packages.chain(self.service.iter().map(|single| single.code.as_str())))?;
        unique(self.counters().map(|counter| counter.code.as_str()))?;
        for Package { code, title, months, split, counter, age_from, age_until, .. } in &self.package {
            title.check()?;
            split.check()?;
            if age_from.zip(*age_until).is_some_and(|(from, until)| from > until) {
                return Err(format!("`{code}`: `age-from` is above `age-until`"));
            }
            if !(1..=120).contains(months) {
                return Err(format!("`{code}`: 1 to 120 months"));
            }
            if counter.is_empty()
                || counter.iter().any(|counter| counter.services.is_empty() || counter.count == Some(0))
            {
                return Err(format!("`{code}` has a counter of nothing"));
            }
            // What was used of a package is reckoned at its list price.
            let listed = |service: &&String| self.service.iter().any(|single| single.code == **service);
            if let Some(service) = counter.iter().flat_map(|counter| &counter.services).find(|service| !listed(service))
            {
                return Err(format!("`{code}`: `{service}` has no list price"));
            }
        }
        self.service.iter().try_for_each(|single| single.title.check().and_then(|()| single.split.check()))
    }
}

impl PriceList for Packages {
    fn source(&self) -> &str {
        &self.source
    }

    fn refund(&self) -> &Terms {
        &self.refund
    }

    fn price(&self, editions: &Editions<Self>, service: &Service, now: Instant) -> Result<Answer, Error> {
        if let Some(package) = known(service, &self.package, |package| &package.code) {
            return package.sell(service, now);
        }
        let Some(single) = known(service, &self.service, |single| &single.code) else {
            return Ok(Answer::Refused(NOT_PRICED));
        };
        let entitled = Entitled::to(editions, service, now)?;
        let (amount, split) = match entitled.left {
            // A line of nothing, so that the bill says what was given.
            Some(_) => (Fen::ZERO, &Split::all(Payee::Hospital)),
            None if single.alone => (single.price.fen(), &single.split),
            None if entitled.used_up => return Ok(Answer::Refused(USED_UP)),
            None => return Ok(Answer::Refused(PACKAGE_ONLY)),
        };
        let Single { code, title, .. } = single;
        let item = Item { code, title, amount, split, due: Due::AtStart, earned_over: None };
        let draw = |balance: &Balance| Draw {
            code: balance.code.clone(),
            period: balance.period,
            amount: Allowance::Count(1),
        };
        let draws = entitled.left.map(draw).into_iter().collect();
        Ok(Answer::Offered(Offer {
            fees: item.fees()?,
            draws,
            opens: Vec::new(),
            list_price: Some(single.price.fen()),
        }))
    }
}

impl Packages {
    fn counters(&self) -> impl Iterator<Item = &Counter> {
        self.package.iter().flat_map(|package| &package.counter)
    }
}

impl Package {
    /// From the day it is bought on, whole days.
    fn sell(&self, service: &Service, now: Instant) -> Result<Answer, Error> {
        let is_own = |balance: &&Balance| self.counter.iter().any(|counter| counter.code == balance.code);
        if service.entitlements.iter().filter(is_own).any(|balance| balance.period.contains(now)) {
            return Ok(Answer::Refused(RUNNING));
        }
        let suits = |diagnosis: &Coding| self.icd10.iter().any(|prefix| diagnosis.under(system::ICD10, prefix));
        if !self.icd10.is_empty() && !service.diagnoses.iter().any(suits) {
            return Ok(Answer::Refused(OTHER_DIAGNOSIS));
        }
        if self.age_from.is_some() || self.age_until.is_some() {
            let age = service.age_years.ok_or_else(|| {
                missing("缺少年龄,无法确定能否购买该服务包。", "The age is not known, and the package depends on it.")
            })?;
            if self.age_from.is_some_and(|from| age < from) || self.age_until.is_some_and(|until| age > until) {
                return Ok(Answer::Refused(OTHER_AGE));
            }
        }
        let start = calendar::midnight(now);
        let period = Period { start, end: calendar::plus_months(start, self.months) };
        let item = Item {
            code: &self.code,
            title: &self.title,
            amount: self.price.fen(),
            split: &self.split,
            due: Due::AtStart,
            earned_over: Some(period),
        };
        let open = |counter: &Counter| Balance {
            code: counter.code.clone(),
            period,
            used: Allowance::Count(0),
            limit: counter.count.map(Allowance::Count),
        };
        let opens = self.counter.iter().map(open).collect();
        Ok(Answer::Offered(Offer { fees: item.fees()?, opens, ..Offer::default() }))
    }
}

/// What the patient's packages hold of a service.
#[derive(Debug, Default)]
struct Entitled<'a> {
    /// Of the counters with something left, the one that ends first.
    left: Option<&'a Balance>,
    used_up: bool,
}

impl<'a> Entitled<'a> {
    /// A counter holds what it held when its package was bought. Those of other plugins are ignored.
    fn to(editions: &Editions<Packages>, service: &'a Service, now: Instant) -> Result<Self, Error> {
        let mut entitled = Self::default();
        for balance in service.entitlements.iter().filter(|balance| balance.period.contains(now)) {
            let counter = |packages: &'_ Packages| packages.counters().any(|counter| counter.code == balance.code);
            if !editions.schemes().any(counter) {
                continue;
            }
            let packages = &editions.at(balance.period.start)?.scheme;
            let Some(counter) = packages.counters().find(|counter| counter.code == balance.code) else { continue };
            if !counter.services.iter().any(|code| service.code.has(CATALOGUE, code)) {
                continue;
            }
            let has_left = balance.limit.is_none() || balance.count_left().is_some_and(|left| left > 0);
            if !has_left {
                entitled.used_up = true;
            } else if entitled.left.is_none_or(|other| balance.period.end < other.period.end) {
                entitled.left = Some(balance);
            }
        }
        Ok(entitled)
    }
}
