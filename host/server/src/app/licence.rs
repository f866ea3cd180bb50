//! Accounts and licences after they were opened: suspended, restored, renewed. What is
//! changed here holds with the next act of the account, for roles, licences and sign-ins
//! are read at each.

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Credential, Role},
    code::Code,
    id::{AccountId, TenantId},
};
use xinglin_store::Account;

use super::{
    AppError, AppResult, Caller, Hospital,
    account::{AccountView, NewCredential, Standing, standing},
    session,
};

/// Why an account or a licence is suspended or restored.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Because {
    /// For the log and for whoever asks later.
    pub reason: String,
}

/// All licences of an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCredentials {
    /// In place of those it has. A suspended one stays so under its number.
    pub credentials: Vec<NewCredential>,
}

/// A licence, and why it changes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LicenceChange {
    /// The profession.
    #[schema(value_type = String)]
    pub role: Role,
    /// Number of the practice certificate.
    pub number: String,
    /// For the log and for whoever asks later.
    pub reason: String,
}

impl Hospital {
    /// Closes an account until it is restored, and ends its sign-ins: nothing that was
    /// given to it opens anything from now on.
    ///
    /// # Errors
    /// If the caller may not, or the account is their own.
    pub async fn suspend_account(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: AccountId,
        because: Because,
    ) -> AppResult<AccountView> {
        let mut row = self.other_account(caller, tenant, id, Action::ManageAccounts).await?;
        row.active = false;
        self.put_account(caller, tenant, row, "account suspended", &because.reason).await
    }

    /// Opens a suspended account again.
    ///
    /// # Errors
    /// If the caller may not, or the account is their own.
    pub async fn restore_account(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: AccountId,
        because: Because,
    ) -> AppResult<AccountView> {
        let mut row = self.other_account(caller, tenant, id, Action::ManageAccounts).await?;
        row.active = true;
        self.put_account(caller, tenant, row, "account restored", &because.reason).await
    }

    /// Records an account's licences anew: after a renewal, a new rank, another filing.
    ///
    /// # Errors
    /// If the caller may not, the account is their own, or a date is none.
    pub async fn put_credentials(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: AccountId,
        new: NewCredentials,
    ) -> AppResult<AccountView> {
        let row = self.other_account(caller, tenant, id, Action::ManageAccounts).await?;
        let mut credentials = new.credentials.into_iter().map(Credential::try_from).collect::<AppResult<Vec<_>>>()?;
        for old in standing(&row)?.credentials {
            for new in credentials.iter_mut().filter(|new| new.role == old.role && new.number == old.number) {
                new.suspended = old.suspended;
            }
        }
        self.put_licences(caller, tenant, row, credentials, "licences recorded", "").await
    }

    /// Suspends one licence: the account may still sign in, and no longer act under it.
    ///
    /// # Errors
    /// `NOT_FOUND` if the account has no such licence.
    pub async fn suspend_credential(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: AccountId,
        change: LicenceChange,
    ) -> AppResult<AccountView> {
        let now = caller.now;
        self.change_credential(caller, tenant, id, change, "licence suspended", |licence| {
            licence.suspended = licence.suspended.or(Some(now));
        })
        .await
    }

    /// Lifts the suspension of a licence.
    ///
    /// # Errors
    /// `NOT_FOUND` if the account has no such licence.
    pub async fn restore_credential(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: AccountId,
        change: LicenceChange,
    ) -> AppResult<AccountView> {
        self.change_credential(caller, tenant, id, change, "licence restored", |licence| licence.suspended = None).await
    }

    /// An account that is not the caller's: nobody judges themselves.
    pub(super) async fn other_account(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: AccountId,
        action: Action,
    ) -> AppResult<Account> {
        caller.may_in(tenant, action)?;
        if caller.actor.account == id {
            return Err(AppError::new(Code::AuthForbidden, "nobody changes their own account so; ask a colleague"));
        }
        Ok(self.store().tenant(tenant).get_account(id).await?)
    }

    async fn change_credential(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: AccountId,
        change: LicenceChange,
        what: &str,
        apply: impl Fn(&mut Credential) + Send,
    ) -> AppResult<AccountView> {
        let row = self.other_account(caller, tenant, id, Action::ManageAccounts).await?;
        let mut credentials = standing(&row)?.credentials;
        let mut found = false;
        for licence in credentials.iter_mut().filter(|c| c.role == change.role && c.number == change.number) {
            apply(licence);
            found = true;
        }
        if !found {
            return Err(AppError::not_found("licence of this account and profession", change.number));
        }
        self.put_licences(caller, tenant, row, credentials, what, &change.reason).await
    }

    async fn put_licences(
        &self,
        caller: &Caller,
        tenant: TenantId,
        mut row: Account,
        credentials: Vec<Credential>,
        what: &str,
        reason: &str,
    ) -> AppResult<AccountView> {
        let standing = Standing { credentials, ..standing(&row)? };
        row.credential = Some(serde_json::to_value(standing).map_err(AppError::internal)?);
        self.put_account(caller, tenant, row, what, reason).await
    }

    async fn put_account(
        &self,
        caller: &Caller,
        tenant: TenantId,
        mut row: Account,
        what: &str,
        reason: &str,
    ) -> AppResult<AccountView> {
        row.updated_at = caller.now;
        let tx = self.store().tenant(tenant).begin().await?;
        row.version = tx.update_account(&row).await?;
        if !row.active {
            session::end_all(&tx, caller, row.id, None).await?;
        }
        tx.commit().await?;
        tracing::info!(%tenant, account = %row.id, by = %caller.actor.account, reason, "{what}");
        row.try_into()
    }
}
