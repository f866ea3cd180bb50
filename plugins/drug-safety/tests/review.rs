//! The check as the host uses it.

use drug_safety::DrugSafety;
use xinglin_sdk::{
    clinical::{OmissionReason, Section, Sex},
    prescribing::{Error, Finding, Review, Severity, Verdict},
    testing::{Host, OrderBuilder, Patient, START, data_needs},
    types::Coding,
};

fn order() -> OrderBuilder {
    OrderBuilder::for_diagnosis(Coding::icd10("E11.9"))
}

fn of(codes: &[&str]) -> OrderBuilder {
    codes.iter().fold(order(), |order, code| order.medicine(Coding::atc(*code), "1", "{tbl}", "1"))
}

/// With healthy kidneys, so that only what a test is about is found.
fn patient() -> Patient {
    Patient::aged(58).days_ago(30).diagnosed(Coding::snomed("44054006")).measured(
        Coding::loinc("98979-8"),
        "95",
        "mL/min/{1.73_m2}",
    )
}

fn review(order: OrderBuilder, patient: &Patient) -> Result<Verdict, Error> {
    let snapshot = patient.snapshot_for(&data_needs::<DrugSafety>(), START);
    Host::of::<DrugSafety>().call(|| DrugSafety::review(order.build(), snapshot, START))
}

fn findings(order: OrderBuilder, patient: &Patient) -> Vec<Finding> {
    match review(order, patient) {
        Ok(Verdict::Allow) => Vec::new(),
        Ok(Verdict::Warn(findings)) => {
            assert!(findings.iter().all(|finding| finding.severity != Severity::Critical), "{findings:?}");
            findings
        }
        Ok(Verdict::Veto(findings)) => {
            assert!(findings.iter().any(|finding| finding.severity == Severity::Critical), "{findings:?}");
            findings
        }
        Err(error) => panic!("could not decide: {error:?}"),
    }
}

/// `veto CODE[lines] …`, `warn …` or `allow`.
fn verdict(order: OrderBuilder, patient: &Patient) -> String {
    let findings = findings(order, patient);
    let word = match findings.first().map(|finding| finding.severity) {
        None => return "allow".to_owned(),
        Some(Severity::Critical) => "veto",
        Some(_) => "warn",
    };
    let codes: Vec<String> = findings.iter().map(|finding| format!("{}{:?}", finding.code, finding.lines)).collect();
    format!("{word} {}", codes.join(" "))
}

#[test]
fn an_ordinary_order_is_allowed() {
    let order = order()
        .medicine(Coding::atc("A10BA02"), "500", "mg", "2")
        .medicine(Coding::atc("A10BK01"), "10", "mg", "1")
        .medicine(Coding::atc("C10AA05"), "20", "mg", "1");
    assert_eq!(verdict(order, &patient()), "allow");
}

#[test]
fn every_finding_says_where_it_comes_from() {
    let order = of(&["G04BE03", "J01CA04", "C10AA01", "A10BA02", "Z99ZZ99"]);
    let patient = Patient::aged(70)
        .taking(Coding::atc("C01DA02"))
        .taking(Coding::atc("J01FA09"))
        .taking(Coding::rxnorm("1359133"))
        .allergic_to(Coding::rxnorm("7984"))
        .allergic_to(Coding::snomed("1"));
    let findings = findings(order, &patient);
    assert_eq!(findings.len(), 7, "{findings:?}");
    for finding in findings {
        assert!(!finding.citation.title.is_empty() && finding.citation.year >= 2009, "{finding:?}");
        let languages: Vec<&str> = finding.message.iter().map(|text| text.language.as_str()).collect();
        assert_eq!(languages, ["zh-CN", "en"], "{}", finding.code);
    }
}

// --- what the table does not know ------------------------------------------------

#[test]
fn an_unknown_medicine_is_never_allowed_in_silence() {
    assert_eq!(verdict(of(&["A10BA02", "Z99ZZ99"]), &patient()), "warn MEDICINE_NOT_COVERED[2]");
    let brand = order().medicine(Coding::new("urn:local", "aspirin"), "100", "mg", "1");
    assert_eq!(verdict(brand, &patient()), "warn MEDICINE_NOT_COVERED[1]");
    let patient = patient().taking(Coding::rxnorm("1359133"));
    assert_eq!(verdict(of(&["A10BA02"]), &patient), "warn MEDICATION_NOT_COVERED[]");
}

#[test]
fn a_withheld_section_is_no_empty_one() {
    for section in [Section::Allergies, Section::Medications] {
        for reason in [OmissionReason::Consent, OmissionReason::Compartment, OmissionReason::Truncated] {
            let patient = patient().withheld(section, reason);
            assert!(matches!(review(of(&["A10BA02"]), &patient), Err(Error::MissingData(_))), "{section:?} {reason:?}");
        }
    }
    let snapshot = patient().snapshot_for(&[], START);
    let answer = Host::of::<DrugSafety>().call(|| DrugSafety::review(of(&["A10BA02"]).build(), snapshot, START));
    assert!(matches!(answer, Err(Error::MissingData(_))), "not declared is withheld too");
}

// --- allergy ---------------------------------------------------------------------

#[test]
fn an_allergy_forbids_the_ingredient_and_its_group() {
    for (allergen, ordered, expected) in [
        (Coding::rxnorm("7984"), "J01CE02", "veto ALLERGY_INGREDIENT[1]"),
        (Coding::rxnorm("7984"), "J01CR02", "veto ALLERGY_PENICILLINS[1]"),
        (Coding::snomed("91936005"), "J01CA04", "veto ALLERGY_PENICILLINS[1]"),
        (Coding::atc("J01C"), "J01CA04", "veto ALLERGY_PENICILLINS[1]"),
        (Coding::rxnorm("7984"), "J01DC04", "warn ALLERGY_CROSS_PENICILLINS[1]"),
        (Coding::rxnorm("7984"), "J01DD04", "allow"),
        (Coding::rxnorm("2193"), "J01DD08", "veto ALLERGY_CEPHALOSPORINS[1]"),
        (Coding::rxnorm("10831"), "J01EC02", "veto ALLERGY_SULFONAMIDE_ANTIBACTERIALS[1]"),
        (Coding::rxnorm("10831"), "J01EA01", "veto ALLERGY_INGREDIENT[1]"),
        (Coding::rxnorm("1191"), "M01AE01", "veto ALLERGY_NSAIDS[1]"),
        (Coding::rxnorm("5640"), "B01AC06", "veto ALLERGY_NSAIDS[1]"),
        (Coding::rxnorm("29046"), "C09AA05", "veto ALLERGY_ACE_INHIBITORS[1]"),
        (Coding::rxnorm("29046"), "C09CA01", "warn ALLERGY_CROSS_ACE_INHIBITORS[1]"),
        (Coding::atc("N03AF01"), "N03AB02", "warn ALLERGY_AROMATIC_ANTICONVULSANTS[1]"),
        (Coding::snomed("372567009"), "A10BA02", "veto ALLERGY_INGREDIENT[1]"),
        (Coding::snomed("372567009"), "A10BK01", "allow"),
    ] {
        let patient = patient().allergic_to(allergen.clone());
        assert_eq!(verdict(of(&[ordered]), &patient), expected, "{allergen:?} {ordered}");
    }
}

#[test]
fn peanuts_are_no_medicine_and_the_unknown_is_said() {
    let peanuts = patient().allergic_to(Coding::snomed("762952008")).allergic_to(Coding::snomed("716186003"));
    assert_eq!(verdict(of(&["A10BA02"]), &peanuts), "allow");
    let unknown = patient().allergic_to(Coding::snomed("424213003"));
    assert_eq!(verdict(of(&["A10BA02"]), &unknown), "warn ALLERGY_NOT_COVERED[]");
}

#[test]
fn one_allergy_recorded_twice_is_one_finding() {
    let patient = patient().allergic_to(Coding::rxnorm("7984")).allergic_to(Coding::snomed("91936005"));
    assert_eq!(verdict(of(&["J01CA04"]), &patient), "veto ALLERGY_PENICILLINS[1]");
}

// --- duplication -------------------------------------------------------------------

#[test]
fn twice_the_same_is_noticed_and_a_renewal_is_not() {
    assert_eq!(verdict(of(&["A10BA02", "A10BD07"]), &patient()), "warn DUPLICATE_INGREDIENT[1, 2]");
    let renewal = order().medicine(Coding::rxnorm("860975"), "500", "mg", "2");
    assert_eq!(verdict(renewal, &patient().taking(Coding::rxnorm("860975"))), "allow");
    assert_eq!(
        verdict(of(&["A10BA02"]), &patient().taking(Coding::rxnorm("860975"))),
        "warn DUPLICATE_ACTIVE_INGREDIENT[1]"
    );
}

#[test]
fn two_of_one_class() {
    assert_eq!(verdict(of(&["C10AA05", "C10AA07"]), &patient()), "warn DUPLICATE_CLASS[1, 2]");
    assert_eq!(verdict(of(&["C10AA05"]), &patient().taking(Coding::rxnorm("314231"))), "warn DUPLICATE_CLASS[1]");
    assert_eq!(verdict(of(&["A10AB04", "A10AE04"]), &patient()), "allow", "a bolus and a basal insulin");
    let both_taken = patient().taking(Coding::atc("C10AA05")).taking(Coding::atc("C10AA07"));
    assert_eq!(verdict(of(&["A10BA02"]), &both_taken), "allow", "not this order's business");
}

// --- interactions --------------------------------------------------------------------

#[test]
fn pairs_on_the_order_and_with_what_is_taken() {
    for (first, second, expected) in [
        ("G04BE03", "C01DA14", "veto DDI_PDE5_NITRATE"),
        ("C10AA01", "J01FA09", "veto DDI_SIMVASTATIN_CYP3A4"),
        ("C10AA05", "J01FA10", "allow"),
        ("B01AA03", "M01AE01", "warn DDI_WARFARIN_NSAID"),
        ("B01AF01", "M01AB05", "warn DDI_ANTICOAGULANT_NSAID"),
        ("C09AA03", "C09CA01", "warn DDI_DUAL_RAS_BLOCKADE"),
        ("C09CA01", "C03DA01", "warn DDI_RAS_POTASSIUM_SPARING"),
        ("A10BK01", "A10AE04", "warn DDI_SGLT2_INSULIN_SECRETAGOGUE"),
        ("B01AC04", "A02BC01", "warn DDI_CLOPIDOGREL_OMEPRAZOLE"),
        ("B01AC04", "A02BC02", "allow"),
        ("A10BX02", "C10AB04", "veto DDI_REPAGLINIDE_GEMFIBROZIL"),
        ("N06AB06", "J01XX08", "veto DDI_SSRI_MAOI"),
        ("A10BA02", "J05AJ03", "warn DDI_METFORMIN_DOLUTEGRAVIR"),
    ] {
        let lines = |lines: &str| if expected == "allow" { expected.to_owned() } else { format!("{expected}{lines}") };
        assert_eq!(verdict(of(&[first, second]), &patient()), lines("[1, 2]"), "{first} {second}");
        assert_eq!(verdict(of(&[second, first]), &patient()), lines("[1, 2]"), "{second} {first}");
        assert_eq!(
            verdict(of(&[first]), &patient().taking(Coding::atc(second))),
            lines("[1]"),
            "{first} over {second}"
        );
    }
}

#[test]
fn a_medicine_that_was_stopped_interacts_no_more() {
    let stopped = patient().with_medication(Coding::atc("C01DA02"), xinglin_sdk::clinical::MedicationStatus::Stopped);
    assert_eq!(verdict(of(&["G04BE03"]), &stopped), "allow");
}

#[test]
fn a_renewed_medicine_is_found_once() {
    let patient = patient().taking(Coding::atc("B01AA03"));
    assert_eq!(verdict(of(&["B01AA03", "M01AE01"]), &patient), "warn DDI_WARFARIN_NSAID[1, 2]");
}

#[test]
fn aliskiren_with_an_ace_inhibitor_is_forbidden_in_diabetes() {
    assert_eq!(verdict(of(&["C09XA02", "C09AA02"]), &patient()), "veto DDI_ALISKIREN_RAS_DIABETES[1, 2]");
    let other = Patient::aged(40).diagnosed(Coding::icd10("I10"));
    assert_eq!(verdict(of(&["C09XA02", "C09AA02"]), &other), "allow");
    // A diagnosis that cannot be seen may be there.
    let hidden = other.withheld(Section::Conditions, OmissionReason::Consent);
    assert_eq!(verdict(of(&["C09XA02", "C09AA02"]), &hidden), "veto DDI_ALISKIREN_RAS_DIABETES[1, 2]");
}

// --- kidneys -------------------------------------------------------------------------

fn with_rate(rate: &str) -> Patient {
    let patient = Patient::aged(58).days_ago(10).diagnosed(Coding::icd10("E11.9"));
    patient.measured(Coding::loinc("98979-8"), rate, "mL/min/{1.73_m2}")
}

#[test]
fn the_dose_follows_the_filtration_rate() {
    let metformin = |dose: &str, unit: &str, times: &str| order().medicine(Coding::atc("A10BA02"), dose, unit, times);
    for (rate, dose, unit, times, expected) in [
        ("29", "500", "mg", "1", "veto RENAL_CONTRAINDICATED[1]"),
        ("29.5", "500", "mg", "2", "veto RENAL_CONTRAINDICATED[1]"),
        ("30", "500", "mg", "2", "allow"),
        ("30", "0.5", "g", "2", "allow"),
        ("44", "850", "mg", "2", "warn RENAL_DOSE_TOO_HIGH[1]"),
        ("44", "1", "{tbl}", "2", "warn RENAL_DOSE_NOT_CHECKED[1]"),
        ("45", "1000", "mg", "2", "allow"),
    ] {
        assert_eq!(verdict(metformin(dose, unit, times), &with_rate(rate)), expected, "{rate} {dose} {unit}");
    }
    let sitagliptin = |dose: &str| order().medicine(Coding::atc("A10BH01"), dose, "mg", "1");
    assert_eq!(verdict(sitagliptin("50"), &with_rate("44")), "allow");
    assert_eq!(verdict(sitagliptin("50"), &with_rate("29")), "warn RENAL_DOSE_TOO_HIGH[1]");
    let saxagliptin = order().medicine(Coding::atc("A10BH03"), "2.5", "mg", "1");
    assert_eq!(verdict(saxagliptin, &with_rate("40")), "allow");
}

#[test]
fn what_is_not_to_be_started_may_go_on() {
    assert_eq!(verdict(of(&["A10BK01"]), &with_rate("24")), "warn RENAL_NOT_START[1]");
    assert_eq!(verdict(of(&["A10BK01"]), &with_rate("24").taking(Coding::atc("A10BK01"))), "allow");
    assert_eq!(verdict(of(&["M01AE01"]), &with_rate("29")), "warn RENAL_AVOID[1]");
}

#[test]
fn the_rate_may_be_reckoned_from_creatinine() {
    let with_creatinine = |value: &str, unit: &str| {
        Patient::aged(65).days_ago(10).diagnosed(Coding::icd10("E11.9")).measured(Coding::loinc("14682-9"), value, unit)
    };
    let metformin = || order().medicine(Coding::atc("A10BA02"), "500", "mg", "1");
    // A woman of 65 with 1.9 mg/dL has 29, a man 39.
    let woman = with_creatinine("1.9", "mg/dL");
    assert_eq!(verdict(metformin(), &woman), "veto RENAL_CONTRAINDICATED[1]");
    assert_eq!(verdict(metformin(), &woman.clone().sex(Sex::Male)), "allow");
    assert_eq!(verdict(metformin(), &with_creatinine("167.96", "umol/L")), "veto RENAL_CONTRAINDICATED[1]");
    assert_eq!(verdict(metformin(), &woman.sex(Sex::Unknown)), "warn RENAL_FUNCTION_UNKNOWN[1]");
    assert!(matches!(review(metformin(), &with_creatinine("1.9", "mmol/L")), Err(Error::NotUnderstood(_))));
}

#[test]
fn the_newer_result_counts() {
    let patient = Patient::aged(65)
        .diagnosed(Coding::icd10("E11.9"))
        .days_ago(300)
        .measured(Coding::loinc("98979-8"), "80", "mL/min/{1.73_m2}")
        .days_ago(5)
        .measured(Coding::loinc("2160-0"), "1.9", "mg/dL");
    assert_eq!(
        verdict(order().medicine(Coding::atc("A10BA02"), "500", "mg", "1"), &patient),
        "veto RENAL_CONTRAINDICATED[1]"
    );
}

#[test]
fn kidneys_nobody_looked_at() {
    let never = Patient::aged(58).diagnosed(Coding::icd10("E11.9"));
    assert_eq!(verdict(of(&["A10BA02"]), &never), "warn RENAL_FUNCTION_UNKNOWN[1]");
    let old = never.clone().days_ago(365).measured(Coding::loinc("98979-8"), "95", "mL/min/{1.73_m2}");
    assert_eq!(verdict(of(&["A10BA02"]), &old), "warn RENAL_FUNCTION_UNKNOWN[1]");
    let withheld = never.withheld(Section::Observations, OmissionReason::Consent);
    assert!(matches!(review(of(&["A10BA02"]), &withheld), Err(Error::MissingData(_))));
    assert_eq!(verdict(of(&["A10BF01"]), &withheld), "allow", "nothing here depends on the kidneys");
    let young = Patient::aged(30);
    assert_eq!(verdict(of(&["M01AE01"]), &young), "allow");
    let odd = Patient::aged(58).measured(Coding::loinc("98979-8"), "95", "mL/s");
    assert!(matches!(review(of(&["A10BA02"]), &odd), Err(Error::NotUnderstood(_))));
}
