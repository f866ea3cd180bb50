//! Custody: the records of a hospital that was renamed or has closed are read by its
//! successor, where they lie.
//!
//! Nothing is copied. A copy would have other ids or collide with the successor's own,
//! would break the hash chains that prove the records, would have to carry consents,
//! compartments and keys along and keep them in step, and would take the trail of who
//! saw a record away from the patients whose it is. So custody is a relation: the source
//! is frozen by the schema (`frozen_tenant`; triggers refuse every write to its records,
//! whichever code it comes from), and staff of the custodian read through the source's
//! own scope, by its consents and compartments, into its own trail, which goes on. If a
//! custodian closes in its turn, its custodian is that of what it held, too.
//!
//! A reader of the custodian's says in whose records with the header
//! `xinglin-custody: ten-…`, on reads and on nothing else.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role},
    code::Code,
    custody::{ChainEnd, Custody, Ground, Statement},
    id::TenantId,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, caller::is_staff, settings::PLATFORM};
use xinglin_store::{AuditQuery, ChainState};

/// The header that says whose records are meant.
pub const HEADER: &str = "xinglin-custody";

/// Most custodians one after the other.
const GENERATIONS: usize = 16;

/// Records to be handed over.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCustody {
    /// Whose.
    #[schema(value_type = String)]
    pub source: TenantId,
    /// Into whose custody.
    #[schema(value_type = String)]
    pub custodian: TenantId,
    /// `renamed`, `relied_on` or `province_designee`.
    #[schema(value_type = String)]
    pub ground: Ground,
    /// Why, with the number of the decision.
    pub reason: String,
}

/// A custody, with what was stated and whether that still holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustodyView {
    /// What went into custody, and how its chains stood.
    #[schema(value_type = Object)]
    pub statement: Statement,
    /// Under the statement.
    #[schema(value_type = Object)]
    pub signature: xinglin_domain::signature::Signature,
    /// Whether the signature is under this statement.
    pub signed: bool,
    /// Whether the chains are whole, and go through the links that were stated.
    pub chains_hold: bool,
}

/// Freezes a tenant and gives its records into another's custody, for good. What was
/// stopped halfway is taken up when it is asked again.
///
/// # Errors
/// `AUTH_FORBIDDEN` for who does not run the platform; `BODY_INVALID` if the two do
/// not fit; `ALREADY_EXISTS` if the records are in custody; `TENANT_FROZEN` if the
/// custodian is itself.
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

/// The custodies that the caller's hospital is a party to, oldest first, verified anew.
///
/// # Errors
/// If the caller may not read the trail.
pub async fn list(platform: &Platform, caller: &Caller) -> AppResult<Vec<CustodyView>> {
    caller.may(Action::ReadAudit)?;
    let mut views = Vec::new();
    for row in platform.records(caller).list_custodies().await? {
        let custody: Custody = serde_json::from_value(row.body).map_err(AppError::internal)?;
        let chains_hold = chains_hold(platform, &custody.statement).await?;
        views.push(view(platform, custody, chains_hold));
    }
    Ok(views)
}

/// Whether the chains are whole still, and go through the links that were stated.
async fn chains_hold(platform: &Platform, Statement { source, tape, trail, .. }: &Statement) -> AppResult<bool> {
    let records = platform.store().tenant(*source);
    let tape_holds = match (records.verify_chain().await?, &tape.head) {
        // Frozen: there are no more, and a purge leaves the head as it is.
        (ChainState::Intact { length, head, .. }, Some(stated)) => {
            length == tape.length && hex::encode(head) == *stated
        }
        _ => false,
    };
    let trail_holds = match (records.verify_audit().await?, &trail.head) {
        (ChainState::Intact { .. }, Some(_)) if trail.length == 0 => true,
        // It goes on, through the link that was stated.
        (ChainState::Intact { .. }, Some(stated)) => {
            let query = AuditQuery::default();
            let entry = records.list_audit(&query, Some(trail.length + 1), 1).await?.into_iter().next();
            entry.is_some_and(|entry| entry.seq == trail.length && hex::encode(entry.link) == *stated)
        }
        _ => false,
    };
    Ok(tape_holds && trail_holds)
}

fn view(platform: &Platform, custody: Custody, chains_hold: bool) -> CustodyView {
    let signed = custody.is_signed(platform);
    let Custody { statement, signature } = custody;
    CustodyView { statement, signature, signed, chains_hold }
}

/// The caller as a reader of records that are in their hospital's custody.
///
/// # Errors
/// `NOT_FOUND` if they are not, as if there were no such hospital; `AUTH_FORBIDDEN`
/// for who is no staff.
pub async fn in_custody(platform: &Platform, mut caller: Caller, source: &str) -> AppResult<Caller> {
    let none = || AppError::not_found("tenant", source);
    let source: TenantId = source.parse().map_err(|_| none())?;
    let actor = &mut caller.actor;
    if !is_staff(actor) || actor.is(Role::Operator) {
        return Err(AppError::new(Code::AuthForbidden, "records in custody are read by staff of the custodian"));
    }
    let operator = platform.store().operator();
    let mut at = source;
    for _ in 0..GENERATIONS {
        let Some(custody) = operator.find_custody(at).await? else { break };
        at = custody.custodian;
        if at == actor.tenant {
            actor.tenant = source;
            // Whoever may practise at the custodian's may on what it keeps.
            for filing in actor.practice.filings.iter_mut().filter(|filing| filing.tenant == at) {
                filing.tenant = source;
            }
            // Whom they are or belong to at home is nobody here.
            actor.patients.clear();
            actor.wards.clear();
            actor.relatives.clear();
            return Ok(caller);
        }
    }
    Err(none())
}

fn end(chain: ChainState) -> ChainEnd {
    match chain {
        ChainState::Intact { length, head, .. } => ChainEnd { length, head: Some(hex::encode(head)), broken_at: None },
        ChainState::Broken { seq } => ChainEnd { length: seq, head: None, broken_at: Some(seq) },
    }
}
