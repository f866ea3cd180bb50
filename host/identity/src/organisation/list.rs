use xinglin_domain::{access::Action, id::OrganisationId};
use xinglin_platform::{AppResult, Caller, Platform, boxed, organisation};

use super::{OrganisationView, view};

/// Most organisations of a page.
const MOST: u32 = 200;

/// A page of the organisations.
#[derive(Debug, Clone, Copy)]
pub struct OrganisationPage {
    /// Only those that follow this one in the list.
    pub after: Option<OrganisationId>,
    /// Maximum number.
    pub limit: u32,
}

/// The schools and employers of the hospital, the newest first: to patients the open ones, to those who manage them all,
/// with who represents them.
///
/// # Errors
/// If the caller may neither consent nor manage organisations; `NOT_FOUND` if there is no `after`.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, page: OrganisationPage) -> AppResult<Vec<OrganisationView>> {
    let manages = caller.may(Action::ManageOrganisations).is_ok();
    if !manages {
        caller.may(Action::ManageConsent)?;
    }
    let records = platform.records(caller);
    let after = match page.after {
        Some(id) => Some(records.get_organisation(id).await?.cursor()),
        None => None,
    };
    let mut views = Vec::new();
    for row in records.list_organisations(manages, after.as_ref(), page.limit.clamp(1, MOST)).await? {
        let representatives = match manages {
            true => Some(records.list_representatives(row.id).await?),
            false => None,
        };
        views.push(view(organisation::parse(row)?, representatives));
    }
    Ok(views)
}
