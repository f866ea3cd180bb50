//! The check as the host uses it.

use drug_safety::DrugSafety;
use xinglin_sdk::{
    clinical::{Criticality, ObservationValue, OmissionReason, Section, Sex, Snapshot},
    prescribing::{Error, Finding, Order, Severity, Verdict},
    testing::{Host, OrderBuilder, Patient, START, data_needs},
    time::DAY,
    types::{Attribute, AttributeValue, Coding},
};

fn order() -> OrderBuilder {
    OrderBuilder::for_diagnosis(Coding::icd10("E11.9"))
}

/// So little of each that only what a test is about is found.
fn of(codes: &[&str]) -> OrderBuilder {
    codes.iter().fold(order(), |order, code| {
        let (dose, unit) = match code.get(..4) {
            Some("A10A") => ("1", "[iU]"),
            // Fixed combinations.
            _ if ["A10BD", "J05AR", "J01EE", "C09DX04"].iter().any(|prefix| code.starts_with(prefix)) => ("1", "{tbl}"),
            _ => ("0.001", "mg"),
        };
        let weekly = *code == "L01BA01";
        order.medicine(Coding::atc(*code), dose, unit, if weekly { "0.142857" } else { "1" })
    })
}

/// With healthy kidneys, so that only what a test is about is found.
fn patient() -> Patient {
    Patient::aged(58).days_ago(30).diagnosed(Coding::snomed("44054006")).measured(
        Coding::loinc("98979-8"),
        "95",
        "mL/min/{1.73_m2}",
    )
}

fn snapshot(patient: &Patient) -> Snapshot {
    patient.snapshot_for(&data_needs::<DrugSafety>(), START)
}

fn asked(order: Order, snapshot: Snapshot) -> Result<Verdict, Error> {
    Host::of::<DrugSafety>().review::<DrugSafety>(order, snapshot, START)
}

fn review(order: OrderBuilder, patient: &Patient) -> Result<Verdict, Error> {
    asked(order.build(), snapshot(patient))
}

fn findings(order: OrderBuilder, patient: &Patient) -> Vec<Finding> {
    told(review(order, patient))
}

fn told(verdict: Result<Verdict, Error>) -> Vec<Finding> {
    match verdict {
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
    word(&findings(order, patient))
}

fn word(findings: &[Finding]) -> String {
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
    assert_eq!(findings.len(), 8, "{findings:?}");
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
    let answer = Host::of::<DrugSafety>().review::<DrugSafety>(of(&["A10BA02"]).build(), snapshot, START);
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
        (Coding::rxnorm("7984"), "J01DD04", "warn ALLERGY_CROSS_PENICILLINS[1]"),
        (Coding::rxnorm("7984"), "J01DH02", "warn ALLERGY_CROSS_PENICILLINS[1]"),
        (Coding::rxnorm("7984"), "J01FA10", "allow"),
        (Coding::rxnorm("2193"), "J01CA04", "warn ALLERGY_CROSS_CEPHALOSPORINS[1]"),
        (Coding::rxnorm("2193"), "J01CE02", "warn ALLERGY_CROSS_CEPHALOSPORINS[1]"),
        (Coding::rxnorm("10831"), "M01AH01", "veto ALLERGY_CROSS_SULFONAMIDE_ANTIBACTERIALS[1]"),
        (Coding::rxnorm("10831"), "A07EC01", "veto ALLERGY_CROSS_SULFONAMIDE_ANTIBACTERIALS[1]"),
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
        ("44", "1", "{tbl}", "2", "warn RENAL_DOSE_NOT_CHECKED[1] DOSE_NOT_COMPARED[1]"),
        ("45", "1000", "mg", "2", "allow"),
    ] {
        let taken = with_rate(rate).taking(Coding::atc("A10BA02"));
        assert_eq!(verdict(metformin(dose, unit, times), &taken), expected, "{rate} {dose} {unit}");
    }
    // To go on is one thing, to start another.
    assert_eq!(verdict(metformin("500", "mg", "2"), &with_rate("35")), "warn RENAL_NOT_START[1]");
    assert_eq!(
        verdict(metformin("850", "mg", "2"), &with_rate("35")),
        "warn RENAL_NOT_START[1] RENAL_DOSE_TOO_HIGH[1]"
    );
    let sitagliptin = |dose: &str| order().medicine(Coding::atc("A10BH01"), dose, "mg", "1");
    assert_eq!(verdict(sitagliptin("50"), &with_rate("44")), "allow");
    assert_eq!(verdict(sitagliptin("50"), &with_rate("29")), "warn RENAL_DOSE_TOO_HIGH[1]");
    let saxagliptin = order().medicine(Coding::atc("A10BH03"), "2.5", "mg", "1");
    assert_eq!(verdict(saxagliptin, &with_rate("40")), "allow");
}

#[test]
fn all_rows_that_apply_are_looked_at() {
    let canagliflozin = |dose: &str| order().medicine(Coding::atc("A10BK02"), dose, "mg", "1");
    assert_eq!(verdict(canagliflozin("300"), &with_rate("20")), "warn RENAL_NOT_START[1] RENAL_DOSE_TOO_HIGH[1]");
    assert_eq!(verdict(canagliflozin("100"), &with_rate("20")), "warn RENAL_NOT_START[1]");
    let taken = with_rate("20").taking(Coding::atc("A10BK02"));
    assert_eq!(verdict(canagliflozin("300"), &taken), "warn RENAL_DOSE_TOO_HIGH[1]");
    assert_eq!(verdict(canagliflozin("100"), &taken), "allow");
}

#[test]
fn tenofovir_is_given_to_nobody_without_a_creatinine() {
    let young = Patient::aged(25).sex(Sex::Male);
    let truvada = || order().medicine(Coding::atc("J05AR03"), "1", "{tbl}", "1");
    assert_eq!(verdict(truvada(), &young), "warn RENAL_FUNCTION_UNKNOWN[1]");
    let with = |rate: &str| young.clone().days_ago(10).measured(Coding::loinc("98979-8"), rate, "mL/min/{1.73_m2}");
    assert_eq!(verdict(truvada(), &with("90")), "allow");
    // Before exposure the threshold is higher than in treatment.
    assert_eq!(verdict(truvada(), &with("55")), "warn RENAL_AVOID[1]");
    assert_eq!(verdict(truvada(), &with("55").taking(Coding::atc("J05AJ01"))), "allow");
    assert_eq!(verdict(truvada(), &with("55").diagnosed(Coding::icd10("B20"))), "allow");
    assert_eq!(verdict(truvada(), &with("40").diagnosed(Coding::icd10("B20"))), "warn RENAL_REDUCE[1]");
}

#[test]
fn what_is_not_to_be_started_may_go_on() {
    assert_eq!(verdict(of(&["A10BK01"]), &with_rate("24")), "warn RENAL_NOT_START[1]");
    assert_eq!(verdict(of(&["A10BK01"]), &with_rate("24").taking(Coding::atc("A10BK01"))), "allow");
    assert_eq!(verdict(of(&["M01AB05"]), &with_rate("29")), "warn RENAL_AVOID[1]");
}

#[test]
fn what_a_label_contraindicates_in_renal_impairment_is_a_veto() {
    // One less is a veto; at the threshold it is none.
    for (code, threshold) in [
        ("B01AE07", 30),
        ("B01AX05", 30),
        ("J01XE01", 60),
        ("A10BA02", 30),
        ("A10BB01", 30),
        ("A10BB12", 30),
        ("A10BF01", 25),
        ("A07EC02", 30),
        ("C01EB18", 30),
        ("C03DA04", 31),
        ("C03DB01", 30),
        ("C10AA07", 30),
        ("L01BA01", 30),
        ("M01AB05", 15),
        ("M01AB15", 30),
        ("M01AC06", 25),
        ("M01AE01", 30),
        ("M01AE02", 30),
        ("M01AH01", 30),
        ("M01AH05", 30),
        ("M05BA08", 35),
        ("N05AN01", 30),
        ("N06AX21", 30),
    ] {
        let found = |rate: i64| verdict(of(&[code]), &with_rate(&rate.to_string()).sex(Sex::Male));
        assert_eq!(found(threshold - 1), "veto RENAL_CONTRAINDICATED[1]", "{code}");
        assert!(!found(threshold).contains("veto"), "{code}: {}", found(threshold));
    }
    for (code, rate, expected) in [
        ("B01AF01", "14", "warn RENAL_AVOID[1]"),
        ("B01AF02", "14", "warn RENAL_AVOID[1]"),
        ("B01AB05", "29", "warn RENAL_REDUCE[1]"),
        ("B01AB05", "14", "warn RENAL_AVOID[1]"),
        ("C03DA01", "29", "warn RENAL_AVOID[1]"),
        ("C03DA04", "49", "warn RENAL_AVOID[1]"),
        ("J05AF07", "49", "warn RENAL_AVOID[1] RENAL_REDUCE[1]"),
        ("M05BA04", "34", "warn RENAL_AVOID[1]"),
        ("N02BF01", "59", "warn RENAL_REDUCE[1]"),
    ] {
        let found = verdict(of(&[code]), &with_rate(rate).sex(Sex::Male));
        let last = expected.rsplit(' ').next().expect("a code");
        assert!(found.starts_with("warn") && found.contains(last), "{code} at {rate}: {found}");
    }
}

/// With one result of the filtration rate or of creatinine, and what the host says of it.
fn with_result(patient: Patient, code: &str, value: &str, attributes: &[(&str, &str)]) -> Patient {
    let mut patient = patient;
    let unit = if code == "98979-8" { "mL/min/{1.73_m2}" } else { "umol/L" };
    let mut result = patient.measurement(Coding::loinc(code), value, unit);
    for (key, value) in attributes {
        let attribute = match *value {
            "true" => Attribute::new(*key, true),
            value => Attribute::new(*key, value),
        };
        result.attributes.push(attribute);
    }
    if attributes.iter().any(|(key, _)| *key == "xinglin.refused") {
        result.value = ObservationValue::Absent;
    }
    patient.record(result);
    patient
}

#[test]
fn only_a_result_that_stands_counts() {
    let metformin = || order().medicine(Coding::atc("A10BA02"), "500", "mg", "1");
    let sick = || {
        let patient = Patient::aged(58).diagnosed(Coding::icd10("E11.9")).days_ago(30);
        with_result(patient, "98979-8", "20", &[]).days_ago(5)
    };
    let refused = [("xinglin.refused", "MEASUREMENT_IMPLAUSIBLE")];
    let reported = [("xinglin.self-reported", "true")];
    for (attributes, value) in [(&refused, "95"), (&reported, "95"), (&[("xinglin.comparator", "ad")], "95")] {
        let newer = with_result(sick(), "98979-8", value, attributes);
        assert_eq!(verdict(metformin(), &newer), "veto RENAL_CONTRAINDICATED[1]", "{attributes:?}");
        let newer = with_result(sick(), "14682-9", "60", attributes);
        assert_eq!(verdict(metformin(), &newer), "veto RENAL_CONTRAINDICATED[1]", "{attributes:?}");
        // Nothing else: the kidneys were not measured.
        let alone = with_result(Patient::aged(58).diagnosed(Coding::icd10("E11.9")), "98979-8", value, attributes);
        assert_eq!(verdict(metformin(), &alone), "warn RENAL_FUNCTION_UNKNOWN[1]", "{attributes:?}");
    }
    // Measured, without a value.
    let mut absent = sick();
    let mut result = absent.measurement(Coding::loinc("98979-8"), "95", "mL/min/{1.73_m2}");
    result.value = ObservationValue::Absent;
    absent.record(result);
    assert_eq!(verdict(metformin(), &absent), "veto RENAL_CONTRAINDICATED[1]");
    // The same of a weight.
    let weighed =
        Patient::aged(6).sex(Sex::Male).days_ago(20).measured(Coding::loinc("29463-7"), "20", "kg").days_ago(5);
    let mut refused = weighed.measurement(Coding::loinc("29463-7"), "900", "kg");
    refused.value = ObservationValue::Absent;
    let mut patient = weighed;
    patient.record(refused);
    let paracetamol = order().medicine(Coding::atc("N02BE01"), "400", "mg", "4");
    assert_eq!(verdict(paracetamol, &patient), "veto DOSE_ABOVE_MAXIMUM[1]");
}

#[test]
fn a_bound_decides_what_it_decides_and_says_so_if_it_does_not() {
    let man = || Patient::aged(60).sex(Sex::Male).days_ago(5);
    let [rate, creatinine] = ["98979-8", "14682-9"];
    for (code, value, sign, medicine, expected) in [
        (rate, "60", ">", "A10BA02", "allow"),
        (rate, "60", ">=", "J01XE01", "allow"),
        (rate, "60", ">", "J01XE01", "allow"),
        (rate, "90", ">", "N03AX14", "allow"),
        (rate, "60", ">", "N03AX14", "warn RENAL_NOT_DECIDED[1]"),
        (rate, "30", ">=", "J01XE01", "warn RENAL_NOT_DECIDED[1]"),
        (rate, "30", ">=", "B01AE07", "warn RENAL_NOT_DECIDED[1]"),
        (rate, "15", "<", "A10BA02", "veto RENAL_CONTRAINDICATED[1]"),
        (rate, "15", "<=", "A10BA02", "veto RENAL_CONTRAINDICATED[1]"),
        (rate, "15", "<", "B01AF01", "warn RENAL_AVOID[1]"),
        // A graver row may apply.
        (rate, "15", "<=", "B01AF01", "warn RENAL_REDUCE[1] RENAL_NOT_DECIDED[1]"),
        (rate, "15", "<", "R06AE09", "warn RENAL_REDUCE[1] RENAL_NOT_DECIDED[1]"),
        (rate, "60", "<", "A10BA02", "warn RENAL_NOT_DECIDED[1]"),
        // 1.9 mg/dL of a man of 60 are 40; more of it is less.
        (creatinine, "44.2", "<", "A10BA02", "allow"),
        (creatinine, "167.96", "<", "A10BA02", "warn RENAL_NOT_DECIDED[1]"),
        (creatinine, "442", ">", "A10BA02", "veto RENAL_CONTRAINDICATED[1]"),
    ] {
        let patient = with_result(man(), code, value, &[("xinglin.comparator", sign)]);
        assert_eq!(verdict(of(&[medicine]), &patient), expected, "{medicine} {sign}{value}");
    }
    // Of one report, the number.
    let both = with_result(man(), rate, "60", &[("xinglin.comparator", ">")]);
    assert_eq!(verdict(of(&["N03AX14"]), &with_result(both, creatinine, "62", &[])), "allow");
    let said = findings(of(&["N03AX14"]), &with_result(man(), rate, "60", &[("xinglin.comparator", ">")]));
    assert!(said[0].message.iter().all(|text| text.text.contains(">60")), "{said:?}");
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
    assert_eq!(verdict(metformin(), &woman.clone().sex(Sex::Male).taking(Coding::atc("A10BA02"))), "allow");
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
    assert_eq!(verdict(of(&["A10BH05"]), &withheld), "allow", "nothing here depends on the kidneys");
    let young = Patient::aged(30);
    assert_eq!(verdict(of(&["M01AE01"]), &young), "allow");
    let odd = Patient::aged(58).measured(Coding::loinc("98979-8"), "95", "mL/s");
    assert!(matches!(review(of(&["A10BA02"]), &odd), Err(Error::NotUnderstood(_))));
}

#[test]
fn several_spellings_of_a_unit_are_one_unit() {
    for (value, unit) in [("167.96", "umol/l"), ("167.96", "µmol/L"), ("1.9", "mg/dl")] {
        let patient = Patient::aged(65).days_ago(10).diagnosed(Coding::icd10("E11.9")).measured(
            Coding::loinc("14682-9"),
            value,
            unit,
        );
        assert_eq!(verdict(of(&["A10BA02"]), &patient), "veto RENAL_CONTRAINDICATED[1]", "{unit}");
    }
}

// --- allergies in words --------------------------------------------------------------

/// As the host gives an allergy without a code.
fn allergic_in_words(words: &str) -> Snapshot {
    let mut snapshot = snapshot(&patient().allergic_to(Coding::new(DATA_ABSENT, "as-text")));
    snapshot.allergies[0].attributes.push(Attribute::new("xinglin.text", words));
    snapshot
}

const DATA_ABSENT: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";

#[test]
fn an_allergy_in_words_stops_the_medicine_or_stops_for_coding() {
    for (words, ordered, expected) in [
        ("青霉素", "J01CA04", "veto ALLERGY_PENICILLINS[1]"),
        ("对青霉素过敏", "J01DC04", "warn ALLERGY_CROSS_PENICILLINS[1]"),
        ("头孢", "J01DD04", "veto ALLERGY_CEPHALOSPORINS[1]"),
        ("头孢类过敏", "J01CA04", "warn ALLERGY_CROSS_CEPHALOSPORINS[1]"),
        ("磺胺", "J01EE01", "veto ALLERGY_SULFONAMIDE_ANTIBACTERIALS[1]"),
        ("磺胺", "M01AH01", "veto ALLERGY_CROSS_SULFONAMIDE_ANTIBACTERIALS[1]"),
        ("阿司匹林", "B01AC06", "veto ALLERGY_INGREDIENT[1]"),
        ("阿司匹林", "M01AE01", "veto ALLERGY_NSAIDS[1]"),
        ("penicillin", "J01CA04", "veto ALLERGY_PENICILLINS[1]"),
        ("Penicillin V", "J01CE02", "veto ALLERGY_INGREDIENT[1]"),
        ("ＡＳＰＩＲＩＮ", "M01AE01", "veto ALLERGY_NSAIDS[1]"),
        ("青霉素、花粉", "A10BA02", "allow"),
        ("花生", "A10BA02", "allow"),
        ("无", "A10BA02", "allow"),
        ("否认药物过敏史", "J01CA04", "allow"),
        ("某种消炎药", "A10BA02", "veto ALLERGY_NOT_CODED[]"),
        ("药物过敏", "A10BA02", "veto ALLERGY_NOT_CODED[]"),
        ("否认青霉素过敏", "A10BA02", "veto ALLERGY_NOT_CODED[]"),
        ("青霉素、某种消炎药", "J01CA04", "veto ALLERGY_PENICILLINS[1] ALLERGY_NOT_CODED[]"),
        ("penicillin and Septrin", "J01EE01", "veto ALLERGY_NOT_CODED[]"),
        ("penicillin and Septrin", "J01CA04", "veto ALLERGY_PENICILLINS[1] ALLERGY_NOT_CODED[]"),
    ] {
        let findings = told(asked(of(&[ordered]).build(), allergic_in_words(words)));
        assert_eq!(word(&findings), expected, "{words} {ordered}");
        for finding in findings.iter().filter(|finding| finding.code == "ALLERGY_NOT_CODED") {
            assert!(finding.message.iter().all(|text| text.text.contains(words)), "{finding:?}");
        }
    }
}

#[test]
fn an_allergy_of_the_past_warns_and_one_that_was_refuted_does_not_count() {
    let marked = |words: &str, key: &str, value: &str| {
        let mut snapshot = allergic_in_words(words);
        snapshot.allergies[0].attributes.push(Attribute::new(key, value));
        snapshot
    };
    for (key, value, ordered, expected) in [
        ("xinglin.clinical-status", "resolved", "J01CA04", "warn ALLERGY_PENICILLINS[1]"),
        ("xinglin.clinical-status", "inactive", "J01CA04", "warn ALLERGY_PENICILLINS[1]"),
        ("xinglin.clinical-status", "unheard-of", "J01CA04", "veto ALLERGY_PENICILLINS[1]"),
        ("xinglin.clinical-status", "resolved", "J01DC04", "warn ALLERGY_CROSS_PENICILLINS[1]"),
        ("xinglin.verification-status", "unconfirmed", "J01CA04", "veto ALLERGY_PENICILLINS[1]"),
        ("xinglin.verification-status", "refuted", "J01CA04", "allow"),
        ("xinglin.verification-status", "entered-in-error", "J01CA04", "allow"),
    ] {
        let found = told(asked(of(&[ordered]).build(), marked("青霉素", key, value)));
        assert_eq!(word(&found), expected, "{value} {ordered}");
    }
    let past = told(asked(of(&["J01CA04"]).build(), marked("青霉素", "xinglin.clinical-status", "resolved")));
    assert!(past[0].message[1].text.contains("no longer active"), "{past:?}");
    // One in words that nobody understands, as well.
    let past = told(asked(of(&["A10BA02"]).build(), marked("某种药", "xinglin.clinical-status", "resolved")));
    assert_eq!(word(&past), "warn ALLERGY_NOT_CODED[]");
    // What is there both ways is there.
    let mut both = marked("青霉素", "xinglin.clinical-status", "resolved");
    both.allergies.extend(allergic_in_words("青霉素").allergies);
    assert_eq!(word(&told(asked(of(&["J01CA04"]).build(), both))), "veto ALLERGY_PENICILLINS[1]");
}

#[test]
fn an_allergy_that_says_nothing_stops_for_coding() {
    for code in [Coding::new(DATA_ABSENT, "unknown"), Coding::new(DATA_ABSENT, "as-text"), Coding::snomed("416098002")]
    {
        assert_eq!(verdict(of(&["A10BA02"]), &patient().allergic_to(code)), "veto ALLERGY_NOT_CODED[]");
    }
    // What the code leaves open, the text says.
    let mut said = snapshot(&patient().allergic_to(Coding::snomed("416098002")));
    said.allergies[0].attributes.push(Attribute::new("xinglin.text", "青霉素"));
    assert_eq!(word(&told(asked(of(&["J01CA04"]).build(), said))), "veto ALLERGY_PENICILLINS[1]");
    // An unknown food is no medicine.
    let mut food = allergic_in_words("折耳根");
    food.allergies[0].attributes.push(Attribute::new("xinglin.category", "food"));
    assert_eq!(word(&told(asked(of(&["A10BA02"]).build(), food))), "warn ALLERGY_NOT_COVERED[]");
    // A local code with a name that is known.
    let local = patient().allergic_to(Coding::new("urn:local", "A1").displayed("青霉素"));
    assert_eq!(verdict(of(&["J01CA04"]), &local), "veto ALLERGY_PENICILLINS[1]");
}

#[test]
fn a_harmless_reaction_makes_a_remark_of_what_may_cross_react() {
    let mut snapshot = snapshot(&patient().allergic_to(Coding::rxnorm("7984")));
    snapshot.allergies[0].criticality = Criticality::Low;
    let findings = told(asked(of(&["J01DD04"]).build(), snapshot));
    assert_eq!((findings.len(), findings[0].severity), (1, Severity::Info), "{findings:?}");
}

// --- classes, refills ------------------------------------------------------------------

#[test]
fn one_of_a_class_is_enough() {
    for [first, second] in [
        ["J05AF07", "J05AF13"],
        ["A10BH01", "A10BJ06"],
        ["B01AC04", "B01AC24"],
        ["N06AB06", "N06AX16"],
        ["N06AB06", "N06AB10"],
        ["A10AE04", "A10AE06"],
        ["A10AC01", "A10AE04"],
        ["C10AA05", "C10AA07"],
        ["C09CA01", "C09CA03"],
        ["C09AA03", "C09AA05"],
        ["M01AE01", "M01AB05"],
        ["A02BC01", "A02BC02"],
        ["N05BA01", "N05CF02"],
        ["A10BB12", "A10BX02"],
        ["A10BK01", "A10BK03"],
    ] {
        // The kidneys are known, no matter which medicine asks.
        let found = verdict(of(&[first, second]), &patient());
        assert!(found.contains("DUPLICATE_CLASS[1, 2]"), "{first} {second}: {found}");
    }
}

#[test]
fn a_refill_before_the_supply_ends_is_a_finding() {
    let metformin = || order().medicine(Coding::rxnorm("860975"), "500", "mg", "2").build();
    let until = |days: i64, code: Coding| {
        let mut snapshot = snapshot(&patient().taking(code));
        snapshot.medications[0].attributes = vec![Attribute {
            key: "xinglin.supply-ends".to_owned(),
            value: AttributeValue::Instant(START + days * DAY),
        }];
        snapshot
    };
    for (days, expected) in
        [(20, "warn REFILL_TOO_EARLY[1]"), (8, "warn REFILL_TOO_EARLY[1]"), (7, "allow"), (-3, "allow")]
    {
        let findings = told(asked(metformin(), until(days, Coding::rxnorm("860975"))));
        assert_eq!(word(&findings), expected, "{days}");
        if days == 20 {
            assert!(findings[0].message.iter().all(|text| text.text.contains("2026-01-21")), "{findings:?}");
        }
    }
    // Another product of the same medicine is a refill, too.
    assert_eq!(word(&told(asked(metformin(), until(20, Coding::atc("A10BA02"))))), "warn REFILL_TOO_EARLY[1]");
    assert_eq!(
        word(&told(asked(metformin(), until(3, Coding::atc("A10BA02"))))),
        "warn DUPLICATE_ACTIVE_INGREDIENT[1]"
    );
    // Where the end is not known, it is a renewal.
    assert_eq!(word(&told(asked(metformin(), snapshot(&patient().taking(Coding::rxnorm("860975")))))), "allow");
}

// --- interactions of the issue ---------------------------------------------------------

#[test]
fn interactions_by_class_have_the_severity_of_their_source() {
    for (first, second, expected) in [
        ("B01AF01", "B01AF02", "veto DDI_DIRECT_ANTICOAGULANTS_TOGETHER"),
        ("B01AA03", "B01AB05", "warn DDI_WARFARIN_HEPARIN"),
        ("B01AA03", "B01AC04", "warn DDI_ANTICOAGULANT_ANTIPLATELET"),
        ("B01AF01", "M01AE02", "warn DDI_ANTICOAGULANT_NSAID"),
        ("B01AA03", "J02AC03", "warn DDI_WARFARIN_CYP2C9"),
        ("B01AF01", "J02AC02", "warn DDI_DIRECT_ANTICOAGULANT_CYP3A4_PGP"),
        ("B01AF02", "J05AE03", "warn DDI_DIRECT_ANTICOAGULANT_CYP3A4_PGP"),
        ("B01AF02", "V03AX03", "warn DDI_DIRECT_ANTICOAGULANT_CYP3A4_PGP"),
        ("B01AF01", "J02AC01", "warn DDI_DIRECT_ANTICOAGULANT_FLUCONAZOLE"),
        ("B01AE07", "J02AC02", "veto DDI_DABIGATRAN_PGP"),
        ("G04BE08", "C01DA02", "veto DDI_PDE5_NITRATE"),
        ("G04BE03", "J05AE03", "warn DDI_PDE5_CYP3A4"),
        ("N06AB03", "N02AX02", "warn DDI_SEROTONERGIC_OPIOID"),
        ("N06AX16", "M01AE01", "warn DDI_SEROTONERGIC_NSAID"),
        ("N06AB06", "B01AA03", "warn DDI_ANTICOAGULANT_SEROTONERGIC"),
        ("N06AX21", "N06AG02", "veto DDI_SSRI_MAOI"),
        ("N06AX16", "J01XX08", "veto DDI_SSRI_MAOI"),
        ("C10AA01", "J01FA01", "veto DDI_SIMVASTATIN_CYP3A4"),
        ("C10AA05", "J01FA09", "warn DDI_ATORVASTATIN_CYP3A4"),
        ("C10AA05", "J02AC02", "warn DDI_ATORVASTATIN_CYP3A4"),
        ("C10AA05", "J05AE03", "warn DDI_ATORVASTATIN_CYP3A4"),
        ("C10AA02", "V03AX03", "veto DDI_STATIN_PROTEASE_INHIBITOR"),
        ("C10AA01", "L04AD01", "veto DDI_SIMVASTATIN_CICLOSPORIN"),
        ("C10AA02", "L04AD01", "warn DDI_LOVASTATIN_CICLOSPORIN"),
        ("C10AA03", "L04AD01", "warn DDI_PRAVASTATIN_CICLOSPORIN"),
        ("C10AA04", "L04AD01", "warn DDI_FLUVASTATIN_CICLOSPORIN"),
        ("C10AA05", "L04AD01", "warn DDI_STATIN_CICLOSPORIN"),
        ("C10AA07", "L04AD01", "veto DDI_ROSUVASTATIN_CICLOSPORIN"),
        ("C10AA08", "L04AD01", "veto DDI_PITAVASTATIN_CICLOSPORIN"),
        ("C09AA03", "M01AE01", "warn DDI_RAS_NSAID"),
        ("C09CA03", "J01EA01", "warn DDI_RAS_TRIMETHOPRIM"),
        ("C09CA03", "A12BA01", "warn DDI_RAS_POTASSIUM"),
        ("C09AA05", "C03DA01", "warn DDI_RAS_POTASSIUM_SPARING"),
        ("A10BB12", "J02AC01", "warn DDI_SULFONYLUREA_AZOLE"),
        ("N03AG01", "J01DH02", "warn DDI_VALPROATE_CARBAPENEM"),
        ("N03AG01", "N03AX09", "warn DDI_VALPROATE_LAMOTRIGINE"),
        ("L01BA01", "M01AE01", "warn DDI_METHOTREXATE_NSAID"),
        ("L01BA01", "J01EA01", "warn DDI_METHOTREXATE_TRIMETHOPRIM"),
        ("L04AD02", "J01FA09", "warn DDI_TACROLIMUS_CYP3A4"),
        ("L04AD02", "J02AC01", "warn DDI_TACROLIMUS_CYP3A4"),
        ("L04AD02", "J04AB02", "warn DDI_TACROLIMUS_INDUCER"),
        ("J05AJ03", "N03AF01", "warn DDI_DOLUTEGRAVIR_INDUCER"),
        ("J05AJ03", "J04AB02", "warn DDI_DOLUTEGRAVIR_INDUCER"),
        ("J05AJ03", "J04AB05", "warn DDI_DOLUTEGRAVIR_INDUCER"),
        ("J05AJ03", "A02AC01", "warn DDI_INTEGRASE_CATION"),
        ("H03AA01", "A02AC01", "warn DDI_LEVOTHYROXINE_BINDER"),
        ("H03AA01", "B03AA07", "warn DDI_LEVOTHYROXINE_BINDER"),
        ("N06AA09", "N06AF03", "veto DDI_TRICYCLIC_MAOI"),
        ("C01BD01", "J01MA14", "warn DDI_QT_KNOWN_RISK"),
        ("N06AB10", "A04AA01", "warn DDI_QT_KNOWN_RISK"),
        ("C10AX02", "C01BD01", "warn DDI_QT_KNOWN_RISK"),
        ("A03FA03", "C10AX02", "veto DDI_DOMPERIDONE_QT"),
        ("A03FA03", "J01FA09", "veto DDI_DOMPERIDONE_QT"),
        ("L04AX01", "M04AA03", "veto DDI_AZATHIOPRINE_FEBUXOSTAT"),
        ("L04AX01", "M04AA01", "warn DDI_AZATHIOPRINE_ALLOPURINOL"),
    ] {
        assert_eq!(verdict(of(&[first, second]), &man()), format!("{expected}[1, 2]"), "{first} {second}");
        assert_eq!(
            verdict(of(&[second]), &man().taking(Coding::atc(first))),
            format!("{expected}[1]"),
            "{second} over {first}"
        );
    }
}

#[test]
fn a_combination_interacts_by_each_of_its_parts() {
    let found = verdict(of(&["J05AR20", "J04AB02"]), &man());
    assert_eq!(found, "veto DDI_BICTEGRAVIR_RIFAMPICIN[1, 2] DDI_TAF_RIFAMYCIN[1, 2]");
}

/// Without diabetes, weighed, with healthy kidneys.
fn man() -> Patient {
    let patient = Patient::aged(40).sex(Sex::Male).days_ago(30);
    let patient = patient.measured(Coding::loinc("98979-8"), "95", "mL/min/{1.73_m2}");
    patient.measured(Coding::loinc("29463-7"), "70", "kg")
}

// --- dose ------------------------------------------------------------------------------

#[test]
fn what_is_above_the_maximum_is_a_veto() {
    let adult = man();
    let child = |years: u32, kilograms: &str| {
        Patient::aged(years).sex(Sex::Male).days_ago(10).measured(Coding::loinc("29463-7"), kilograms, "kg")
    };
    for (patient, code, dose, unit, times, expected) in [
        (&adult, "A10BA02", "500", "mg", "2", "allow"),
        (&adult, "A10BA02", "1000", "mg", "2", "allow"),
        (&adult, "A10BA02", "60000", "mg", "24", "veto DOSE_ABOVE_MAXIMUM[1]"),
        (&adult, "A10BA02", "1", "g", "3", "veto DOSE_ABOVE_MAXIMUM[1]"),
        (&adult, "A10BA02", "850000", "ug", "3", "allow"),
        (&adult, "A10BK01", "10", "mg", "1", "allow"),
        (&adult, "A10BK01", "10", "mg", "2", "veto DOSE_ABOVE_MAXIMUM[1]"),
        (&adult, "J01CA04", "500", "mg", "3", "allow"),
        (&adult, "N05CF02", "10", "mg", "1", "allow"),
        (&adult, "N05CF02", "20", "mg", "1", "veto DOSE_ABOVE_MAXIMUM[1]"),
        (&adult, "A10BA02", "2", "{tbl}", "2", "warn DOSE_NOT_COMPARED[1]"),
        (&adult, "A10BA02", "5", "mL", "2", "warn DOSE_NOT_COMPARED[1]"),
        (&adult, "A10AE04", "20", "[iU]", "1", "allow"),
        (&adult, "A10AE04", "20", "U", "1", "allow"),
        (&adult, "A10AE04", "2000", "[iU]", "1", "warn DOSE_ABOVE_MAXIMUM[1]"),
        (&adult, "G03CA03", "1", "mg", "1", "warn DOSE_NO_MAXIMUM[1]"),
        (&adult, "J05AR20", "1", "{tbl}", "1", "allow"),
        // Tablets have strengths that the order does not tell.
        (&adult, "J05AR20", "2", "{tbl}", "1", "warn DOSE_ABOVE_MAXIMUM[1]"),
        (&adult, "C09DX04", "4", "{tbl}", "2", "allow"),
        (&adult, "C09DX04", "5", "{tbl}", "2", "warn DOSE_ABOVE_MAXIMUM[1]"),
        (&adult, "C09DA03", "2", "{tbl}", "1", "allow"),
        (&adult, "C09DA04", "1", "{tbl}", "2", "allow"),
        (&adult, "C09DA07", "2", "{tbl}", "1", "allow"),
        (&adult, "C09DB01", "2", "{tbl}", "1", "allow"),
        (&adult, "C09DA04", "3", "{tbl}", "1", "warn DOSE_ABOVE_MAXIMUM[1]"),
        (&adult, "B03AA07", "300", "mg", "3", "allow"),
        (&adult, "B03AA07", "450", "mg", "2", "allow"),
        (&adult, "B03AA07", "600", "mg", "3", "veto DOSE_ABOVE_MAXIMUM[1]"),
        (&adult, "A02BX05", "600", "mg", "2", "allow"),
        (&adult, "A02BX05", "600", "mg", "3", "veto DOSE_ABOVE_MAXIMUM[1]"),
        (&adult, "C10AB05", "100", "mg", "3", "allow"),
        (&adult, "C10AB05", "200", "mg", "2", "veto DOSE_ABOVE_MAXIMUM[1]"),
        (&adult, "A10BB07", "20", "mg", "1", "allow"),
        (&adult, "A10BB07", "10", "mg", "3", "allow"),
        (&adult, "A10BB07", "15", "mg", "3", "veto DOSE_ABOVE_MAXIMUM[1]"),
        // Twice a day, or a depot once a week.
        (&adult, "A10BJ01", "10", "ug", "2", "allow"),
        (&adult, "A10BJ01", "10", "ug", "3", "veto DOSE_ABOVE_MAXIMUM[1]"),
        (&adult, "A10BJ01", "2", "mg", "0.142857", "allow"),
        (&adult, "A10BJ01", "2", "mg", "1", "veto DOSE_TOO_OFTEN[1]"),
        (&adult, "A10BJ01", "4", "mg", "0.142857", "veto DOSE_ABOVE_MAXIMUM[1]"),
        (&adult, "A10BJ01", "100", "ug", "2", "veto DOSE_TOO_OFTEN[1]"),
        // Extended release, patches.
        (&adult, "N04BC05", "4.5", "mg", "1", "allow"),
        (&adult, "N04BC04", "24", "mg", "1", "allow"),
        (&adult, "N06DA03", "9.5", "mg", "1", "allow"),
        (&adult, "N07CA01", "24", "mg", "2", "allow"),
        (&child(1, "10"), "R06AE07", "2.5", "mg", "2", "allow"),
        (&child(1, "10"), "R06AE07", "5", "mg", "1", "veto DOSE_ABOVE_MAXIMUM[1]"),
        (&child(4, "16"), "R06AE07", "5", "mg", "1", "allow"),
        (&child(4, "16"), "R06AE07", "2.5", "mg", "2", "allow"),
        (&child(4, "16"), "R06AE07", "5", "mg", "2", "veto DOSE_ABOVE_MAXIMUM[1]"),
        (&child(6, "20"), "R06AE07", "10", "mg", "1", "allow"),
        (&child(6, "20"), "R06AE07", "10", "mg", "2", "veto DOSE_ABOVE_MAXIMUM[1]"),
        (&child(4, "16"), "R06AX13", "5", "mg", "1", "allow"),
        (&child(4, "16"), "R06AX13", "10", "mg", "1", "veto DOSE_ABOVE_MAXIMUM[1]"),
        (&child(6, "20"), "R06AX13", "10", "mg", "1", "allow"),
        (&adult, "L01BA01", "10", "mg", "0.142857", "allow"),
        (&adult, "L01BA01", "10", "mg", "1", "veto DOSE_TOO_OFTEN[1]"),
        // By injection once a week, by mouth daily.
        (&adult, "A10BJ06", "1", "mg", "0.142857", "allow"),
        (&adult, "A10BJ06", "1", "mg", "1", "veto DOSE_TOO_OFTEN[1]"),
        (&adult, "A10BJ06", "7", "mg", "1", "allow"),
        (&adult, "M05BA04", "70", "mg", "0.142857", "allow"),
        (&adult, "M05BA04", "70", "mg", "1", "veto DOSE_ABOVE_MAXIMUM[1]"),
        (&child(6, "20"), "N02BE01", "250", "mg", "4", "allow"),
        (&child(6, "20"), "N02BE01", "400", "mg", "4", "veto DOSE_ABOVE_MAXIMUM[1]"),
        (&child(6, "60"), "N02BE01", "600", "mg", "3", "veto DOSE_ABOVE_MAXIMUM[1]"),
        (&Patient::aged(6), "N02BE01", "250", "mg", "4", "warn DOSE_WEIGHT_UNKNOWN[1]"),
        (&child(6, "20"), "H03BB02", "5", "mg", "1", "warn DOSE_NO_MAXIMUM[1]"),
        (&Patient::aged(6), "N02BE01", "5000", "mg", "4", "veto DOSE_ABOVE_MAXIMUM[1]"),
    ] {
        let order = order().medicine(Coding::atc(code), dose, unit, times);
        assert_eq!(verdict(order, patient), expected, "{code} {dose} {unit} × {times}");
    }
}

#[test]
fn every_medicine_of_the_shipped_formulary_has_a_maximum() {
    let formulary = include_str!("../../../examples/formulary/clinic.json");
    let mut codes: Vec<&str> =
        formulary.split("\"http://www.whocc.no/atc\", \"code\": \"").skip(1).filter_map(|rest| rest.get(..7)).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), 4, "{codes:?}");
    for code in codes {
        let order = order().medicine(Coding::atc(code), "100000", "mg", "24");
        assert!(verdict(order, &man()).contains("veto DOSE_ABOVE_MAXIMUM[1]"), "{code}");
    }
}

// --- age, pregnancy, lactation -----------------------------------------------------------

#[test]
fn an_age_forbids() {
    let aged = |years: u32| Patient::aged(years).sex(Sex::Male);
    let found = |code: &str, years: u32| {
        let about = findings(of(&[code]), &aged(years)).into_iter().filter(|finding| finding.code.starts_with("AGE_"));
        word(&about.collect::<Vec<_>>())
    };
    for (code, years, expected) in [
        ("R05DA04", 11, "veto AGE_TOO_YOUNG[1]"),
        ("R05DA04", 12, "warn AGE_TOO_YOUNG[1]"),
        ("R05DA04", 18, "allow"),
        ("N02AX02", 11, "veto AGE_TOO_YOUNG[1]"),
        ("N02AX02", 17, "warn AGE_TOO_YOUNG[1]"),
        ("B01AC06", 15, "veto AGE_TOO_YOUNG[1]"),
        ("B01AC06", 16, "allow"),
        ("J01AA02", 7, "veto AGE_TOO_YOUNG[1]"),
        ("J01AA02", 8, "allow"),
        ("J01MA12", 17, "warn AGE_TOO_YOUNG[1]"),
        ("J01MA12", 18, "allow"),
        ("N05BA01", 65, "warn AGE_TOO_OLD[1]"),
        ("N05BA01", 64, "allow"),
    ] {
        assert_eq!(found(code, years), expected, "{code} at {years}");
    }
    assert_eq!(verdict(of(&["A10BH05"]), &Patient::of_unknown_age().sex(Sex::Male)), "warn AGE_UNKNOWN[]");
}

fn woman(years: u32) -> Patient {
    Patient::aged(years).days_ago(30).measured(Coding::loinc("98979-8"), "95", "mL/min/{1.73_m2}")
}

#[test]
fn pregnancy_forbids_and_the_strongest_teratogens_ask() {
    let pregnant = woman(30).days_ago(60).diagnosed(Coding::icd10("O26.9"));
    let nursing = woman(30).days_ago(60).diagnosed(Coding::icd10("Z39.1"));
    for (code, when_pregnant, when_nursing, when_unknown) in [
        ("N03AG01", "veto PREGNANCY[1]", "warn PREGNANCY_UNKNOWN[1] LACTATION[1]", "warn PREGNANCY_UNKNOWN[1]"),
        ("L01BA01", "veto PREGNANCY[1]", "veto LACTATION[1] PREGNANCY_UNKNOWN[1]", "warn PREGNANCY_UNKNOWN[1]"),
        ("B01AA03", "veto PREGNANCY[1]", "warn PREGNANCY_UNKNOWN[1]", "warn PREGNANCY_UNKNOWN[1]"),
        ("D10BA01", "veto PREGNANCY[1]", "warn PREGNANCY_UNKNOWN[1] LACTATION[1]", "warn PREGNANCY_UNKNOWN[1]"),
        ("L04AA06", "veto PREGNANCY[1]", "veto LACTATION[1] PREGNANCY_UNKNOWN[1]", "warn PREGNANCY_UNKNOWN[1]"),
        ("C09AA03", "veto PREGNANCY[1]", "allow", "allow"),
        ("C09CA03", "veto PREGNANCY[1]", "allow", "allow"),
        ("C10AA05", "warn PREGNANCY[1]", "warn LACTATION[1]", "allow"),
        ("J01AA02", "warn PREGNANCY[1]", "warn LACTATION[1]", "allow"),
        ("J01MA12", "warn PREGNANCY[1]", "warn LACTATION[1]", "allow"),
        ("A10BA02", "allow", "allow", "allow"),
    ] {
        // Isotretinoin goes by weight.
        let weighed = |patient: &Patient| patient.clone().days_ago(5).measured(Coding::loinc("3141-9"), "60", "kg");
        assert_eq!(verdict(of(&[code]), &weighed(&pregnant)), when_pregnant, "{code} in pregnancy");
        assert_eq!(verdict(of(&[code]), &weighed(&nursing)), when_nursing, "{code} while nursing");
        assert_eq!(verdict(of(&[code]), &weighed(&woman(30))), when_unknown, "{code} unknown");
        assert!(!verdict(of(&[code]), &weighed(&woman(55))).contains("PREGNANCY"), "{code} at 55");
        assert!(!verdict(of(&[code]), &weighed(&man())).contains("PREGNANCY"), "{code} for a man");
    }
}

#[test]
fn a_recorded_status_counts_and_grows_old() {
    let with_status = |days: i64, answer: &str| {
        let mut patient = woman(30).days_ago(days);
        let mut observation = patient.measurement(Coding::loinc("82810-3"), "0", "");
        observation.value = ObservationValue::Coded(vec![Coding::loinc(answer)]);
        patient.record(observation);
        patient
    };
    let valproate = |patient: &Patient| verdict(of(&["N03AG01"]), patient);
    assert_eq!(valproate(&with_status(5, "LA15173-0")), "veto PREGNANCY[1]");
    assert_eq!(valproate(&with_status(5, "LA26683-5")), "allow");
    assert_eq!(valproate(&with_status(60, "LA26683-5")), "warn PREGNANCY_UNKNOWN[1]");
    assert_eq!(valproate(&with_status(5, "LA4489-6")), "warn PREGNANCY_UNKNOWN[1]");
    // A pregnancy ends; the reason of the order counts like a diagnosis.
    assert_eq!(valproate(&woman(30).days_ago(400).diagnosed(Coding::icd10("Z34.0"))), "warn PREGNANCY_UNKNOWN[1]");
    let antenatal =
        OrderBuilder::for_diagnosis(Coding::icd10("Z34.0")).medicine(Coding::atc("C09AA03"), "5", "mg", "1");
    assert_eq!(verdict(antenatal, &woman(30)), "veto PREGNANCY[1]");
    assert_eq!(valproate(&woman(30).diagnosed(Coding::icd10("N95.1"))), "allow");
}

#[test]
fn colchicine_with_an_inhibitor_is_forbidden_to_sick_kidneys() {
    let found = |patient: &Patient| verdict(of(&["M04AC01", "J01FA09"]), patient);
    assert_eq!(found(&man()), "warn DDI_COLCHICINE_CYP3A4_PGP[1, 2]");
    for sick in [with_rate("59").sex(Sex::Male), man().diagnosed(Coding::icd10("N18.4"))] {
        assert!(found(&sick).starts_with("veto DDI_COLCHICINE_CYP3A4_PGP_RENAL[1, 2]"), "{}", found(&sick));
    }
}

// --- what is prescribed every day ------------------------------------------------------

/// A patient as a clinic knows one: age, sex, weight, filtration rate, and why they come.
fn known(words: &str) -> (Patient, Coding) {
    let [years, sex, kilograms, rate, diagnosis] = words.split(' ').collect::<Vec<_>>()[..] else { panic!("{words}") };
    let sex = if sex == "F" { Sex::Female } else { Sex::Male };
    let patient = Patient::aged(years.parse().expect("years")).sex(sex).days_ago(20);
    let patient = patient.diagnosed(Coding::icd10(diagnosis)).measured(Coding::loinc("29463-7"), kilograms, "kg");
    (patient.measured(Coding::loinc("98979-8"), rate, "mL/min/{1.73_m2}"), Coding::icd10(diagnosis))
}

/// Medicines by ATC, dose, unit, and times a day, or `weekly`.
fn prescribed(medicines: &str, diagnosis: Coding) -> OrderBuilder {
    medicines.split("; ").fold(OrderBuilder::for_diagnosis(diagnosis), |order, medicine| {
        let [code, dose, unit, times] = medicine.split(' ').collect::<Vec<_>>()[..] else { panic!("{medicine}") };
        order.medicine(Coding::atc(code), dose, unit, if times == "weekly" { "0.142857" } else { times })
    })
}

#[test]
fn ordinary_prescriptions_are_stopped_by_nothing() {
    for (words, medicines) in [
        // Diabetes.
        ("58 M 75 85 E11.9", "A10BA02 1000 mg 2; A10BK01 10 mg 1; C10AA05 20 mg 1"),
        ("58 M 75 85 E11.9", "A10BA02 500 mg 3; A10BF01 100 mg 3; A10BB12 2 mg 1"),
        ("60 F 60 80 E11.9", "A10BB07 20 mg 1"),
        ("60 F 60 80 E11.9", "A10BB07 10 mg 3"),
        ("50 M 90 90 E11.9", "A10BJ01 2 mg weekly; A10BA02 850 mg 2"),
        ("50 M 90 90 E11.9", "A10BJ01 10 ug 2"),
        ("50 M 90 90 E11.9", "A10BJ06 1 mg weekly"),
        ("65 M 70 70 E11.9", "A10AE04 24 U 1; A10AB05 8 U 3"),
        ("65 M 70 70 E11.9", "A10BD07 1 {tbl} 2; C09CA07 80 mg 1"),
        // Blood pressure, heart.
        ("55 M 80 80 I10", "C09DA03 2 {tbl} 1; C08CA01 5 mg 1"),
        ("55 M 80 80 I10", "C09DA04 1 {tbl} 2"),
        ("70 F 60 65 I10", "C08CA05 30 mg 2; C07AB07 5 mg 1"),
        ("70 F 60 65 I50.9", "C09DX04 2 {tbl} 2; C07AB02 47.5 mg 1; C03DA01 20 mg 1; A10BK01 10 mg 1"),
        ("66 M 70 75 I25.1", "B01AC06 100 mg 1; B01AC04 75 mg 1; C10AA07 10 mg 1; C01DA14 60 mg 1"),
        ("66 M 70 75 I25.1", "B01AC06 100 mg 1; B01AC24 90 mg 2; C10AA05 40 mg 1; A02BC02 40 mg 1"),
        ("74 M 68 62 I48.9", "B01AF01 20 mg 1; C07AB07 2.5 mg 1"),
        ("48 M 82 90 E78.2", "C10AB05 100 mg 3"),
        ("55 M 70 85 I50.9", "C01AA05 0.125 mg 1; C03CA01 20 mg 1; C09AA04 4 mg 1"),
        ("72 F 60 65 I48.9", "B01AF02 5 mg 2"),
        ("60 M 75 85 I48.9", "B01AE07 150 mg 2"),
        ("64 M 70 80 I48.9", "B01AA03 3 mg 1"),
        // Lungs.
        ("68 M 62 80 J44.9", "R03BB04 18 ug 1; R03DA04 200 mg 2; R05CB06 30 mg 3"),
        ("68 M 62 80 J44.1", "J01MA12 500 mg 1; H02AB07 30 mg 1"),
        ("52 M 60 90 A15.0", "J04AB02 450 mg 1; J04AC01 300 mg 1; J04AK01 1500 mg 1; J04AK02 750 mg 1"),
        ("45 M 65 90 J45.9", "R03BA02 200 ug 2; R03DC03 10 mg 1"),
        // HIV, hepatitis.
        ("33 M 66 95 B24", "J05AR20 1 {tbl} 1"),
        ("33 M 66 95 B24", "J05AF07 300 mg 1; J05AF05 300 mg 1; J05AG03 400 mg 1; J01EE01 2 {tbl} 1"),
        ("45 M 70 95 B18.1", "J05AF10 0.5 mg 1"),
        ("33 M 66 95 B24", "J05AJ03 50 mg 1; J05AR03 1 {tbl} 1"),
        // Mind and nerves.
        ("35 F 58 95 F32.9", "N06AB06 50 mg 1; N06AX05 50 mg 1"),
        ("35 F 58 95 F32.9", "N06AX21 60 mg 1"),
        ("72 M 65 70 G20", "N04BC05 3 mg 1; N04BA01 250 mg 3"),
        ("78 F 52 65 G30.9", "N06DA03 9.5 mg 1; N06DX01 20 mg 1"),
        ("60 F 60 85 H81.0", "N07CA01 24 mg 2"),
        ("30 M 70 95 G40.9", "N03AX14 500 mg 2; N03AG01 500 mg 2"),
        ("40 M 70 95 F41.1", "N06AB10 10 mg 1; N05BE01 10 mg 3"),
        ("38 M 70 95 G43.9", "N02CC04 10 mg 1; N07CA03 10 mg 1"),
        // Stomach, blood, joints, bladder.
        ("44 M 70 95 K29.5", "A02BC05 20 mg 2; A02BX05 600 mg 2; J01CA04 1 g 2; J01FA09 500 mg 2"),
        ("40 F 55 95 D50.9", "B03AA07 300 mg 3"),
        ("50 M 78 75 M10.9", "M04AA03 40 mg 1; M04AC01 0.5 mg 2"),
        ("66 F 58 70 M81.0", "M05BA04 70 mg weekly; A12AA04 600 mg 1"),
        ("30 F 55 100 N30.0", "J01XE01 100 mg 2"),
        ("70 M 70 70 N40", "G04CA02 0.2 mg 1; G04CB01 5 mg 1"),
        ("50 M 65 90 M06.9", "L01BA01 12.5 mg weekly; B03BB01 5 mg weekly; M01AH01 200 mg 2"),
        ("45 M 65 80 Z94.0", "L04AD02 2 mg 2; L04AA06 750 mg 2; H02AB07 5 mg 1"),
        ("32 F 55 95 E05.9", "H03BB02 10 mg 2; C07AA05 10 mg 3"),
        ("48 M 75 90 N48.4", "G04BE03 50 mg 1"),
        ("55 M 75 85 R11", "A04AA01 8 mg 2"),
        // Children.
        ("4 M 16 100 R50.9", "M01AE01 160 mg 3"),
        ("4 M 16 100 R50.9", "N02BE01 240 mg 4"),
        ("4 M 16 100 J30.4", "R06AX13 5 mg 1"),
        ("4 M 16 100 J30.4", "R06AE07 5 mg 1; R03DC03 4 mg 1"),
        ("8 F 26 100 L50.9", "R06AE07 10 mg 1"),
        ("6 M 20 100 J03.9", "J01CA04 400 mg 3"),
        ("4 M 16 100 J11.1", "J05AH02 45 mg 2"),
        ("4 M 16 100 J18.9", "J01FA10 160 mg 1; R05CB06 7.5 mg 3"),
        ("3 M 14 100 J45.9", "R03BA02 0.5 mg 2; R03AC02 2.5 mg 3; R03DC03 4 mg 1"),
        ("3 F 14 100 A09", "A07BC05 1.5 g 3"),
        ("10 F 32 100 E10.9", "A10AB05 6 U 3; A10AE04 12 U 1"),
        // Pregnancy.
        ("29 F 62 110 Z34.0", "B03BB01 0.4 mg 1; B03AA07 300 mg 1; H03AA01 50 ug 1"),
        ("29 F 62 110 O13", "C07AG01 100 mg 2; C08CA05 30 mg 1"),
        ("29 F 62 110 O24.4", "A10AB05 6 U 3"),
        ("29 F 62 110 O23.4", "J01CA04 500 mg 3"),
        ("29 F 62 110 O13", "B01AC06 100 mg 1"),
        // Kidneys that work badly.
        ("64 M 66 22 N18.4", "C08CA01 10 mg 1; C03CA01 40 mg 1; C10AA05 20 mg 1; A10BH05 5 mg 1; V03AE02 800 mg 3"),
        ("64 M 66 22 N18.4", "B01AF02 2.5 mg 2; M04AA03 40 mg 1; A10AE04 12 U 1"),
    ] {
        let (patient, diagnosis) = known(words);
        let found = verdict(prescribed(medicines, diagnosis), &patient);
        assert!(!found.starts_with("veto"), "{words}, {medicines}: {found}");
        // Each dose was compared, and is none too high.
        assert!(!found.contains("DOSE_") && !found.contains("NOT_COVERED"), "{words}, {medicines}: {found}");
    }
}

#[test]
fn dangerous_prescriptions_are_stopped() {
    for (words, medicines, code) in [
        // Kidneys that work badly.
        ("64 M 66 22 N18.4", "A10BA02 500 mg 2", "RENAL_CONTRAINDICATED"),
        ("64 M 66 22 N18.4", "A10BB12 2 mg 1", "RENAL_CONTRAINDICATED"),
        ("64 M 66 22 N18.4", "M01AE01 400 mg 3", "RENAL_CONTRAINDICATED"),
        ("64 M 66 22 N18.4", "B01AE07 110 mg 2", "RENAL_CONTRAINDICATED"),
        ("64 M 66 22 N18.4", "B01AX05 2.5 mg 1", "RENAL_CONTRAINDICATED"),
        ("64 M 66 22 N18.4", "C10AA07 10 mg 1", "RENAL_CONTRAINDICATED"),
        ("64 M 66 22 N18.4", "L01BA01 15 mg weekly", "RENAL_CONTRAINDICATED"),
        ("64 M 66 55 N30.0", "J01XE01 100 mg 2", "RENAL_CONTRAINDICATED"),
        ("64 M 66 22 N18.4", "M04AC01 0.5 mg 1; J01FA09 250 mg 2", "DDI_COLCHICINE_CYP3A4_PGP_RENAL"),
        // Doses.
        ("58 M 75 85 E11.9", "A10BA02 1 g 3", "DOSE_ABOVE_MAXIMUM"),
        ("58 M 75 85 E11.9", "A10BB07 20 mg 3", "DOSE_ABOVE_MAXIMUM"),
        ("58 M 75 85 E11.9", "A10BJ01 2 mg 1", "DOSE_TOO_OFTEN"),
        ("58 M 75 85 M06.9", "L01BA01 10 mg 1", "DOSE_TOO_OFTEN"),
        ("40 F 55 95 D50.9", "B03AA07 3 g 3", "DOSE_ABOVE_MAXIMUM"),
        ("66 M 70 75 I25.1", "C10AA05 400 mg 1", "DOSE_ABOVE_MAXIMUM"),
        ("74 M 68 62 I48.9", "B01AF01 200 mg 1", "DOSE_ABOVE_MAXIMUM"),
        // Pairs.
        ("66 M 70 75 I25.1", "C01DA14 60 mg 1; G04BE03 50 mg 1", "DDI_PDE5_NITRATE"),
        ("66 M 70 75 J18.9", "C10AA01 20 mg 1; J01FA09 500 mg 2", "DDI_SIMVASTATIN_CYP3A4"),
        ("50 M 70 75 Z94.0", "C10AA08 2 mg 1; L04AD01 100 mg 2", "DDI_PITAVASTATIN_CICLOSPORIN"),
        ("50 M 70 75 Z94.0", "C10AA07 5 mg 1; L04AD01 100 mg 2", "DDI_ROSUVASTATIN_CICLOSPORIN"),
        ("35 M 58 95 F32.9", "N06AB06 50 mg 1; N06AG02 150 mg 2", "DDI_SSRI_MAOI"),
        ("33 M 66 95 B24", "J05AR20 1 {tbl} 1; J04AB02 450 mg 1", "DDI_BICTEGRAVIR_RIFAMPICIN"),
        ("33 M 66 95 B24", "J05AR14 1 {tbl} 1; C10AA01 20 mg 1", "DDI_STATIN_PROTEASE_INHIBITOR"),
        ("60 M 70 80 K30", "A03FA03 10 mg 3; C10AX02 500 mg 2", "DDI_DOMPERIDONE_QT"),
        // Children.
        ("6 M 20 100 R50.9", "B01AC06 100 mg 3", "AGE_TOO_YOUNG"),
        ("6 M 20 100 R05", "R05DA04 5 mg 3", "AGE_TOO_YOUNG"),
        ("5 M 18 100 J18.9", "J01AA02 50 mg 1", "AGE_TOO_YOUNG"),
        ("4 M 16 100 R50.9", "M01AX17 50 mg 2", "AGE_TOO_YOUNG"),
        ("4 M 16 100 R50.9", "N02BE01 500 mg 4", "DOSE_ABOVE_MAXIMUM"),
        ("4 M 16 100 R50.9", "M01AE01 300 mg 3", "DOSE_ABOVE_MAXIMUM"),
        ("4 M 16 100 J30.4", "R06AX13 10 mg 1", "DOSE_ABOVE_MAXIMUM"),
        ("4 M 16 100 J30.4", "R06AE07 10 mg 1", "DOSE_ABOVE_MAXIMUM"),
        // Pregnancy.
        ("29 F 62 110 Z34.0", "C09AA02 10 mg 1", "PREGNANCY"),
        ("29 F 62 110 Z34.0", "C09DX04 1 {tbl} 2", "PREGNANCY"),
        ("29 F 62 110 Z34.0", "B01AA03 3 mg 1", "PREGNANCY"),
        ("29 F 62 110 Z34.0", "N03AG01 500 mg 2", "PREGNANCY"),
        ("29 F 62 110 Z34.0", "D10BA01 20 mg 1", "PREGNANCY"),
    ] {
        let (patient, diagnosis) = known(words);
        let found = findings(prescribed(medicines, diagnosis), &patient);
        let stops = |finding: &Finding| finding.severity == Severity::Critical && finding.code == code;
        assert!(found.iter().any(stops), "{words}, {medicines}: {}", word(&found));
    }
}
