//! What of the records a search reaches for this caller.

use xinglin_domain::{
    access::{Action, Role},
    code::Code,
    compartment::Compartments,
    id::PatientId,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform};
use xinglin_store::{CodeFilter, Criterion, HistoryQuery, ResourceQuery, TokenFilter};

use crate::consent;

/// What a caller reaches in a search.
pub struct SearchScope {
    /// Only the records of these patients, if it is said.
    pub(crate) within: Option<Vec<String>>,
    /// Compartments that are closed in what is looked for.
    pub(crate) withheld: Compartments,
    /// And in what is reached from there by reference, which may be of anybody.
    pub(crate) beyond: Compartments,
}

impl SearchScope {
    /// No further than a token that was lent for one patient.
    fn no_further(mut self, than: Option<PatientId>) -> Self {
        if let Some(only) = than {
            let only = only.to_string();
            let reached = self.within.as_ref().is_none_or(|within| within.contains(&only));
            self.within = Some(if reached { vec![only] } else { Vec::new() });
        }
        self
    }

    /// Keeps a query within it.
    pub fn bound(&self, query: &mut ResourceQuery) {
        query.within.clone_from(&self.within);
        (query.withheld, query.withheld_beyond) = (self.withheld, self.beyond);
    }

    /// The same of what was written.
    pub fn bound_history(self, query: &mut HistoryQuery) {
        (query.within, query.withheld) = (self.within, self.withheld);
    }
}

/// What the caller reaches with this query.
///
/// # Errors
/// `AUTH_FORBIDDEN` if nobody's record is theirs to search; `ACCESS_COMPARTMENT`.
pub(crate) async fn search_scope(
    platform: &Platform,
    caller: &Caller,
    query: &ResourceQuery,
) -> AppResult<SearchScope> {
    Ok(own_search_scope(platform, caller, query).await?.no_further(caller.bounds.within))
}

async fn own_search_scope(platform: &Platform, caller: &Caller, query: &ResourceQuery) -> AppResult<SearchScope> {
    caller.trail.asked();
    if caller.may(Action::ReadRecords).is_ok() {
        let withheld = withheld_of(platform, caller, query).await?;
        return Ok(SearchScope { within: None, withheld, beyond: Compartments::ALL });
    }
    if caller.actor.is(Role::Insurer) {
        let one = query.patient_id.clone().ok_or_else(|| {
            AppError::new(Code::AuthForbidden, "name the patient: an insurer sees what one opened to it")
        })?;
        let withheld = withheld_of(platform, caller, query).await?;
        return Ok(SearchScope { within: Some(vec![one]), withheld, beyond: Compartments::ALL });
    }
    let own = caller.actor.charges();
    let named = query.patient_id.as_deref().and_then(|id| id.parse::<PatientId>().ok());
    if let Some(one) = named.filter(|one| !caller.actor.acts_wholly_for(*one))
        && (own.contains(&one) || caller.actor.is_family_of(one))
    {
        // A relative's, as far as they opened it; or an adolescent ward's.
        let withheld = withheld_of(platform, caller, query).await?;
        return Ok(SearchScope { within: Some(vec![one.to_string()]), withheld, beyond: Compartments::ALL });
    }
    if own.is_empty() {
        return Err(AppError::new(Code::AuthForbidden, "this account has no record; name whose family it is"));
    }
    // Their own, all of it; across patients nothing that a ward has discretion over.
    let wholly = own.iter().all(|one| caller.actor.acts_wholly_for(*one));
    let withheld = if wholly { Compartments::NONE } else { Compartments::ALL };
    let within = Some(own.iter().map(PatientId::to_string).collect());
    Ok(SearchScope { within, withheld, beyond: withheld })
}

/// The compartments that are closed to the caller in what a query looks for, and in
/// any case those of all patients unless it names one.
async fn withheld_of(platform: &Platform, caller: &Caller, query: &ResourceQuery) -> AppResult<Compartments> {
    let patient = query.patient_id.as_deref().and_then(|id| id.parse().ok());
    let mut codes: Vec<&CodeFilter> = query.tokens.iter().flat_map(codes_of).collect();
    query.criteria.iter().for_each(|criterion| asked_for(criterion, &mut codes));
    consent::search_access(platform, caller, patient, &codes).await
}

/// The codes that a filter asks for. A number or an address is none, whatever it looks like.
fn codes_of(filter: &TokenFilter) -> &[CodeFilter] {
    const NAMES: [&str; 4] = ["email", "identifier", "phone", "telecom"];
    if NAMES.contains(&filter.param.as_str()) { &[] } else { &filter.any_of }
}

/// The codes that a criterion asks for, at any remove.
fn asked_for<'a>(criterion: &'a Criterion, codes: &mut Vec<&'a CodeFilter>) {
    match criterion {
        Criterion::Any(all) | Criterion::Chained { all, .. } | Criterion::Referred { all, .. } => {
            all.iter().for_each(|one| asked_for(one, codes));
        }
        Criterion::Not(one) => asked_for(one, codes),
        Criterion::Token(filter) => codes.extend(codes_of(filter)),
        _ => {}
    }
}
