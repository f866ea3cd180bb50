//! The search scope of a caller.

use xinglin_domain::{
    access::{Action, Role},
    code::Code,
    compartment::Compartments,
    id::PatientId,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::{CodeFilter, Criterion, HistoryQuery, ResourceQuery, TokenFilter};

use crate::consent;

/// The search scope of a caller.
pub struct SearchScope {
    /// Only the records of these patients; all if none are given.
    pub(crate) within: Option<Vec<String>>,
    /// Compartments excluded from matches.
    pub(crate) withheld: Compartments,
    /// Compartments excluded from referenced resources, which may be of any patient.
    pub(crate) beyond: Compartments,
}

impl SearchScope {
    /// Restricts the scope to the patient of a token.
    fn no_further(mut self, than: Option<PatientId>) -> Self {
        if let Some(only) = than {
            let only = only.to_string();
            let reached = self.within.as_ref().is_none_or(|within| within.contains(&only));
            self.within = Some(if reached { vec![only] } else { Vec::new() });
        }
        self
    }

    /// Restricts a query to the scope.
    pub fn bound(&self, query: &mut ResourceQuery) {
        query.within.clone_from(&self.within);
        (query.withheld, query.withheld_beyond) = (self.withheld, self.beyond);
    }

    /// The same for a history query.
    pub fn bound_history(self, query: &mut HistoryQuery) {
        (query.within, query.withheld) = (self.within, self.withheld);
    }
}

/// The caller's scope for this query.
///
/// # Errors
/// `AUTH_FORBIDDEN` if the caller may not search any record; `ACCESS_COMPARTMENT`.
#[boxed]
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

/// The compartments closed to the caller for a query: of the named patient, or of all patients
/// if it names none.
async fn withheld_of(platform: &Platform, caller: &Caller, query: &ResourceQuery) -> AppResult<Compartments> {
    let patient = query.patient_id.as_deref().and_then(|id| id.parse().ok());
    let mut codes: Vec<&CodeFilter> = query.tokens.iter().flat_map(codes_of).collect();
    query.criteria.iter().for_each(|criterion| asked_for(criterion, &mut codes));
    consent::search_access(platform, caller, patient, &codes).await
}

/// The codes that a filter names. Numbers and URIs are not codes.
fn codes_of(filter: &TokenFilter) -> &[CodeFilter] {
    const NAMES: [&str; 4] = ["email", "identifier", "phone", "telecom"];
    if NAMES.contains(&filter.param.as_str()) { &[] } else { &filter.any_of }
}

/// The codes that a criterion names, also in chains.
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
