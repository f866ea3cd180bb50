//! Sessions, and second factors.

use xinglin_domain::{
    id::{AccountId, SessionId},
    time::Instant,
};

use crate::{
    Account, Executor, OperatorTx, Result, StoreError, TenantScope, TenantTx,
    db::{Row, Sql, args},
};

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The account that signed in.
    pub account: AccountId,
    /// Number of refreshes; identifies the one valid refresh token.
    pub generation: i64,
    /// Self-reported name of the client.
    pub client: Option<String>,
    /// Whether two factors were used.
    pub strong: bool,
    /// The app that it is delegated to, if any.
    pub lent: Option<Lent>,
    /// When it began.
    pub created_at: Instant,
    /// When it was last refreshed.
    pub refreshed_at: Instant,
    /// When it ended, if it did.
    pub ended_at: Option<Instant>,
}

/// An authorisation of an app by a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lent {
    /// The account of the app.
    pub app: AccountId,
    /// Scopes, as text.
    pub scope: String,
    /// The patient in context.
    pub patient_id: Option<String>,
}

impl Lent {
    fn of(row: &Row) -> Result<Option<Self>> {
        let Some(app) = row.get("app_id")? else { return Ok(None) };
        let scope: Option<String> = row.get("scope")?;
        Ok(Some(Self { app, scope: scope.unwrap_or_default(), patient_id: row.get("patient_id")? }))
    }
}

/// A signed-in account at this moment.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedIn {
    /// The account.
    pub account: Account,
    /// Whether two factors were used.
    pub strong: bool,
    /// Whether the tenant requires them of its staff.
    pub needs_strong: bool,
    /// The app that the session is delegated to, if any.
    pub lent: Option<Lent>,
}

impl TryFrom<Row> for Session {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.get("session_id")?,
            account: row.get("account_id")?,
            generation: row.get("generation")?,
            client: row.get("client")?,
            strong: row.get("strong")?,
            lent: Lent::of(&row)?,
            created_at: row.get("created_at")?,
            refreshed_at: row.get("refreshed_at")?,
            ended_at: row.get("ended_at")?,
        })
    }
}

/// The shared secret of an authenticator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// Its account.
    pub account: AccountId,
    /// The secret, sealed.
    pub sealed: Vec<u8>,
    /// When it was confirmed; until then it has no effect.
    pub confirmed_at: Option<Instant>,
    /// The last time step whose code was used.
    pub last_step: i64,
}

impl<E: Executor> TenantScope<E> {
    /// The signed-in account, if the session has not ended and its app is not suspended.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_signed_in(&self, account: AccountId, session: SessionId) -> Result<Option<SignedIn>> {
        let sql =
            "SELECT a.*, s.strong, s.app_id, s.scope, s.patient_id, t.second_factor, t.practice_years FROM session s
                   JOIN account a ON a.tenant_id = s.tenant_id AND a.account_id = s.account_id
                   JOIN tenant t ON t.tenant_id = s.tenant_id
                   LEFT JOIN account p ON p.tenant_id = s.tenant_id AND p.account_id = s.app_id
                   WHERE s.tenant_id = $1 AND s.session_id = $3 AND s.account_id = $2 AND s.ended_at IS NULL
                     AND (s.app_id IS NULL OR p.active)";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, account, session])).await?;
        row.map(|row| {
            Ok(SignedIn {
                strong: row.get("strong")?,
                needs_strong: row.get("second_factor")?,
                lent: Lent::of(&row)?,
                account: row.try_into()?,
            })
        })
        .transpose()
    }

    /// One session.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_session(&self, session: SessionId) -> Result<Session> {
        let sql = "SELECT * FROM session WHERE tenant_id = $1 AND session_id = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, session])).await?;
        row.ok_or_else(|| StoreError::not_found("session", session))?.try_into()
    }

    /// The current sessions of an account, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_sessions(&self, account: AccountId) -> Result<Vec<Session>> {
        let sql = "SELECT * FROM session WHERE tenant_id = $1 AND account_id = $2 AND ended_at IS NULL
                   ORDER BY created_at DESC, session_id";
        self.exec.rows(Sql::new(sql, args![self.tenant, account])).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// The second factor of an account, confirmed or not.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_second_factor(&self, account: AccountId) -> Result<Option<SecondFactor>> {
        let sql = "SELECT * FROM second_factor WHERE tenant_id = $1 AND account_id = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, account])).await?;
        row.map(|row| {
            Ok(SecondFactor {
                account: row.get("account_id")?,
                sealed: row.get("sealed")?,
                confirmed_at: row.get("confirmed_at")?,
                last_step: row.get("last_step")?,
            })
        })
        .transpose()
    }
}

impl TenantTx {
    /// Stores a new session.
    ///
    /// # Errors
    /// `Unique` if the id is taken.
    pub async fn insert_session(&self, session: &Session) -> Result<()> {
        let sql =
            "INSERT INTO session (tenant_id, session_id, account_id, generation, client, created_at, refreshed_at,
                                  strong, app_id, scope, patient_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let lent = session.lent.as_ref();
        let args = args![
            self.tenant,
            session.id,
            session.account,
            session.generation,
            &session.client,
            session.created_at,
            session.refreshed_at,
            session.strong,
            lent.map(|lent| lent.app),
            lent.map(|lent| lent.scope.as_str()),
            lent.and_then(|lent| lent.patient_id.as_deref())
        ];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }

    /// Increments the generation, if the session is current and has this one; of two concurrent
    /// calls, one succeeds.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn refresh_session(&self, session: SessionId, generation: i64, at: Instant) -> Result<bool> {
        let sql = "UPDATE session SET generation = generation + 1, refreshed_at = $4
                   WHERE tenant_id = $1 AND session_id = $2 AND generation = $3 AND ended_at IS NULL";
        Ok(self.exec.execute(Sql::new(sql, args![self.tenant, session, generation, at])).await? == 1)
    }

    /// Marks a session as strong: a second factor was used.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn strengthen_session(&self, session: SessionId) -> Result<()> {
        let sql = "UPDATE session SET strong = TRUE WHERE tenant_id = $1 AND session_id = $2 AND ended_at IS NULL";
        self.exec.execute(Sql::new(sql, args![self.tenant, session])).await.map(drop)
    }

    /// Ends a session and records by whom; returns whether it was current.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn end_session(&self, session: SessionId, by: &str, at: Instant) -> Result<bool> {
        let sql = "UPDATE session SET ended_at = $3, ended_by = $4
                   WHERE tenant_id = $1 AND session_id = $2 AND ended_at IS NULL";
        Ok(self.exec.execute(Sql::new(sql, args![self.tenant, session, at, by])).await? == 1)
    }

    /// Ends all sessions of an account except one; returns their number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn end_sessions(&self, account: AccountId, but: Option<SessionId>, by: &str, at: Instant) -> Result<u64> {
        let sql = "UPDATE session SET ended_at = $4, ended_by = $5
                   WHERE tenant_id = $1 AND account_id = $2 AND session_id <> $3 AND ended_at IS NULL";
        let but = but.map_or_else(String::new, |session| session.to_string());
        self.exec.execute(Sql::new(sql, args![self.tenant, account, but, at, by])).await
    }

    /// Stores a second factor, replacing the former.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn put_second_factor(&self, factor: &SecondFactor) -> Result<()> {
        let sql = "INSERT INTO second_factor (tenant_id, account_id, sealed, confirmed_at, last_step)
                   VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (tenant_id, account_id) DO UPDATE
                   SET sealed = excluded.sealed, confirmed_at = excluded.confirmed_at, last_step = excluded.last_step";
        let args = args![self.tenant, factor.account, factor.sealed.as_slice(), factor.confirmed_at, factor.last_step];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }

    /// Uses the code of a time step, once; of two concurrent calls, one succeeds.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn take_step(&self, account: AccountId, step: i64) -> Result<bool> {
        let sql = "UPDATE second_factor SET last_step = $3
                   WHERE tenant_id = $1 AND account_id = $2 AND last_step < $3";
        Ok(self.exec.execute(Sql::new(sql, args![self.tenant, account, step])).await? == 1)
    }

    /// Deletes a second factor; returns whether it existed.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delete_second_factor(&self, account: AccountId) -> Result<bool> {
        let sql = "DELETE FROM second_factor WHERE tenant_id = $1 AND account_id = $2";
        Ok(self.exec.execute(Sql::new(sql, args![self.tenant, account])).await? == 1)
    }
}

impl OperatorTx {
    /// Deletes sessions of all tenants that ended before `ended`, or were last refreshed before
    /// `rested`; returns their number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn purge_sessions(&self, ended: Instant, rested: Instant) -> Result<u64> {
        let sql = "DELETE FROM session WHERE ended_at < $1 OR refreshed_at < $2";
        self.exec.execute(Sql::new(sql, args![ended, rested])).await
    }
}
