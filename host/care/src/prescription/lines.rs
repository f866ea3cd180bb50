//! Lines of a prescription with their formulary data.

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Actor,
    clinical::{DataNeed, Section, Snapshot},
    code::Code,
    coding::{Coding, Decimal, Quantity},
    consent::Purpose,
    id::PatientId,
    payer::LineKind,
    prescription::{Course, Draft, LongTerm, Medicine, Rules, Rx, RxError, Sheet, Supply},
    review::Line,
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, Platform, settings::Settings};
use xinglin_records::snapshot::{self, LeftOut};
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
    let facts = snapshot::snapshot(
        platform,
        records,
        ("xinglin.host", Purpose::Safety),
        &[DataNeed::Allergies],
        patient,
        LeftOut::NOTHING,
        now,
    )
    .await?;
    // Which allergies were left out, nobody knows.
    if facts.omissions.iter().any(|omission| omission.section == Section::Allergies) {
        return Err(AppError::new(Code::RxNotChecked, "the patient has more allergies on record than can be checked"));
    }
    Ok(facts)
}

/// Checks that the formulary, as it is now, still permits every medicine of a sheet: the list, a
/// classification or the formulary may have changed since it was written.
///
/// # Errors
/// `RX_FORBIDDEN_DRUG`, `RX_DRUG_UNCLASSIFIED`, `RX_LINE_INVALID` if an item is gone.
pub(super) fn check_products(sheet: &Sheet, settings: &Settings) -> AppResult<()> {
    let rules = settings.rules()?;
    for medicine in &sheet.medicines {
        let line = medicine.line.number;
        let Some(item) = settings.item_of(medicine) else {
            return Err(RxError::Line { line, what: "the item is no longer in the formulary" }.into());
        };
        rules.check_product(&item.product()).map_err(|why| RxError::Barred { line, why })?;
    }
    Ok(())
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
    let rules = settings.rules()?;
    for number in draft.sheet().medicines.iter().map(|medicine| medicine.line.number).collect::<Vec<_>>() {
        draft = draft.remove(by, number, now)?;
    }
    let course = match course {
        NewCourse::Ordinary => Course::Ordinary,
        NewCourse::Extended { reason } => Course::Extended { reason },
        NewCourse::LongTerm(terms) => Course::LongTerm(terms),
    };
    draft = draft.set_course(by, course, now)?;
    for (number, line) in (1..).zip(lines) {
        draft = draft.add(by, medicine(number, line, settings, &rules)?, &facts.allergies, &rules, now)?;
    }
    Ok(draft)
}

/// A line with the formulary data of its item.
fn medicine(number: u32, line: NewLine, settings: &Settings, rules: &Rules) -> AppResult<Medicine> {
    let item = settings.item(&line.item)?;
    let (LineKind::Medicine, Some(pack)) = (item.kind, item.pack.clone()) else {
        return Err(AppError::new(Code::BodyInvalid, format!("`{}` is no medicine", line.item)));
    };
    rules.check_product(&item.product()).map_err(|why| RxError::Barred { line: number, why })?;
    Ok(Medicine {
        line: Line {
            number,
            code: item.all_codings(),
            ingredients: item.all_ingredients(),
            dose: line.dose,
            doses_per_day: line.doses_per_day,
            days: line.days,
            route: line.route,
            attributes: Vec::new(),
        },
        supply: Supply { packs: line.packs, pack },
        classes: item.all_classes(),
        item: item.code.clone(),
        title: item.title.clone(),
    })
}
