//! 2201 registers a visit, 2202 withdraws it, 2203A names its diagnoses.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Message, Outcome, adjudicate::LineShare, person::Person, refuse, text};
use crate::store::Tx;

/// A visit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Visit {
    pub id: String,
    pub psn_no: String,
    /// The hospital's number: its bill.
    pub bill: String,
    is_withdrawn: bool,
    /// Whether a diagnosis was given.
    pub is_diagnosed: bool,
    /// Number of the batch of fees; empty without.
    pub batch: String,
    /// The fees.
    pub lines: Vec<LineShare>,
    /// What settles it.
    pub settlement: Option<String>,
}

const KIND: &str = "visit";

impl Visit {
    pub async fn new(tx: &mut Tx, psn_no: &str, bill: &str) -> Outcome<Self> {
        let visit = Self {
            id: format!("M{:012}", tx.next(KIND).await?),
            psn_no: psn_no.to_owned(),
            bill: bill.to_owned(),
            is_withdrawn: false,
            is_diagnosed: false,
            batch: String::new(),
            lines: Vec::new(),
            settlement: None,
        };
        visit.save(tx).await?;
        Ok(visit)
    }

    /// The visit of a message; it must be the person's and not be withdrawn.
    pub async fn of(tx: &mut Tx, of: &Value) -> Outcome<Self> {
        let visit: Option<Self> = tx.get(KIND, text(of, "mdtrt_id")?).await?;
        match visit {
            Some(visit) if visit.is_withdrawn => refuse("就诊登记已撤销"),
            Some(visit) if visit.psn_no != text(of, "psn_no")? => refuse("就诊登记不属于该参保人"),
            Some(visit) => Ok(visit),
            None => refuse("没有该就诊登记"),
        }
    }

    pub async fn by_id(tx: &mut Tx, id: &str) -> Outcome<Self> {
        tx.get(KIND, id).await?.map_or_else(|| refuse("没有该就诊登记"), Ok)
    }

    pub async fn save(&self, tx: &mut Tx) -> Outcome<()> {
        Ok(tx.put(KIND, &self.id, self).await?)
    }

    /// What is settled is not changed.
    pub fn open(&self) -> Outcome<()> {
        if self.settlement.is_some() { refuse("该就诊已结算") } else { Ok(()) }
    }

    pub async fn withdraw(mut self, tx: &mut Tx) -> Outcome<()> {
        self.open()?;
        self.is_withdrawn = true;
        self.save(tx).await
    }
}

/// 2201
pub async fn register(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    let person = Person::of(tx, message.text("psn_no")?).await?;
    if message.text("insutype")? != person.insutype {
        return refuse("险种不符");
    }
    let visit = Visit::new(tx, &person.psn_no, message.text("ipt_otp_no")?).await?;
    Ok(json!({ "data": { "mdtrt_id": visit.id, "psn_no": visit.psn_no, "ipt_otp_no": visit.bill } }))
}

/// 2202
pub async fn withdraw(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    Visit::of(tx, message.data()).await?.withdraw(tx).await?;
    Ok(json!({}))
}

/// 2203A
pub async fn diagnose(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    let mut visit = Visit::of(tx, &message.input["mdtrtinfo"]).await?;
    visit.open()?;
    let diagnoses = message.input["diseinfo"].as_array().map(Vec::as_slice).unwrap_or_default();
    if diagnoses.is_empty() {
        return refuse("缺少诊断");
    }
    for diagnosis in diagnoses {
        text(diagnosis, "diag_code")?;
    }
    visit.is_diagnosed = true;
    visit.save(tx).await?;
    Ok(json!({}))
}
