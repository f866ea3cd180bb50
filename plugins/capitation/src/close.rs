//! How a year ends.

use scheme::{edition::Edition, share};
use xinglin_sdk::{
    capitation::{Account, Closing, Share},
    insurance::Error,
    money::{Fen, Rounding},
    types::Decimal,
};

use crate::{amount, fen, invalid, rules::Scheme};

/// A percentage in hundredths of a percent: 100 % is this.
const WHOLE: i128 = 10_000;

pub fn close(edition: &Edition<Scheme>, account: &Account) -> Result<Closing, Error> {
    let scheme = &edition.scheme;
    let (budget, prepaid, used) = (amount(&account.budget)?, amount(&account.prepaid)?, amount(&account.used)?);
    let score = account.quality;
    if score < Decimal::whole(0) || score > Decimal::whole(100) {
        return Err(Error::Other(format!("a score of {score}; there are 0 to 100 points")));
    }
    // Both at least zero, and one of them zero.
    let surplus = budget.minus(used).map_err(invalid)?.or_zero();
    let overrun = used.minus(budget).map_err(invalid)?.or_zero();

    let kept = kept(scheme, surplus, score)?;
    let fund_bears = fund_bears(scheme, budget, overrun, score)?;
    let sums = || {
        let (returned, provider_bears) = (surplus.minus(kept)?, overrun.minus(fund_bears)?);
        let payable = used.plus(kept)?.minus(provider_bears)?.minus(prepaid)?;
        Ok((returned, provider_bears, payable))
    };
    let (returned, provider_bears, payable) = sums().map_err(invalid)?;
    Ok(Closing {
        kept: kept.into(),
        returned: returned.into(),
        fund_bears: fund_bears.into(),
        provider_bears: provider_bears.into(),
        payable: payable.into(),
        shares: shares(scheme, kept)?,
        citation: edition.cite(&scheme.closing.source),
    })
}

/// By the highest band that the score reaches; rounded down, in favour of the fund.
fn kept(scheme: &Scheme, surplus: Fen, score: Decimal) -> Result<Fen, Error> {
    let band = scheme.surplus.iter().find(|band| score >= band.from_score.value());
    band.map_or(Ok(Fen::ZERO), |band| band.kept.of(surplus, Rounding::Floor)).map_err(invalid)
}

/// The fund's part of each band of the overrun, rounded down once.
fn fund_bears(scheme: &Scheme, budget: Fen, overrun: Fen, score: Decimal) -> Result<Fen, Error> {
    let (budget, overrun) = (i128::from(budget.amount()), i128::from(overrun.amount()) * WHOLE);
    let (mut below, mut borne) = (0, 0);
    for band in &scheme.overrun {
        let up_to = budget * i128::from(band.up_to.hundredths());
        let within = overrun.min(up_to) - below;
        if within > 0 && band.from_score.is_none_or(|from| score >= from.value()) {
            borne += within * i128::from(band.fund.hundredths());
        }
        below = up_to;
    }
    fen(borne / (WHOLE * WHOLE))
}

/// By the largest remainder, so that they sum to what is kept.
fn shares(scheme: &Scheme, kept: Fen) -> Result<Vec<Share>, Error> {
    let rules = scheme.share.weights();
    let amounts = share::divide(kept, &rules.map(|(_, weight)| weight));
    let amounts = amounts.ok_or_else(|| Error::Other("the shares cannot be divided".to_owned()))?;
    let share = |((code, _), amount): ((&str, u64), Fen)| Share { code: code.to_owned(), amount: amount.into() };
    Ok(rules.into_iter().zip(amounts).map(share).collect())
}
