//! The pathway on the simulator. `docs/clinical/hiv.md` names these tests.

use hiv::{Hiv, rules};
use xinglin_sdk::{
    Plugin as _,
    clinical::{
        ConditionStatus, Medication, MedicationStatus, Observation, ObservationValue, OmissionReason, Section, Sex,
    },
    pathway::{
        AnswerKind, AnswerValue, Destination, Directive, Eligibility, Error, Event, Pathway, ReleaseBy, Role, Severity,
        State, TaskRef,
    },
    testing::{Host, PathwayRun, Patient, START, assert_needs_declared},
    time::{DAY, Instant, MINUTE, plus_days, plus_minutes},
    types::{Attribute, AttributeValue, Coding, Decimal, LocalizedText, Quantity},
};

type Run = PathwayRun<Hiv>;

const HOUR: Instant = 60 * MINUTE;
const TEST: &str = "56888-1";
const LOAD: &str = "20447-9";
const COUNT: &str = "24467-3";
const SURFACE: &str = "5196-1";
const CLEARANCE: &str = "35591-7";
const MEDICINE: &str = "J05AR20";

fn person() -> Patient {
    Patient::aged(30).sex(Sex::Male)
}

fn infected() -> Patient {
    person().days_ago(900).diagnosed(Coding::icd10("B20.x00"))
}

/// A medicine begun so many days before the start.
fn begun(patient: Patient, ago: i64) -> Patient {
    patient.days_ago(ago).taking(Coding::atc(MEDICINE))
}

fn quantity(value: &str, unit: &str) -> AnswerValue {
    AnswerValue::Quantity(Quantity::new(value.parse::<Decimal>().expect("a decimal"), unit))
}

fn yes(value: bool) -> AnswerValue {
    AnswerValue::Boolean(value)
}

fn plan(code: &str) -> AnswerValue {
    AnswerValue::Choice(Coding::new("urn:xinglin:follow-up:plan", code))
}

const RISKS: [&str; 5] = ["unprotected", "needles", "partner", "infection", "repeated"];

/// All answers of the first questionnaire: no, except these.
fn intake(run: &mut Run, set: Vec<(&'static str, AnswerValue)>) -> Vec<Directive> {
    let mut answers: Vec<(&str, AnswerValue)> =
        RISKS.into_iter().chain(["contact", "unwell"]).map(|link| (link, yes(false))).collect();
    answers.push(("plan", plan("none")));
    answers.retain(|(link, _)| set.iter().all(|(other, _)| other != link));
    answers.extend(set);
    run.answer("intake", answers)
}

fn exposed(hours: &str) -> Run {
    let mut run = Run::enrol(person());
    intake(&mut run, vec![("contact", yes(true)), ("contact-hours", quantity(hours, "h"))]);
    run
}

fn course(run: &mut Run, set: Vec<(&'static str, AnswerValue)>) -> Vec<Directive> {
    let mut answers = vec![("unwell", yes(false))];
    answers.extend(set);
    run.answer("course", answers)
}

fn coded(patient: &Patient, loinc: &str, snomed: &str) -> Observation {
    let mut observation = patient.measurement(Coding::loinc(loinc), "1", "1");
    observation.value = ObservationValue::Coded(vec![Coding::snomed(snomed)]);
    observation
}

const NEGATIVE: &str = "260385009";
const POSITIVE: &str = "10828004";

fn result(run: &mut Run, loinc: &str, snomed: &str) -> Vec<Directive> {
    let observation = coded(&run.patient, loinc, snomed);
    run.observed(observation)
}

fn had(mut patient: Patient, ago: i64, loinc: &str, snomed: &str) -> Patient {
    patient = patient.days_ago(ago);
    let observation = coded(&patient, loinc, snomed);
    patient.record(observation);
    patient
}

/// In treatment for so many days, with these viral loads at days ago.
fn treated(days: i64, loads: &[(i64, &str)]) -> Run {
    let mut patient = begun(infected(), days);
    for (ago, value) in loads {
        patient = patient.days_ago(*ago).measured(Coding::loinc(LOAD), value, "{copies}/mL");
    }
    Run::enrol(patient)
}

fn load(run: &mut Run, value: &str) -> Vec<Directive> {
    run.observe(Coding::loinc(LOAD), value, "{copies}/mL")
}

fn day_of(run: &Run, task: &str) -> i64 {
    (run.task(task).unwrap_or_else(|| panic!("no task {task} in {:?}", run.open_tasks())).due - START).div_euclid(DAY)
}

fn has(run: &Run, alert: &str) -> bool {
    run.alerts().contains(&alert)
}

/// Days on which a questionnaire was asked.
fn asked(run: &Run, questionnaire: &str) -> Vec<i64> {
    let wanted = Directive::Ask(questionnaire.to_owned());
    run.journal().iter().filter(|(_, one)| *one == wanted).map(|(at, _)| (at - START) / DAY).collect()
}

/// Days on which a test was requested.
fn requested(run: &Run, loinc: &str) -> Vec<i64> {
    let wants = |one: &Directive| matches!(one, Directive::RequestLab(codes) if codes.iter().any(|c| c.code == loinc));
    run.journal().iter().filter(|(_, one)| wants(one)).map(|(at, _)| (at - START) / DAY).collect()
}

// --- who may enter ---------------------------------------------------------------------------

fn screen(patient: &Patient) -> Result<String, Error> {
    let mut host = Host::of::<Hiv>();
    let needs = host.call(Hiv::describe).data_needs;
    let snapshot = patient.snapshot_for(&needs, START);
    Ok(match host.call(|| Hiv::screen(snapshot, START))? {
        Eligibility::Eligible => "eligible".to_owned(),
        Eligibility::Ineligible(reasons) | Eligibility::ReferOffline(reasons) => {
            reasons.iter().map(|reason| reason.code.as_str()).collect::<Vec<_>>().join(" ")
        }
    })
}

#[test]
fn adults_may_enter() {
    for (patient, expected) in [
        (Patient::aged(17), "UNDER_AGE"),
        (Patient::aged(18), "eligible"),
        (Patient::aged(19), "eligible"),
        (infected(), "eligible"),
        (Patient::aged(25).diagnosed(Coding::icd10("O09.9")), "PREGNANCY"),
        (Patient::aged(25).with_condition(Coding::icd10("Z34.9"), ConditionStatus::Resolved), "eligible"),
    ] {
        assert_eq!(screen(&patient).as_deref(), Ok(expected));
    }
    assert!(matches!(screen(&Patient::of_unknown_age()), Err(Error::MissingData(_))));
    let withheld = person().withheld(Section::Conditions, OmissionReason::Consent);
    assert!(matches!(screen(&withheld), Err(Error::MissingData(_))));
}

#[test]
fn the_manifest_declares_compartment_version_and_data() {
    let manifest = Hiv::MANIFEST;
    assert!(manifest.contains("\ncompartment = \"hiv\"\n"));
    assert!(manifest.contains(&format!("\nversion = \"{}\"\n", env!("CARGO_PKG_VERSION"))));
    assert_needs_declared::<Hiv>();
}

// --- risk ------------------------------------------------------------------------------------

#[test]
fn any_of_five_items_is_a_high_risk() {
    for risk in RISKS {
        let mut run = Run::enrol(person());
        intake(&mut run, vec![(risk, yes(true))]);
        assert_eq!((run.stage(), has(&run, "PREP_CANDIDATE")), ("prevention", true), "{risk}");
        assert_eq!(run.referrals()[0].destination, Destination::Offline(None));
    }
    for (set, high) in [
        (vec![], false),
        (vec![("partner", yes(true)), ("partner-suppressed", yes(true))], false),
        (vec![("partner", yes(true)), ("partner-suppressed", yes(false))], true),
        (vec![("partner", yes(true)), ("partner-suppressed", yes(true)), ("needles", yes(true))], true),
    ] {
        let mut run = Run::enrol(person());
        intake(&mut run, set.clone());
        assert_eq!(has(&run, "PREP_CANDIDATE"), high, "{set:?}");
        if !high {
            assert_eq!(day_of(&run, "intake"), 180);
        }
    }
    let texts = Hiv::describe();
    let text = format!("{:?}", texts.questionnaires[0]);
    assert!(text.contains(&rules::PARTNER_SUPPRESSED.to_string()) && text.contains(&rules::RISK_MONTHS.to_string()));
}

#[test]
fn who_does_not_answer_at_first_is_asked_again_and_reported() {
    let mut run = Run::enrol(person());
    assert_eq!(asked(&run, "intake"), [0]);
    run.complete("intake");
    assert_eq!(day_of(&run, "intake"), 0, "not by ticking");
    run.advance(3);
    assert!(asked(&run, "intake").len() > 1 && has(&run, "QUESTIONNAIRE_MISSED"));
}

// --- after an exposure -----------------------------------------------------------------------

#[test]
fn the_clock_stops_after_72_hours() {
    for (hours, open) in
        [("0", true), ("2", true), ("71.99", true), ("72", true), ("72.01", false), ("73", false), ("400", false)]
    {
        let run = exposed(hours);
        assert_eq!(has(&run, "PEP_WINDOW_OPEN"), open, "{hours}");
        assert_eq!(has(&run, "PEP_WINDOW_EXPIRED"), !open, "{hours}");
        assert_eq!(run.stage(), "urgent");
        assert_eq!(run.holds(), if open { vec!["urgent-visit"] } else { vec![] });
        assert_eq!(run.referrals()[0].destination, Destination::Offline(None));
        let alert = run.alert(if open { "PEP_WINDOW_OPEN" } else { "PEP_WINDOW_EXPIRED" }).expect("an alert");
        assert_eq!((alert.severity, alert.owner, alert.sla_minutes), (Severity::Critical, Role::Doctor, 15));
        assert_eq!(requested(&run, TEST), [0], "asked for at once, and nobody waits for it");
        // Offline comes before laboratories.
        let at = |wanted: fn(&Directive) -> bool| run.journal().iter().position(|(_, one)| wanted(one));
        assert!(at(|one| matches!(one, Directive::Refer(_))) < at(|one| matches!(one, Directive::RequestLab(_))));
    }
    assert!(exposed("2").alert("PEP_WINDOW_OPEN").expect("an alert").message[1].text.contains("preferably 2"));
}

#[test]
fn the_clock_rings_at_24_and_72_hours() {
    for (minutes, delayed, expired) in [
        (24 * 60 - 1, false, false),
        (24 * 60, false, false),
        (24 * 60 + 1, true, false),
        (72 * 60, true, false),
        (72 * 60 + 1, true, true),
    ] {
        let mut run = exposed("0");
        run.advance_to(plus_minutes(START, minutes));
        assert_eq!((has(&run, "PEP_DELAYED"), has(&run, "PEP_WINDOW_EXPIRED")), (delayed, expired), "{minutes}");
    }
    // Begun: it does not ring.
    let mut run = exposed("10");
    course(&mut run, vec![("started", yes(true)), ("started-hours", quantity("1", "h"))]);
    run.advance(4);
    assert!(!has(&run, "PEP_DELAYED") && !has(&run, "PEP_WINDOW_EXPIRED"));
    // Asked, and not begun.
    for (hours, code) in [("10", "PEP_NOT_STARTED"), ("72", "PEP_NOT_STARTED")] {
        let mut run = exposed(hours);
        course(&mut run, vec![("started", yes(false))]);
        assert!(has(&run, code), "{hours}");
    }
    let mut late = exposed("40");
    course(&mut late, vec![("started", yes(true)), ("started-hours", quantity("41", "h"))]);
    assert!(has(&late, "ANSWER_NOT_USABLE"), "before the exposure");
}

#[test]
fn an_answer_that_cannot_be_right_moves_no_clock() {
    for (hours, unit, usable) in [
        ("4319", "h", true),
        ("4320", "h", true),
        ("4321", "h", false),
        ("-1", "h", false),
        ("3", "d", false),
        ("3", "", false),
        ("0.00000001", "h", false),
    ] {
        let mut run = Run::enrol(person());
        intake(&mut run, vec![("contact", yes(true)), ("contact-hours", quantity(hours, unit))]);
        assert_eq!(has(&run, "ANSWER_NOT_USABLE"), !usable, "{hours} {unit}");
        // Nobody is left alone: without a time it is now.
        assert_eq!(has(&run, "PEP_WINDOW_OPEN"), !usable, "{hours} {unit}");
        assert!(run.task("clock-window").is_none(), "{hours} {unit}");
        assert_eq!(run.stage(), "urgent");
    }
    for wrong in [AnswerValue::Text("yes".into()), AnswerValue::Integer(1)] {
        let mut run = Run::enrol(person());
        intake(&mut run, vec![("contact", wrong), ("contact-hours", quantity("5", "h"))]);
        assert!(has(&run, "ANSWER_NOT_USABLE") && has(&run, "PEP_WINDOW_OPEN"), "hours say that there was one");
    }
    let mut run = Run::enrol(person());
    intake(&mut run, vec![("needles", AnswerValue::Text("no".into()))]);
    assert!(has(&run, "ANSWER_NOT_USABLE"));
    assert_eq!(day_of(&run, "intake"), 1, "not known to be low");
}

#[test]
fn a_course_is_28_days() {
    for (days, early) in [(27, true), (28, false), (29, false)] {
        let mut run = exposed("1");
        course(&mut run, vec![("started", yes(true)), ("started-hours", quantity("0", "h"))]);
        run.advance(days);
        course(&mut run, vec![("started", yes(true)), ("finished", yes(true))]);
        assert_eq!(has(&run, "PEP_STOPPED_EARLY"), early, "{days}");
    }
}

#[test]
fn a_course_is_walked_for_180_days() {
    let mut run = exposed("6");
    assert_eq!(run.task("contact").map(|task| (task.due, task.owner)), Some((START + 24 * HOUR, Role::HealthManager)));
    assert_eq!(run.task("arrange-visit").map(|task| task.owner), Some(Role::Assistant));
    for task in ["contact", "arrange-visit"] {
        run.complete(task);
    }
    course(&mut run, vec![("started", yes(true)), ("started-hours", quantity("0", "h"))]);
    result(&mut run, TEST, NEGATIVE);
    for day in [1, 3, 7, 14, 28] {
        assert_eq!(day_of(&run, &format!("course-{day}")), day);
        run.advance_to(plus_days(START, day));
        course(&mut run, vec![("started", yes(true)), ("finished", yes(day == 28))]);
    }
    assert_eq!(asked(&run, "course"), [1, 3, 7, 14, 28]);
    assert!(!has(&run, "PEP_STOPPED_EARLY"));
    run.release("urgent-visit");
    for week in [4, 12] {
        run.advance_to(plus_days(START, week * 7));
        assert_eq!(run.task("lab-screen").map(|task| (task.due - START) / DAY), Some(week * 7));
        result(&mut run, TEST, NEGATIVE);
    }
    assert_eq!(run.stage(), "assessment", "the weeks are over");
    intake(&mut run, vec![]);
    run.advance_to(plus_days(START, 180));
    assert!(run.task("lab-screen").is_none());
    assert!(!has(&run, "CONTACT_MISSED") && !has(&run, "TEST_MISSED"));
    assert_eq!(asked(&run, "gad-7"), [0, 1, 28, 29, 84, 85, 180], "each asked once more");
}

#[test]
fn a_hospital_chooses_the_weeks_of_tests() {
    let host = Host::of::<Hiv>().setting("chinese-test-weeks", true);
    let mut run = Run::enrol_on(host, person());
    intake(&mut run, vec![("contact", yes(true)), ("contact-hours", quantity("0", "h"))]);
    result(&mut run, TEST, NEGATIVE);
    for week in [4, 8, 12, 24] {
        assert_eq!(day_of(&run, "lab-screen"), week * 7);
        run.advance_to(plus_days(START, week * 7));
        result(&mut run, TEST, NEGATIVE);
    }
    assert_eq!(run.stage(), "offline", "the hold is a doctor's");
}

#[test]
fn a_reactive_test_is_confirmed_face_to_face_and_the_institution_reports() {
    let mut run = exposed("6");
    result(&mut run, TEST, POSITIVE);
    assert!(has(&run, "HIV_TEST_REACTIVE"));
    let report = run.alert("STATUTORY_REPORTING_BY_INSTITUTION").expect("an alert");
    assert_eq!((report.owner, report.severity), (Role::PublicHealthDoctor, Severity::Info));
    assert_eq!(run.holds(), ["result-to-confirm", "urgent-visit"]);
    // Confirmed: treatment, whatever came before.
    run.patient = run.patient.clone().diagnosed(Coding::icd10("B20"));
    run.release("result-to-confirm");
    assert_eq!(run.stage(), "offline");
    run.release("urgent-visit");
    assert_eq!(run.stage(), "treatment");
    assert!(run.open_tasks().iter().all(|task| !task.starts_with("course-") && !task.starts_with("clock")));
}

// --- prevention ------------------------------------------------------------------------------

/// Takes prevention since the start, with what is needed to begin.
fn protected(plan_code: &str) -> Run {
    let patient = had(had(person(), 5, TEST, NEGATIVE), 5, SURFACE, NEGATIVE);
    let patient = patient.measured(Coding::loinc(CLEARANCE), "90", "mL/min");
    let mut run = Run::enrol(patient);
    intake(&mut run, vec![("plan", plan(plan_code))]);
    run
}

fn regular(run: &mut Run, set: Vec<(&'static str, AnswerValue)>) -> Vec<Directive> {
    let mut answers = vec![("plan", plan("daily")), ("unwell", yes(false))];
    answers.retain(|(link, _)| set.iter().all(|(other, _)| other != link));
    answers.extend(set);
    run.answer("regular", answers)
}

#[test]
fn the_first_test_is_after_a_month() {
    for (minutes, overdue) in [(-1, false), (0, false), (1, true)] {
        let mut run = protected("daily");
        assert_eq!(day_of(&run, "lab-screen"), 23, "a week before");
        run.advance_to(plus_minutes(plus_days(START, 30), minutes));
        assert_eq!(has(&run, "PREP_TEST_OVERDUE"), overdue, "{minutes}");
    }
}

#[test]
fn an_overdue_test_blocks_renewal() {
    for (minutes, overdue) in [(-1, false), (0, false), (1, true)] {
        let mut run = protected("daily");
        run.advance(25);
        result(&mut run, TEST, NEGATIVE);
        assert_eq!(day_of(&run, "lab-screen"), 25 + 76, "two weeks before");
        run.advance_to(plus_minutes(plus_days(START, 25 + 90), minutes));
        assert_eq!(has(&run, "PREP_TEST_OVERDUE"), overdue, "{minutes}");
        assert_eq!(run.holds().contains(&"test-overdue"), overdue, "{minutes}");
        if overdue {
            let hold = run.journal().iter().find_map(|(_, one)| match one {
                Directive::HoldPrescribing(hold) => Some(hold.release),
                _ => None,
            });
            assert_eq!(hold, Some(ReleaseBy::Pathway));
            // What the patient says is no test; the laboratory's lifts it.
            let mut reported = coded(&run.patient, TEST, NEGATIVE);
            reported.attributes.push(Attribute::new("xinglin.self-reported", true));
            run.observed(reported);
            assert_eq!(run.holds(), ["test-overdue"]);
            result(&mut run, TEST, NEGATIVE);
            assert!(run.holds().is_empty());
        }
    }
    // No test at all: at once. A doctor lets it pass, and it is not held again for the same.
    let mut run = Run::enrol(person());
    intake(&mut run, vec![("plan", plan("daily"))]);
    assert_eq!(run.holds(), ["test-overdue"]);
    run.release("test-overdue");
    run.advance(20);
    assert!(run.holds().is_empty());
}

#[test]
fn clearance_below_60_stops_prevention() {
    let with = |value: &str, unit: &str| {
        let mut run = protected("daily");
        run.observe(Coding::loinc(CLEARANCE), value, unit);
        (run.holds().contains(&"kidney-function"), has(&run, "RESULT_NOT_USABLE"))
    };
    for (value, unit, expected) in [
        ("59.9", "mL/min", (true, false)),
        ("60", "mL/min", (false, false)),
        ("60.1", "mL/min", (false, false)),
        ("30", "mL/s", (false, true)),
        ("301", "mL/min", (false, true)),
    ] {
        assert_eq!(with(value, unit), expected, "{value} {unit}");
    }
    // Cockcroft and Gault of a man of 30 with 70 kg: 60 mL/min at 157.57… umol/L.
    for (creatinine, low) in [("157.5", false), ("157.6", true)] {
        let mut run = protected("daily");
        run.observe(Coding::loinc("29463-7"), "70", "kg");
        run.observe(Coding::loinc("14682-9"), creatinine, "umol/L");
        assert_eq!(run.holds().contains(&"kidney-function"), low, "{creatinine}");
    }
    let mut unknown = Run::enrol(person());
    intake(&mut unknown, vec![("plan", plan("daily"))]);
    assert!(has(&unknown, "PREP_BASELINE_INCOMPLETE"));
}

#[test]
fn prevention_stops_seven_days_after_the_last_exposure() {
    for (days, early) in [("6", true), ("6.9", true), ("7", false), ("8", false), ("-1", true)] {
        let mut run = protected("daily");
        regular(&mut run, vec![("stop", yes(true)), ("last-days", quantity(days, "d"))]);
        assert_eq!(has(&run, "PREP_STOP_TOO_EARLY"), early, "{days}");
        if early {
            assert_eq!(run.alert("PREP_STOP_TOO_EARLY").map(|alert| alert.owner), Some(Role::Pharmacist));
        }
    }
    let mut run = protected("daily");
    regular(&mut run, vec![("stop", yes(true)), ("last-days", quantity("2", "d"))]);
    assert_eq!(day_of(&run, "stop-day"), 5);
}

#[test]
fn two_one_one_is_for_men_and_hepatitis_and_symptoms_matter() {
    for (sex, unsuited) in [(Sex::Male, false), (Sex::Female, true), (Sex::Unknown, true)] {
        let mut run = Run::enrol(Patient::aged(30).sex(sex));
        intake(&mut run, vec![("plan", plan("on-demand"))]);
        assert_eq!(has(&run, "PREP_ON_DEMAND_UNSUITED"), unsuited, "{sex:?}");
    }
    let mut run = protected("daily");
    result(&mut run, SURFACE, POSITIVE);
    assert!(has(&run, "PREP_HEPATITIS_B"));
    regular(&mut run, vec![("unwell", yes(true))]);
    assert!(has(&run, "ACUTE_SYMPTOMS") && run.holds().contains(&"symptoms"));
    assert_eq!(run.stage(), "offline");
    run.release("symptoms");
    assert_eq!(run.stage(), "prevention");
}

#[test]
fn prevention_is_walked_for_180_days() {
    let mut run = protected("daily");
    assert!(run.holds().is_empty() && run.alerts().is_empty(), "{:?}", run.alerts());
    for day in [30, 90, 180] {
        assert_eq!(day_of(&run, &format!("regular-{day}")), day);
        run.advance_to(plus_days(START, day - if day == 180 { 10 } else { 1 }));
        result(&mut run, TEST, NEGATIVE);
        run.advance_to(plus_days(START, day));
        regular(&mut run, vec![("gap-hours", quantity("0", "h"))]);
        if day == 90 {
            run.observe(Coding::loinc(CLEARANCE), "85", "mL/min");
        }
    }
    assert_eq!(requested(&run, "14682-9"), [90], "three months after the start");
    assert_eq!(day_of(&run, "lab-kidney"), 90 + 180);
    assert_eq!(day_of(&run, "regular-270"), 270);
    assert_eq!(run.stage(), "prevention");
    assert!(!has(&run, "PREP_TEST_OVERDUE") && !has(&run, "TEST_MISSED"));
}

// --- treatment -------------------------------------------------------------------------------

#[test]
fn viral_load_has_three_levels() {
    for (value, low, high) in [
        ("0", false, false),
        ("49", false, false),
        ("49.9", false, false),
        ("50", true, false),
        ("51", true, false),
        ("199", true, false),
        ("200", true, false),
        ("200.1", false, true),
        ("201", false, true),
    ] {
        let mut run = treated(400, &[(90, "20")]);
        load(&mut run, value);
        assert_eq!((has(&run, "LOW_LEVEL_VIRAEMIA"), has(&run, "VIRAL_LOAD_HIGH")), (low, high), "{value}");
    }
    // A bound that is on one side says so; one that is not is read by a person.
    for (value, sign, unusable, high) in [
        ("50", "<", false, false),
        ("51", "<", true, false),
        ("50", "<=", true, false),
        ("200", ">", false, true),
        ("199", ">", true, false),
        ("10000000", ">", false, true),
    ] {
        let mut run = treated(400, &[(90, "20")]);
        let mut bound = run.patient.measurement(Coding::loinc(LOAD), value, "{copies}/mL");
        bound.attributes.push(Attribute::new("xinglin.comparator", sign));
        run.observed(bound);
        assert_eq!((has(&run, "RESULT_NOT_USABLE"), has(&run, "VIRAL_LOAD_HIGH")), (unusable, high), "{sign}{value}");
    }
}

#[test]
fn a_high_viral_load_is_repeated_in_28_days() {
    for (days, missed) in [(27, false), (28, true), (29, true)] {
        let mut run = treated(400, &[(90, "20")]);
        load(&mut run, "900");
        assert_eq!(day_of(&run, "lab-load"), 14);
        run.advance(days);
        assert_eq!(has(&run, "VIRAL_LOAD_REPEAT_MISSED"), missed, "{days}");
    }
    // Of a new regimen it is high for a while.
    for (days, repeated) in [(167, false), (168, true), (169, true)] {
        let mut run = treated(days, &[]);
        load(&mut run, "900");
        assert_eq!(has(&run, "VIRAL_LOAD_HIGH"), repeated, "{days}");
    }
    // Unless it was low on it before.
    let mut run = treated(100, &[(30, "20")]);
    load(&mut run, "900");
    assert!(has(&run, "VIRAL_LOAD_HIGH"));
}

#[test]
fn two_high_ones_after_week_24_are_a_failure() {
    for (days, failure) in [(167, false), (168, true), (169, true)] {
        let mut run = treated(days, &[(28, "900")]);
        load(&mut run, "500");
        assert_eq!(has(&run, "VIROLOGICAL_FAILURE"), failure, "{days}");
        assert_eq!(requested(&run, "45182-3").len(), usize::from(failure));
        let team = run.referrals().iter().any(|one| one.destination == Destination::Multidisciplinary);
        assert_eq!(team, failure);
        assert!(run.holds().is_empty(), "treatment goes on");
    }
    for (loads, value, failure) in [
        (&[(28, "201")][..], "201", true),
        (&[(28, "200")], "201", false),
        (&[(28, "900")], "200", false),
        // One between them; before treatment; the same day.
        (&[(56, "900"), (28, "20")], "900", false),
        (&[(500, "900")], "900", false),
        (&[(0, "900")], "900", false),
    ] {
        let mut run = treated(400, loads);
        load(&mut run, value);
        assert_eq!(has(&run, "VIROLOGICAL_FAILURE"), failure, "{loads:?} {value}");
    }
    // Said once, until it was lower.
    let mut run = treated(400, &[(28, "900")]);
    for _ in 0..3 {
        load(&mut run, "900");
        run.advance(30);
    }
    assert_eq!(run.alerts().iter().filter(|alert| **alert == "VIROLOGICAL_FAILURE").count(), 1);
}

#[test]
fn viral_load_has_its_days() {
    let due = |run: &Run| day_of(run, "lab-load");
    assert_eq!(due(&treated(0, &[])), 0, "baseline");
    assert_eq!(due(&treated(0, &[(0, "90000")])), 28, "week 4");
    assert_eq!(due(&treated(20, &[(20, "90000")])), 8);
    assert_eq!(due(&treated(60, &[(30, "900")])), 60, "every 90 to undetectable");
    assert_eq!(due(&treated(60, &[(30, "50")])), 60);
    assert_eq!(due(&treated(100, &[(10, "49")])), 80, "undetectable");
    for (days, next) in [(729, 90), (730, 180), (731, 180)] {
        assert_eq!(due(&treated(days, &[(0, "20")])), next, "{days}");
    }
    assert_eq!(due(&treated(900, &[(300, "20"), (0, "150")])), 90, "not undetectable");
    // Week 4 after a switch, noticed within two weeks.
    let mut run = treated(900, &[(10, "20")]);
    assert_eq!(due(&run), 170);
    run.advance(20);
    run.patient.stop(&Coding::atc(MEDICINE));
    run.patient.start(Coding::atc("J05AR13"));
    run.advance(14);
    assert_eq!(due(&run), 20 + 28);
    let host = Host::of::<Hiv>().setting("viral-load-days", 120);
    let patient = begun(infected(), 100).days_ago(10).measured(Coding::loinc(LOAD), "20", "copies/mL");
    assert_eq!(due(&Run::enrol_on(host, patient)), 110, "a hospital's choice");
}

#[test]
fn cd4_has_its_days() {
    let counted = |days: i64, counts: &[(i64, &str)]| {
        let mut patient = begun(infected(), days);
        for (ago, value) in counts {
            patient = patient.days_ago(*ago).measured(Coding::loinc(COUNT), value, "{cells}/uL");
        }
        patient
    };
    let due = |days, counts: &[(i64, &str)]| day_of(&Run::enrol(counted(days, counts)), "lab-count");
    assert_eq!(due(0, &[]), 0, "baseline");
    assert_eq!(due(0, &[(0, "250")]), 90, "month 3");
    for (baseline, next) in [("299", 90), ("300", 180), ("301", 180)] {
        assert_eq!(due(200, &[(200, baseline), (0, "400")]), next, "{baseline}");
    }
    assert_eq!(due(200, &[(0, "400")]), 90, "a baseline that is not known counts as low");
    for (days, next) in [(729, 180), (730, 365), (731, 365)] {
        assert_eq!(due(days, &[(days, "350"), (0, "400")]), next, "{days}");
    }
    for (value, next) in [("299", 90), ("300", 365), ("500", 365), ("501", 365)] {
        assert_eq!(due(800, &[(0, value)]), next, "{value}");
    }
    for (value, counts) in [("499", true), ("500", true), ("501", false)] {
        let host = Host::of::<Hiv>().setting("cd4-above-500", false);
        let run = Run::enrol_on(host, counted(800, &[(0, value)]));
        assert_eq!(run.task("lab-count").is_some(), counts, "{value}");
    }
}

#[test]
fn cd4_below_200_reviews_prophylaxis() {
    for (value, unit, below, unusable) in [
        ("199", "{cells}/uL", true, false),
        ("200", "{cells}/uL", false, false),
        ("201", "/uL", false, false),
        ("0.19", "10*9/L", false, true),
        ("5001", "/uL", false, true),
        ("-1", "/uL", false, true),
    ] {
        let mut run = treated(400, &[(0, "20")]);
        run.observe(Coding::loinc(COUNT), value, unit);
        assert_eq!((has(&run, "CD4_BELOW_200"), has(&run, "RESULT_NOT_USABLE")), (below, unusable), "{value} {unit}");
    }
}

#[test]
fn results_that_cannot_be_used_decide_nothing() {
    type Change = fn(&mut Observation);
    let rows: [(&str, Change, bool); 7] = [
        ("unit", |one| one.value = ObservationValue::Quantity(Quantity::new(900, "[IU]/mL")), true),
        ("log", |one| one.value = ObservationValue::Quantity(Quantity::new(5, "{Log_copies}/mL")), true),
        ("much", |one| one.value = ObservationValue::Quantity(Quantity::new(100_000_001, "{copies}/mL")), true),
        ("future", |one| one.effective = one.effective.map(|at| at + 1), true),
        ("no time", |one| one.effective = None, true),
        ("words", |one| one.value = ObservationValue::Text("<b>high</b>".to_owned()), true),
        ("reported", |one| one.attributes.push(Attribute::new("xinglin.self-reported", true)), false),
    ];
    for (what, change, told) in rows {
        let mut run = treated(400, &[(10, "20")]);
        let before = day_of(&run, "lab-load");
        let mut observation = run.patient.measurement(Coding::loinc(LOAD), "900", "{copies}/mL");
        change(&mut observation);
        run.observed(observation);
        assert!(!has(&run, "VIRAL_LOAD_HIGH"), "{what}");
        assert_eq!(has(&run, "RESULT_NOT_USABLE"), told, "{what}");
        assert_eq!(day_of(&run, "lab-load"), before, "{what}");
    }
    // Refused by the host, which has told the team.
    let mut run = treated(400, &[(10, "20")]);
    let mut refused = run.patient.measurement(Coding::loinc(LOAD), "900", "{copies}/mL");
    refused.value = ObservationValue::Absent;
    refused.attributes.push(Attribute::new("xinglin.refused", "MEASUREMENT_IMPLAUSIBLE"));
    run.observed(refused);
    // An older one displaces nothing.
    let late = run.patient.clone().days_ago(200).measurement(Coding::loinc(LOAD), "900", "{copies}/mL");
    run.observed(late);
    assert!(
        run.alerts().iter().all(|alert| !alert.contains("VIRAL") && !alert.contains("RESULT")),
        "{:?}",
        run.alerts()
    );
}

/// A state and a snapshot of a patient whose supplies are these, from day to day before the start.
fn supplied(spans: &[(i64, i64)]) -> Vec<Directive> {
    let snapshot_of = |now: Instant| {
        let mut snapshot = infected().snapshot(now);
        snapshot.medications = spans
            .iter()
            .map(|(from, to)| Medication {
                code: vec![Coding::atc(MEDICINE)],
                ingredients: Vec::new(),
                status: if *to < 0 { MedicationStatus::Active } else { MedicationStatus::Completed },
                started: Some(START - from * DAY),
                ended: Some(START - to * DAY),
                attributes: vec![Attribute {
                    key: "xinglin.supply-ends".into(),
                    value: AttributeValue::Instant(START - to * DAY),
                }],
            })
            .collect();
        snapshot
    };
    let mut host = Host::of::<Hiv>();
    let enrolled = host.call(|| Hiv::step(None, Event::Enrolled, snapshot_of(START), START)).expect("decided");
    let task = TaskRef { code: "review".to_owned(), due: START };
    let again = host.call(|| Hiv::step(Some(enrolled.state), Event::TaskDue(task), snapshot_of(START), START));
    let mut directives = enrolled.directives;
    directives.extend(again.expect("decided").directives);
    directives
}

fn alerts(directives: &[Directive]) -> Vec<&str> {
    directives
        .iter()
        .filter_map(|one| match one {
            Directive::RaiseAlert(alert) => Some(alert.code.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn days_covered_below_95_percent() {
    // Of 180 days, 171 are 95 %.
    for (spans, low) in [
        (&[(180, 0)][..], false),
        (&[(180, 90), (81, 0)], false),
        (&[(180, 90), (80, 0)], true),
        (&[(180, 90), (82, 0)], false),
        // Early: it lasts longer. Too few days to say.
        (&[(180, 60), (90, 30), (29, 0)], false),
        (&[(27, 20)], false),
        (&[(28, 20)], true),
    ] {
        assert_eq!(alerts(&supplied(spans)).contains(&"ADHERENCE_LOW"), low, "{spans:?}");
    }
}

#[test]
fn a_gap_of_more_than_48_hours() {
    for (hours, unit, gap, wrong) in [
        ("47", "h", false, false),
        ("48", "h", false, false),
        ("48.1", "h", true, false),
        ("49", "h", true, false),
        ("3", "d", false, true),
        ("-50", "h", false, true),
    ] {
        let mut run = treated(400, &[(0, "20")]);
        run.answer("routine", vec![("gap-hours", quantity(hours, unit)), ("unwell", yes(false))]);
        assert_eq!((has(&run, "ADHERENCE_GAP"), has(&run, "ANSWER_NOT_USABLE")), (gap, wrong), "{hours} {unit}");
        if gap {
            assert_eq!(run.alert("ADHERENCE_GAP").map(|alert| alert.owner), Some(Role::Pharmacist));
        }
        let mut run = exposed("1");
        course(&mut run, vec![("started", yes(true)), ("gap-hours", quantity(hours, unit))]);
        assert_eq!(has(&run, "ADHERENCE_GAP"), gap, "{hours} {unit}, in a course");
    }
    // A supply that ends rings 48 hours later.
    let timer = |directives: &[Directive]| {
        directives.iter().find_map(|one| match one {
            Directive::ScheduleTask(task) if task.code == "supply" => Some(task.due),
            _ => None,
        })
    };
    assert_eq!(timer(&supplied(&[(30, -10)])), Some(START + 12 * DAY + MINUTE));
    assert_eq!(timer(&supplied(&[(30, 3)])), Some(START), "already");
}

#[test]
fn treatment_is_walked_for_180_days() {
    let patient = begun(infected(), 0);
    let patient = patient.measured(Coding::loinc(LOAD), "90000", "{copies}/mL");
    let mut run = Run::enrol(patient.measured(Coding::loinc(COUNT), "250", "{cells}/uL"));
    assert_eq!(run.stage(), "treatment");
    let owner = |run: &Run, task: &str| run.task(task).map(|task| task.owner);
    assert_eq!(owner(&run, "pharmacist-talk"), Some(Role::Pharmacist));
    assert_eq!(owner(&run, "diet-talk"), Some(Role::Dietitian));
    assert_eq!(owner(&run, "public-health-talk"), Some(Role::PublicHealthDoctor));
    for day in 0..=180 {
        run.advance_to(plus_days(START, day));
        let is_due = |code: &&&str| run.task(code).is_some_and(|task| task.due <= run.now());
        let due: Vec<String> = run.open_tasks().iter().filter(is_due).map(|code| (*code).to_owned()).collect();
        for code in due {
            if code.starts_with("mood-") {
                scale(&mut run, "phq-9", &[0; 9]);
            } else if code.starts_with("worry-") {
                scale(&mut run, "gad-7", &[0; 7]);
            } else if code.starts_with("routine-") {
                run.answer("routine", vec![("gap-hours", quantity("0", "h")), ("unwell", yes(false))]);
            } else if code == "lab-count" {
                run.observe(Coding::loinc(COUNT), "310", "{cells}/uL");
            } else if code == "lab-load" {
                load(&mut run, if day == 28 { "5000" } else { "40" });
            } else if code.ends_with("-talk") {
                run.complete(&code);
            }
        }
    }
    assert_eq!(asked(&run, "phq-9"), [0, 28, 84, 180]);
    assert_eq!(asked(&run, "routine"), [28, 56, 84, 112, 140, 168]);
    assert_eq!(requested(&run, LOAD), [28, 118]);
    assert_eq!(requested(&run, COUNT), [90, 180], "month 3, then every 90 after a low baseline");
    assert!(run.task("mood-360").is_some(), "and then every 180 days");
    assert_eq!(day_of(&run, "lab-load"), 118 + 90);
    assert!(run.alerts().is_empty(), "{:?}", run.alerts());
}

#[test]
fn a_test_is_done_by_its_result() {
    for (day, code, due) in [(89, "lab-load", 90), (91, "lab-load-check", 104), (103, "lab-load-check", 104)] {
        let mut run = treated(400, &[(0, "20")]);
        run.advance(day);
        run.complete("lab-load");
        assert_eq!(day_of(&run, code), due, "{day}");
        if code.ends_with("-check") {
            run.advance_to(plus_days(START, 105));
            assert_eq!((has(&run, "TEST_MISSED"), day_of(&run, "lab-load")), (true, 104 + 14));
            assert_eq!(run.alert("TEST_MISSED").map(|alert| alert.owner), Some(Role::Assistant));
        }
    }
}

// --- scales ----------------------------------------------------------------------------------

fn scale(run: &mut Run, code: &str, items: &[i64]) -> Vec<Directive> {
    let links: Vec<String> = (1..=items.len()).map(|number| format!("item-{number}")).collect();
    run.answer(
        code,
        links.iter().zip(items).map(|(link, score)| (link.as_str(), AnswerValue::Integer(*score))).collect(),
    )
}

#[test]
fn scores_have_their_readers() {
    let spread = |total: i64, items: usize, most: usize| -> Vec<i64> {
        let mut left = total;
        (0..items)
            .map(|at| {
                let score = if at < most { left.min(3) } else { 0 };
                left -= score;
                score
            })
            .collect()
    };
    for (total, alert) in [
        (9, None),
        (10, Some("PHQ9_REVIEW")),
        (11, Some("PHQ9_REVIEW")),
        (19, Some("PHQ9_REVIEW")),
        (20, Some("PHQ9_SEVERE")),
        (21, Some("PHQ9_SEVERE")),
    ] {
        let mut run = treated(400, &[(0, "20")]);
        scale(&mut run, "phq-9", &spread(total, 9, 8));
        assert_eq!(run.alerts().last().copied(), alert, "{total}");
    }
    for (total, alert, owner) in [
        (9, None, None),
        (10, Some("GAD7_REVIEW"), Some(Role::Counsellor)),
        (14, Some("GAD7_REVIEW"), Some(Role::Counsellor)),
        (15, Some("GAD7_SEVERE"), Some(Role::Doctor)),
        (16, Some("GAD7_SEVERE"), Some(Role::Doctor)),
    ] {
        let mut run = treated(400, &[(0, "20")]);
        scale(&mut run, "gad-7", &spread(total, 7, 7));
        assert_eq!(run.alerts().last().copied(), alert, "{total}");
        assert_eq!(alert.and_then(|code| run.alert(code)).map(|alert| alert.owner), owner);
    }
    let mut run = treated(400, &[(0, "20")]);
    scale(&mut run, "phq-9", &[3, 3, 3, 3, 4, 3, 3, 3, 0]);
    assert_eq!(run.alerts(), ["ANSWER_NOT_USABLE"], "no sum of what cannot be");
}

#[test]
fn the_ninth_item_reaches_a_person() {
    for (score, expected) in [
        (0, &[][..]),
        (1, &["SAFETY_ASSESSMENT"]),
        (2, &["SAFETY_CONTACT_NOW", "SAFETY_ASSESSMENT"]),
        (3, &["SAFETY_CONTACT_NOW", "SAFETY_ASSESSMENT"]),
    ] {
        let mut run = treated(400, &[(0, "20")]);
        scale(&mut run, "phq-9", &[0, 0, 0, 0, 0, 0, 0, 0, score]);
        assert_eq!(run.alerts(), expected, "{score}");
        assert_eq!(run.alert("SAFETY_ASSESSMENT").map(|alert| alert.sla_minutes), (score > 0).then_some(239));
        assert_eq!(run.alert("SAFETY_CONTACT_NOW").map(|alert| alert.sla_minutes), (score > 1).then_some(5));
        assert_eq!(run.holds().contains(&"safety"), score > 1);
        assert_eq!(run.referrals().iter().any(|one| one.destination == Destination::Emergency), score > 1);
        for hours in [24, 72, 168] {
            let due = run.task(&format!("again-{hours}")).map(|task| task.due - START);
            assert_eq!(due, (score > 1).then_some(hours * HOUR));
        }
        let told = run.messages().iter().any(|message| {
            message.fallback.iter().all(|text| text.text.contains("12356") && text.text.contains("120"))
        });
        assert_eq!(told, score > 0);
    }
    // Alone, or of another type, it acts too.
    for value in [AnswerValue::Integer(2), AnswerValue::Integer(9), AnswerValue::Text("often".into())] {
        let mut run = treated(400, &[(0, "20")]);
        run.answer("phq-9", vec![("item-9", value)]);
        assert!(has(&run, "SAFETY_ASSESSMENT") && has(&run, "ANSWER_NOT_USABLE"));
    }
    let host = Host::of::<Hiv>().setting("crisis-line", "010-82951332");
    let mut run = Run::enrol_on(host, infected());
    scale(&mut run, "phq-9", &[0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert!(run.messages().iter().any(|message| message.fallback[0].text.contains("010-82951332")));
}

// --- the contract ----------------------------------------------------------------------------

#[test]
fn a_patient_may_leave_and_what_is_new_is_passed_over() {
    let mut run = treated(400, &[(0, "20")]);
    assert!(run.step(Event::Other(Vec::new())).is_empty());
    assert!(run.step(Event::TaskDue(TaskRef { code: "from-a-later-version".to_owned(), due: START })).is_empty());
    assert!(run.step(Event::AlertAcknowledged("VIRAL_LOAD_HIGH".to_owned())).is_empty());
    let unknown = run.patient.measurement(Coding::loinc("2345-7"), "7", "mmol/L");
    assert!(run.step(Event::Observed(unknown)).is_empty());
    run.step(Event::Withdrawn);
    assert_eq!(run.closed().map(|reason| reason.code.as_str()), Some("WITHDRAWN"));
    let bad = State { version: 9, data: Vec::new() };
    let snapshot = person().snapshot(START);
    let answer = Host::of::<Hiv>().call(|| Hiv::step(Some(bad), Event::Enrolled, snapshot, START));
    assert!(matches!(answer, Err(Error::BadState(_))));
}

/// As the host does: 64 directives, each code once.
fn accepted(directives: &[Directive]) {
    let mut seen = std::collections::BTreeSet::new();
    assert!(directives.len() <= 64, "{}", directives.len());
    for one in directives {
        let code = match one {
            Directive::ScheduleTask(task) => format!("task {}", task.code),
            Directive::CancelTask(code) => format!("cancel {code}"),
            Directive::Ask(code) => format!("ask {code}"),
            Directive::RaiseAlert(alert) => format!("alert {}", alert.code),
            Directive::HoldPrescribing(hold) => format!("hold {}", hold.code),
            Directive::ReleasePrescribing(code) => format!("release {code}"),
            _ => continue,
        };
        assert!(seen.insert(code.clone()), "{code} comes twice");
    }
}

/// Runs that say all that there is to say.
fn eventful() -> Vec<Run> {
    let mut urgent = exposed("1");
    course(&mut urgent, vec![("started", yes(false))]);
    urgent.advance(4);
    let mut again = exposed("5");
    course(&mut again, vec![("started", yes(true)), ("unwell", yes(true)), ("gap-hours", quantity("60", "h"))]);
    result(&mut again, TEST, POSITIVE);
    again.advance(180);
    let mut prevention = protected("on-demand");
    regular(&mut prevention, vec![("unwell", yes(true)), ("stop", yes(true))]);
    prevention.advance(180);
    intake(&mut prevention, vec![("contact", yes(true)), ("unwell", yes(true)), ("contact-hours", quantity("3", "h"))]);
    let mut risky = Run::enrol(person());
    intake(&mut risky, vec![("needles", yes(true))]);
    risky.advance(100);
    let mut treated = treated(400, &[(28, "900")]);
    load(&mut treated, "900");
    scale(&mut treated, "phq-9", &[3, 3, 3, 3, 3, 3, 3, 3, 3]);
    treated.observe(Coding::loinc(COUNT), "20", "/uL");
    treated.answer("routine", vec![("gap-hours", quantity("60", "h")), ("unwell", yes(true))]);
    treated.advance(400);
    vec![urgent, again, prevention, risky, treated]
}

#[test]
fn every_text_is_in_both_languages_and_each_step_is_acceptable() {
    let both = |text: &LocalizedText, what: &str| {
        let languages: Vec<&str> = text.iter().map(|one| one.language.as_str()).collect();
        assert_eq!(languages, ["zh-CN", "en"], "{what}");
        assert!(text.iter().all(|one| !one.text.trim().is_empty()), "{what}");
        assert!(!text[1].text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{}", text[1].text);
    };
    for run in eventful() {
        let mut steps: Vec<(Instant, Vec<Directive>)> = Vec::new();
        for (at, one) in run.journal() {
            match steps.last_mut() {
                Some((last, all)) if last == at => all.push(one.clone()),
                _ => steps.push((*at, vec![one.clone()])),
            }
            match one {
                Directive::ScheduleTask(task) => both(&task.title, &task.code),
                Directive::SendMessage(message) => both(&message.fallback, &message.template),
                Directive::RaiseAlert(alert) => {
                    both(&alert.message, &alert.code);
                    assert!((1..=30 * 24 * 60).contains(&alert.sla_minutes) && alert.citation.year > 1900);
                }
                Directive::Refer(referral) => both(&referral.reason, "a referral"),
                Directive::HoldPrescribing(hold) => both(&hold.reason, &hold.code),
                Directive::ProposeNote(text) => both(text, "a note"),
                _ => {}
            }
        }
    }
    let mut run = treated(400, &[(28, "900")]);
    accepted(&load(&mut run, "900"));
    let mut run = Run::enrol(person());
    accepted(&run.journal().iter().map(|(_, one)| one.clone()).collect::<Vec<_>>());
    accepted(&intake(
        &mut run,
        vec![("contact", yes(true)), ("unwell", yes(true)), ("contact-hours", quantity("3", "h"))],
    ));
    accepted(&course(&mut run, vec![("started", yes(false)), ("unwell", yes(true))]));
    accepted(&result(&mut run, TEST, POSITIVE));
    accepted(&scale(&mut run, "phq-9", &[3, 3, 3, 3, 3, 3, 3, 3, 3]));
}

/// Everything that a patient may see: messages, their tasks, titles, questionnaires, reasons of holds.
#[test]
fn nothing_that_a_patient_sees_names_anything() {
    const WORDS: [&str; 30] = [
        "hiv",
        "aids",
        "艾滋",
        "免疫",
        "病毒",
        "virus",
        "viral",
        "暴露",
        "exposure",
        "阻断",
        "prophyla",
        "pep",
        "prep",
        "抗病毒",
        "retrovir",
        "药",
        "medicine",
        "drug",
        "pill",
        "cd4",
        "rna",
        "核酸",
        "抗体",
        "antibod",
        "感染科",
        "infectious",
        "乙肝",
        "hepatitis",
        "copies",
        "拷贝",
    ];
    let mut texts: Vec<String> = Vec::new();
    let mut add = |text: &LocalizedText| texts.extend(text.iter().map(|one| one.text.clone()));
    let definition = Hiv::describe();
    add(&definition.title);
    definition.stages.iter().for_each(|stage| add(&stage.title));
    for questionnaire in &definition.questionnaires {
        add(&questionnaire.title);
        for question in &questionnaire.questions {
            add(&question.text);
            let safety = question.link_id == "item-9";
            assert_eq!(question.records_as.is_some(), safety, "what a patient types is no result");
            if let AnswerKind::Choice(choices) = &question.kind {
                choices.iter().for_each(|choice| {
                    add(&vec![xinglin_sdk::types::Translation {
                        language: "en".into(),
                        text: format!("{} {}", choice.code, choice.display.clone().unwrap_or_default()),
                    }])
                });
            }
        }
    }
    let mut templates = std::collections::BTreeSet::new();
    let mut codes = vec![definition.code];
    codes.extend(definition.stages.iter().map(|stage| stage.code.clone()));
    codes.extend(definition.questionnaires.iter().map(|one| one.code.clone()));
    for run in eventful() {
        for (_, one) in run.journal() {
            match one {
                Directive::SendMessage(message) => {
                    add(&message.fallback);
                    assert!(message.arguments.is_empty());
                    templates.insert(message.template.clone());
                }
                Directive::ScheduleTask(task) => {
                    add(&task.title);
                    codes.push(task.code.clone());
                }
                // The host sends it to the patient.
                Directive::Refer(referral) => add(&referral.reason),
                Directive::HoldPrescribing(hold) => {
                    add(&hold.reason);
                    codes.push(hold.code.clone());
                }
                _ => {}
            }
        }
    }
    let all = ["go-now", "keep-on", "laboratory-due", "questionnaire-due", "visit-soon", "where-to-call"];
    assert_eq!(templates.iter().map(String::as_str).collect::<Vec<_>>(), all);
    for text in texts.into_iter().chain(codes).chain(templates) {
        let lower = text.to_lowercase();
        // 药师 is the pharmacist, a person.
        let lower = lower.replace("药师", "");
        for word in WORDS {
            assert!(!lower.contains(word), "`{word}` in {text}");
        }
    }
}

// --- the table -------------------------------------------------------------------------------

#[test]
fn the_clinical_page_is_the_table_of_the_plugin() {
    let page = include_str!("../../../docs/clinical/hiv.md");
    let table = rules::table();
    assert!(page.contains(&table), "docs/clinical/hiv.md differs; its table is:\n{table}");
    let tests = include_str!("pathway.rs");
    for rule in rules::RULES {
        assert!(tests.contains(&format!("fn {}()", rule.test)), "{}: no test {}", rule.rule, rule.test);
        assert!(!rule.source.title.is_empty() && rule.source.year > 1900, "{}", rule.rule);
    }
}
