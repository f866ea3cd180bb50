//! 1101 person, 2001 entitlement, 5206 accumulators.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Message, Outcome, adjudicate::Used, refuse, text};
use crate::{
    clock,
    money::yuan,
    parameters::{self, Nhsa, Scheme},
    store::{self, Tx},
};

/// An insured person, with figures of every year.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Person {
    pub psn_no: String,
    certno: String,
    name: String,
    pub insutype: String,
    suspended: bool,
    balance: i64,
    years: std::collections::BTreeMap<String, Year>,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Year {
    deductible: i64,
    fund: i64,
}

const KIND: &str = "person";

/// Insures those of the parameters, if the database does not know them.
pub async fn found(tx: &mut Tx, nhsa: &Nhsa, year: &str) -> store::Result<()> {
    for parameters::Person { psn_no, certno, name, insutype, balance, deductible_used, fund_used, suspended } in
        &nhsa.person
    {
        if tx.get::<Person>(KIND, psn_no).await?.is_some() {
            continue;
        }
        let used = Year { deductible: *deductible_used, fund: *fund_used };
        let person = Person {
            psn_no: psn_no.clone(),
            certno: certno.clone(),
            name: name.clone(),
            insutype: insutype.clone(),
            suspended: *suspended,
            balance: *balance,
            years: [(year.to_owned(), used)].into(),
        };
        tx.put(KIND, psn_no, &person).await?;
    }
    Ok(())
}

impl Person {
    pub async fn of(tx: &mut Tx, psn_no: &str) -> Outcome<Self> {
        tx.get(KIND, psn_no).await?.map_or_else(|| refuse("未查到参保人"), Ok)
    }

    pub async fn save(&self, tx: &mut Tx) -> Outcome<()> {
        Ok(tx.put(KIND, &self.psn_no, self).await?)
    }

    pub fn used(&self, year: &str) -> Used {
        let Year { deductible, fund } = self.years.get(year).copied().unwrap_or_default();
        Used { deductible, fund, balance: self.balance }
    }

    pub fn set(&mut self, year: &str, used: Used) {
        self.balance = used.balance;
        self.years.insert(year.to_owned(), Year { deductible: used.deductible, fund: used.fund });
    }

    pub fn scheme<'a>(&self, nhsa: &'a Nhsa) -> Outcome<&'a Scheme> {
        let found = nhsa.scheme.iter().find(|scheme| scheme.insutype == self.insutype);
        found.map_or_else(|| refuse("险种未开通"), Ok)
    }
}

/// 1101: by the certificate that is shown.
pub async fn find(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    let number = message.text("mdtrt_cert_no")?;
    let kind = message.text("mdtrt_cert_type")?;
    if kind != "02" {
        return refuse("仅支持身份证(02)");
    }
    let people: Vec<Person> = tx.all(KIND).await?;
    let Some(person) = people.into_iter().find(|person| person.certno == number) else {
        return refuse("未查到参保人");
    };
    let year = clock::year(message.now);
    Ok(json!({
        "baseinfo": {
            "psn_no": person.psn_no, "psn_cert_type": "01", "certno": person.certno, "psn_name": person.name,
        },
        "insuinfo": [{
            "insutype": person.insutype, "balc": yuan(person.used(&year).balance),
            "psn_insu_stas": if person.suspended { "2" } else { "1" },
        }],
        "idetinfo": [],
    }))
}

/// 2001: whether benefits are enjoyed.
pub async fn entitlement(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    let person = Person::of(tx, message.text("psn_no")?).await?;
    let is_covered = !person.suspended && text(message.data(), "insutype")? == person.insutype;
    Ok(json!({ "trtinfo": [{
        "psn_no": person.psn_no, "fund_pay_type": "310100", "trt_enjymnt_flag": if is_covered { "1" } else { "0" },
        "trt_chk_rslt": if is_covered { "" } else { "待遇暂停或险种不符" },
    }] }))
}

/// 5206: what was used in the year.
pub async fn accumulators(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    let person = Person::of(tx, message.text("psn_no")?).await?;
    let year = match message.data()["cum_ym"].as_str() {
        Some(month) if month.len() >= 4 && month.is_ascii() => month[..4].to_owned(),
        _ => clock::year(message.now),
    };
    let used = person.used(&year);
    let row = |code: &str, amount| {
        json!({
            "insutype": person.insutype, "year": year, "cum_type_code": code, "cum": yuan(amount),
        })
    };
    Ok(json!({ "cuminfo": [row("deductible-used", used.deductible), row("fund-used", used.fund)] }))
}
