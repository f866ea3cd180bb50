//! Signatures of plugin packages, verified by this host.

use xinglin_domain::time::Instant;

use crate::{
    Executor, OperatorScope, OperatorTx, Result, StoreError,
    db::{Row, Sql, args},
};

/// One signature of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageSignature {
    /// SHA-256 of the package, in hex.
    pub digest: String,
    /// Minisign's id of the key.
    pub key_id: String,
    /// Name of the key at verification.
    pub key_name: String,
    /// Role of the key at verification.
    pub role: String,
    /// The signature file, in minisign's format.
    pub signature: String,
    /// When it was signed, if stated.
    pub signed_at: Option<Instant>,
    /// When this host verified it.
    pub recorded_at: Instant,
}

impl TryFrom<Row> for PackageSignature {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            digest: row.get("digest")?,
            key_id: row.get("key_id")?,
            key_name: row.get("key_name")?,
            role: row.get("role")?,
            signature: row.get("signature")?,
            signed_at: row.get("signed_at")?,
            recorded_at: row.get("recorded_at")?,
        })
    }
}

impl<E: Executor> OperatorScope<E> {
    /// The signatures of a package, by key.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_signatures(&self, digest: &str) -> Result<Vec<PackageSignature>> {
        let sql = "SELECT digest, key_id, key_name, role, signature, signed_at, recorded_at
                   FROM plugin_signature WHERE digest = $1 ORDER BY key_id";
        self.exec.rows(Sql::new(sql, args![digest])).await?.into_iter().map(TryInto::try_into).collect()
    }
}

impl OperatorTx {
    /// Stores a signature, replacing an earlier one by the same key.
    ///
    /// # Errors
    /// `Reference` if there is no such package.
    pub async fn put_signature(&self, signature: &PackageSignature) -> Result<()> {
        let sql = "INSERT INTO plugin_signature (digest, key_id, key_name, role, signature, signed_at, recorded_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)
                   ON CONFLICT (digest, key_id) DO UPDATE
                   SET key_name = excluded.key_name, role = excluded.role, signature = excluded.signature,
                       signed_at = excluded.signed_at, recorded_at = excluded.recorded_at";
        let args = args![
            &signature.digest,
            &signature.key_id,
            &signature.key_name,
            &signature.role,
            &signature.signature,
            signature.signed_at,
            signature.recorded_at
        ];
        self.exec.execute(Sql::new(sql, args)).await?;
        Ok(())
    }
}
