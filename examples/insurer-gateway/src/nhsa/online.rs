//! Payment by the patient's telephone: 6201 uploads, 6202 pays, 6203 gives back, 6301 tells what became of it,
//! 6302 is what the platform would push, 6401 withdraws an upload.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Message, Outcome, adjudicate::Used, fees, fen, person::Person, refuse, register::Visit, settle, text};
use crate::{books::Settlement, clock, money::yuan, store::Tx};

/// An order of payment.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    id: String,
    token: String,
    visit: String,
    use_account: bool,
    state: State,
    /// As 6202 answered.
    paid: Option<Value>,
}

/// `ordStas`, as far as orders of this gateway get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Quoted,
    Paid,
    Refunded,
    Withdrawn,
}

impl State {
    const fn code(self) -> &'static str {
        match self {
            Self::Quoted => "1",
            Self::Paid => "6",
            Self::Refunded => "8",
            Self::Withdrawn => "12",
        }
    }
}

const KIND: &str = "order";
const NAMES: fees::Names =
    fees::Names { number: "feedetlSn", item: "medinsListCodg", gross: "detItemFeeSumamt", count: "cnt" };

impl Order {
    async fn of(tx: &mut Tx, message: &Message<'_>) -> Outcome<Self> {
        let order: Option<Self> = tx.get(KIND, message.text("payOrdId")?).await?;
        let Some(order) = order else { return refuse("没有该支付订单") };
        // 6203 has none.
        match message.data()["payToken"].as_str() {
            Some(token) if token != order.token => refuse("payToken 不符"),
            _ => Ok(order),
        }
    }

    async fn save(&self, tx: &mut Tx) -> Outcome<()> {
        Ok(tx.put(KIND, &self.id, self).await?)
    }

    fn written(&self, setlinfo: &Value, key: &str, visit: &Visit) -> Value {
        json!({
            "payOrdId": self.id, "payToken": self.token, "ordStas": self.state.code(),
            "feeSumamt": setlinfo["medfee_sumamt"], "fundPay": setlinfo["fund_pay_sumamt"],
            "psnAcctPay": setlinfo["acct_pay"], "ownPayAmt": setlinfo["psn_cash_pay"],
            "extData": { key: setlinfo, "feedetail": fees::written(&visit.lines) },
        })
    }
}

/// 6201
pub async fn upload(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    let data = message.data();
    let person = Person::of(tx, message.text("psnNo")?).await?;
    if message.text("insutype")? != person.insutype {
        return refuse("险种不符");
    }
    let diagnoses = data["diseinfoList"].as_array().map(Vec::as_slice).unwrap_or_default();
    if diagnoses.is_empty() || diagnoses.iter().any(|diagnosis| text(diagnosis, "diagCode").is_err()) {
        return refuse("缺少诊断");
    }
    let rows = data["feedetailList"].as_array().map(Vec::as_slice).unwrap_or_default();
    let lines = fees::read(message.nhsa, rows, &NAMES)?;
    if crate::money::sum(lines.iter().map(|line| line.gross)) != Some(fen(data, "medfeeSumamt")?) {
        return refuse("医疗费总额与明细合计不符");
    }
    let mut visit = Visit::new(tx, &person.psn_no, message.text("medOrgOrd")?).await?;
    visit.is_diagnosed = true;
    visit.batch = message.text("chrgBchno")?.to_owned();
    visit.lines = lines;
    visit.save(tx).await?;
    let use_account = message.text("acctUsedFlag")? == "1";
    let order = Order {
        id: format!("O{:012}", tx.next(KIND).await?),
        token: hex::encode(clock::dice::<16>()),
        visit: visit.id.clone(),
        use_account,
        state: State::Quoted,
        paid: None,
    };
    order.save(tx).await?;
    let (_, figures, Used { balance, .. }) = settle::figures(tx, message, &visit, use_account).await?;
    let setlinfo = settle::written(&visit, &figures, balance - figures.account);
    Ok(order.written(&setlinfo, "preSetl", &visit))
}

/// 6202
pub async fn pay(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    let mut order = Order::of(tx, message).await?;
    if order.state != State::Quoted {
        return refuse("支付订单不可支付");
    }
    let mut visit = Visit::by_id(tx, &order.visit).await?;
    let (_, setlinfo) = settle::commit(tx, message, &mut visit, order.use_account).await?;
    order.state = State::Paid;
    let answer = order.written(&setlinfo, "setl", &visit);
    order.paid = Some(answer.clone());
    order.save(tx).await?;
    Ok(answer)
}

async fn settlement_of(tx: &mut Tx, order: &Order) -> Outcome<Settlement> {
    let id = order.paid.as_ref().and_then(|paid| paid["extData"]["setl"]["setl_id"].as_str());
    let found = match id {
        Some(id) => Settlement::find(tx, id).await?,
        None => None,
    };
    found.map_or_else(|| refuse("支付订单未支付"), Ok)
}

/// 6203: the whole order.
pub async fn refund(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    let mut order = Order::of(tx, message).await?;
    if order.state == State::Refunded {
        return refuse("支付订单已退费");
    }
    let mut settlement = settlement_of(tx, &order).await?;
    let data = message.data();
    let asked = (fen(data, "totlRefdAmt")?, fen(data, "fundRefdAmt")?, fen(data, "psnAcctRefdAmt")?);
    if asked != (settlement.total, settlement.paid, settlement.account) {
        return refuse("只能整单退费");
    }
    settle::take_back(tx, &mut settlement, "6203", message).await?;
    order.state = State::Refunded;
    order.save(tx).await?;
    let balance = Person::of(tx, &settlement.person).await?.used(&settlement.year).balance;
    let reference = settlement.reversed.as_ref().map(|reversed| reversed.reference.clone()).unwrap_or_default();
    Ok(json!({
        "payOrdId": order.id, "ordStas": order.state.code(), "appRefdSn": message.text("appRefdSn")?,
        "refdSn": reference, "balc": yuan(balance),
    }))
}

/// 6301
pub async fn query(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    let mut order = Order::of(tx, message).await?;
    if let Ok(settlement) = settlement_of(tx, &order).await {
        // A 2601 may have undone what the order was told.
        order.state = if settlement.reversed.is_some() { State::Refunded } else { State::Paid };
        let mut answer = order.paid.clone().unwrap_or_default();
        answer["ordStas"] = order.state.code().into();
        if let Some(reversed) = &settlement.reversed {
            answer["refdSn"] = reversed.reference.as_str().into();
            answer["balc"] = yuan(Person::of(tx, &settlement.person).await?.used(&settlement.year).balance);
        }
        return Ok(answer);
    }
    Ok(json!({ "payOrdId": order.id, "ordStas": order.state.code() }))
}

/// 6302: the notice that the platform would push, for hospitals that it cannot call.
pub async fn notice(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    let mut notice = query(tx, message).await?;
    notice["callType"] = "SETL".into();
    Ok(notice)
}

/// 6401
pub async fn withdraw(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    let mut order = Order::of(tx, message).await?;
    if order.state != State::Quoted {
        return refuse("支付订单不可撤销");
    }
    Visit::by_id(tx, &order.visit).await?.withdraw(tx).await?;
    order.state = State::Withdrawn;
    order.save(tx).await?;
    Ok(json!({ "payOrdId": order.id, "ordStas": order.state.code() }))
}
