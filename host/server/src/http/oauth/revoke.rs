//! `POST /oauth/revoke`

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use xinglin_identity::app::exchange::{self, RevokeAsk};

use crate::{
    Hospital,
    http::oauth::{credentials, token::unkept},
};

/// Ends what a token is of (RFC 7009).
pub async fn revoke(State(hospital): State<Hospital>, request: Request) -> Response {
    let asked = async {
        let ask: RevokeAsk = credentials::form(request, |ask: &mut RevokeAsk| &mut ask.credentials).await?;
        exchange::revoke(&hospital.identity, ask).await
    };
    unkept(asked.await.map(IntoResponse::into_response))
}
