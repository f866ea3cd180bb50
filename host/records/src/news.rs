//! What may be news for whoever follows a patient: observations, and that nothing more may be done for
//! them.
//!
//! All writes of the record note them here, in their transaction; care decides whom they concern.
//! A record that is taken over brings years of values: those are context, not news.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use xinglin_domain::time::Instant;
use xinglin_fhir::{person, safety, snapshot};
use xinglin_platform::{AppError, AppResult, ambient};
use xinglin_store::{Queue, TenantTx, Work};

/// How many days before today, by the calendar of Asia/Shanghai, a value may be known since: a project
/// default. A result of Friday that is posted after a holiday is news; a history that is imported is not.
const NEWS_DAYS: i64 = 7;

/// The same, of safety items: what was said weeks ago and is written today is looked at by a person, though nobody is
/// called at once. A project default.
const SAFETY_DAYS: i64 = 90;

/// One version of an observation, or of a response to a questionnaire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Id of the resource.
    pub id: String,
    /// Its version.
    pub version: i64,
    /// Whether it has a [safety item](safety::has_item).
    #[serde(default)]
    pub safety: bool,
    /// `Observation` or `QuestionnaireResponse`; the latter for its safety items only.
    #[serde(default = "observation")]
    pub kind: String,
}

fn observation() -> String {
    "Observation".to_owned()
}

/// The readings of one write, by patient: the payload of work in [`Queue::Observation`] is a list.
#[derive(Debug, Default)]
pub(crate) struct News {
    readings: BTreeMap<String, Vec<Reading>>,
    /// Patients who have died, or whose record is not in use.
    ended: BTreeSet<String>,
}

impl News {
    /// Notes a version of a resource, if it may be news.
    pub(crate) fn note(&mut self, (resource, version): (&Value, i64), patient: Option<&str>, now: Instant) {
        let Some(patient) = patient else { return };
        if resource["resourceType"] == "Patient" && person::treatable(resource).is_err() {
            self.ended.insert(patient.to_owned());
        }
        let kind = resource["resourceType"].as_str().unwrap_or_default();
        let safety = safety::is_valid(resource) && safety::has_item(resource) && may_be_of_danger(resource, now);
        let told = kind == "Observation"
            && snapshot::stands(resource)
            // What was corrected is compared with what it was, whatever its age.
            && (version > 1 || is_recent(resource, now));
        if told || safety {
            let id = resource["id"].as_str().unwrap_or_default().to_owned();
            let reading = Reading { id, version, safety, kind: kind.to_owned() };
            self.readings.entry(patient.to_owned()).or_default().push(reading);
        }
    }

    /// Stores them as work.
    pub(crate) async fn keep(self, tx: &TenantTx, now: Instant) -> AppResult<()> {
        let work = |(patient, readings): (String, Vec<Reading>)| {
            let payload = serde_json::to_value(&readings).map_err(AppError::internal)?;
            let id = format!("{:032x}", ambient::fresh_id());
            Ok(Work { payload, ..Work::new(Queue::Observation, id, patient, now) })
        };
        let mut works = self.readings.into_iter().map(work).collect::<AppResult<Vec<_>>>()?;
        works.extend(self.ended.into_iter().map(|patient| Work::new(Queue::Patient, &patient, &patient, now)));
        Ok(tx.put_work(&works).await?)
    }
}

/// Whether an observation is of the last [`NEWS_DAYS`] days, or says nothing of when.
pub fn is_recent(observation: &Value, now: Instant) -> bool {
    is_within(NEWS_DAYS, observation, now)
}

/// Whether what a resource says of danger matters still: it is of the last [`SAFETY_DAYS`] days, or says nothing of when.
pub fn may_be_of_danger(resource: &Value, now: Instant) -> bool {
    is_within(SAFETY_DAYS, resource, now)
}

fn is_within(days: i64, resource: &Value, now: Instant) -> bool {
    snapshot::known_since(resource).is_none_or(|since| since.china_day() >= now.china_day() - days)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_recent_and_corrected_results_are_news() {
        let now = Instant::parse("2026-11-21T01:00:00+08:00").expect("a time");
        let noted = |more: Value, version: i64| {
            let mut resource = json!({ "resourceType": "Observation", "id": "o", "status": "final" });
            resource.as_object_mut().expect("fields").extend(more.as_object().expect("fields").clone());
            let mut news = News::default();
            news.note((&resource, version), Some("pat-1"), now);
            !news.readings.is_empty()
        };
        assert!(noted(json!({ "effectiveDateTime": "2026-11-14T00:00:00+08:00" }), 1));
        assert!(noted(json!({ "effectiveDateTime": "2026-11-14" }), 1));
        assert!(!noted(json!({ "effectiveDateTime": "2026-11-13T23:59:59+08:00" }), 1));
        assert!(noted(json!({ "effectiveDateTime": "2026-11-01", "issued": "2026-11-20T10:00:00+08:00" }), 1));
        assert!(noted(json!({}), 1), "not dated");
        assert!(noted(json!({ "effectiveDateTime": "2020-01-01" }), 2), "a correction");
        assert!(!noted(json!({ "status": "preliminary" }), 1));
        assert!(!noted(json!({ "status": "entered-in-error" }), 2));
        assert!(!noted(json!({ "resourceType": "Condition" }), 1));
    }

    #[test]
    fn safety_items_are_noted_for_longer_and_in_responses() {
        let now = Instant::parse("2026-11-21T01:00:00+08:00").expect("a time");
        let code = json!({ "coding": [{ "system": "http://loinc.org", "code": "44260-8" }] });
        let item = json!({ "resourceType": "Observation", "status": "final", "code": code, "valueInteger": 2 });
        let answer = json!([{ "linkId": "/44260-8", "answer": [{ "valueInteger": 2 }] }]);
        let response = json!({ "resourceType": "QuestionnaireResponse", "status": "completed", "item": answer });
        let noted = |resource: &Value, name: &str, at: &str| {
            let mut resource = resource.clone();
            resource["id"] = json!("o");
            resource[name] = json!(at);
            let mut news = News::default();
            news.note((&resource, 1), Some("pat-1"), now);
            news.readings.into_values().flatten().next().map(|reading| (reading.kind, reading.safety))
        };
        let yes = |kind: &str| Some((kind.to_owned(), true));
        for at in ["2026-11-20", "2026-11-01", "2026-08-23"] {
            assert_eq!(noted(&item, "effectiveDateTime", at), yes("Observation"), "{at}");
            assert_eq!(noted(&response, "authored", at), yes("QuestionnaireResponse"), "{at}");
        }
        assert_eq!(noted(&item, "effectiveDateTime", "2026-08-22"), None, "older than 90 days");
        assert_eq!(noted(&response, "authored", "2026-08-22"), None, "older than 90 days");
        let harmless = json!({ "resourceType": "QuestionnaireResponse", "status": "completed", "item": [] });
        assert_eq!(noted(&harmless, "authored", "2026-11-20"), None);
        let before: Reading = serde_json::from_value(json!({ "id": "o", "version": 1 })).expect("as it was stored");
        assert_eq!((before.kind.as_str(), before.safety), ("Observation", false));
    }
}
