//! No answer without its line in the audit trail: what a request saw of a record is
//! written down before it is answered.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use xinglin_platform::trail::{self, Trail};

use crate::{Hospital, http::problem::Refused};

/// Follows a request and writes down what it touched.
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
