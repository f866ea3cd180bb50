//! Custody of the records of a hospital that is renamed or closes: they go to the renamed
//! hospital, to the one that it relied on, or to the one that the province designates
//! (医疗机构病历管理规定; 互联网诊疗监管细则 art. 22).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    canonical::{CanonicalError, Digest},
    id::{AccountId, TenantId},
    signature::{Signature, VerifySignature},
    time::Instant,
};

/// The ground on which a custodian takes over, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// 更名后的医疗机构.
    Renamed,
    /// 所依托的实体医疗机构.
    ReliedOn,
    /// 省级卫生健康行政部门指定的机构.
    ProvinceDesignee,
}

/// State of a hash chain at the time of the transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainEnd {
    /// Sequence number of its last entry.
    pub length: i64,
    /// Its last hash, in hex; absent if the chain did not verify.
    pub head: Option<String>,
    /// Sequence number of the first entry that fails verification, if any.
    pub broken_at: Option<i64>,
}

/// What was transferred; signed once, and stored with both tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Tenant of the records.
    pub source: TenantId,
    /// Its name on that day.
    pub source_name: String,
    /// The custodian.
    pub custodian: TenantId,
    /// Its name on that day.
    pub custodian_name: String,
    /// The ground.
    pub ground: Ground,
    /// Free text, with the number of the decision.
    pub reason: String,
    /// Number of rows of each kind.
    pub holdings: BTreeMap<String, i64>,
    /// The tapes of plugin calls.
    pub tape: ChainEnd,
    /// The audit trail.
    pub trail: ChainEnd,
    /// The account that started the transfer.
    pub by: AccountId,
    /// The time.
    pub at: Instant,
}

impl Statement {
    /// The digest that is signed.
    ///
    /// # Errors
    /// If it cannot be hashed.
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        #[derive(Serialize)]
        struct Document<'a> {
            document: &'static str,
            statement: &'a Statement,
        }
        Digest::of(&Document { document: "xinglin.custody", statement: self })
    }
}

/// A statement with its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Custody {
    /// The statement.
    pub statement: Statement,
    /// Signature of the account that started the transfer.
    pub signature: Signature,
}

impl Custody {
    /// Whether the signature is valid for this statement and its time.
    pub fn is_signed(&self, verifier: &dyn VerifySignature) -> bool {
        let Self { statement, signature } = self;
        let theirs = signature.signer == statement.by && signature.at == statement.at;
        theirs && statement.digest().is_ok_and(|digest| verifier.verify(&digest, signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, NOW};

    #[test]
    fn what_was_changed_is_not_what_was_signed() {
        let operator = fixture::doctor();
        let end = ChainEnd { length: 3, head: Some("ab".into()), broken_at: None };
        let statement = Statement {
            source: TenantId::from_u128(1),
            source_name: "旧".into(),
            custodian: TenantId::from_u128(2),
            custodian_name: "新".into(),
            ground: Ground::ReliedOn,
            reason: "卫医〔2026〕7号".into(),
            holdings: [("resource".to_owned(), 7)].into(),
            tape: end.clone(),
            trail: end,
            by: operator.account,
            at: NOW,
        };
        let signature = fixture::sign(&operator, &statement.digest().expect("a digest"), NOW);
        let custody = Custody { statement, signature };
        assert!(custody.is_signed(&fixture::Verifier));
        for change in [
            |c: &mut Custody| c.statement.holdings.clear(),
            |c: &mut Custody| c.statement.tape.head = Some("cd".into()),
            |c: &mut Custody| c.statement.custodian = TenantId::from_u128(3),
            |c: &mut Custody| c.statement.by = fixture::pharmacist().account,
        ] {
            let mut changed = custody.clone();
            change(&mut changed);
            assert!(!changed.is_signed(&fixture::Verifier));
        }
    }
}
