use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_platform::{AppResult, boxed};

use super::{Session, rotate, session_of};
use crate::Identity;

/// The next token is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The latest refresh token.
    pub refresh_token: String,
}

/// The next tokens of a sign-in.
///
/// # Errors
/// `AUTH_REQUIRED` if the token is not ours or not the last, the session has ended
/// or rested too long, or the account is closed.
#[boxed]
pub async fn refresh(identity: &Identity, ask: Refresh) -> AppResult<Session> {
    let (account, session) = rotate(&identity.platform, &ask.refresh_token, None).await?;
    session_of(identity, account, &session).await
}
