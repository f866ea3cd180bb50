//! What proves who somebody is: numbers of certificates, sealed, and what was decided of
//! patients' real names.

use serde_json::Value;
use xinglin_domain::{
    id::{AccountId, PatientId},
    time::Instant,
};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// The number of a certificate, or of several: a renewal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateNumber {
    /// The server's word for the kind of certificate.
    pub kind: String,
    /// Stands for the number: the same for the same number.
    pub blind: String,
    /// Who says they hold it.
    pub account: AccountId,
    /// The number.
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

/// What was decided of a patient's real name.
#[derive(Debug, Clone, PartialEq)]
pub struct RealName {
    /// Whose.
    pub patient: PatientId,
    /// The server's own.
    pub body: Value,
    /// Seen version; 0 if not stored.
    pub version: i64,
    /// When it was decided.
    pub updated_at: Instant,
}

impl<E: Executor> TenantScope<E> {
    /// The numbers that an account holds, by kind.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_certificate_numbers(&self, account: AccountId) -> Result<Vec<CertificateNumber>> {
        let sql = "SELECT * FROM certificate_number WHERE tenant_id = $1 AND account_id = $2 ORDER BY kind, blind";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, account])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// What was decided of a patient's real name, if anything was.
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
    /// Notes that the account holds the number; whether it does: another may hold it.
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

    /// Lets a number go, so that whose it is can hold it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn release_certificate_number(&self, account: AccountId, kind: &str, blind: &str) -> Result<()> {
        let sql = "DELETE FROM certificate_number
                   WHERE tenant_id = $1 AND account_id = $2 AND kind = $3 AND blind = $4";
        self.exec.execute(Sql::new(sql, args![self.tenant, account, kind, blind])).await.map(drop)
    }

    /// Keeps what was decided of a patient's real name in place of what was before.
    ///
    /// # Errors
    /// `VersionConflict` if it was decided since it was read.
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
