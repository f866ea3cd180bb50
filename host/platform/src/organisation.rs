//! Schools and employers that patients may inform, and who represents them.

use xinglin_domain::{
    code::Code,
    organisation::{Kind, Organisation},
};
use xinglin_store::{Executor, TenantScope};

use crate::{AppError, AppResult, Caller};

/// Parses a stored organisation.
///
/// # Errors
/// If the stored value cannot be parsed.
pub fn parse(row: xinglin_store::Organisation) -> AppResult<Organisation> {
    serde_json::from_value(row.body).map_err(AppError::internal)
}

/// The open organisation of this kind that the caller represents.
///
/// # Errors
/// `NOT_FOUND` if there is none.
pub async fn represented<E: Executor>(
    records: &TenantScope<E>,
    caller: &Caller,
    kind: Kind,
) -> AppResult<Organisation> {
    let row = records.find_organisation_of(caller.actor.account).await?;
    let organisation = row.map(parse).transpose()?.filter(|one| one.is_open() && one.kind == kind);
    organisation.ok_or_else(|| AppError::new(Code::NotFound, format!("this account represents no {}", kind.as_str())))
}
