//! What is shown of a patient.

use hiv::Hiv;
use xinglin_sdk::{
    clinical::{ObservationValue, OmissionReason, Section, Sex},
    follow_up::Provenance,
    panel::{Act, Block, Bound, Error, Metric, Scale, Series, Tone, Viewer},
    testing::{FollowUpRun, Patient, words},
    types::{Attribute, Coding, Decimal},
};

const LOAD: &str = "20447-9";
const COUNT: &str = "24467-3";

fn infected() -> Patient {
    Patient::aged(30).sex(Sex::Male).days_ago(900).diagnosed(Coding::icd10("B20.x00"))
}

/// Values with their comparator, so many days before the start.
fn treated(loads: &[(i64, &str, &str)], counts: &[(i64, &str)]) -> FollowUpRun<Hiv> {
    let mut patient = infected().days_ago(400).taking(Coding::atc("J05AR20"));
    for (ago, value, comparator) in loads {
        patient = patient.days_ago(*ago);
        let mut load = patient.measurement(Coding::loinc(LOAD), value, "{copies}/mL");
        if !comparator.is_empty() {
            load.attributes.push(Attribute::new("xinglin.comparator", *comparator));
        }
        patient.record(load);
    }
    for (ago, value) in counts {
        patient = patient.days_ago(*ago).measured(Coding::loinc(COUNT), value, "/uL");
    }
    FollowUpRun::enrol(patient)
}

fn shown(run: &FollowUpRun<Hiv>, viewer: Viewer) -> Vec<Block> {
    run.panel(viewer).expect("a panel")
}

fn series(blocks: &[Block]) -> Vec<&Series> {
    blocks.iter().filter_map(|block| if let Block::Series(series) = block { Some(series) } else { None }).collect()
}

fn metric(blocks: &[Block], number: usize) -> &Metric {
    let mut metrics = blocks.iter().filter_map(|block| if let Block::Metric(one) = block { Some(one) } else { None });
    metrics.nth(number).expect("a number")
}

#[test]
fn viral_load_is_on_a_log_scale_with_bands_at_50_and_200() {
    let run = treated(&[(300, "31000", ""), (200, "120", ""), (90, "20", "<"), (10, "10000000", ">")], &[]);
    for viewer in [Viewer::Patient, Viewer::Clinician] {
        let blocks = shown(&run, viewer);
        let curve = series(&blocks)[0];
        assert_eq!(curve.scale, Scale::Logarithmic);
        let points: Vec<(String, Bound)> =
            curve.points.iter().map(|point| (point.value.to_string(), point.bound)).collect();
        let expected =
            [("31000", Bound::Exact), ("120", Bound::Exact), ("20", Bound::Below), ("10000000", Bound::Above)];
        assert_eq!(points, expected.map(|(value, bound)| (value.to_owned(), bound)));
        let whole = |value| Some(Decimal::whole(value));
        let edges: Vec<_> = curve.bands.iter().map(|band| (band.low, band.high)).collect();
        assert_eq!(edges, [(None, whole(50)), (whole(50), whole(200)), (whole(200), None)]);
    }
}

#[test]
fn what_was_not_found_is_below_the_level_of_undetectable() {
    let mut run = treated(&[], &[]);
    let mut negative = run.patient.measurement(Coding::loinc(LOAD), "1", "1");
    negative.value = ObservationValue::Text("未检出".to_owned());
    run.observed(negative, Provenance::Laboratory);
    let blocks = shown(&run, Viewer::Clinician);
    let latest = metric(&blocks, 0);
    assert_eq!(latest.tone, Tone::Good);
    let value = latest.value.as_ref().expect("a value");
    assert_eq!((value.value, value.bound), (Decimal::whole(50), Bound::Below));
}

#[test]
fn the_latest_values_are_judged_by_their_limits() {
    for (value, tone) in [("49", Tone::Good), ("50", Tone::Caution), ("200", Tone::Caution), ("201", Tone::Danger)] {
        let run = treated(&[(10, value, "")], &[]);
        assert_eq!(metric(&shown(&run, Viewer::Clinician), 0).tone, tone, "{value}");
    }
    for (value, tone) in [("199", Tone::Caution), ("200", Tone::Good), ("201", Tone::Good)] {
        let run = treated(&[], &[(10, value)]);
        assert_eq!(metric(&shown(&run, Viewer::Clinician), 1).tone, tone, "{value}");
    }
}

/// The patient's screen is seen by others.
#[test]
fn what_the_patient_is_shown_names_nothing() {
    let mut run = treated(&[(300, "31000", ""), (90, "20", "<")], &[(200, "320"), (20, "510")]);
    run.advance(30);
    for viewer in [Viewer::Patient, Viewer::Guardian] {
        let blocks = shown(&run, viewer);
        assert!(blocks.contains(&Block::Action(Act::Call)));
        for language in ["zh-CN", "en"] {
            for text in words(&blocks, language) {
                assert!(!text.trim().is_empty());
                let lower = text.to_lowercase();
                for word in [
                    "艾滋", "hiv", "病毒", "viral", "cd4", "virus", "免疫", "immun", "抗", "暴露", "exposure",
                    "medicine", "药",
                ] {
                    assert!(!lower.contains(word), "`{word}` in {text}");
                }
            }
        }
        assert!(series(&blocks).iter().all(|curve| !curve.unit.contains("copies") && !curve.unit.contains("cells")));
    }
    let team = words(&shown(&run, Viewer::Clinician), "zh-CN").join(" ");
    assert!(team.contains("病毒载量") && team.contains("CD4") && team.contains("治疗"), "{team}");
}

#[test]
fn without_its_compartment_nothing_is_shown() {
    for reason in [OmissionReason::Compartment, OmissionReason::Consent] {
        let mut run = treated(&[(10, "20", "")], &[]);
        run.patient = run.patient.clone().withheld(Section::Observations, reason);
        assert!(matches!(run.panel(Viewer::Patient), Err(Error::MissingData(_))));
    }
}
