//! `POST /oauth/revoke`

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};

use super::{credentials, token::unkept};
use crate::app::{Hospital, exchange::RevokeAsk};

/// Ends what a token is of (RFC 7009).
pub async fn revoke(State(hospital): State<Hospital>, request: Request) -> Response {
    let asked = async {
        let ask: RevokeAsk = credentials::form(request, |ask: &mut RevokeAsk| &mut ask.credentials).await?;
        hospital.revoke_token(ask).await
    };
    unkept(asked.await.map(IntoResponse::into_response))
}
