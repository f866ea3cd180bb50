use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    custody::{ChainEnd, Custody, Ground, Statement},
    id::TenantId,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, settings::PLATFORM};
use xinglin_store::ChainState;

use super::{CustodyView, view};

/// A transfer of records.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCustody {
    /// Whose.
    #[schema(value_type = String)]
    pub source: TenantId,
    /// The custodian.
    #[schema(value_type = String)]
    pub custodian: TenantId,
    /// `renamed`, `relied_on` or `province_designee`.
    #[schema(value_type = String)]
    pub ground: Ground,
    /// Why, with the number of the decision.
    pub reason: String,
}

/// Freezes a tenant and transfers its records into another's custody, permanently. An
/// interrupted transfer is resumed by the same request.
///
/// # Errors
/// `AUTH_FORBIDDEN` for callers who are not operators; `BODY_INVALID` if the two tenants do
/// not match; `ALREADY_EXISTS` if the records are in custody; `TENANT_FROZEN` if the
/// custodian is itself.
#[boxed]
pub async fn start(platform: &Platform, caller: &Caller, new: NewCustody) -> AppResult<CustodyView> {
    caller.may_in(PLATFORM, Action::ManageTenants)?;
    let NewCustody { source, custodian, ground, reason } = new;
    let unfit =
        |field: &str, detail: &str| AppError::new(Code::BodyInvalid, format!("{field}: {detail}")).with("path", field);
    if reason.trim().is_empty() {
        return Err(unfit("reason", "say why, with the number of the decision"));
    }
    if source == custodian || [source, custodian].contains(&PLATFORM) {
        return Err(unfit("custodian", "another hospital"));
    }
    let operator = platform.store().operator();
    let (from, to) = (operator.get_tenant(source).await?, operator.get_tenant(custodian).await?);
    if operator.is_frozen(custodian).await? {
        return Err(AppError::new(Code::TenantFrozen, "the custodian's own records are in custody"));
    }
    if operator.find_custody(source).await?.is_some() {
        return Err(AppError::new(Code::AlreadyExists, "these records are in custody already"));
    }
    // First, so that what is counted next is all there will ever be.
    let tx = operator.begin().await?;
    tx.freeze_tenant(source, caller.now).await?;
    tx.commit().await?;
    let records = platform.store().tenant(source);
    let statement = Statement {
        source,
        source_name: from.name,
        custodian,
        custodian_name: to.name,
        ground,
        reason: reason.trim().to_owned(),
        holdings: records.count_holdings().await?,
        tape: end(records.verify_chain().await?),
        trail: end(records.verify_audit().await?),
        by: caller.actor.account,
        at: caller.now,
    };
    let signature = platform.sign(caller, &statement.digest().map_err(AppError::internal)?);
    let custody = Custody { statement, signature };
    let row = xinglin_store::Custody {
        source,
        custodian,
        body: serde_json::to_value(&custody).map_err(AppError::internal)?,
        started_at: caller.now,
    };
    let tx = operator.begin().await?;
    tx.insert_custody(&row).await?;
    tx.commit().await?;
    tracing::info!(%source, %custodian, "records went into custody");
    let Statement { tape, trail, .. } = &custody.statement;
    let whole = tape.head.is_some() && trail.head.is_some();
    Ok(view(platform, custody, whole))
}

fn end(chain: ChainState) -> ChainEnd {
    match chain {
        ChainState::Intact { length, head, .. } => ChainEnd { length, head: Some(hex::encode(head)), broken_at: None },
        ChainState::Broken { seq } => ChainEnd { length: seq, head: None, broken_at: Some(seq) },
    }
}
