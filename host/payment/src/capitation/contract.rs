use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    capitation::year::{Contract, Institution},
    code::Code,
    id::TenantId,
    ledger::Period as Month,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::{CapitationContract, Queue, Work};

use super::{Lead, contract_of, count_month, invalid, month_of};

/// Most partners of a lead: a project default.
const MOST_PARTNERS: usize = 200;

/// What a fund and a lead have agreed on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewContract {
    /// The plugin of the fund, under which prepayments and use are booked.
    pub payer: String,
    /// Name of the lead.
    pub title: String,
    /// Institutions among which members choose their partners. This hospital is named by its tenant id,
    /// as lead or as partner.
    pub partners: Vec<InstitutionView>,
}

/// An institution.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstitutionView {
    /// Its id: the tenant id of this hospital, another's by any id that the scheme knows.
    pub id: String,
    /// Its name.
    pub title: String,
}

/// A contract.
#[derive(Serialize, ToSchema)]
pub struct ContractView {
    /// The plugin of the scheme.
    pub plugin: String,
    /// The plugin of the fund.
    pub payer: String,
    /// The lead.
    pub lead: InstitutionView,
    /// Its partners.
    pub partners: Vec<InstitutionView>,
    /// The month whose members are counted next, when it is over.
    #[schema(value_type = String)]
    pub next_month: Month,
}

/// Records the contract of a lead. Members of a change keep what they chose.
///
/// # Errors
/// `NOT_FOUND` if scheme or fund are not installed; `BODY_INVALID` for an institution that is there twice.
#[boxed]
pub async fn put_contract(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    lead: Lead,
    new: NewContract,
) -> AppResult<ContractView> {
    caller.may_in(tenant, Action::ManageCatalogue)?;
    let records = platform.store().tenant(tenant);
    records.get_install(&lead.plugin).await?;
    records.get_install(&new.payer).await?;
    check(&lead, &new)?;
    let institution = |it: InstitutionView| Institution { id: it.id, title: it.title };
    let title = new.title;
    let partners: Vec<Institution> = new.partners.into_iter().map(institution).collect();
    let tx = records.begin().await?;
    super::lock(&tx, &lead).await?;
    let (version, next) = match contract_of(&tx, &lead).await {
        Ok((row, contract)) => (row.version, contract.next),
        Err(error) if error.code == Code::NotFound => (0, month_of(caller.now)),
        Err(error) => return Err(error),
    };
    let contract = Contract { payer: new.payer, lead: Institution { id: lead.lead.clone(), title }, partners, next };
    let row = CapitationContract {
        plugin: lead.plugin.clone(),
        lead: lead.lead.clone(),
        body: serde_json::to_value(&contract).map_err(AppError::internal)?,
        version,
        updated_at: caller.now,
    };
    tx.put_capitation_contract(&row).await?;
    if version == 0 {
        let due = next.last().next().start();
        tx.put_work(&[Work::new(Queue::Capitation, count_month::work_id(&lead), lead.lane(), due)]).await?;
    }
    tx.commit().await?;
    Ok(view(lead.plugin, contract))
}

fn check(lead: &Lead, new: &NewContract) -> AppResult<()> {
    let named = |id: &str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    if new.partners.len() > MOST_PARTNERS {
        return Err(invalid("partners", format!("at most {MOST_PARTNERS} partners")));
    }
    let mut ids: Vec<&str> = new.partners.iter().map(|partner| partner.id.as_str()).collect();
    ids.push(&lead.lead);
    if let Some(id) = ids.iter().find(|id| !named(id)) {
        return Err(invalid("partners", format!("`{id}`: 1 to 64 letters, digits, `-`, `.` or `_`")));
    }
    ids.sort_unstable();
    if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(invalid("partners", format!("`{}` is there twice", pair[0])));
    }
    let titles = new.partners.iter().map(|partner| &partner.title).chain([&new.title]);
    match titles.into_iter().any(|title| title.trim().is_empty()) {
        true => Err(invalid("title", "an institution has a name")),
        false => Ok(()),
    }
}

/// The contracts of the caller's hospital: the leads and partners that a patient may choose.
///
/// # Errors
/// If the store fails.
#[boxed]
pub async fn list_contracts(platform: &Platform, caller: &Caller) -> AppResult<Vec<ContractView>> {
    let rows = platform.records(caller).list_capitation_contracts().await?;
    rows.into_iter()
        .map(|row| Ok(view(row.plugin, Contract::deserialize(&row.body).map_err(AppError::internal)?)))
        .collect()
}

fn view(plugin: String, contract: Contract) -> ContractView {
    let institution = |it: Institution| InstitutionView { id: it.id, title: it.title };
    let Contract { payer, lead, partners, next } = contract;
    let partners = partners.into_iter().map(institution).collect();
    ContractView { plugin, payer, lead: institution(lead), partners, next_month: next }
}
