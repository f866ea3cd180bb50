//! OperationOutcome resources.

use serde_json::{Value, json};

use crate::error::FhirError;

/// The code system of the host's stable codes.
pub const CODE_SYSTEM: &str = "urn:xinglin:code";

/// For refused FHIR: one issue for each error.
pub fn of_error(error: &FhirError) -> Value {
    let issues: Vec<Value> = error
        .issues()
        .map(|issue| {
            let mut told = issue_of("error", issue.kind.code(), FhirError::CODE, &issue.message);
            told["expression"] = json!([issue.path]);
            told
        })
        .collect();
    json!({"resourceType": "OperationOutcome", "issue": issues})
}

/// For any other refusal. `issue_type` is a code of `http://hl7.org/fhir/issue-type`
/// (`not-found`, `forbidden`, `conflict`, `throttled`, `exception`, …), `code` the host's stable
/// code.
pub fn of_refusal(issue_type: &str, code: &str, message: &str) -> Value {
    json!({"resourceType": "OperationOutcome", "issue": [issue_of("error", issue_type, code, message)]})
}

/// For a search parameter that cannot be applied.
pub fn of_parameter(name: &str, issue_type: &str, code: &str, message: &str) -> Value {
    let mut told = of_refusal(issue_type, code, message);
    told["issue"][0]["expression"] = json!([format!("http.{name}")]);
    told
}

/// A warning in a searchset.
pub fn warning(issue_type: &str, message: &str) -> Value {
    json!({"resourceType": "OperationOutcome", "issue": [
        {"severity": "warning", "code": issue_type, "details": {"text": message}},
    ]})
}

/// For a successful operation.
pub fn sound() -> Value {
    json!({"resourceType": "OperationOutcome", "issue": [
        {"severity": "information", "code": "informational", "details": {"text": "The resource is valid."}},
    ]})
}

fn issue_of(severity: &str, issue_type: &str, code: &str, message: &str) -> Value {
    json!({
        "severity": severity,
        "code": issue_type,
        "details": {"coding": [{"system": CODE_SYSTEM, "code": code}], "text": message},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::validate;

    #[test]
    fn tells_where_and_why() {
        let error =
            validate(&json!({"resourceType": "Patient", "gender": "f", "birthDate": "soon"})).expect_err("invalid");
        let outcome = of_error(&error);
        assert_eq!(validate(&outcome), Ok(()));
        let told: Vec<_> =
            outcome["issue"].as_array().expect("issues").iter().map(|i| (&i["code"], &i["expression"][0])).collect();
        assert_eq!(
            told,
            [(&json!("code-invalid"), &json!("Patient.gender")), (&json!("value"), &json!("Patient.birthDate"))]
        );
        assert_eq!(outcome["issue"][0]["details"]["coding"][0]["code"], "FHIR_INVALID");
    }
}
