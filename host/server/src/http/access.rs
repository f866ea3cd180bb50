//! Which action a route is. It is said where the route is declared, and asked in one
//! place before the handler: a handler that takes a [`Caller`](xinglin_platform::Caller) gets
//! one only through here, and a route that names no action answers nobody.

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
use xinglin_domain::{access::Action, code::Code};
use xinglin_platform::{AppError, AppResult};

use crate::{
    Hospital,
    http::{
        extract::caller,
        fhir::{BASE, Refusal},
        problem::Refused,
    },
};

/// What it takes to call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing: it is for everybody, or proves the caller in a way of its own.
    Public,
    /// To be signed in: it is about oneself, or what everybody here may know.
    SignedIn,
    /// To be allowed one of these. What the use case asks comes on top.
    By(&'static [Action]),
}

/// Who may look into a record: all of it that consent leaves open, one's own, or what
/// was opened.
pub const READERS: Access = Access::By(&[Action::ReadRecords, Action::ReadOwnRecord, Action::ReadOpenedRecord]);

/// The name under which the description of the API carries the action.
const MEMBER: &str = "x-action";

impl Access {
    /// As the description of the API says it.
    pub fn words(self) -> Vec<&'static str> {
        match self {
            Self::Public => vec!["public"],
            Self::SignedIn => vec!["signed-in"],
            Self::By(actions) => actions.iter().map(|action| action.as_str()).collect(),
        }
    }

    /// In front of what these routes do.
    fn guard(self, routes: MethodRouter<Hospital>) -> MethodRouter<Hospital> {
        // Of the methods there are, so that others stay `METHOD_NOT_ALLOWED`.
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
        if let Self::By(actions) = self {
            caller.may_any(actions)?;
        }
        parts.extensions.insert(caller);
        Ok(Request::from_parts(parts, body))
    }
}

/// A described route, with the one action that it is.
pub fn by(action: &'static Action, routes: UtoipaMethodRouter<Hospital>) -> UtoipaMethodRouter<Hospital> {
    allowed(Access::By(std::slice::from_ref(action)), routes)
}

/// Described routes, with what it takes to call them.
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

/// Routes that the description of the API leaves out. None gets in without saying what
/// it takes.
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
    /// `public`, `signed-in`, or the actions of which one is needed; nothing if it names
    /// none.
    pub access: Vec<String>,
}

impl Routes {
    /// One more; `HEAD` goes with `GET`.
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

    /// These and those.
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.table.extend(other.table);
        self
    }

    /// With something around all of them.
    pub fn around(mut self, wrap: impl FnOnce(Router<Hospital>) -> Router<Hospital>) -> Self {
        self.router = wrap(self.router);
        self
    }

    /// The router, and what each route takes.
    pub fn into_parts(self) -> (Router<Hospital>, Vec<Route>) {
        (self.router, self.table)
    }
}

/// What the described routes take.
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

/// What a described operation takes.
pub fn words(operation: &Operation) -> Vec<&str> {
    let said = operation.extensions.as_ref().and_then(|members| members.get(MEMBER));
    said.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}
