use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role},
    code::Code,
    encounter::IdentityCheck,
    id::{AccountId, PatientId, TenantId},
};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppError, AppResult, Caller, ambient, boxed, settings::PLATFORM, standing::Standing};

use super::{AccountView, account_row};
use crate::account::{
    certificate::{self, NewCertificate, NewFiling, Numbers},
    verification,
};

/// An account to open.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// Unique in the tenant.
    pub login: String,
    /// 12 to 128 characters.
    pub password: String,
    /// For example `doctor`, `pharmacist`, `patient`, `administrator`.
    #[schema(value_type = Vec<String>)]
    pub roles: Vec<Role>,
    /// Certificates. Clinical roles cannot be used before the required ones are verified.
    #[serde(default)]
    pub certificates: Vec<NewCertificate>,
    /// Where the practice is registered or filed.
    #[serde(default)]
    pub filings: Vec<NewFiling>,
    /// The patient record of the person; at most one. Wards are relations.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub patients: Vec<PatientId>,
    /// Result of the real-name check of a patient.
    #[serde(default)]
    pub identity: Option<NewIdentity>,
}

/// Result of a real-name check.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewIdentity {
    /// Whether name and identity number match.
    pub document_matches: bool,
    /// Likeness of the face, in thousandths.
    pub face_per_mille: u16,
}

/// Opens an account in a tenant. Its signing key is held by the host.
///
/// # Errors
/// If the caller may not, the login is taken, or the password too short.
#[boxed]
pub async fn create(
    extensions: &Extensions,
    caller: &Caller,
    tenant: TenantId,
    new: NewAccount,
) -> AppResult<AccountView> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    if tenant == PLATFORM || new.roles.contains(&Role::Operator) {
        return Err(AppError::new(Code::AuthForbidden, "operators are made at the first start, not over the API"));
    }
    if new.roles.contains(&Role::Service) {
        let detail = "roles: a service client has keys and no password; see POST …/clients";
        return Err(AppError::new(Code::BodyInvalid, detail).with("path", "roles"));
    }
    if new.roles.contains(&Role::Representative) && (new.roles.len() > 1 || !new.patients.is_empty()) {
        let detail = "roles: who represents a school or an employer has no other role here, and no record";
        return Err(AppError::new(Code::BodyInvalid, detail).with("path", "roles"));
    }
    if new.login.trim().is_empty() || new.login.chars().count() > 64 {
        return Err(AppError::new(Code::BodyInvalid, "login: 1 to 64 characters").with("path", "login"));
    }
    if new.roles.is_empty() {
        return Err(AppError::new(Code::BodyInvalid, "roles: at least one").with("path", "roles"));
    }
    if new.patients.len() > 1 {
        let detail = "patients: the person alone; a guardian is registered, see POST …/patients/{patient}/relations";
        return Err(AppError::new(Code::BodyInvalid, detail).with("path", "patients"));
    }
    let records = extensions.platform.store().tenant(tenant);
    records.profile().await?;
    for patient in &new.patients {
        records.get_resource("Patient", &patient.to_string()).await?;
    }
    let filings = certificate::filings(tenant, new.filings)?;
    let identity = new
        .identity
        .map(|check| IdentityCheck { document_matches: check.document_matches, face_per_mille: check.face_per_mille });
    let id = AccountId::from_u128(ambient::fresh_id());
    let (certificates, numbers) = certificate::certificates(&extensions.platform, tenant, id, new.certificates)?;
    let standing = Standing { certificates, filings, patients: new.patients, identity, client: None };
    let row = account_row(&extensions.platform, id, new.login, new.password, new.roles, standing, caller.now).await?;
    let tx = records.begin().await?;
    tx.insert_account(&row).await?;
    Numbers::Claim(numbers).write(&tx, id).await?;
    tx.commit().await?;
    verification::hear_verifiers(extensions, caller, tenant, id).await;
    AccountView::of(records.get_account(id).await?, caller.now)
}
