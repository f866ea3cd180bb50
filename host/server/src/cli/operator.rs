//! Commands that work on the database directly, with or without a running server.

use anyhow::{Context, Result, bail};
use xinglin_domain::{
    access::{Actor, Role},
    id::{AccountId, TenantId},
    practice::Practice,
};
use xinglin_platform::{Caller, Config, ambient, settings::PLATFORM, trail::Trail};

use crate::Hospital;

/// Opens the hospital as an operator, since access to the database implies those rights.
pub async fn open(config: Config, command: &str) -> Result<(Hospital, Caller)> {
    let hospital = Hospital::open(config).await?;
    let caller = acting(&hospital, PLATFORM, Role::Operator, command);
    Ok((hospital, caller))
}

fn acting(hospital: &Hospital, tenant: TenantId, role: Role, command: &str) -> Caller {
    let actor = Actor {
        account: AccountId::from_u128(0),
        tenant,
        roles: vec![role],
        practice: Practice::default(),
        patients: Vec::new(),
        wards: Vec::new(),
        relatives: Vec::new(),
    };
    hospital.platform.for_actor(actor, format!("{command}-{:032x}", ambient::fresh_id()))
}

/// An administrator of a tenant, for entries of that tenant's trail: access to the database implies
/// those rights.
pub fn administrator(hospital: &Hospital, tenant: TenantId, command: &str, told: &str) -> Caller {
    let caller = acting(hospital, tenant, Role::Administrator, command);
    let caller = Caller { trail: Trail::of("POST", told), ..caller };
    caller.trail.is_of(&caller);
    caller
}

/// The given tenant, or the only one.
pub async fn tenant(hospital: &Hospital, named: Option<TenantId>) -> Result<TenantId> {
    if let Some(tenant) = named {
        return Ok(tenant);
    }
    let tenants = tenants(hospital, None).await?;
    match tenants.as_slice() {
        [only] => Ok(*only),
        many => bail!("there are {} tenants; say which with --tenant ten-…", many.len()),
    }
}

/// The given tenant, or all; fails if there are none, as the folder is then probably wrong.
pub async fn tenants(hospital: &Hospital, named: Option<TenantId>) -> Result<Vec<TenantId>> {
    if let Some(tenant) = named {
        return Ok(vec![tenant]);
    }
    let tenants = hospital.platform.store().operator().list_tenants().await.context("the tenants")?;
    let tenants: Vec<_> = tenants.into_iter().map(|tenant| tenant.id).filter(|id| *id != PLATFORM).collect();
    if tenants.is_empty() {
        bail!(
            "there is no tenant in {}: is this the data folder you mean?",
            hospital.platform.config().data_dir.display()
        );
    }
    Ok(tenants)
}

/// Prints JSON.
pub fn print_json(answer: &impl serde::Serialize) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(answer)?);
    Ok(())
}
