//! What of a bill is charged to the budget of the lead.

use xinglin_sdk::{capitation::Consumption, insurance::Error, money::Fen, types::Money};

use crate::{invalid, rules::Scheme, unknown};

/// All or nothing: care by the lead, by a partner and what the lead referred is charged; what the
/// patient sought elsewhere is not, and the fund pays it as for anybody. Taking back is the same,
/// below zero.
pub fn consume(scheme: &Scheme, consumption: &Consumption) -> Result<Money, Error> {
    let Consumption { institution, lead, referred, fund, .. } = consumption;
    let fund = Fen::of(fund).map_err(invalid)?;
    let is_inside = || -> Result<bool, Error> {
        // Without networks the host's word is all there is: not referred because not outside.
        if scheme.network.is_empty() || institution == lead {
            return Ok(true);
        }
        let network = scheme.network.iter().find(|network| network.lead == *lead);
        Ok(network.ok_or_else(|| unknown("牵头机构", "lead institution", lead))?.partners.contains(institution))
    };
    Ok(if *referred || is_inside()? { fund } else { Fen::ZERO }.into())
}
