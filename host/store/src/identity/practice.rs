//! Evidence of identity: sealed numbers of certificates, and results of patients' real-name
//! verification.

use serde_json::Value;
use xinglin_domain::{
    id::{AccountId, PatientId},
    time::Instant,
};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// The number of a certificate, or of several, as a renewal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateNumber {
    /// The kind of certificate, named by the server.
    pub kind: String,
    /// Keyed digest of the number.
    pub blind: String,
    /// The account that claims it.
    pub account: AccountId,
    /// The number, sealed.
    pub sealed: Vec<u8>,
}

impl TryFrom<Row> for CertificateNumber {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            kind: row.get("kind")?,
            blind: row.get("blind")?,
            account: row.get("account_id")?,
            sealed: row.get("sealed")?,
        })
    }
}

/// The result of a patient's real-name verification.
#[derive(Debug, Clone, PartialEq)]
pub struct RealName {
    /// The patient.
    pub patient: PatientId,
    /// The server's value, as JSON.
    pub body: Value,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// When it was decided.
    pub updated_at: Instant,
}

impl<E: Executor> TenantScope<E> {
    /// The certificate numbers of an account, by kind.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_certificate_numbers(&self, account: AccountId) -> Result<Vec<CertificateNumber>> {
        let sql = "SELECT * FROM certificate_number WHERE tenant_id = $1 AND account_id = $2 ORDER BY kind, blind";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, account])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The result of a patient's real-name verification, if any.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_real_name(&self, patient: PatientId) -> Result<Option<RealName>> {
        let sql = "SELECT * FROM real_name WHERE tenant_id = $1 AND patient_id = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, patient.to_string()])).await?;
        row.map(|row| {
            Ok(RealName {
                patient,
                body: row.json("body")?,
                version: row.get("version")?,
                updated_at: row.get("updated_at")?,
            })
        })
        .transpose()
    }
}

impl TenantTx {
    /// Claims the number for the account; `false` if another account has it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn claim_certificate_number(&self, number: &CertificateNumber) -> Result<bool> {
        let sql = "INSERT INTO certificate_number (tenant_id, kind, blind, account_id, sealed)
                   VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (tenant_id, kind, blind) DO UPDATE SET sealed = excluded.sealed
                   WHERE certificate_number.account_id = excluded.account_id";
        let CertificateNumber { kind, blind, account, sealed } = number;
        let args = args![self.tenant, kind, blind, *account, sealed.as_slice()];
        Ok(self.exec.execute(Sql::new(sql, args)).await? == 1)
    }

    /// Releases a number, so that its true holder can claim it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn release_certificate_number(&self, account: AccountId, kind: &str, blind: &str) -> Result<()> {
        let sql = "DELETE FROM certificate_number
                   WHERE tenant_id = $1 AND account_id = $2 AND kind = $3 AND blind = $4";
        self.exec.execute(Sql::new(sql, args![self.tenant, account, kind, blind])).await.map(drop)
    }

    /// Stores the result of a patient's real-name verification, replacing the former.
    ///
    /// # Errors
    /// `VersionConflict` if it was changed since it was read.
    pub async fn put_real_name(&self, name: &RealName) -> Result<i64> {
        let patient = name.patient.to_string();
        if name.version == 0 {
            let sql = "INSERT INTO real_name (tenant_id, patient_id, body, version, updated_at)
                       VALUES ($1, $2, $3, 1, $4)
                       ON CONFLICT (tenant_id, patient_id) DO NOTHING";
            let args = args![self.tenant, &patient, Arg::json(&name.body)?, name.updated_at];
            return match self.exec.execute(Sql::new(sql, args)).await? {
                1 => Ok(1),
                _ => Err(StoreError::VersionConflict { what: "real name", id: patient }),
            };
        }
        let sql = "UPDATE real_name SET body = $4, updated_at = $5, version = version + 1
                   WHERE tenant_id = $1 AND patient_id = $2 AND version = $3";
        let args = args![self.tenant, &patient, name.version, Arg::json(&name.body)?, name.updated_at];
        self.exec.update_one(Sql::new(sql, args), "real name", &patient, name.version).await
    }
}
