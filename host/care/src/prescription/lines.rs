//! Lines of a prescription with their formulary data.

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Actor,
    clinical::{DataNeed, Snapshot},
    code::Code,
    coding::{Coding, Decimal, Quantity},
    consent::Purpose,
    id::PatientId,
    payer::LineKind,
    prescription::{Course, Draft, LongTerm, Medicine, Rules, Rx, Supply},
    review::Line,
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, Platform, settings::Settings};
use xinglin_records::snapshot;
use xinglin_store::{Executor, TenantScope};

/// Length of the course.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NewCourse {
    /// At most 7 days.
    #[default]
    Ordinary,
    /// At most 30 days, for a chronic disease, old age or another reason.
    Extended {
        /// Which.
        reason: String,
    },
    /// 长期处方: up to 12 weeks.
    #[schema(value_type = Object)]
    LongTerm(LongTerm),
}

/// One medicine, by its code in the hospital's formulary.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLine {
    /// Code of the formulary.
    pub item: String,
    /// One dose.
    #[schema(value_type = Object)]
    pub dose: Quantity,
    /// Doses a day, as a decimal text: `"2"`.
    #[schema(value_type = String)]
    pub doses_per_day: Decimal,
    /// Length of treatment.
    pub days: u16,
    /// Packs to dispense.
    pub packs: u32,
    /// How it is taken.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub route: Option<Coding>,
}

/// Allergies and other data that must be considered by law when lines are written.
pub(super) async fn facts<E: Executor>(
    platform: &Platform,
    records: &TenantScope<E>,
    patient: PatientId,
    now: Instant,
) -> AppResult<Snapshot> {
    snapshot::snapshot(platform, records, ("xinglin.host", Purpose::Safety), &[DataNeed::Allergies], patient, now).await
}

/// The rules of prescribing in force.
pub(super) fn rules() -> AppResult<&'static Rules> {
    Rules::national().map_err(AppError::internal)
}

/// Replaces the lines of a draft.
pub(super) fn write_lines(
    by: &Actor,
    mut draft: Rx<Draft>,
    course: NewCourse,
    lines: Vec<NewLine>,
    facts: &Snapshot,
    settings: &Settings,
    now: Instant,
) -> AppResult<Rx<Draft>> {
    let rules = rules()?;
    for number in draft.sheet().medicines.iter().map(|medicine| medicine.line.number).collect::<Vec<_>>() {
        draft = draft.remove(by, number, now)?;
    }
    let course = match course {
        NewCourse::Ordinary => Course::Ordinary,
        NewCourse::Extended { reason } => Course::Extended { reason },
        NewCourse::LongTerm(terms) => Course::LongTerm(terms),
    };
    draft = draft.set_course(by, course, now)?;
    for line in lines {
        draft = draft.add(by, medicine(line, settings)?, &facts.allergies, rules, now)?;
    }
    Ok(draft)
}

/// A line with the formulary data of its item.
fn medicine(line: NewLine, settings: &Settings) -> AppResult<Medicine> {
    let item = settings.item(&line.item)?;
    let (LineKind::Medicine, Some(pack)) = (item.kind, item.pack.clone()) else {
        return Err(AppError::new(Code::BodyInvalid, format!("`{}` is no medicine", line.item)));
    };
    Ok(Medicine {
        line: Line {
            number: 1,
            code: item.codings.clone(),
            ingredients: item.ingredients.clone(),
            dose: line.dose,
            doses_per_day: line.doses_per_day,
            days: line.days,
            route: line.route,
            attributes: Vec::new(),
        },
        item: Some(item.code.clone()),
        supply: Supply { packs: line.packs, pack },
        classes: item.classes.clone(),
    })
}
