//! The terms of a contract: what the tenant has set, and what is published where it has set nothing.

use std::str::FromStr;

use xinglin_sdk::{
    insurance::{Claim, ClaimLine, Error, LineKind, Policy},
    settings,
    types::{Coding, Decimal, system, zh_en},
};

use crate::{case::Line, profile::Profile};

/// Who decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// This plugin, by the terms.
    Local,
    /// The insurer, over its gateway at this server.
    Gateway {
        /// Name, possibly with a port.
        server: String,
        /// Before every path.
        base: String,
    },
}

/// The settings of one insurer: `key=value`, by semicolons or lines; `plan:key=value` for one plan.
#[derive(Debug)]
pub struct Contract {
    profile: &'static Profile,
    set: Vec<(String, String)>,
    accepts_illustrative: bool,
}

impl Contract {
    /// Reads the settings.
    pub fn of(profile: &'static Profile) -> Result<Self, Error> {
        let key = format!("terms.{}", profile.id);
        let text = settings::text(&key).unwrap_or_default();
        let mut set = Vec::new();
        for part in text.split([';', '\n']).map(str::trim).filter(|part| !part.is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                return Err(unusable(&key, &format!("`{part}`")));
            };
            let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
            let bare = name.rsplit_once(':').map_or(name.as_str(), |(_, bare)| bare);
            let is_known =
                crate::vocabulary::TERMS.contains(&bare) || ["decide", "base", "shape"].contains(&name.as_str());
            if !is_known || set.iter().any(|(other, _)| *other == name) {
                return Err(unusable(&key, &format!("`{name}`")));
            }
            set.push((name, value));
        }
        let accepts_illustrative = settings::boolean("accept-illustrative").unwrap_or(false);
        Ok(Self { profile, set, accepts_illustrative })
    }

    fn set(&self, key: &str) -> Option<&str> {
        self.set.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Whether the tenant has a contract with this insurer.
    pub fn is_in_use(&self) -> bool {
        self.accepts_illustrative || !self.set.is_empty()
    }

    /// Who decides.
    pub fn route(&self) -> Result<Route, Error> {
        let setting = format!("terms.{}", self.profile.id);
        match self.set("decide").unwrap_or("local") {
            "local" => Ok(Route::Local),
            "gateway" => {
                let key = format!("gateway.{}", self.profile.id);
                let server = settings::text(&key).filter(|server| !server.is_empty());
                let is_confirmed = self.accepts_illustrative || self.set("shape") == Some("confirmed");
                let mut missing = Vec::new();
                if server.is_none() {
                    missing.push(key);
                }
                if self.profile.gateway.illustrative && !is_confirmed {
                    missing.push(format!("{setting}: shape=confirmed"));
                }
                match server {
                    Some(server) if missing.is_empty() => {
                        let base =
                            self.set("base").unwrap_or(self.profile.gateway.base).trim_end_matches('/').to_owned();
                        Ok(Route::Gateway { server, base })
                    }
                    _ => Err(incomplete(self.profile, &missing)),
                }
            }
            _ => Err(unusable(&setting, "`decide`: local, gateway")),
        }
    }

    /// Days until the simulated advice of payment for local decisions.
    pub fn remit_days(&self) -> Result<Option<i64>, Error> {
        let mut reader = Reader { contract: self, plan: "", missing: Vec::new(), wrong: None };
        let days = reader.bound("remit-days");
        match reader.wrong {
            Some(wrong) => Err(unusable(&format!("terms.{}", self.profile.id), &wrong)),
            // Nobody's advice is simulated unasked.
            None => Ok(days),
        }
    }

    /// The terms of a plan. An illustrative figure counts only where the tenant accepts those.
    pub fn terms<'a>(&'a self, plan: &'a str) -> Result<Terms<'a>, Error> {
        let mut reader = Reader { contract: self, plan, missing: Vec::new(), wrong: None };
        let terms = Terms {
            plans: reader.list("plans"),
            networks: reader.networks(),
            deductible: reader.number("deductible").unwrap_or_default(),
            copay: reader.number("copay").unwrap_or_default(),
            discount: reader.percent("discount"),
            visit_limit: reader.bound("visit-limit"),
            annual_limit: reader.bound("annual-limit"),
            visits: reader.bound("visits").and_then(|visits| u32::try_from(visits).ok()),
            mental_visits: reader.bound("mental-visits").and_then(|visits| u32::try_from(visits).ok()),
            waiting_days: reader.number("waiting-days").unwrap_or_default(),
            mental_waiting_days: reader.number("mental-waiting-days").unwrap_or_default(),
            excluded: reader.selectors("excluded"),
            preauthorization_above: reader.bound("preauthorization-above"),
            preauthorization_services: reader.selectors("preauthorization-services"),
            guarantee_days: reader.number("guarantee-days").unwrap_or_default(),
            documents: reader.list("documents").into_iter().map(Coding::loinc).collect(),
            claim_documents: reader.list("claim-documents").into_iter().map(Coding::loinc).collect(),
            filing_days: reader.bound("filing-days"),
            appeal_days: reader.bound("appeal-days"),
            year: reader.year(),
        };
        if let Some(wrong) = reader.wrong {
            return Err(unusable(&format!("terms.{}", self.profile.id), &wrong));
        }
        if !reader.missing.is_empty() {
            return Err(incomplete(self.profile, &reader.missing));
        }
        Ok(terms)
    }
}

fn unusable(setting: &str, what: &str) -> Error {
    Error::MissingData(zh_en(
        format!("设置 {setting} 无法使用:{what}。"),
        format!("The setting {setting} cannot be used: {what}."),
    ))
}

fn incomplete(profile: &Profile, missing: &[String]) -> Error {
    let keys = missing.join(", ");
    Error::MissingData(zh_en(
        format!("尚未设置与{}的直付协议参数:{keys}。示例数值不用于真实结算。", profile.zh),
        format!(
            "The terms of the contract with {} are not set: {keys}. Illustrative figures are not used for real claims.",
            profile.en
        ),
    ))
}

/// Reads terms and collects what is wrong, so that the tenant is told all at once.
struct Reader<'a> {
    contract: &'a Contract,
    plan: &'a str,
    missing: Vec<String>,
    wrong: Option<String>,
}

impl<'a> Reader<'a> {
    fn value(&mut self, key: &str) -> &'a str {
        let of_plan = format!("{}:{key}", self.plan);
        if let Some(value) = self.contract.set(&of_plan).or_else(|| self.contract.set(key)) {
            return value;
        }
        match self.contract.profile.terms.iter().find(|term| term.key == key) {
            Some(term) if !term.illustrative || self.contract.accepts_illustrative => term.value,
            _ => {
                self.missing.push(key.to_owned());
                ""
            }
        }
    }

    fn wrong<T: Default>(&mut self, key: &str, value: &str) -> T {
        // What is missing is told as missing.
        if !self.missing.iter().any(|missing| missing == key) {
            self.wrong.get_or_insert_with(|| format!("`{key}={value}`"));
        }
        T::default()
    }

    fn list(&mut self, key: &str) -> Vec<&'a str> {
        self.value(key).split(',').map(str::trim).filter(|item| !item.is_empty()).collect()
    }

    fn number(&mut self, key: &str) -> Option<i64> {
        let value = self.value(key);
        match value.parse::<i64>() {
            Ok(number) if number >= 0 => Some(number),
            _ => self.wrong(key, value),
        }
    }

    fn bound(&mut self, key: &str) -> Option<i64> {
        if self.value(key) == "none" { None } else { self.number(key) }
    }

    fn percent(&mut self, key: &str) -> Decimal {
        let value = self.value(key);
        percent(value).unwrap_or_else(|| {
            self.wrong::<()>(key, value);
            Decimal::whole(0)
        })
    }

    fn networks(&mut self) -> Vec<(String, Decimal)> {
        let items = self.list("networks");
        let read = |item: &str| {
            let (tier, share) = item.split_once(':')?;
            Some((tier.trim().to_owned(), percent(share.trim())?))
        };
        let networks: Option<Vec<_>> = items.iter().map(|item| read(item)).collect();
        networks.filter(|networks| !networks.is_empty()).unwrap_or_else(|| self.wrong("networks", &items.join(", ")))
    }

    fn selectors(&mut self, key: &str) -> Vec<Selector> {
        let items = self.list(key);
        let selectors: Option<Vec<_>> = items.iter().map(|item| item.parse().ok()).collect();
        selectors.unwrap_or_else(|| self.wrong(key, &items.join(", ")))
    }

    fn year(&mut self) -> Year {
        match self.value("year") {
            "calendar" => Year::Calendar,
            "policy" => Year::Policy,
            other => self.wrong("year", other),
        }
    }
}

/// As a fraction: 20 is 0.20.
fn percent(text: &str) -> Option<Decimal> {
    let percent: Decimal = text.parse().ok()?;
    let is_share = percent >= Decimal::whole(0) && percent <= Decimal::whole(100);
    percent.times(Decimal::new(1, 2)).filter(|_| is_share)
}

/// When a benefit year begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Year {
    /// On 1 January.
    #[default]
    Calendar,
    /// On the anniversary of the cover.
    Policy,
}

/// What a term names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// `icd10:F00-F99`: three-character categories, both ends included. `icd10:F32` is a prefix.
    Diagnosis(String, String),
    /// `atc:A11`: a prefix.
    Class(String),
    /// `item:mri`: a code of the hospital's, in any system.
    Item(String),
    /// `kind:material`
    Kind(u8),
}

impl FromStr for Selector {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (kind, name) = text.split_once(':').ok_or(())?;
        let name = name.trim();
        if name.is_empty() {
            return Err(());
        }
        Ok(match kind.trim() {
            "icd10" => {
                let (from, to) = name.split_once('-').unwrap_or((name, name));
                Self::Diagnosis(from.to_ascii_uppercase(), to.to_ascii_uppercase())
            }
            "atc" => Self::Class(name.to_ascii_uppercase()),
            "item" => Self::Item(name.to_owned()),
            "kind" => Self::Kind(match name {
                "service" => LineKind::Service,
                "medicine" => LineKind::Medicine,
                "material" => LineKind::Material,
                "other" => LineKind::Other,
                _ => return Err(()),
            } as u8),
            _ => return Err(()),
        })
    }
}

impl Selector {
    /// Whether it names this diagnosis, an ICD-10 code.
    pub fn names_diagnosis(&self, code: &str) -> bool {
        let Self::Diagnosis(from, to) = self else { return false };
        let code = code.to_ascii_uppercase();
        let head = |end: &str| code.get(..end.len().min(code.len())).map(str::to_owned);
        head(from).is_some_and(|head| head >= *from) && head(to).is_some_and(|head| head <= *to)
    }

    /// Whether it names this line.
    pub fn names_line(&self, line: &Line) -> bool {
        match self {
            Self::Diagnosis(..) => false,
            Self::Class(prefix) => line.codes.iter().any(|(of, code)| of == system::ATC && code.starts_with(prefix)),
            Self::Item(item) => line.codes.iter().any(|(_, code)| code == item),
            Self::Kind(kind) => line.kind == *kind,
        }
    }
}

/// The terms of a contract for one plan. Amounts in fen.
#[derive(Debug, Clone)]
pub struct Terms<'a> {
    /// Known plans.
    pub plans: Vec<&'a str>,
    /// Tiers, with the share that the patient bears: 0.20.
    pub networks: Vec<(String, Decimal)>,
    /// A benefit year.
    pub deductible: i64,
    /// A visit, which is a claim.
    pub copay: i64,
    /// 0.05 is 5 %.
    pub discount: Decimal,
    /// A visit.
    pub visit_limit: Option<i64>,
    /// A benefit year.
    pub annual_limit: Option<i64>,
    /// A benefit year.
    pub visits: Option<u32>,
    /// For mental illness, a benefit year.
    pub mental_visits: Option<u32>,
    /// From the day on which the cover began.
    pub waiting_days: i64,
    /// For mental illness.
    pub mental_waiting_days: i64,
    /// Diagnoses, items, classes, kinds.
    pub excluded: Vec<Selector>,
    /// What is charged in one claim.
    pub preauthorization_above: Option<i64>,
    /// Whatever the amount.
    pub preauthorization_services: Vec<Selector>,
    /// How long a guarantee holds.
    pub guarantee_days: i64,
    /// With a preauthorization.
    pub documents: Vec<Coding>,
    /// With every claim.
    pub claim_documents: Vec<Coding>,
    /// After the service.
    pub filing_days: Option<i64>,
    /// After the decision.
    pub appeal_days: Option<i64>,
    /// The benefit year.
    pub year: Year,
}

impl Terms<'_> {
    /// What the patient bears in the network of a policy; `None` if outside.
    pub fn share(&self, policy: &Policy) -> Option<Decimal> {
        let tier = policy.network.as_deref()?;
        self.networks.iter().find(|(name, _)| name == tier).map(|(_, share)| *share)
    }
}

/// Codes of lines are compared as in a stored case.
impl From<&ClaimLine> for Line {
    fn from(line: &ClaimLine) -> Self {
        Self {
            number: line.number,
            kind: line.kind as u8,
            codes: line.code.iter().map(|code| (code.system.clone(), code.code.clone())).collect(),
            gross: line.gross.minor_units,
            rest: 0,
        }
    }
}

/// Kinds of documents that a claim does not have.
pub fn lacking(claim: &Claim, wanted: &[Coding]) -> Vec<Coding> {
    wanted.iter().filter(|kind| !claim.documents.iter().any(|document| document.kind.same(kind))).cloned().collect()
}
