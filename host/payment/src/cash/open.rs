use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    billing::{
        Charge,
        cash::{Channel, Due, Till, name},
    },
    code::Code,
    id::BillId,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::{Executor, TenantScope};

use super::{
    CashView, How,
    channel::{Client, Failure, NewOrder},
    follow::ask,
    notify_url, view,
};
use crate::{
    ledger,
    till::{find, put, taken},
};

/// Where the patient wants to pay.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenPayment {
    /// `wechat-pay`, `alipay` or `counter`.
    #[schema(value_type = String)]
    pub channel: Channel,
    /// How, at a channel; by a code to scan, if left out.
    #[serde(default)]
    pub how: Option<How>,
    /// The patient's id at WeChat, for `jsapi`.
    #[serde(default)]
    pub openid: Option<String>,
}

/// An order that can be paid.
#[derive(Serialize, ToSchema)]
pub struct Opened {
    /// What is due, with the order as the last.
    #[serde(flatten)]
    pub cash: CashView,
    /// What the app needs to pay, as the channel's documentation has it: `code_url`, `pay_url`,
    /// `order_string`, or the parameters of WeChat's payment call. Null at the counter.
    pub pay: Value,
}

/// The bill whose share is asked for, if its payers have paid.
pub(super) async fn settled<E: Executor>(records: &TenantScope<E>, id: BillId) -> AppResult<Charge> {
    let row = records.get_document::<BillId>(id).await?;
    let charge = Charge::deserialize(&row.body).map_err(AppError::internal)?;
    match charge {
        Charge::Settled(_) => Ok(charge),
        other => {
            let detail = format!("the bill is {}: nothing is to be paid now", other.state());
            Err(AppError::new(Code::PayState, detail))
        }
    }
}

/// The share, if it is due.
pub(super) fn is_due(till: Till) -> AppResult<xinglin_domain::billing::cash::Cash<Due>> {
    match till {
        Till::Due(due) => Ok(due),
        other => Err(AppError::new(Code::PayState, format!("the patient's share is {}", other.state()))),
    }
}

/// Opens an order at a channel, and closes one that was open before. Asked again for the same, the same
/// order is given, as long as it can be paid. At the counter it is due as long as the order of the medicines
/// stands.
///
/// # Errors
/// `PAY_STATE` if nothing is due, or the time to pay is over; `CASH_CHANNEL` if the channel is not set up or
/// refuses; `PAY_UNAVAILABLE` if it does not answer: ask again.
#[boxed]
pub async fn open(platform: &Platform, caller: &Caller, id: BillId, wanted: OpenPayment) -> AppResult<Opened> {
    caller.may(Action::PayCharge)?;
    let records = platform.records(caller);
    // A bill of somebody else is not there; only then its state counts.
    let row = records.get_document::<BillId>(id).await?;
    let charge = Charge::deserialize(&row.body).map_err(AppError::internal)?;
    caller.may_see(charge.patient(), "bill", id)?;
    settled(&records, id).await?;
    let how = wanted.how.unwrap_or(How::Native);
    if how == How::Jsapi && wanted.openid.as_ref().is_none_or(|openid| !(1..=128).contains(&openid.len())) {
        return Err(AppError::new(Code::BodyInvalid, "`openid` is missing").with("path", "openid"));
    }
    let asked = match wanted.channel.is_online() {
        true => Some(Client::of(platform, &records, wanted.channel).await?),
        false => None,
    };
    if let Some((client, settings)) = &asked
        && !(settings.enabled && client.takes(how))
    {
        let detail = format!("`{}` takes no `{}` here", wanted.channel.as_str(), how.as_str());
        return Err(AppError::new(Code::CashChannel, detail));
    }
    let known = find(&records, id).await?.map(|stored| stored.till);
    let before = known.as_ref().and_then(Till::open).cloned();
    if let Some(before) = before {
        let same = before.channel == wanted.channel && before.how == how.as_str() && platform.now() < before.until;
        if let (true, Some(ticket), Some((client, _)), Some(till)) = (same, &before.ticket, &asked, &known) {
            let pay = client.for_app(how, ticket, platform.now());
            return Ok(Opened { cash: view::view(till), pay });
        }
        ask(platform, &records, id, (before.number, true)).await?;
    }
    let now = platform.now();
    let tx = records.begin().await?;
    settled(&tx, id).await?;
    // It may be from before shares were kept.
    ledger::update_share(&tx, id, now).await?;
    let stored = taken(&tx, id).await?;
    let due = is_due(stored.till)?;
    let Some((client, settings)) = asked else {
        let till = Till::from(due.at_the_counter(now)?);
        put(&tx, stored.row, &till, now).await?;
        tx.commit().await?;
        return Ok(Opened { cash: view::view(&till), pay: Value::Null });
    };
    let longest = now.plus_minutes(settings.pay_within_minutes.into());
    let till = Till::from(due.open((wanted.channel, how.as_str()), longest, now)?);
    put(&tx, stored.row, &till, now).await?;
    tx.commit().await?;
    let Some(order) = till.open().cloned() else { return Err(AppError::internal("an order that is not open")) };
    let asked = NewOrder {
        name: &name::of_order(id, order.number),
        amount: order.amount,
        until: order.until,
        how,
        openid: wanted.openid.as_deref().filter(|_| how == How::Jsapi),
        notify_url: &notify_url(platform, records.id(), wanted.channel),
    };
    let answer = client.prepare(platform, &asked).await;
    let now = platform.now();
    let tx = records.begin().await?;
    let stored = taken(&tx, id).await?;
    let (ticket, till) = match answer {
        Ok(ticket) => (Ok(ticket.clone()), stored.till.prepared(order.number, ticket)?),
        // The channel has no such order.
        Err(failure @ (Failure::Refused(..) | Failure::NotSent(_))) => {
            (Err(failure), stored.till.closed(order.number)?)
        }
        // It may have: it is asked about, and closed when the patient asks again.
        Err(failure) => (Err(failure), stored.till),
    };
    put(&tx, stored.row, &till, now).await?;
    tx.commit().await?;
    let ticket = ticket.map_err(|failure| AppError::from(failure).with("order", json!(asked.name)))?;
    Ok(Opened { cash: view::view(&till), pay: client.for_app(how, &ticket, now) })
}

/// Closes what is open at a channel before money is taken at the counter.
///
/// # Errors
/// `PAY_UNAVAILABLE` if the channel does not say that it is closed.
pub(super) async fn close_open(platform: &Platform, caller: &Caller, id: BillId) -> AppResult<()> {
    let records = platform.records(caller);
    let open = async || -> AppResult<Option<u32>> {
        Ok(find(&records, id).await?.and_then(|stored| stored.till.open().map(|order| order.number)))
    };
    if let Some(number) = open().await? {
        ask(platform, &records, id, (number, true)).await?;
    }
    match open().await? {
        None => Ok(()),
        Some(_) => {
            let detail = "the order at the payment channel cannot be closed now: try again, or let it pass";
            Err(AppError::new(Code::PayUnavailable, detail))
        }
    }
}
