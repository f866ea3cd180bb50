//! Properties common to all operations of the OpenAPI document.

use utoipa::openapi::{
    Content, OpenApi, Ref, RefOr, Response, Schema,
    path::{Operation, PathItem},
};

use crate::http::access;

/// Completes the document: refusals as problem documents, internal errors, and no security
/// requirement for public routes.
pub fn complete(mut api: OpenApi) -> OpenApi {
    for operation in api.paths.paths.values_mut().flat_map(operations) {
        for response in operation.responses.responses.values_mut() {
            if let RefOr::T(response) = response {
                as_problem(response);
            }
        }
        operation.responses.responses.entry("5XX".to_owned()).or_insert_with(|| RefOr::T(failure()));
        if access::words(operation) == ["public"] {
            operation.security = Some(Vec::new());
        }
    }
    api
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

const PROBLEM: &str = "#/components/schemas/Problem";

const PROBLEM_TYPE: &str = "application/problem+json";

/// The media type of problem documents (RFC 9457).
fn as_problem(response: &mut Response) {
    let is_problem = |content: &RefOr<Content>| match content {
        RefOr::T(content) => matches!(&content.schema, Some(RefOr::Ref(schema)) if schema.ref_location == PROBLEM),
        RefOr::Ref(_) => false,
    };
    if response.content.get("application/json").is_some_and(is_problem)
        && let Some(content) = response.content.shift_remove("application/json")
    {
        response.content.insert(PROBLEM_TYPE.to_owned(), content);
    }
}

fn failure() -> Response {
    let mut response = Response::new("The hospital, or something it needs, failed.");
    let schema: RefOr<Schema> = RefOr::Ref(Ref::new(PROBLEM));
    response.content.insert(PROBLEM_TYPE.to_owned(), RefOr::T(Content::new(Some(schema))));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::api;
    use axum::extract::DefaultBodyLimit;

    #[test]
    fn refusals_are_problem_documents_everywhere() {
        let mut described = complete(api(DefaultBodyLimit::disable(), DefaultBodyLimit::disable()).into_openapi());
        let mut seen = 0;
        for operation in described.paths.paths.values_mut().flat_map(operations) {
            for (status, response) in &operation.responses.responses {
                let RefOr::T(response) = response else { panic!("{status}") };
                if status.starts_with(['4', '5']) {
                    assert!(response.content.keys().eq([PROBLEM_TYPE]), "{:?} {status}", operation.operation_id);
                    seen += 1;
                }
            }
        }
        assert!(seen > 200, "{seen}");
    }
}
