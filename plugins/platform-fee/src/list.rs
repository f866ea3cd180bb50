//! The list of fees.

use std::collections::BTreeMap;

use scheme::{
    Reason,
    edition::{Editions, Figures},
    invalid, missing,
    number::{Amount, Percent},
    pricing::{Answer, Item, NOT_PRICED, Offer, PriceList, Split, Terms, Title, check_codes, known},
};
use serde::Deserialize;
use xinglin_sdk::{
    insurance::Error,
    money::{Fen, MoneyError, Rounding},
    pricing::{Due, Payee, Service},
    time::Instant,
};

/// Fee of every title that is not named.
const ANY: &str = "any";
/// The titles of the contract.
const TITLES: [&str; 5] = [ANY, "junior", "middle", "associate-senior", "senior"];

const TITLE_NOT_PRICED: Reason = Reason {
    code: "TITLE_NOT_PRICED",
    zh: "这项服务不由该职称的医生提供。",
    en: "Doctors of this title do not give this service.",
};

/// `[edition.scheme]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fees {
    source: String,
    split: Split,
    platform: Platform,
    refund: Terms,
    service: Vec<Row>,
}

/// Percent of the doctor's fee, within bounds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Platform {
    code: String,
    title: Title,
    percent: Percent,
    minimum: Amount,
    maximum: Amount,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    code: String,
    title: Title,
    fee: BTreeMap<String, Amount>,
    /// Whether the platform adds its fee.
    #[serde(default = "yes")]
    platform: bool,
    /// If it differs from that of the scheme.
    split: Option<Split>,
}

const fn yes() -> bool {
    true
}

impl Platform {
    fn fee(&self, of: Fen) -> Result<Fen, MoneyError> {
        let fee = self.percent.of(of, Rounding::HalfUp)?;
        Ok(fee.clamp(self.minimum.fen(), self.maximum.fen()))
    }
}

impl Figures for Fees {
    fn cited(&self) -> Vec<&str> {
        vec![&self.source, &self.refund.source]
    }

    fn check(&self) -> Result<(), String> {
        self.split.check()?;
        self.platform.title.check()?;
        if self.platform.minimum > self.platform.maximum {
            return Err("the minimum of the platform's fee is above its maximum".to_owned());
        }
        let codes = self.service.iter().map(|row| row.code.as_str());
        check_codes(codes.chain([self.platform.code.as_str()]))?;
        for row in &self.service {
            row.title.check()?;
            row.split.iter().try_for_each(Split::check)?;
            if let Some(title) = row.fee.keys().find(|title| !TITLES.contains(&title.as_str())) {
                return Err(format!("`{}`: there is no title `{title}`; there are {}", row.code, TITLES.join(", ")));
            }
            if row.fee.is_empty() {
                return Err(format!("`{}` has no fee", row.code));
            }
        }
        Ok(())
    }
}

impl PriceList for Fees {
    fn source(&self) -> &str {
        &self.source
    }

    fn refund(&self) -> &Terms {
        &self.refund
    }

    fn price(&self, _: &Editions<Self>, service: &Service, _: Instant) -> Result<Answer, Error> {
        let Some(row) = known(service, &self.service, |row| &row.code) else {
            return Ok(Answer::Refused(NOT_PRICED));
        };
        let of_title = service.title.as_ref().and_then(|title| row.fee.get(title));
        let Some(amount) = of_title.or_else(|| row.fee.get(ANY)) else {
            return match service.title {
                Some(_) => Ok(Answer::Refused(TITLE_NOT_PRICED)),
                None => Err(missing("缺少医生职称。", "The title of the doctor is not given.")),
            };
        };
        let split = row.split.as_ref().unwrap_or(&self.split);
        let item = Item {
            code: &row.code,
            title: &row.title,
            amount: amount.fen(),
            split,
            due: Due::AtStart,
            earned_over: None,
        };
        let mut fees = item.fees()?;
        if row.platform {
            let Platform { code, title, .. } = &self.platform;
            let amount = self.platform.fee(item.amount).map_err(invalid)?;
            fees.extend(Item { code, title, amount, split: &Split::all(Payee::Platform), ..item }.fees()?);
        }
        Ok(Answer::Offered(Offer { fees, ..Offer::default() }))
    }
}
