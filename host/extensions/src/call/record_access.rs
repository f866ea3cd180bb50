//! `records`: further reads of a plugin in the record of the current patient, beyond its
//! snapshot.

use std::cmp::Reverse;

use xinglin_domain::{
    clinical::{Allergy, Condition, Medication, Observation, Section},
    coding::Coding,
    consent::Purpose,
    id::{PatientId, TenantId},
    measure,
};
use xinglin_fhir::snapshot::{self, Entries};
use xinglin_platform::{AppError, AppResult, Platform, document};
use xinglin_records::{
    consent::{self, Span},
    resource,
    snapshot::LeftOut,
};
use xinglin_runtime::{RecordError, RecordFuture, RecordQuery, RecordRead};

/// Maximum number of entries of an answer.
const MOST: u32 = 500;

/// One patient's record for one plugin.
pub(crate) struct Chart {
    pub platform: Platform,
    pub tenant: TenantId,
    pub plugin: String,
    pub patient: PatientId,
    pub purpose: Purpose,
    /// What is left out, as of the call's snapshot.
    pub left_out: LeftOut,
}

impl Chart {
    async fn read(&self, section: Section, code: Option<&Coding>, span: Span) -> Result<Entries, RecordError> {
        let found = self.entries(section, code, span).await.map_err(|error| {
            tracing::error!(%error, plugin = self.plugin, ?section, "a record cannot be read");
            RecordError::Unavailable
        })?;
        found.ok_or(RecordError::Withheld)
    }

    /// Nothing if it is withheld.
    async fn entries(&self, section: Section, code: Option<&Coding>, span: Span) -> AppResult<Option<Entries>> {
        let Self { platform, tenant, plugin, patient, purpose, left_out } = self;
        let records = platform.store().tenant(*tenant);
        let record_access = consent::plugin_access(platform, &records, plugin, *patient, (*purpose, section)).await?;
        let Ok(shown) = consent::section(&records, *patient, (section, code), &record_access, span).await? else {
            return Ok(None);
        };
        let person = document::value(&records.get_resource("Patient", &patient.to_string()).await?)?;
        let labels = match left_out.compartments.is_empty() {
            true => Vec::new(),
            false => records.list_labels(&patient.to_string()).await?,
        };
        let rows = shown.rows.iter().filter(|row| !left_out.has(row, &labels));
        let mut resources = rows.map(document::value).collect::<Result<Vec<_>, AppError>>()?;
        let named = resource::medications(&records, resources.iter().filter_map(resource::medication)).await?;
        resources.extend(named.into_iter().map(|(_, medication)| medication));
        Ok(Some(snapshot::entries(&person, &resources, platform.now())))
    }
}

impl RecordRead for Chart {
    fn observations<'a>(&'a self, query: &'a RecordQuery) -> RecordFuture<'a, Observation> {
        let span = Span { since: query.since, before: query.before, most: query.limit.min(MOST) };
        Box::pin(async move {
            let mut found = Vec::new();
            for code in measure::spellings(&query.code) {
                found.extend(self.read(Section::Observations, Some(&code), span).await?.observations);
            }
            found.sort_by_key(|observation| Reverse(observation.effective));
            Ok(found)
        })
    }

    fn conditions(&self) -> RecordFuture<'_, Condition> {
        Box::pin(async { Ok(self.read(Section::Conditions, None, Span::newest(MOST)).await?.conditions) })
    }

    fn allergies(&self) -> RecordFuture<'_, Allergy> {
        Box::pin(async { Ok(self.read(Section::Allergies, None, Span::newest(MOST)).await?.allergies) })
    }

    fn medications(&self) -> RecordFuture<'_, Medication> {
        Box::pin(async { Ok(self.read(Section::Medications, None, Span::newest(MOST)).await?.medications) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use xinglin_domain::{
        clinical::{DataNeed, OmissionReason, Snapshot},
        coding::system,
        consent::{Consent, Provision, Recipient, Scope, Terms},
        id::{AccountId, ConsentId},
        time::Instant,
    };
    use xinglin_platform::{Config, ambient, settings::PLATFORM};
    use xinglin_records::{consent, resource, snapshot};
    use xinglin_store::TenantRow;

    use super::*;

    const OURS: PatientId = PatientId::from_u128(1);
    const OTHERS: PatientId = PatientId::from_u128(2);

    fn at(text: &str) -> Instant {
        Instant::parse(text).expect("instant")
    }

    fn result(id: &str, patient: PatientId, loinc: &str, day: &str) -> Value {
        json!({
            "resourceType": "Observation", "id": id, "status": "final",
            "subject": { "reference": format!("Patient/{patient}") },
            "code": { "coding": [{ "system": system::LOINC, "code": loinc }] },
            "effectiveDateTime": day, "valueQuantity": { "value": 7, "code": "%" },
        })
    }

    /// A hospital with two patients.
    async fn hospital(name: &str) -> Platform {
        let folder = std::env::temp_dir().join(format!("xinglin-consent-{name}-{}", std::process::id()));
        // Of a run that was broken off under the same number.
        drop(std::fs::remove_dir_all(&folder));
        let config = Config { data_dir: folder, ..Config::default() };
        let platform = Platform::open(config).await.expect("a platform");
        let now = platform.now();
        let tenant = TenantRow {
            id: PLATFORM,
            kind: "hospital".to_owned(),
            name: "Xinglin".to_owned(),
            settings: Value::Null,
            second_factor: false,
            practice_years: 3,
            version: 0,
            created_at: now,
            updated_at: now,
        };
        let tx = platform.store().operator().begin().await.expect("begun");
        tx.insert_tenant(&tenant).await.expect("founded");
        tx.commit().await.expect("committed");
        let patient = |id: PatientId| json!({ "resourceType": "Patient", "id": id.to_string() });
        let condition = json!({
            "resourceType": "Condition", "id": "c1", "subject": { "reference": format!("Patient/{OURS}") },
            "code": { "coding": [{ "system": system::ICD10, "code": "E11.9" }] },
        });
        let record = vec![
            patient(OURS),
            patient(OTHERS),
            condition,
            result("o1", OURS, "4548-4", "2026-01-01T00:00:00Z"),
            result("o2", OURS, "2339-0", "2026-02-01T00:00:00Z"),
            result("o3", OURS, "2339-0", "2026-03-01T00:00:00Z"),
            result("o4", OTHERS, "2339-0", "2026-04-01T00:00:00Z"),
            result("o5", OURS, "20447-9", "2026-05-01T00:00:00Z"),
            json!({
                "resourceType": "Condition", "id": "c2", "subject": { "reference": format!("Patient/{OURS}") },
                "code": { "text": "HIV infection" },
            }),
        ];
        let tx = platform.store().tenant(PLATFORM).begin().await.expect("begun");
        resource::project(&tx, record, at("2026-06-01T00:00:00Z")).await.expect("written");
        tx.commit().await.expect("committed");
        platform
    }

    fn chart(platform: &Platform) -> Chart {
        Chart {
            platform: platform.clone(),
            tenant: PLATFORM,
            plugin: "acme.check".to_owned(),
            patient: OURS,
            purpose: Purpose::Treatment,
            left_out: LeftOut::NOTHING,
        }
    }

    fn query(loinc: &str) -> RecordQuery {
        RecordQuery { code: Coding::new(system::LOINC, loinc), since: None, before: None, limit: 500 }
    }

    async fn cut(platform: &Platform) -> Snapshot {
        let needs = [
            DataNeed::Conditions,
            DataNeed::Observations(
                ["4548-4", "2339-0", "20447-9"].map(|loinc| Coding::new(system::LOINC, loinc)).to_vec(),
            ),
        ];
        let records = platform.store().tenant(PLATFORM);
        let whom = ("acme.check", Purpose::Treatment);
        let (nothing, now) = (snapshot::LeftOut::NOTHING, at("2026-06-01T00:00:00Z"));
        snapshot::snapshot(platform, &records, whom, &needs, OURS, nothing, now).await.expect("a snapshot")
    }

    #[tokio::test]
    async fn what_is_presumed_shows_the_patient_at_hand_and_no_other() {
        let hospital = hospital("presumed").await;
        let chart = chart(&hospital);
        let days = async |query: RecordQuery| -> Vec<Option<Instant>> {
            chart.observations(&query).await.expect("shown").iter().map(|o| o.effective).collect()
        };
        let (february, march) = (Some(at("2026-02-01T00:00:00Z")), Some(at("2026-03-01T00:00:00Z")));
        assert_eq!(days(query("2339-0")).await, [march, february], "newest first, and only of one patient");
        assert_eq!(days(RecordQuery { limit: 1, ..query("2339-0") }).await, [march]);
        assert_eq!(days(RecordQuery { since: march, ..query("2339-0") }).await, [march]);
        assert_eq!(days(RecordQuery { before: march, ..query("2339-0") }).await, [february]);
        assert_eq!(chart.conditions().await.expect("shown").len(), 1);
        assert_eq!(chart.allergies().await, Ok(vec![]));
        assert_eq!(cut(&hospital).await.observations.len(), 3);
    }

    async fn say(platform: &Platform, provision: Provision, scope: Scope) {
        let now = platform.now();
        let consent = Consent {
            id: ConsentId::from_u128(ambient::fresh_id()),
            patient: OURS,
            terms: Terms {
                provision,
                scope,
                recipient: Recipient::Plugin("acme.check".to_owned()),
                purposes: [Purpose::Treatment].into(),
                from: now,
                until: None,
            },
            given_by: AccountId::from_u128(1),
            given: now,
            as_guardian: false,
            revoked: None,
        };
        let tx = platform.store().tenant(PLATFORM).begin().await.expect("begun");
        tx.insert_consent(&consent::row(&consent).expect("a row")).await.expect("inserted");
        tx.commit().await.expect("committed");
    }

    fn omitted(snapshot: &Snapshot, reason: OmissionReason) -> Vec<Section> {
        snapshot.omissions.iter().filter(|one| one.reason == reason).map(|one| one.section).collect()
    }

    #[tokio::test]
    async fn a_compartment_is_in_no_snapshot_and_no_read() {
        let hospital = hospital("compartment").await;
        let chart = chart(&hospital);
        assert_eq!(chart.observations(&query("20447-9")).await, Err(RecordError::Withheld));
        let none = Chart { patient: OTHERS, ..self::chart(&hospital) };
        assert_eq!(
            none.observations(&query("20447-9")).await,
            Err(RecordError::Withheld),
            "nor is it said that there is none"
        );
        assert_eq!(chart.conditions().await.map(|found| found.len()), Ok(1));
        let snapshot = cut(&hospital).await;
        assert_eq!((snapshot.conditions.len(), snapshot.observations.len()), (1, 3));
        let withheld = [Section::Conditions, Section::Observations];
        assert_eq!(omitted(&snapshot, OmissionReason::Compartment), withheld);

        say(&hospital, Provision::Permit, Scope::Compartment(xinglin_domain::compartment::Compartment::Hiv)).await;
        assert_eq!(chart.observations(&query("20447-9")).await.map(|found| found.len()), Ok(1));
        let snapshot = cut(&hospital).await;
        assert_eq!((snapshot.conditions.len(), snapshot.observations.len()), (2, 4));
        assert_eq!(omitted(&snapshot, OmissionReason::Compartment), []);
    }

    #[tokio::test]
    async fn what_consent_withholds_is_in_no_snapshot_and_no_read() {
        let hospital = hospital("refused").await;
        say(&hospital, Provision::Refuse, Scope::Record).await;
        let chart = chart(&hospital);
        assert_eq!(chart.observations(&query("2339-0")).await, Err(RecordError::Withheld));
        assert_eq!(chart.conditions().await, Err(RecordError::Withheld));
        let snapshot = cut(&hospital).await;
        assert!(snapshot.conditions.is_empty() && snapshot.observations.is_empty());
        assert_eq!(omitted(&snapshot, OmissionReason::Consent), [Section::Conditions, Section::Observations]);
    }
}
