//! What is shown of a patient.

use diabetes::Diabetes;
use xinglin_sdk::{
    clinical::{OmissionReason, Section},
    panel::{Block, Error, Metric, Scale, Series, Tone, Viewer},
    testing::{Host, START, words},
    time::{DAY, MINUTE, plus_days},
    types::{Coding, Decimal},
};

use crate::{Run, meter, patient};

/// With these glucoses and HbA1c, so many days before the start.
fn measured(glucoses: &[(i64, &str)], hba1c: &[(i64, &str)]) -> Run {
    let mut patient = patient();
    for (ago, value) in glucoses {
        patient = patient.days_ago(*ago).measured(Coding::loinc("14743-9"), value, "mmol/L");
    }
    for (ago, value) in hba1c {
        patient = patient.days_ago(*ago).measured(Coding::loinc("4548-4"), value, "%");
    }
    Run::enrol(patient)
}

fn shown(run: &Run, viewer: Viewer) -> Vec<Block> {
    run.panel(viewer).expect("a panel")
}

fn series(blocks: &[Block]) -> Vec<&Series> {
    blocks.iter().filter_map(|block| if let Block::Series(series) = block { Some(series) } else { None }).collect()
}

fn metrics(blocks: &[Block]) -> Vec<&Metric> {
    blocks.iter().filter_map(|block| if let Block::Metric(metric) = block { Some(metric) } else { None }).collect()
}

fn edges(series: &Series) -> Vec<(Option<String>, Option<String>)> {
    let text = |edge: &Option<Decimal>| edge.map(|edge| edge.to_string());
    series.bands.iter().map(|band| (text(&band.low), text(&band.high))).collect()
}

#[test]
fn glucose_has_its_bands_by_setting() {
    let run = measured(&[(3, "6.1"), (9, "9.4"), (1, "17.2")], &[(30, "7.4"), (120, "8.1")]);
    for viewer in [Viewer::Patient, Viewer::Guardian, Viewer::Clinician] {
        let blocks = shown(&run, viewer);
        let curves = series(&blocks);
        let (glucose, hba1c) = (curves[0], curves[1]);
        assert_eq!((glucose.scale, glucose.unit.as_str()), (Scale::Linear, "mmol/L"));
        let values: Vec<String> = glucose.points.iter().map(|point| point.value.to_string()).collect();
        assert_eq!(values, ["9.4", "6.1", "17.2"], "oldest first");
        let some = |low: &str, high: &str| (Some(low.to_owned()), Some(high.to_owned()));
        assert_eq!(
            edges(glucose),
            [
                (None, Some("3.0".to_owned())),
                some("3.0", "3.9"),
                some("4.4", "7.0"),
                some("7.0", "10.0"),
                (Some("16.7".to_owned()), None),
            ]
        );
        assert_eq!(edges(hba1c), [(None, Some("7.0".to_owned()))]);
        for language in ["zh-CN", "en"] {
            assert!(words(&blocks, language).iter().all(|text| !text.is_empty()));
        }
    }
    let other = Host::of::<Diabetes>().setting("glucose-maximum", "8.5".parse::<Decimal>().expect("one"));
    let run = Run::enrol_on(other, patient());
    assert_eq!(edges(series(&shown(&run, Viewer::Patient))[0])[3].1.as_deref(), Some("8.5"));
    // Both goals at one value: the band between them is gone.
    let same = Host::of::<Diabetes>()
        .setting("fasting-maximum", "8.0".parse::<Decimal>().expect("one"))
        .setting("glucose-maximum", "8.0".parse::<Decimal>().expect("one"));
    let run = Run::enrol_on(same, patient());
    assert_eq!(series(&shown(&run, Viewer::Patient))[0].bands.len(), 4);
}

#[test]
fn the_latest_value_is_judged_by_its_limits() {
    for (value, tone) in [
        ("2.9", Tone::Danger),
        ("3.0", Tone::Caution),
        ("3.8", Tone::Caution),
        ("3.9", Tone::Caution),
        ("4.0", Tone::Good),
        ("9.9", Tone::Good),
        ("10.0", Tone::Caution),
        ("16.6", Tone::Caution),
        ("16.7", Tone::Danger),
    ] {
        let run = measured(&[(1, value)], &[]);
        let blocks = shown(&run, Viewer::Patient);
        assert_eq!(metrics(&blocks)[0].tone, tone, "{value}");
    }
    for (value, tone) in [("6.9", Tone::Good), ("7.0", Tone::Caution)] {
        let run = measured(&[], &[(1, value)]);
        assert_eq!(metrics(&shown(&run, Viewer::Clinician))[1].tone, tone, "{value}");
    }
    let run = measured(&[], &[]);
    let blocks = shown(&run, Viewer::Patient);
    assert_eq!((metrics(&blocks)[0].tone, &metrics(&blocks)[0].value), (Tone::Neutral, &None));
}

#[test]
fn the_patient_is_shown_what_to_do_and_the_team_what_comes() {
    let mut run = measured(&[(1, "6.1")], &[]);
    let has = |blocks: &[Block], wanted: &Block| blocks.contains(wanted);
    let form = Block::Form("follow-up".to_owned());
    let before = shown(&run, Viewer::Patient);
    assert!(!has(&before, &form), "the first visit is in a week");
    assert!(has(&before, &Block::Form("diary".to_owned())), "the diary is kept at any time");
    run.advance(7);
    assert!(has(&shown(&run, Viewer::Patient), &form));
    run.advance(70);
    let patient = shown(&run, Viewer::Patient);
    let acts: Vec<&Block> = patient.iter().filter(|block| matches!(block, Block::Action(_))).collect();
    assert!(acts.is_empty(), "the tasks are the care team's: {acts:?}");
    let said = words(&patient, "en");
    assert!(said.iter().any(|text| text == "Face-to-face visit"), "it is due soon: {said:?}");
    assert!(said.iter().any(|text| text == "Retinal examination"), "what is asked for: {said:?}");
    let team = shown(&run, Viewer::Clinician);
    let table = team.iter().find_map(|block| if let Block::Table(table) = block { Some(table) } else { None });
    assert!(table.is_some_and(|table| table.rows.len() == 10), "{table:?}");
    assert!(!team.iter().any(|block| matches!(block, Block::Form(_) | Block::Action(_))));
    // A low glucose: measured again at once.
    meter(&mut run, "3.2");
    assert!(has(&shown(&run, Viewer::Patient), &Block::Form("recheck".to_owned())));
    let concerns = words(&shown(&run, Viewer::Clinician), "en");
    assert!(concerns[0].contains("held"), "{concerns:?}");
}

#[test]
fn time_in_range_is_shown_if_there_is_enough_of_it() {
    let mut run = measured(&[], &[]);
    let share = |run: &Run| {
        let blocks = shown(run, Viewer::Patient);
        let metric = metrics(&blocks).into_iter().find(|metric| metric.title[1].text.starts_with("Time in range"));
        metric.map(|metric| (metric.value.as_ref().expect("a value").value.to_string(), metric.tone))
    };
    for day in 0..14 {
        assert_eq!(share(&run).is_some(), day >= 10, "day {day}");
        let values: Vec<(i64, &str)> = (0..96)
            .map(|number| (run.now() + number * 15 * MINUTE, if number % 4 == 0 { "11.2" } else { "7.1" }))
            .collect();
        run.advance(1);
        run.stream(Coding::loinc("105272-9"), "mmol/L", &values);
    }
    assert_eq!(share(&run), Some(("75.0".to_owned(), Tone::Good)));
}

#[test]
fn what_may_not_be_read_is_not_shown_as_absent() {
    let mut run = measured(&[(1, "6.1")], &[]);
    run.patient = run.patient.clone().withheld(Section::Observations, OmissionReason::Consent);
    assert!(matches!(run.panel(Viewer::Patient), Err(Error::MissingData(_))));
    let mut run = measured(&[(1, "6.1")], &[]);
    run.patient = run.patient.clone().withheld(Section::Observations, OmissionReason::Truncated);
    assert!(run.panel(Viewer::Patient).is_ok());
}

#[test]
fn what_is_of_the_future_or_in_another_unit_is_not_drawn() {
    let patient = patient().at(plus_days(START, 3)).measured(Coding::loinc("14743-9"), "6.0", "mmol/L");
    let patient = patient.days_ago(2).measured(Coding::loinc("14743-9"), "110", "mg/dL");
    let mut run = Run::enrol(patient);
    assert_eq!(series(&shown(&run, Viewer::Patient))[0].points, []);
    run.advance(4);
    assert_eq!(series(&shown(&run, Viewer::Patient))[0].points.len(), 1);
    assert_eq!(run.now() - START, 4 * DAY);
}
