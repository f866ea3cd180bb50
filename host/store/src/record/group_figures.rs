//! Figures of groups for employers: who is counted together, and what was published.

use std::collections::BTreeMap;

use serde_json::Value;
use xinglin_domain::{id::OrganisationId, time::Instant};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// People who are counted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CohortRow {
    /// Its number in the organisation.
    pub number: u32,
    /// How many they were when it was formed.
    pub size: u32,
    /// Whether it may still be published.
    pub open: bool,
    /// FHIR ids of the patients, in their order.
    pub members: Vec<String>,
}

/// What was published for a month.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupFigures {
    /// The month: `2026-11`.
    pub period: String,
    /// The figures, as JSON.
    pub body: Value,
    /// When they were computed.
    pub published_at: Instant,
}

impl TryFrom<Row> for GroupFigures {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self { period: row.get("period")?, body: row.json("body")?, published_at: row.get("published_at")? })
    }
}

fn number(value: i64) -> Result<u32> {
    u32::try_from(value).map_err(StoreError::corrupt)
}

impl<E: Executor> TenantScope<E> {
    /// The cohorts of an organisation by number, closed ones too.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_cohorts(&self, organisation: OrganisationId) -> Result<Vec<CohortRow>> {
        let sql = "SELECT number, size, open FROM cohort WHERE tenant_id = $1 AND organisation_id = $2 ORDER BY number";
        let mut cohorts = BTreeMap::new();
        for row in self.exec.rows(Sql::new(sql, args![self.tenant, organisation])).await? {
            let (of, size) = (number(row.get("number")?)?, number(row.get("size")?)?);
            cohorts.insert(of, CohortRow { number: of, size, open: row.get("open")?, members: Vec::new() });
        }
        let sql = "SELECT number, patient_id FROM cohort_member WHERE tenant_id = $1 AND organisation_id = $2
                   ORDER BY number, patient_id";
        for row in self.exec.rows(Sql::new(sql, args![self.tenant, organisation])).await? {
            if let Some(cohort) = cohorts.get_mut(&number(row.get("number")?)?) {
                cohort.members.push(row.get("patient_id")?);
            }
        }
        Ok(cohorts.into_values().collect())
    }

    /// FHIR ids of patients who are in a cohort of another organisation, open or closed.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_counted_elsewhere(&self, organisation: OrganisationId) -> Result<Vec<String>> {
        let sql = "SELECT patient_id FROM cohort_member WHERE tenant_id = $1 AND organisation_id <> $2
                   ORDER BY patient_id";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, organisation])).await?;
        rows.iter().map(|row| row.get("patient_id")).collect()
    }

    /// What was published for an organisation, the last month first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_group_figures(&self, organisation: OrganisationId, limit: u32) -> Result<Vec<GroupFigures>> {
        let sql = "SELECT period, body, published_at FROM group_figures WHERE tenant_id = $1 AND organisation_id = $2
                   ORDER BY period DESC LIMIT $3";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, organisation, limit])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Stores a new cohort with its members.
    ///
    /// # Errors
    /// `Unique` if the number is taken, or one of them is in a cohort, of whatever organisation.
    pub async fn insert_cohort(&self, organisation: OrganisationId, cohort: &CohortRow) -> Result<()> {
        let sql = "INSERT INTO cohort (tenant_id, organisation_id, number, size, open) VALUES ($1, $2, $3, $4, $5)";
        let args = args![self.tenant, organisation, cohort.number, cohort.size, cohort.open];
        self.exec.execute(Sql::new(sql, args)).await?;
        for member in &cohort.members {
            let sql = "INSERT INTO cohort_member (tenant_id, organisation_id, patient_id, number)
                       VALUES ($1, $2, $3, $4)";
            self.exec.execute(Sql::new(sql, args![self.tenant, organisation, member, cohort.number])).await?;
        }
        Ok(())
    }

    /// Closes a cohort: it is not published any more.
    ///
    /// # Errors
    /// `NotFound` if it is not open.
    pub async fn close_cohort(&self, organisation: OrganisationId, number: u32) -> Result<()> {
        let sql = "UPDATE cohort SET open = FALSE
                   WHERE tenant_id = $1 AND organisation_id = $2 AND number = $3 AND open";
        match self.exec.execute(Sql::new(sql, args![self.tenant, organisation, number])).await? {
            0 => Err(StoreError::not_found("cohort", number)),
            _ => Ok(()),
        }
    }

    /// Stores what is published for a month.
    ///
    /// # Errors
    /// `Unique` if the month is published already.
    pub async fn insert_group_figures(&self, organisation: OrganisationId, figures: &GroupFigures) -> Result<()> {
        let sql = "INSERT INTO group_figures (tenant_id, organisation_id, period, body, published_at)
                   VALUES ($1, $2, $3, $4, $5)";
        let GroupFigures { period, body, published_at } = figures;
        let args = args![self.tenant, organisation, period, Arg::json(body)?, *published_at];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }
}
