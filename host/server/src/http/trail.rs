//! The audit entry of what a request read is committed before the response is sent.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use xinglin_platform::trail::{self, Trail};

use crate::{Hospital, http::problem::Refused};

/// Tracks what a request reads and commits the entry.
pub async fn layer(State(hospital): State<Hospital>, mut request: Request, next: Next) -> Response {
    let trail = Trail::of(request.method().as_str(), request.uri().path());
    request.extensions_mut().insert(trail.clone());
    request.extensions_mut().insert(hospital.clone());
    let response = next.run(request).await;
    match trail::write_trail(hospital.platform.store(), &trail, response.status().as_u16()).await {
        Ok(()) => response,
        Err(error) => Refused::from(error).into_response(),
    }
}
