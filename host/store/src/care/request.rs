//! Lists of open requests of pathways. The requests are [documents](crate::Document).

use xinglin_domain::{id::RequestId, time::Instant};

use crate::{
    Cursor, Document, Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Sql, args},
};

/// A filter of open requests. One of the conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestQuery {
    /// Given to one of these roles.
    pub roles: Vec<String>,
    /// Given to one of these patients, or to who acts for them: to the role `patient`.
    pub patients: Vec<String>,
}

impl<E: Executor> TenantScope<E> {
    /// A page of the matching open requests, the first that is due first. `after` is when the last request of the page
    /// before is due, with its id.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_open_requests(
        &self,
        query: &RequestQuery,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<Document<RequestId>>> {
        let text = "SELECT * FROM request WHERE tenant_id = $1 AND status = 'open' AND (1 = 0";
        let mut sql = Sql::new(text, args![self.tenant]);
        for role in &query.roles {
            sql.push(" OR given_to LIKE ").bind(format!("% {role} %"));
        }
        if !query.patients.is_empty() {
            sql.push(" OR (given_to LIKE '% patient %' AND patient_id IN ").bind_all(&query.patients).push(")");
        }
        sql.push(")");
        if let Some(Cursor { at, id }) = after {
            sql.push(" AND (due_at, document_id) > (").bind(*at).push(", ").bind(id).push(")");
        }
        sql.push(" ORDER BY due_at, document_id LIMIT ").bind(limit);
        self.exec.rows(sql).await?.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Says whom a stored request is given to, and until when: see [`TenantScope::list_open_requests`]. Its version
    /// stays.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn give_request(&self, request: RequestId, roles: &[&str], due_at: Instant) -> Result<()> {
        // Between blanks, so that each is found as ` role `.
        let roles = format!(" {} ", roles.join(" "));
        let sql = "UPDATE request SET given_to = $3, due_at = $4 WHERE tenant_id = $1 AND document_id = $2";
        match self.exec.execute(Sql::new(sql, args![self.tenant, request.to_string(), roles, due_at])).await? {
            0 => Err(StoreError::not_found("request", request)),
            _ => Ok(()),
        }
    }
}
