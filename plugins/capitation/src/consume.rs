//! What of a bill is charged to the budget of the lead.

use xinglin_sdk::{
    capitation::{Consumption, Place},
    insurance::Error,
    money::Fen,
    types::Money,
};

use crate::{invalid, rules::Scheme};

/// All or nothing: care by the lead, by a partner and what the lead referred is charged; what the
/// patient sought elsewhere is not, and the fund pays it as for anybody. So is care without a diagnosis
/// of the scheme; a statement without diagnoses is of the scheme as it is.
pub fn consume(scheme: &Scheme, consumption: &Consumption) -> Result<Money, Error> {
    let Consumption { place, diagnoses, fund, .. } = consumption;
    let fund = Fen::of(fund).and_then(Fen::non_negative).map_err(invalid)?;
    let is_inside = matches!(place, Place::Lead | Place::Partner | Place::Referred);
    let is_of_scheme = diagnoses.is_empty() || scheme.class.iter().any(|class| class.has(diagnoses));
    Ok(if is_inside && is_of_scheme { fund } else { Fen::ZERO }.into())
}
