//! What is shown of a patient.

use xinglin_sdk::{
    clinical::{ObservationValue, OmissionReason, Section},
    follow_up::{AnswerValue, Provenance},
    panel::{Act, Block, Error, Series, Tone, Viewer},
    testing::{START, words},
    time::plus_days,
    types::{Coding, Decimal},
};

use crate::{Run, adult, enrolled, gad7, give, phq9};

fn shown(run: &Run, viewer: Viewer) -> Vec<Block> {
    run.panel(viewer).expect("a panel")
}

fn series(blocks: &[Block]) -> Vec<&Series> {
    blocks.iter().filter_map(|block| if let Block::Series(series) = block { Some(series) } else { None }).collect()
}

fn tones(blocks: &[Block]) -> Vec<Tone> {
    blocks.iter().filter_map(|block| if let Block::Metric(one) = block { Some(one.tone) } else { None }).collect()
}

fn values(series: &Series) -> Vec<i64> {
    series.points.iter().map(|point| point.value.unscaled).collect()
}

/// Two weeks of answers.
fn answered() -> Run {
    let mut run = enrolled();
    give(&mut run, phq9(17, 0));
    give(&mut run, gad7(12));
    run.answer("isi", vec![("isi-total", AnswerValue::Integer(19))]);
    run.advance_to(plus_days(START, 14));
    give(&mut run, phq9(9, 0));
    give(&mut run, gad7(4));
    run
}

#[test]
fn totals_are_curves_with_the_bands_of_their_scale() {
    let run = answered();
    for viewer in [Viewer::Patient, Viewer::Guardian, Viewer::Clinician] {
        let blocks = shown(&run, viewer);
        let curves = series(&blocks);
        let points: Vec<Vec<i64>> = curves.iter().map(|curve| values(curve)).collect();
        assert_eq!(points, [vec![17, 9], vec![12, 4], vec![19]]);
        let edges: Vec<Vec<i64>> = curves
            .iter()
            .map(|curve| curve.bands.iter().filter_map(|band| band.low).map(|low| low.unscaled).collect())
            .collect();
        assert_eq!(edges, [vec![0, 5, 10, 15, 20], vec![0, 5, 10, 15], vec![]]);
        assert!(curves[0].bands.last().is_some_and(|band| band.high == Some(Decimal::whole(27))));
        assert_eq!(tones(&blocks), [Tone::Neutral, Tone::Good, Tone::Neutral]);
    }
}

#[test]
fn a_total_is_meant_as_its_band_says() {
    for (total, team, patient) in [
        (4, Tone::Good, Tone::Good),
        (5, Tone::Neutral, Tone::Neutral),
        (9, Tone::Neutral, Tone::Neutral),
        (10, Tone::Caution, Tone::Caution),
        (19, Tone::Caution, Tone::Caution),
        (20, Tone::Danger, Tone::Caution),
    ] {
        let mut run = enrolled();
        give(&mut run, phq9(total, 0));
        assert_eq!(tones(&shown(&run, Viewer::Clinician)), [team], "{total}");
        assert_eq!(tones(&shown(&run, Viewer::Patient)), [patient], "{total}");
    }
}

#[test]
fn a_total_on_record_is_a_point_too() {
    let mut run = Run::enrol(adult());
    give(&mut run, phq9(12, 0));
    run.advance_to(plus_days(START, 3));
    let mut total = run.patient.measurement(Coding::loinc("44261-6"), "8", "{score}");
    total.value = ObservationValue::Integer(8);
    run.observed(total, Provenance::Clinician);
    assert_eq!(values(series(&shown(&run, Viewer::Patient))[0]), [12, 8]);
}

/// Neither what was answered to item 9 nor a word about risk, and always the numbers to call.
#[test]
fn the_patient_is_never_shown_a_risk() {
    let mut danger = enrolled();
    give(&mut danger, phq9(17, 3));
    let mut item = danger.patient.measurement(Coding::loinc("44260-8"), "3", "{score}");
    item.value = ObservationValue::Integer(3);
    danger.observed(item, Provenance::Clinician);
    for run in [&danger, &answered(), &enrolled()] {
        for viewer in [Viewer::Patient, Viewer::Guardian] {
            let blocks = shown(run, viewer);
            assert!(blocks.contains(&Block::Action(Act::Call)), "{blocks:?}");
            assert!(!blocks.contains(&Block::Form("phq-9".to_owned())), "it has item 9");
            for language in ["zh-CN", "en"] {
                for text in words(&blocks, language) {
                    assert!(!text.trim().is_empty());
                    let lower = text.to_lowercase();
                    for word in [
                        "抑郁", "焦虑", "自杀", "自伤", "伤害", "失眠", "精神", "心理", "风险", "警报", "第9题",
                        "depress", "anxi", "suicid", "insomn", "psych", "mental", "risk", "harm", "item", "alert",
                    ] {
                        assert!(!lower.contains(word), "`{word}` in {text}");
                    }
                }
            }
        }
    }
    assert_eq!(shown(&danger, Viewer::Patient)[0], Block::Action(Act::Call), "first of all");
    let team = words(&shown(&danger, Viewer::Clinician), "en").join(" ");
    assert!(team.contains("suicide") && team.contains("item 9, latest: 2 or more"), "{team}");
    let calm = words(&shown(&answered(), Viewer::Clinician), "en").join(" ");
    assert!(!calm.contains("suicide"), "{calm}");
}

#[test]
fn what_is_awaited_is_offered() {
    let mut run = enrolled();
    let form = Block::Form("gad-7".to_owned());
    assert!(shown(&run, Viewer::Patient).contains(&form));
    give(&mut run, gad7(3));
    assert!(!shown(&run, Viewer::Patient).contains(&form));
    assert!(!shown(&run, Viewer::Clinician).iter().any(|block| matches!(block, Block::Form(_) | Block::Action(_))));
}

#[test]
fn without_its_compartment_nothing_is_shown() {
    for reason in [OmissionReason::Compartment, OmissionReason::Consent] {
        let mut run = answered();
        run.patient = run.patient.clone().withheld(Section::Observations, reason);
        assert!(matches!(run.panel(Viewer::Patient), Err(Error::MissingData(_))));
    }
}
