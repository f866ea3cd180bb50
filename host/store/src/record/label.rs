//! Labels: which entries of the record belong to a restricted compartment. The caller decides that;
//! here labels are stored, and applied to lists.

use xinglin_domain::compartment::{Compartment, Compartments};

use crate::{
    Executor, Resource, Result, StoreError, TenantScope, TenantTx,
    db::{Row, Sql, args, insert_many},
    record::resource::{COLUMNS, OF_R},
};

/// The label of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// FHIR type.
    pub kind: String,
    /// FHIR id.
    pub id: String,
    /// The patient whose record it belongs to.
    pub patient_id: Option<String>,
    /// The compartment.
    pub compartment: Compartment,
}

impl TryFrom<Row> for Label {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            kind: row.get("resource_type")?,
            id: row.get("resource_id")?,
            patient_id: row.get("patient_id")?,
            compartment: row.get::<String>("compartment")?.parse().map_err(StoreError::corrupt)?,
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// The compartments of one entry, of all its versions.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn resource_compartments(&self, kind: &str, id: &str) -> Result<Compartments> {
        let sql = "SELECT * FROM resource_label WHERE tenant_id = $1 AND resource_type = $2 AND resource_id = $3";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, kind, id])).await?;
        rows.into_iter().map(|row| Label::try_from(row).map(|label| label.compartment)).collect()
    }

    /// The current version of an entry, which may be a deletion, and its compartments, read in one
    /// statement.
    ///
    /// # Errors
    /// `NotFound` if it never existed.
    pub async fn get_labelled_resource(&self, kind: &str, id: &str) -> Result<(Resource, Compartments)> {
        let sql = format!(
            "SELECT {OF_R}, l.compartment FROM resource r
             LEFT JOIN resource_label l ON l.tenant_id = r.tenant_id AND l.resource_type = r.resource_type
                                       AND l.resource_id = r.resource_id
             WHERE r.tenant_id = $1 AND r.resource_type = $2 AND r.resource_id = $3"
        );
        let none = || StoreError::not_found("resource", format!("{kind}/{id}"));
        let mut rows = self.exec.rows(Sql::new(sql, args![self.tenant, kind, id])).await?;
        let labels = rows.iter().filter_map(|row| row.get::<Option<String>>("compartment").transpose());
        let compartments: Compartments =
            labels.map(|label| label?.parse::<Compartment>().map_err(StoreError::corrupt)).collect::<Result<_>>()?;
        let found = Resource::try_from(rows.pop().ok_or_else(none)?)?;
        let found = self.opened(vec![found]).await?.pop().ok_or_else(none)?;
        Ok((found, compartments))
    }

    /// Labels of these entries of a type.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_labels_of(&self, kind: &str, ids: &[String]) -> Result<Vec<Label>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let text = "SELECT * FROM resource_label WHERE tenant_id = $1 AND resource_type = $2 AND resource_id IN ";
        let mut sql = Sql::new(text, args![self.tenant, kind]);
        sql.bind_all(ids);
        self.exec.rows(sql).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// Labels of a patient's record.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_labels(&self, patient_id: &str) -> Result<Vec<Label>> {
        let sql = "SELECT * FROM resource_label WHERE tenant_id = $1 AND patient_id = $2";
        self.exec
            .rows(Sql::new(sql, args![self.tenant, patient_id]))
            .await?
            .into_iter()
            .map(TryInto::try_into)
            .collect()
    }

    /// All versions of all resources, in the order of type, id and version, after `after`: to
    /// relabel what was written under older rules.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_versions(&self, after: (&str, &str, i64), limit: u32) -> Result<Vec<Resource>> {
        let text = format!(
            "SELECT * FROM (SELECT tenant_id, {COLUMNS} FROM resource WHERE tenant_id = $1
                            UNION ALL SELECT tenant_id, {COLUMNS} FROM resource_history WHERE tenant_id = $1) v
             WHERE (v.resource_type, v.resource_id, v.version) > ($2, $3, $4)
             ORDER BY v.resource_type, v.resource_id, v.version LIMIT $5"
        );
        let (kind, id, version) = after;
        self.collect(Sql::new(text, args![self.tenant, kind, id, version, limit])).await
    }
}

impl TenantTx {
    /// Stores labels; existing ones are kept.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn put_labels(&self, labels: &[Label]) -> Result<()> {
        let head = "INSERT INTO resource_label (tenant_id, resource_type, resource_id, compartment, patient_id)";
        let rows = labels
            .iter()
            .map(|label| args![self.tenant, &label.kind, &label.id, label.compartment.as_str(), &label.patient_id]);
        let known = " ON CONFLICT (tenant_id, resource_type, resource_id, compartment) DO UPDATE
                      SET patient_id = COALESCE(excluded.patient_id, resource_label.patient_id)";
        self.exec.execute_all(insert_many(head, rows.collect(), known)).await.map(drop)
    }
}
