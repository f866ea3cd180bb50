//! Differences between a channel and us, as rows: found again they are the same row, and the accounts own
//! them.

use serde::{Deserialize, Serialize};
use xinglin_domain::{
    billing::cash::{
        Channel,
        statement::{Difference, Kind, Way},
    },
    canonical::Digest,
    code::Code,
    id::AccountId,
    money::Money,
    time::{Day, Instant},
};
use xinglin_platform::{AppError, AppResult};
use xinglin_store::{CashDifference, TenantTx};

use super::DifferenceView;

pub(super) const OPEN: &str = "open";
pub(super) const AGREED: &str = "agreed";
pub(super) const EXPLAINED: &str = "explained";

/// What is stored of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Found {
    kind: Kind,
    way: Way,
    name: String,
    transaction: String,
    ours: Option<Money>,
    theirs: Option<Money>,
    /// Whether a comparison of a statement found it: only another one can find that both agree.
    by_statement: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    explained: Option<Explained>,
}

/// What a difference was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Explained {
    pub(super) by: AccountId,
    pub(super) reason: String,
    pub(super) at: Instant,
}

/// The row of a difference.
pub(super) fn row(
    channel: Channel,
    day: Day,
    difference: Difference,
    by_statement: bool,
    now: Instant,
) -> AppResult<CashDifference> {
    /// Names and ids that a channel may have sent, in characters.
    const LONGEST: usize = 128;
    let Difference { kind, way, name, transaction, ours, theirs } = difference;
    let cut = |text: String| text.chars().filter(|c| !c.is_control()).take(LONGEST).collect::<String>();
    let (name, transaction, channel) = (cut(name), cut(transaction), channel.as_str());
    let named = [channel, &day.to_string(), kind.as_str(), way.as_str(), &name, &transaction].join("\n");
    let found = Found { kind, way, name, transaction, ours, theirs, by_statement, explained: None };
    Ok(CashDifference {
        id: format!("diff-{}", &Digest::of_bytes(named.as_bytes()).to_string()[..32]),
        channel: channel.to_owned(),
        day: day.to_string(),
        state: OPEN.to_owned(),
        body: serde_json::to_value(&found).map_err(AppError::internal)?,
        version: 0,
        created_at: now,
        updated_at: now,
    })
}

/// Stores a difference that was found.
pub(super) async fn note(tx: &TenantTx, row: &CashDifference) -> AppResult<()> {
    tracing::error!(
        channel = row.channel,
        day = row.day,
        difference = row.id,
        "a payment channel and the books differ"
    );
    Ok(tx.find_difference_again(row).await?)
}

pub(super) fn read(row: &CashDifference) -> AppResult<Found> {
    Found::deserialize(&row.body).map_err(AppError::internal)
}

impl Found {
    pub(super) const fn is_by_statement(&self) -> bool {
        self.by_statement
    }

    pub(super) fn explained(self, explained: Explained) -> Self {
        Self { explained: Some(explained), ..self }
    }
}

pub(super) fn view(row: &CashDifference) -> AppResult<DifferenceView> {
    let Found { kind, way, name, transaction, ours, theirs, explained, .. } = read(row)?;
    let (by, reason) = explained.map_or((None, None), |explained| (Some(explained.by), Some(explained.reason)));
    Ok(DifferenceView {
        id: row.id.clone(),
        code: Code::ReconBreak.as_str(),
        kind: kind.as_str().to_owned(),
        owner: "accountant",
        channel: row.channel.clone(),
        day: row.day.clone(),
        way: way.as_str().to_owned(),
        name,
        transaction,
        ours_fen: ours.map(Money::as_fen),
        theirs_fen: theirs.map(Money::as_fen),
        state: row.state.clone(),
        reason,
        by,
    })
}
