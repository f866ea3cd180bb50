//! The caller behind an access token.

use xinglin_domain::{access::Role, code::Code};
use xinglin_platform::{AppError, AppResult, Bounds, Caller, acting, boxed, caller::is_staff};

use crate::Identity;

/// The caller behind an access token.
///
/// # Errors
/// `AUTH_REQUIRED` if the token is invalid or expired, or names a suspended account or an
/// ended session.
#[boxed]
pub async fn caller(identity: &Identity, token: &str, request_id: String) -> AppResult<Caller> {
    let now = identity.platform.now();
    let refused = || AppError::new(Code::AuthRequired, "the access token is not valid any more; sign in again");
    let claims = identity.tokens().check(token, now).ok_or_else(refused)?;
    let records = identity.platform.store().tenant(claims.tenant);
    let mut bounds = Bounds::default();
    let mut second_factor = false;
    let row = match (claims.sid, claims.scope) {
        (Some(session), None) => {
            let found = records.find_signed_in(claims.sub, session).await?.ok_or_else(refused)?;
            if let Some(lent) = found.lent {
                bounds.scopes = Some(lent.scope.parse().map_err(AppError::internal)?);
                let patient = lent.patient_id.map(|id| id.parse()).transpose();
                bounds.patient = patient.map_err(AppError::internal)?;
            }
            second_factor = found.strong;
            bounds.second_factor_first = found.needs_strong && !found.strong;
            found.account
        }
        (None, Some(scope)) => {
            bounds.scopes = Some(scope.parse().map_err(AppError::internal)?);
            records.get_account(claims.sub).await.map_err(|_| refused())?
        }
        _ => return Err(refused()),
    };
    let actor = acting::actor(&records, &row, now).await?;
    // Services do not sign in, and nobody else comes without.
    if !row.active || claims.sid.is_none() != actor.is(Role::Service) {
        return Err(refused());
    }
    bounds.second_factor_first &= is_staff(&actor);
    Ok(Caller { session: claims.sid, bounds, second_factor, now, ..identity.platform.for_actor(actor, request_id) })
}
