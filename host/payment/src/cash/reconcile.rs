use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    billing::cash::{
        Channel,
        name::{self, Named},
        statement::{Row, Way, compare},
    },
    code::Code,
    time::Day,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::Tenant;

use super::{
    DifferenceView,
    channel::Client,
    difference::{self, AGREED, OPEN},
    follow::ask_again,
};

/// A day of a channel.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StatementIn {
    /// `wechat-pay` or `alipay`.
    #[schema(value_type = String)]
    pub channel: Channel,
    /// The channel's day, `2026-11-21`, which must be over.
    #[schema(value_type = String)]
    pub day: Day,
    /// The channel's file of that day in base64 (交易账单; 业务明细, packed or not). It is fetched from the
    /// channel if this is left out.
    #[serde(default)]
    pub file: Option<String>,
}

/// What the comparison of a day came to.
#[derive(Serialize, ToSchema)]
pub struct Reconciled {
    /// `wechat-pay` or `alipay`.
    #[schema(value_type = String)]
    pub channel: Channel,
    /// The day.
    #[schema(value_type = String)]
    pub day: Day,
    /// Number of movements of the channel's.
    pub theirs: usize,
    /// Number of ours.
    pub ours: usize,
    /// All differences of the day that are open.
    pub differences: Vec<DifferenceView>,
}

/// Compares a day of a channel with ours. Every difference is a row that the accounts own, until a later
/// comparison shows that both agree, or it is explained. What the channel took and we do not know is asked for
/// first, so that it is booked, and given back if it is not owed.
///
/// # Errors
/// `BODY_INVALID` if the day is not over or the file cannot be read; `CASH_CHANNEL`, `PAY_UNAVAILABLE` if the
/// channel gives no statement: upload it.
#[boxed]
pub async fn reconcile(platform: &Platform, caller: &Caller, statement: StatementIn) -> AppResult<Reconciled> {
    caller.may(Action::ReconcileCash)?;
    let StatementIn { channel, day, file } = statement;
    let invalid = |path: &str, why: &str| AppError::new(Code::BodyInvalid, format!("{path}: {why}")).with("path", path);
    if !channel.is_online() {
        return Err(invalid("channel", "`wechat-pay` or `alipay`: the counter has no statement"));
    }
    if day >= Day::of(caller.now) {
        return Err(invalid("day", "it is not over"));
    }
    let records = platform.records(caller);
    let (client, _) = Client::of(platform, &records, channel).await?;
    let file = match file {
        Some(file) => STANDARD.decode(file).map_err(|_| invalid("file", "not base64"))?,
        None => client.statement(platform, day).await?,
    };
    let theirs = client.rows(&file).ok_or_else(|| invalid("file", "it is no statement of this channel"))?;
    for missing in compare(&ours(&records, channel, day).await?, &theirs) {
        if let (Way::Payment, None, Some(Named::Order(bill, number))) =
            (missing.way, missing.ours, name::read(&missing.name))
        {
            ask_again(platform, &records, bill, (channel, number)).await?;
        }
    }
    let ours = ours(&records, channel, day).await?;
    let now = platform.now();
    let rows = compare(&ours, &theirs).into_iter().map(|found| difference::row(channel, day, found, true, now));
    let rows = rows.collect::<AppResult<Vec<_>>>()?;
    let day_text = day.to_string();
    let within = (day_text.as_str(), day_text.as_str());
    let tx = records.begin().await?;
    tx.lock(&format!("cash-statement/{}/{day}", channel.as_str())).await?;
    for mut known in tx.list_cash_differences(OPEN, within, u32::MAX >> 1).await? {
        let gone = !rows.iter().any(|row| row.id == known.id);
        if known.channel == channel.as_str() && gone && difference::read(&known)?.is_by_statement() {
            known.state = AGREED.to_owned();
            known.updated_at = now;
            tx.update_cash_difference(&known).await?;
        }
    }
    for row in &rows {
        difference::note(&tx, row).await?;
    }
    let open = tx.list_cash_differences(OPEN, within, u32::MAX >> 1).await?;
    tx.commit().await?;
    let of_it = open.iter().filter(|row| row.channel == channel.as_str());
    let differences = of_it.map(difference::view).collect::<AppResult<Vec<_>>>()?;
    Ok(Reconciled { channel, day, theirs: theirs.len(), ours: ours.len(), differences })
}

/// What moved by a channel on a day, by our books.
async fn ours(records: &Tenant, channel: Channel, day: Day) -> AppResult<Vec<Row>> {
    let rows = records.list_cash_movements(channel.as_str(), &day.to_string()).await?.into_iter();
    Ok(rows
        .map(|row| Row {
            way: if row.way == Way::Refund.as_str() { Way::Refund } else { Way::Payment },
            name: row.name,
            transaction: row.reference,
            amount: row.amount,
        })
        .collect())
}
