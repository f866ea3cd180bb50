//! Erasure of a patient: keys, rows and index entries. The erasure record and the chains are kept:
//! an audit entry contains a patient id that no longer resolves.

use std::collections::BTreeMap;

use xinglin_domain::{
    id::{AccountId, TenantId},
    retention::LastKept,
    time::Instant,
};

use crate::{
    Executor, OperatorScope, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// The record of an erasure.
#[derive(Debug, Clone, PartialEq)]
pub struct Erasure {
    /// When.
    pub at: Instant,
    /// By whom.
    pub by: String,
    /// Number of deleted rows, by table.
    pub rows: BTreeMap<String, i64>,
}

impl TryFrom<Row> for Erasure {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self { at: row.get("erased_at")?, by: row.get("erased_by")?, rows: row.json("body")? })
    }
}

/// Dependent tables: table, the column with its parent's id, and the parent's table.
const HANGING: [(&str, &str, &str); 5] = [
    ("visit_message", "encounter_id", "encounter"),
    ("prescription_use", "prescription_id", "prescription"),
    ("trace_code", "prescription_id", "prescription"),
    ("payment_operation", "bill_id", "bill"),
    ("cash", "bill_id", "bill"),
];
/// Index tables of resources.
const FINDING: [&str; 3] = ["resource_token", "resource_string", "resource_range"];
/// Tables with a patient id, each before those that it refers to.
const OWN: [&str; 29] = [
    "reminder",
    "reminder_address",
    "task",
    "alert",
    "hold",
    "message",
    "coverage",
    "capitation_use",
    "capitation_month",
    "capitation_member",
    "purchase",
    "consent",
    "cohort_member",
    "broken_glass",
    "identity_disclosure",
    "relation",
    "real_name",
    "insurance_request",
    "safety_contact",
    "request",
    "bill",
    "item_order",
    "prescription",
    "enrolment",
    "encounter",
    "blob",
    "resource_label",
    "resource_history",
    "resource",
];

/// Each table with the condition for the patient's rows, in the order of deletion.
fn of_patient() -> impl Iterator<Item = (&'static str, String)> {
    let hanging = HANGING.into_iter().map(|(table, column, parent)| {
        let parents = format!("SELECT document_id FROM {parent} WHERE tenant_id = $1 AND patient_id = $2");
        (table, format!("tenant_id = $1 AND {column} IN ({parents})"))
    });
    let finding = FINDING.into_iter().map(|table| {
        let resources = "SELECT resource_type, resource_id FROM resource WHERE tenant_id = $1 AND patient_id = $2";
        (table, format!("tenant_id = $1 AND (resource_type, resource_id) IN ({resources})"))
    });
    let own = OWN.into_iter().map(|table| (table, "tenant_id = $1 AND patient_id = $2".to_owned()));
    let works = [
        ("'timer', 'event', 'alert', 'request'", "enrolment"),
        ("'alert', 'contact'", "safety_contact"),
        ("'payment', 'cash'", "bill"),
        ("'payment'", "insurance_request"),
        ("'purchase'", "purchase"),
    ]
    .map(|(queues, parent)| {
        let parents = format!("SELECT document_id FROM {parent} WHERE tenant_id = $1 AND patient_id = $2");
        ("work", format!("tenant_id = $1 AND queue IN ({queues}) AND lane IN ({parents})"))
    });
    let subjects = "SELECT resource_type || '/' || resource_id FROM resource WHERE tenant_id = $1 AND patient_id = $2";
    let told = ("work", format!("tenant_id = $1 AND subject IN ({subjects})"));
    let written = ("work", "tenant_id = $1 AND queue = 'observation' AND lane = $2".to_owned());
    let reminding = ("work", "tenant_id = $1 AND queue = 'reminder' AND lane = $2".to_owned());
    works.into_iter().chain(hanging).chain(finding).chain([told, written, reminding]).chain(own)
}

impl<E: Executor> TenantScope<E> {
    /// When data subject to retention was last added for a patient. Excludes the Patient resource
    /// and related persons.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn last_kept(&self, patient_id: &str) -> Result<LastKept> {
        let clinical = "tenant_id = $1 AND patient_id = $2 AND resource_type NOT IN ('Patient', 'RelatedPerson')";
        let mut parts = vec![
            format!("SELECT MAX(last_updated) AS last_at FROM resource WHERE {clinical}"),
            format!("SELECT MAX(last_updated) AS last_at FROM resource_history WHERE {clinical}"),
        ];
        for (table, column) in [
            ("encounter", "updated_at"),
            ("prescription", "updated_at"),
            ("bill", "updated_at"),
            ("item_order", "updated_at"),
            ("purchase", "updated_at"),
            ("capitation_member", "updated_at"),
            ("insurance_request", "updated_at"),
            ("enrolment", "updated_at"),
            ("alert", "updated_at"),
            ("safety_contact", "updated_at"),
            ("request", "updated_at"),
            ("blob", "created_at"),
        ] {
            let own = "tenant_id = $1 AND patient_id = $2";
            parts.push(format!("SELECT MAX({column}) AS last_at FROM {table} WHERE {own}"));
        }
        let record = format!("SELECT MAX(last_at) AS last_at FROM ({}) AS kept", parts.join(" UNION ALL "));
        let said = "SELECT MAX(m.created_at) AS last_at FROM visit_message m
                    JOIN encounter v ON v.tenant_id = m.tenant_id AND v.document_id = m.encounter_id
                    WHERE m.tenant_id = $1 AND v.patient_id = $2";
        let sold = "SELECT MAX(u.used_at) AS last_at FROM prescription_use u
                    JOIN prescription p ON p.tenant_id = u.tenant_id AND p.document_id = u.prescription_id
                    WHERE u.tenant_id = $1 AND p.patient_id = $2";
        Ok(LastKept {
            record: self.last_at(record, patient_id).await?,
            said: self.last_at(said.to_owned(), patient_id).await?,
            sold: self.last_at(sold.to_owned(), patient_id).await?,
        })
    }

    async fn last_at(&self, sql: String, patient_id: &str) -> Result<Option<Instant>> {
        let row = self.exec.row(Sql::new(sql, args![self.tenant, patient_id])).await?;
        row.map_or(Ok(None), |row| row.get("last_at"))
    }

    /// Number of rows that an erasure would delete, by table, without zeros.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn count_of_patient(&self, patient_id: &str) -> Result<BTreeMap<String, i64>> {
        let mut counts = BTreeMap::new();
        for (table, rows) in of_patient() {
            let sql = format!("SELECT COUNT(*) AS total FROM {table} WHERE {rows}");
            let row = self.exec.row(Sql::new(sql, args![self.tenant, patient_id])).await?;
            let total: i64 = row.map_or(Ok(0), |row| row.get("total"))?;
            if total > 0 {
                *counts.entry(table.to_owned()).or_default() += total;
            }
        }
        Ok(counts)
    }

    /// Number of tapes that concern this id.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn count_tapes_about(&self, reference: &str) -> Result<i64> {
        let sql = "SELECT COUNT(*) AS total FROM tape_reference WHERE tenant_id = $1 AND reference = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, reference])).await?;
        row.map_or(Ok(0), |row| row.get("total"))
    }

    /// Patients whose record was not written to since this time, by id, after `after`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_untouched(&self, since: Instant, after: &str, limit: u32) -> Result<Vec<String>> {
        let sql = "SELECT patient_id FROM resource WHERE tenant_id = $1 AND patient_id > $3
                   GROUP BY patient_id HAVING MAX(last_updated) < $2 ORDER BY patient_id LIMIT $4";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, since, after, limit])).await?;
        rows.iter().map(|row| row.get("patient_id")).collect()
    }

    /// The last erasure of a patient, if any.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_erasure(&self, patient_id: &str) -> Result<Option<Erasure>> {
        let sql = "SELECT * FROM erasure WHERE tenant_id = $1 AND patient_id = $2 ORDER BY erased_at DESC LIMIT 1";
        self.exec.row(Sql::new(sql, args![self.tenant, patient_id])).await?.map(TryInto::try_into).transpose()
    }

    /// Digests of attachments whose rows are deleted and whose files are not yet.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_erased_files(&self) -> Result<Vec<String>> {
        let sql = "SELECT sha256 FROM erased_file WHERE tenant_id = $1 ORDER BY sha256";
        self.exec.rows(Sql::new(sql, args![self.tenant])).await?.iter().map(|row| row.get("sha256")).collect()
    }

    /// Whether any attachment has these bytes.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn has_blob_of(&self, sha256: &str) -> Result<bool> {
        let sql = "SELECT blob_id FROM blob WHERE tenant_id = $1 AND sha256 = $2 LIMIT 1";
        Ok(self.exec.row(Sql::new(sql, args![self.tenant, sha256])).await?.is_some())
    }
}

impl<E: Executor> OperatorScope<E> {
    /// The tenants that have files of erased patients left.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_unfinished_erasures(&self) -> Result<Vec<TenantId>> {
        let sql = "SELECT DISTINCT tenant_id FROM erased_file ORDER BY tenant_id";
        self.exec.rows(Sql::new(sql, args![])).await?.iter().map(|row| row.get("tenant_id")).collect()
    }
}

impl TenantTx {
    /// Erases a patient: destroys their keys and deletes their rows. The caller checks whether that
    /// is lawful.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn erase_patient(&self, patient_id: &str, by: &str, at: Instant) -> Result<Erasure> {
        let rows = self.count_of_patient(patient_id).await?;
        // First, as the triggers of those tables check for it.
        let sql = "INSERT INTO erasure (tenant_id, patient_id, erased_at, erased_by, body) VALUES ($1, $2, $3, $4, $5)";
        self.exec.execute(Sql::new(sql, args![self.tenant, patient_id, at, by, Arg::json(&rows)?])).await?;
        let sql = "INSERT INTO erased_file (tenant_id, sha256)
                   SELECT DISTINCT tenant_id, sha256 FROM blob WHERE tenant_id = $1 AND patient_id = $2
                   ON CONFLICT (tenant_id, sha256) DO NOTHING";
        self.exec.execute(Sql::new(sql, args![self.tenant, patient_id])).await?;
        self.destroy_keys(patient_id, at).await?;
        for (table, rows) in of_patient() {
            let sql = format!("DELETE FROM {table} WHERE {rows}");
            self.exec.execute(Sql::new(sql, args![self.tenant, patient_id])).await?;
        }
        Ok(Erasure { at, by: by.to_owned(), rows })
    }

    /// Records that the file is deleted.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forget_erased_file(&self, sha256: &str) -> Result<()> {
        let sql = "DELETE FROM erased_file WHERE tenant_id = $1 AND sha256 = $2";
        self.exec.execute(Sql::new(sql, args![self.tenant, sha256])).await.map(drop)
    }

    /// Closes an account and deletes its person and credentials. Its id is kept, since recorded
    /// acts refer to it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forget_account(&self, account: AccountId, at: Instant) -> Result<()> {
        for table in ["session", "second_factor", "passkey", "identity_link"] {
            let sql = format!("DELETE FROM {table} WHERE tenant_id = $1 AND account_id = $2");
            self.exec.execute(Sql::new(sql, args![self.tenant, account])).await?;
        }
        let sql = "UPDATE account SET login = account_id, password_hash = NULL, person_ref = NULL, credential = NULL,
                          active = FALSE, updated_at = $3, version = version + 1
                   WHERE tenant_id = $1 AND account_id = $2";
        self.exec.execute(Sql::new(sql, args![self.tenant, account, at])).await.map(drop)
    }
}
