//! Pathway files on the simulator.

mod anything;
mod document;
mod engine;
mod files;

use generic_pathway::{GenericPathway, load};
use xinglin_pathway_file::{
    check::check,
    read::{File, read},
};
use xinglin_sdk::{
    pathway::{AnswerValue, Pathway},
    testing::{Host, PathwayRun, Patient, START},
    types::{Coding, Decimal, Quantity},
};

type Run = PathwayRun<GenericPathway>;

fn file(text: &str) -> File {
    let file = read(text).unwrap_or_else(|error| panic!("{error}"));
    let findings = check(&file.pathway);
    assert!(findings.is_empty(), "{findings:#?}");
    file
}

/// Enrols a patient in this file.
#[track_caller]
fn enrol(text: &str, patient: Patient) -> Run {
    load(file(text).pathway);
    Run::enrol(patient)
}

/// What `screen` answers, shortly.
fn screen(text: &str, patient: &Patient) -> String {
    use xinglin_sdk::pathway::{Eligibility, Error};
    load(file(text).pathway);
    let mut host = Host::of::<GenericPathway>();
    let snapshot = patient.snapshot_for(&host.call(GenericPathway::describe).data_needs, START);
    let codes = |reasons: Vec<xinglin_sdk::pathway::Reason>| {
        reasons.iter().map(|reason| reason.code.as_str()).collect::<Vec<_>>().join(" ")
    };
    match host.call(|| GenericPathway::screen(snapshot, START)) {
        Ok(Eligibility::Eligible) => "eligible".to_owned(),
        Ok(Eligibility::Ineligible(reasons)) => format!("ineligible: {}", codes(reasons)),
        Ok(Eligibility::ReferOffline(reasons)) => format!("offline: {}", codes(reasons)),
        Err(Error::MissingData(_)) => "missing".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

fn quantity(value: &str, unit: &str) -> AnswerValue {
    AnswerValue::Quantity(Quantity::new(value.parse::<Decimal>().expect("a decimal"), unit))
}

fn loinc(code: &str) -> Coding {
    Coding::loinc(code)
}
