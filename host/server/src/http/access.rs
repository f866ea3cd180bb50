//! The access rule of each route. It is declared with the route and checked before the handler: a
//! handler gets a [`Caller`](xinglin_platform::Caller) only through here, and a route without a
//! rule is served to nobody.

use axum::{
    Router,
    extract::Request,
    handler::Handler,
    http::Method,
    middleware::{self, Next},
    response::IntoResponse,
    routing::{MethodFilter, MethodRouter, on},
};
use serde_json::Value;
use utoipa::openapi::{OpenApi, extensions::Extensions, path::Operation};
use utoipa_axum::router::UtoipaMethodRouter;
use xinglin_domain::{
    access::{Action, Role},
    code::Code,
};
use xinglin_platform::{AppError, AppResult};

use crate::{
    Hospital,
    http::{
        extract::caller,
        fhir::{BASE, Refusal},
        problem::Refused,
    },
};

/// The access rule of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// No sign-in required: the route is public or authenticates the caller itself.
    Public,
    /// A sign-in is required: the route concerns the caller's account or data open to all staff and patients.
    SignedIn,
    /// The caller must be allowed one of these actions. The use case checks further.
    By(&'static [Action]),
}

/// Readers of records: of all that consent leaves open, of their own, or by emergency access.
pub const READERS: Access = Access::By(&[Action::ReadRecords, Action::ReadOwnRecord, Action::ReadOpenedRecord]);

/// Readers of records, and who answers questionnaires without reading the rest.
pub const ANSWERERS: Access =
    Access::By(&[Action::ReadRecords, Action::ReadOwnRecord, Action::ReadOpenedRecord, Action::AnswerQuestionnaire]);

/// The OpenAPI extension that holds the actions.
const MEMBER: &str = "x-action";

impl Access {
    /// As the value of the OpenAPI extension.
    pub fn words(self) -> Vec<&'static str> {
        match self {
            Self::Public => vec!["public"],
            Self::SignedIn => vec!["signed-in"],
            Self::By(actions) => actions.iter().map(|action| action.as_str()).collect(),
        }
    }

    /// Checks the rule before these routes.
    fn guard(self, routes: MethodRouter<Hospital>) -> MethodRouter<Hospital> {
        // `route_layer`: methods without a route stay `METHOD_NOT_ALLOWED`.
        routes.route_layer(middleware::from_fn(move |request: Request, next: Next| async move {
            let in_fhir = request.uri().path().starts_with(BASE);
            match self.let_in(request).await {
                Ok(request) => next.run(request).await,
                Err(error) if in_fhir && error.code != Code::AuthRequired => Refusal::from(error).into_response(),
                Err(error) => Refused::from(error).into_response(),
            }
        }))
    }

    async fn let_in(self, request: Request) -> AppResult<Request> {
        if self == Self::Public {
            return Ok(request);
        }
        let (mut parts, body) = request.into_parts();
        let hospital = parts.extensions.get::<Hospital>().cloned();
        let hospital = hospital.ok_or_else(|| AppError::internal("a route outside the hospital's router"))?;
        let caller = caller(&mut parts, &hospital).await?;
        match self {
            Self::By(actions) => caller.may_any(actions)?,
            // Who represents a school or an employer is a guest here.
            _ if caller.actor.is(Role::Representative) && !is_own_account(parts.uri.path()) => {
                let detail = "who represents a school or an employer sees what patients tell it, and nothing else";
                return Err(AppError::new(Code::AuthForbidden, detail));
            }
            _ => {}
        }
        parts.extensions.insert(caller);
        Ok(Request::from_parts(parts, body))
    }
}

/// Whether a path is of the caller's own account and sessions.
fn is_own_account(path: &str) -> bool {
    let within = |of: &str| path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    within("/api/v1/me") || within("/api/v1/sessions")
}

/// A route of the OpenAPI document with one action.
pub fn by(action: &'static Action, routes: UtoipaMethodRouter<Hospital>) -> UtoipaMethodRouter<Hospital> {
    allowed(Access::By(std::slice::from_ref(action)), routes)
}

/// Routes of the OpenAPI document with their access rule.
pub fn allowed(
    access: Access,
    (schemas, mut paths, routes): UtoipaMethodRouter<Hospital>,
) -> UtoipaMethodRouter<Hospital> {
    for item in paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            let said = Extensions::builder().add(MEMBER, access.words()).build();
            operation.extensions.get_or_insert_default().merge(said);
        }
    }
    (schemas, paths, access.guard(routes))
}

/// Routes that are not in the OpenAPI document. Each must have an access rule.
#[derive(Default)]
pub struct Routes {
    router: Router<Hospital>,
    table: Vec<Route>,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `GET`, …
    pub method: String,
    /// With parameters in braces.
    pub path: String,
    /// `public`, `signed-in`, or the actions of which one is needed; empty if none is declared.
    pub access: Vec<String>,
}

impl Routes {
    /// Adds a route; `GET` also serves `HEAD`.
    pub fn at<H, T>(mut self, method: Method, path: &str, access: Access, handler: H) -> Self
    where
        H: Handler<T, Hospital>,
        T: 'static,
    {
        let access_words = access.words().into_iter().map(str::to_owned).collect();
        self.table.push(Route { method: method.to_string(), path: path.to_owned(), access: access_words });
        let filter = MethodFilter::try_from(method).expect("a method that routes know");
        self.router = self.router.route(path, access.guard(on(filter, handler)));
        self
    }

    /// Both together.
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.table.extend(other.table);
        self
    }

    /// Wraps all of them.
    pub fn around(mut self, wrap: impl FnOnce(Router<Hospital>) -> Router<Hospital>) -> Self {
        self.router = wrap(self.router);
        self
    }

    /// The router, and the access rule of each route.
    pub fn into_parts(self) -> (Router<Hospital>, Vec<Route>) {
        (self.router, self.table)
    }
}

/// The access rules of the routes of the OpenAPI document.
pub fn described(api: &OpenApi) -> Vec<Route> {
    let mut found = Vec::new();
    for (path, item) in &api.paths.paths {
        let operations: [(&str, &Option<Operation>); 5] = [
            ("GET", &item.get),
            ("POST", &item.post),
            ("PUT", &item.put),
            ("PATCH", &item.patch),
            ("DELETE", &item.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            let access = words(operation).into_iter().map(str::to_owned).collect();
            found.push(Route { method: method.to_owned(), path: path.clone(), access });
        }
    }
    found
}

/// The access rule of an operation of the OpenAPI document.
pub fn words(operation: &Operation) -> Vec<&str> {
    let said = operation.extensions.as_ref().and_then(|members| members.get(MEMBER));
    said.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}
