//! The scope that a request needs, determined from its method and path before any handler runs, so
//! a new route cannot bypass it.

use axum::http::{Method, Uri};
use xinglin_domain::{
    code::Code,
    scope::{Context, Right, Scopes},
};
use xinglin_fhir::search::reaches;
use xinglin_platform::{AppError, AppResult};

use crate::http::{cds, fhir::BASE};

/// The extent of the access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// All that the caller may access.
    Wholly,
    /// The patient in context only.
    ForPatient,
}

/// Checks that the scopes permit this request, and to what extent; `conditional` requests search
/// before they write. Scopes permit FHIR and CDS Hooks only.
///
/// # Errors
/// `AUTH_FORBIDDEN`, naming the scope that is needed.
pub fn check(scopes: &Scopes, method: &Method, uri: &Uri, conditional: bool) -> AppResult<Opened> {
    if !scopes.reach(Context::Patient) {
        return opens(scopes, method, uri, conditional).map(|()| Opened::Wholly);
    }
    let wide = scopes.clone().without_patient();
    if opens(&wide, method, uri, conditional).is_ok() {
        return Ok(Opened::Wholly);
    }
    let reads = matches!(*method, Method::GET | Method::HEAD) || uri.path().ends_with("/_search");
    // A scope that permits reading one patient's record never permits a write.
    opens(if reads { scopes } else { &wide }, method, uri, conditional).map(|()| Opened::ForPatient)
}

/// What is permitted to a caller whose hospital requires a second factor that they lack.
///
/// # Errors
/// `AUTH_SECOND_FACTOR`, with the remedy.
pub fn second_factor_first(method: &Method, uri: &Uri) -> AppResult<()> {
    let within = |of: &str| uri.path().strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let itself = uri.path() == "/api/v1/me" && *method == Method::GET;
    if itself || ["/api/v1/me/second-factor", "/api/v1/me/passkeys", "/api/v1/sessions"].into_iter().any(within) {
        return Ok(());
    }
    let detail = "this hospital wants a second factor of its staff: set up an authenticator \
                  (POST /api/v1/me/second-factor) or a passkey (POST /api/v1/me/passkeys/offer)";
    Err(AppError::new(Code::AuthSecondFactor, detail))
}

fn opens(scopes: &Scopes, method: &Method, uri: &Uri, conditional: bool) -> AppResult<()> {
    let needs = |what: &str| {
        let detail = format!("the token was given {scopes}; this takes {what}");
        Err(AppError::new(Code::AuthForbidden, detail))
    };
    let whole = |rights: &[Right], what: &str| match rights.iter().all(|right| scopes.allow_all(*right)) {
        true => Ok(()),
        false => needs(what),
    };
    // The findings of checkers may concern anything in the record.
    if uri.path().strip_prefix(cds::BASE).is_some_and(|path| path.is_empty() || path.starts_with('/')) {
        return whole(&[Right::Read, Right::Search], "system/*.rs");
    }
    let Some(path) = uri.path().strip_prefix(BASE).filter(|path| path.is_empty() || path.starts_with('/')) else {
        return needs("somebody who signs in");
    };
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    // The submission of a claim is its creation.
    if let ([kind @ ("Claim" | "CoverageEligibilityRequest"), "$submit"], &Method::POST) = (segments.as_slice(), method)
    {
        return match scopes.allow(kind, Right::Create) {
            true => Ok(()),
            false => needs(&format!("`{kind}.c`")),
        };
    }
    // Operations and bundles may concern any type.
    let everything = segments.iter().any(|segment| segment.starts_with('$'));
    let (kind, right) = match (segments.as_slice(), method) {
        (["metadata" | ".well-known", ..], _) => return Ok(()),
        ([..], &Method::GET | &Method::HEAD) if everything => {
            return whole(&[Right::Read, Right::Search], "`*.rs`");
        }
        // Whoever may fetch an export may delete it.
        (["$export-status", _], &Method::DELETE) => {
            return whole(&[Right::Read, Right::Search], "system/*.rs");
        }
        // Its parameters are in the body, and may concern any type, too.
        ([_, "_search"], &Method::POST) => return whole(&[Right::Read, Right::Search], "`*.rs`"),
        (["_history"], &Method::GET | &Method::HEAD) => {
            return whole(&[Right::Read, Right::Search], "`*.rs`");
        }
        // As a search (SMART 2: `s` includes type-level history).
        ([kind, "_history"], &Method::GET | &Method::HEAD) if !kind.starts_with('_') => {
            (segments.first(), Right::Search)
        }
        ([kind], &Method::GET | &Method::HEAD) if !kind.starts_with('_') => (segments.first(), Right::Search),
        ([kind, ..], &Method::GET | &Method::HEAD) if !kind.starts_with('_') => (segments.first(), Right::Read),
        ([_], &Method::POST) if !everything => (segments.first(), Right::Create),
        ([_, ..], &Method::PUT | &Method::PATCH) => (segments.first(), Right::Update),
        ([_, ..], &Method::DELETE) => (segments.first(), Right::Delete),
        _ => {
            let all = [Right::Create, Right::Read, Right::Update, Right::Delete, Right::Search];
            return whole(&all, "`*.cruds`");
        }
    };
    let kind = kind.copied().unwrap_or_default();
    // The answer to a patch is the whole resource.
    let reads = *method == Method::PATCH;
    if !scopes.allow(kind, right) || (reads && !scopes.allow(kind, Right::Read)) {
        return needs(&format!("another right on {kind}"));
    }
    match reaches(uri.query().unwrap_or_default()) || conditional {
        true => whole(&[Right::Read, Right::Search], "`*.rs`, since it reaches other types"),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opens_if(scopes: &str, method: &str, path: &str, conditional: bool) -> bool {
        let scopes: Scopes = scopes.parse().expect("scopes");
        let uri: Uri = path.parse().expect("a path");
        check(&scopes, &method.parse().expect("a method"), &uri, conditional).is_ok()
    }

    fn opened(scopes: &str, method: &str, path: &str) -> Option<Opened> {
        let scopes: Scopes = scopes.parse().expect("scopes");
        check(&scopes, &method.parse().expect("a method"), &path.parse().expect("a path"), false).ok()
    }

    fn opens(scopes: &str, method: &str, path: &str) -> bool {
        opens_if(scopes, method, path, false)
    }

    #[test]
    fn each_request_needs_its_right() {
        let table = [
            ("GET", "/fhir/R4/Patient/7", "system/Patient.r"),
            ("HEAD", "/fhir/R4/Patient/7", "system/Patient.r"),
            ("GET", "/fhir/R4/Patient/7/_history/2", "system/Patient.r"),
            ("GET", "/fhir/R4/Patient?name=x", "system/Patient.s"),
            ("POST", "/fhir/R4/Patient/_search", "system/*.rs"),
            ("POST", "/fhir/R4/Patient", "system/Patient.c"),
            ("PUT", "/fhir/R4/Patient/7", "system/Patient.u"),
            ("PUT", "/fhir/R4/Patient?identifier=x", "system/Patient.u"),
            ("PATCH", "/fhir/R4/Patient/7", "system/Patient.ru"),
            ("DELETE", "/fhir/R4/Patient/7", "system/Patient.d"),
            ("GET", "/fhir/R4/Patient/7/$everything", "system/*.rs"),
            ("GET", "/fhir/R4/$export", "system/*.rs"),
            ("GET", "/fhir/R4/Patient/$export?_type=Patient", "system/*.rs"),
            ("GET", "/fhir/R4/$export-status/export-1/Patient.ndjson", "system/*.rs"),
            ("DELETE", "/fhir/R4/$export-status/export-1", "system/*.rs"),
            ("GET", "/cds-services", "system/*.rs"),
            ("POST", "/cds-services/order-sign.checker", "system/*.rs"),
            ("POST", "/cds-services/order-sign.checker/feedback", "system/*.rs"),
            ("GET", "/fhir/R4/Patient?_include=Patient:organization", "system/*.rs"),
            ("GET", "/fhir/R4/Observation?patient.name=x", "system/*.rs"),
            ("GET", "/fhir/R4/Observation?patient%2Ename=x", "system/*.rs"),
            ("GET", "/fhir/R4/Patient?_has:Observation:patient:code=x", "system/*.rs"),
            ("POST", "/fhir/R4", "system/*.cruds"),
            ("POST", "/fhir/R4/", "system/*.cruds"),
            ("POST", "/fhir/R4/Claim/$submit", "system/Claim.c"),
            ("POST", "/fhir/R4/CoverageEligibilityRequest/$submit", "system/CoverageEligibilityRequest.c"),
            ("POST", "/fhir/R4/Patient/$submit", "system/*.cruds"),
            ("POST", "/fhir/R4/Patient/$validate", "system/*.cruds"),
            ("GET", "/fhir/R4/_history", "system/*.rs"),
            ("GET", "/fhir/R4/Patient/_history?_since=2026", "system/Patient.s"),
            ("OPTIONS", "/fhir/R4/Patient", "system/*.cruds"),
        ];
        let rights = ["c", "r", "u", "d", "s"].map(|right| format!("system/Patient.{right}"));
        for (method, path, needed) in table {
            assert!(opens(needed, method, path), "{needed} {method} {path}");
            assert!(opens("system/*.cruds", method, path), "{method} {path}");
            for other in rights.iter().filter(|right| *right != needed) {
                assert!(!opens(other, method, path), "{other} {method} {path}");
            }
            assert!(!opens("system/Group.cruds", method, path), "{method} {path}");
        }
        for path in ["/cds-servicesx", "/api/v1/me", "/metrics", "/fhir/R4x/Patient", "/", "/oauth/token"] {
            assert!(!opens("system/*.cruds", "GET", path), "{path}");
        }
        assert!(opens("system/Group.r", "GET", "/fhir/R4/metadata"));
        assert!(!opens_if("system/Patient.cruds", "POST", "/fhir/R4/Patient", true), "a condition is a search");
        assert!(opens_if("system/*.crs", "POST", "/fhir/R4/Patient", true));
    }

    #[test]
    fn what_is_lent_for_a_patient_opens_that_record_for_reading() {
        const READ: (&str, &str) = ("GET", "/fhir/R4/Observation/7");
        const SEARCH: (&str, &str) = ("POST", "/fhir/R4/Observation/_search");
        const EVERYTHING: (&str, &str) = ("GET", "/fhir/R4/Patient/7/$everything");
        const CREATE: (&str, &str) = ("POST", "/fhir/R4/Observation");
        const PATCH: (&str, &str) = ("PATCH", "/fhir/R4/Observation/7");
        let (wholly, for_patient) = (Some(Opened::Wholly), Some(Opened::ForPatient));
        for (scopes, (method, path), expected) in [
            ("patient/Observation.rs", READ, for_patient),
            ("patient/*.rs", SEARCH, for_patient),
            ("patient/*.rs", EVERYTHING, for_patient),
            ("patient/Observation.rs", EVERYTHING, None),
            ("patient/*.rs", CREATE, None),
            ("patient/*.rs", ("POST", "/fhir/R4"), None),
            ("patient/*.rs", ("GET", "/api/v1/me"), None),
            ("user/Observation.r", READ, wholly),
            ("user/Observation.r patient/*.rs", READ, wholly),
            ("user/Condition.r patient/*.rs", READ, for_patient),
            ("user/Observation.c patient/*.rs", CREATE, wholly),
            ("user/Observation.u patient/*.rs", PATCH, None),
            ("user/Observation.ru patient/*.rs", PATCH, wholly),
            ("launch/patient openid", READ, None),
        ] {
            assert_eq!(opened(scopes, method, path), expected, "{scopes} {method} {path}");
        }
    }
}
