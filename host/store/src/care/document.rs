//! Documents: encounters, prescriptions, orders of items, bills, enrolments, contacts with
//! patients in danger, requests of pathways, questions to insurers and purchases. The domain's
//! state machines are stored whole, as JSON; columns needed by lists are copied out of it.

use std::{
    fmt::{Debug, Display},
    str::FromStr,
};

use serde_json::Value;
use xinglin_domain::{
    id::{
        BillId, ContactId, EncounterId, EnrolmentId, InsuranceRequestId, InvalidId, ItemOrderId, PrescriptionId,
        PurchaseId, RequestId,
    },
    time::Instant,
};

use crate::{
    Cursor, Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

mod sealed {
    pub trait Sealed {}
}

/// An id whose type gives the kind of document.
pub trait DocumentId:
    sealed::Sealed + Copy + Eq + Debug + Display + FromStr<Err = InvalidId> + Send + Sync + 'static
{
    /// Name of the kind and of its table.
    const KIND: &'static str;
}

macro_rules! documents {
    ($($id:ty = $kind:literal;)*) => {$(
        impl sealed::Sealed for $id {}

        impl DocumentId for $id {
            const KIND: &'static str = $kind;
        }
    )*};
}

documents! {
    EncounterId = "encounter";
    PrescriptionId = "prescription";
    ItemOrderId = "item_order";
    BillId = "bill";
    EnrolmentId = "enrolment";
    PurchaseId = "purchase";
    InsuranceRequestId = "insurance_request";
    ContactId = "safety_contact";
    RequestId = "request";
}

/// A document with its columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Document<Id> {
    /// Its id.
    pub id: Id,
    /// FHIR id of the patient.
    pub patient_id: String,
    /// Its parent: the encounter of a prescription or an order, the prescription or encounter of a bill, the
    /// plugin of an enrolment, the enrolment of a request.
    pub parent_id: Option<String>,
    /// Unique among documents of a kind: for example, a running enrolment claims `plugin/patient`.
    pub exclusive_key: Option<String>,
    /// State of the state machine.
    pub status: String,
    /// The domain value, as JSON.
    pub body: Value,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// When it was created; never changes.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

impl<Id: DocumentId> Document<Id> {
    /// The cursor of the next page after this document.
    pub fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id.to_string() }
    }
}

impl<Id: DocumentId> TryFrom<Row> for Document<Id> {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.get::<String>("document_id")?.parse().map_err(StoreError::corrupt)?,
            patient_id: row.get("patient_id")?,
            parent_id: row.get("parent_id")?,
            exclusive_key: row.get("exclusive_key")?,
            status: row.get("status")?,
            body: row.json("body")?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// A filter of documents. All conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentQuery {
    /// With one of these ids; empty for all.
    pub ids: Vec<String>,
    /// Of this patient.
    pub patient_id: Option<String>,
    /// Of one of these patients; empty for all.
    pub patient_ids: Vec<String>,
    /// With this parent.
    pub parent_id: Option<String>,
    /// In one of these states; empty for all.
    pub statuses: Vec<String>,
}

impl<E: Executor> TenantScope<E> {
    /// One document.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_document<Id: DocumentId>(&self, id: Id) -> Result<Document<Id>> {
        let sql = format!("SELECT * FROM {} WHERE tenant_id = $1 AND document_id = $2", Id::KIND);
        let row = self.exec.row(Sql::new(sql, args![self.tenant, id.to_string()])).await?;
        row.ok_or_else(|| StoreError::not_found(Id::KIND, id))?.try_into()
    }

    /// The document with an exclusive key, if any.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_document_by_key<Id: DocumentId>(&self, exclusive_key: &str) -> Result<Option<Document<Id>>> {
        let sql = format!("SELECT * FROM {} WHERE tenant_id = $1 AND exclusive_key = $2", Id::KIND);
        let row = self.exec.row(Sql::new(sql, args![self.tenant, exclusive_key])).await?;
        row.map(TryInto::try_into).transpose()
    }

    /// A page of the matching documents, newest first by `created_at`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_documents<Id: DocumentId>(
        &self,
        query: &DocumentQuery,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<Document<Id>>> {
        let mut sql = self.select_documents::<Id>("*", query);
        if let Some(Cursor { at, id }) = after {
            sql.push(" AND (created_at, document_id) < (").bind(*at).push(", ").bind(id).push(")");
        }
        sql.push(" ORDER BY created_at DESC, document_id DESC LIMIT ").bind(limit);
        self.exec.rows(sql).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// Number of matching documents.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn count_documents<Id: DocumentId>(&self, query: &DocumentQuery) -> Result<i64> {
        let row = self.exec.row(self.select_documents::<Id>("COUNT(*) AS total", query)).await?;
        row.map_or(Ok(0), |row| row.get("total"))
    }

    fn select_documents<Id: DocumentId>(&self, columns: &str, query: &DocumentQuery) -> Sql {
        let text = format!("SELECT {columns} FROM {} WHERE tenant_id = $1", Id::KIND);
        let mut sql = Sql::new(text, args![self.tenant]);
        if !query.ids.is_empty() {
            sql.push(" AND document_id IN ").bind_all(&query.ids);
        }
        if let Some(patient) = &query.patient_id {
            sql.push(" AND patient_id = ").bind(patient);
        }
        if !query.patient_ids.is_empty() {
            sql.push(" AND patient_id IN ").bind_all(&query.patient_ids);
        }
        if let Some(parent) = &query.parent_id {
            sql.push(" AND parent_id = ").bind(parent);
        }
        if !query.statuses.is_empty() {
            sql.push(" AND status IN ").bind_all(&query.statuses);
        }
        sql
    }
}

impl TenantTx {
    /// Stores a new document.
    ///
    /// # Errors
    /// `Unique` if its id or exclusive key is taken; `Reference` if there is no
    /// such tenant.
    pub async fn insert_document<Id: DocumentId>(&self, document: &Document<Id>) -> Result<i64> {
        let sql = format!(
            "INSERT INTO {} (tenant_id, document_id, patient_id, parent_id, exclusive_key, status, body, version,
                             created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9)",
            Id::KIND
        );
        let args = args![
            self.tenant,
            document.id.to_string(),
            &document.patient_id,
            &document.parent_id,
            &document.exclusive_key,
            &document.status,
            Arg::json(&document.body)?,
            document.created_at,
            document.updated_at
        ];
        self.exec.execute(Sql::new(sql, args)).await?;
        Ok(1)
    }

    /// Updates a document.
    ///
    /// # Errors
    /// `VersionConflict`; `Unique` if the exclusive key is taken.
    pub async fn update_document<Id: DocumentId>(&self, document: &Document<Id>) -> Result<i64> {
        let sql = format!(
            "UPDATE {} SET parent_id = $4, exclusive_key = $5, status = $6, body = $7, updated_at = $8,
                           version = version + 1
             WHERE tenant_id = $1 AND document_id = $2 AND version = $3",
            Id::KIND
        );
        let args = args![
            self.tenant,
            document.id.to_string(),
            document.version,
            &document.parent_id,
            &document.exclusive_key,
            &document.status,
            Arg::json(&document.body)?,
            document.updated_at
        ];
        self.exec.update_one(Sql::new(sql, args), Id::KIND, document.id, document.version).await
    }
}
