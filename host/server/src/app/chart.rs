//! `records`: the record of the patient whom a call is about, as a plugin reads
//! on in it beyond its snapshot.

use xinglin_domain::{
    clinical::{Allergy, Condition, Medication, Observation, Section},
    coding::Coding,
    id::{PatientId, TenantId},
};
use xinglin_runtime::{RecordError, RecordFuture, RecordQuery, RecordRead};

use super::{
    AppError, AppResult, Hospital,
    consent::Purpose,
    record::{self, Span},
};
use crate::fhir::snapshot::{self, Entries};

/// Most entries of one answer.
const MOST: u32 = 500;

/// One patient's record for one plugin.
pub(super) struct Chart {
    pub hospital: Hospital,
    pub tenant: TenantId,
    pub plugin: String,
    pub patient: PatientId,
    pub purpose: Purpose,
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
        let Self { hospital, tenant, plugin, patient, purpose } = self;
        let records = hospital.store().tenant(*tenant);
        let sight = hospital.plugin_sight(&records, plugin, *patient, *purpose).await?;
        let Ok(shown) = hospital.section(&records, *patient, (section, code), &sight, span).await? else {
            return Ok(None);
        };
        let person = record::value(&records.get_resource("Patient", &patient.to_string()).await?)?;
        let mut resources = shown.rows.iter().map(record::value).collect::<Result<Vec<_>, AppError>>()?;
        let named = record::medications(&records, resources.iter().filter_map(record::medication)).await?;
        resources.extend(named.into_iter().map(|(_, medication)| medication));
        Ok(Some(snapshot::entries(&person, &resources)))
    }
}

impl RecordRead for Chart {
    fn observations<'a>(&'a self, query: &'a RecordQuery) -> RecordFuture<'a, Observation> {
        let span = Span { since: query.since, before: query.before, most: query.limit.min(MOST) };
        Box::pin(async move { Ok(self.read(Section::Observations, Some(&query.code), span).await?.observations) })
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
