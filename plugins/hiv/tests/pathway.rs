//! The pathway on the simulator. `docs/clinical/hiv.md` names these tests.

use hiv::{Hiv, numbers};
use xinglin_sdk::{
    Plugin as _,
    clinical::{
        ConditionStatus, Medication, MedicationStatus, Observation, ObservationValue, OmissionReason, Section, Sex,
    },
    follow_up::{
        Acts, Alert, Answer, AnswerKind, AnswerValue, Departure, Destination, Directive, Eligibility, Error, Event,
        FollowUp as _, Hold, Provenance, ReleaseBy, Response, Role, Severity, State, Task, TaskRef,
        migration::Migration as _,
    },
    testing::{ContactEnd, Ended, FollowUpRun, Host, Patient, START, assert_follow_up_needs_declared, data_needs},
    time::{DAY, Instant, MINUTE, plus_days, plus_minutes},
    types::{Attribute, AttributeValue, Citation, Coding, Decimal, LocalizedText, Quantity},
};

type Run = FollowUpRun<Hiv>;

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

fn sign(code: &str) -> AnswerValue {
    AnswerValue::Choice(Coding::new("urn:xinglin:follow-up:sign", code))
}

/// Who is unwell says what it is.
fn told(mut answers: Vec<(&str, AnswerValue)>) -> Vec<(&str, AnswerValue)> {
    let unwell = answers.contains(&("unwell", yes(true)));
    if unwell && !answers.iter().any(|(link, _)| *link == "symptoms") {
        answers.extend([("symptoms", sign("fever")), ("symptoms", sign("rash"))]);
    }
    answers
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
    run.answer("intake", told(answers))
}

fn exposed(hours: &str) -> Run {
    let mut run = Run::enrol(person());
    intake(&mut run, vec![("contact", yes(true)), ("contact-hours", quantity(hours, "h"))]);
    run
}

fn course(run: &mut Run, set: Vec<(&'static str, AnswerValue)>) -> Vec<Directive> {
    let mut answers = vec![("unwell", yes(false))];
    answers.retain(|(link, _)| set.iter().all(|(other, _)| other != link));
    answers.extend(set);
    run.answer("course", told(answers))
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
    run.observed(observation, Provenance::Laboratory)
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
    observe(run, LOAD, value, "{copies}/mL")
}

/// The laboratory reports.
fn observe(run: &mut Run, code: &str, value: &str, unit: &str) -> Vec<Directive> {
    run.observe(Coding::loinc(code), value, unit, Provenance::Laboratory)
}

/// The alerts of a code whose message has a word.
fn all_of<'a>(run: &'a Run, code: &str, word: &str) -> Vec<&'a Alert> {
    let alert = |(_, one): &'a (Instant, Directive)| match one {
        Directive::RaiseAlert(alert) if alert.code == code && alert.message[1].text.contains(word) => Some(alert),
        _ => None,
    };
    run.journal().iter().filter_map(alert).collect()
}

fn everything() -> Acts {
    Acts::PRESCRIBE | Acts::APPROVE | Acts::CHARGE | Acts::DISPENSE
}

fn day_of(run: &Run, task: &str) -> i64 {
    (run.task(task).unwrap_or_else(|| panic!("no task {task} in {:?}", run.open_tasks())).due - START).div_euclid(DAY)
}

fn has(run: &Run, alert: &str) -> bool {
    run.alerts().contains(&alert)
}

/// Days on which a questionnaire was asked.
fn asked(run: &Run, questionnaire: &str) -> Vec<i64> {
    let is = |one: &Directive| matches!(one, Directive::Ask(question) if question.questionnaire == questionnaire);
    run.journal().iter().filter(|(_, one)| is(one)).map(|(at, _)| (at - START) / DAY).collect()
}

/// Days on which a test was requested.
fn requested(run: &Run, loinc: &str) -> Vec<i64> {
    let wants = |one: &Directive| matches!(one, Directive::RequestLab(request) if request.tests.iter().any(|code| code.code == loinc));
    run.journal().iter().filter(|(_, one)| wants(one)).map(|(at, _)| (at - START) / DAY).collect()
}

// --- who may enter ---------------------------------------------------------------------------

fn screen(patient: &Patient) -> Result<String, Error> {
    let mut host = Host::of::<Hiv>();
    let snapshot = patient.snapshot_for(&data_needs::<Hiv>(), START);
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
    assert_follow_up_needs_declared::<Hiv>();
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
    assert!(
        text.contains(&numbers::PARTNER_SUPPRESSED.value.to_string())
            && text.contains(&numbers::RISK_MONTHS.value.to_string())
    );
}

/// Each question with the minutes for it: asked once more at half of them, told after all of them.
#[test]
fn who_does_not_answer_is_reported() {
    type Row = (&'static str, i64, u32, fn() -> Run);
    let enrolled = || Run::enrol(person());
    let urgent = || {
        let mut run = exposed("1");
        run.advance(1);
        run
    };
    let treated = || treated(400, &[(0, "20")]);
    let rows: [Row; 4] = [
        ("intake", 240, 240, enrolled),
        ("course", 1440, 240, urgent),
        ("phq-9", 10080, 1440, treated),
        ("gad-7", 10080, 1440, treated),
    ];
    for (questionnaire, minutes, soon, run_of) in rows {
        for (more, reported) in [(-1, false), (0, true), (1, true)] {
            let mut run = run_of();
            let begun = run.now();
            run.advance_to(plus_minutes(begun, minutes + more));
            let alerts = all_of(&run, "QUESTIONNAIRE_MISSED", questionnaire);
            let said: Vec<_> = alerts.iter().map(|alert| (alert.owner, alert.sla_minutes)).collect();
            let expected = if reported { vec![(Role::HealthManager, soon)] } else { vec![] };
            assert_eq!(said, expected, "{questionnaire} after {more}");
            let again =
                run.reminders().iter().find(|(_, code)| code == questionnaire).map(|(at, _)| (at - begun) / MINUTE);
            assert_eq!(again, Some(minutes / 2), "{questionnaire}");
        }
    }
    // The first questions come again the next day; what is turned down is told at once.
    let mut run = Run::enrol(person());
    run.turn_down("intake");
    assert!(has(&run, "QUESTIONNAIRE_MISSED") && !run.open_requests().contains(&"intake"));
    run.complete("intake");
    run.advance(1);
    assert_eq!(asked(&run, "intake"), [0, 1], "not by ticking");
    intake(&mut run, vec![]);
    run.advance(10);
    assert_eq!(asked(&run, "intake"), [0, 1]);
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
        // Offline comes before laboratories; a visit that is under way stops.
        let at = |wanted: fn(&Directive) -> bool| run.journal().iter().position(|(_, one)| wanted(one));
        let refer = at(|one| matches!(one, Directive::Refer(_)));
        assert!(refer < at(|one| matches!(one, Directive::RequestLab(_))));
        let stop = at(|one| matches!(one, Directive::StopVisit(_)));
        assert_eq!((stop.is_some(), stop < refer), (open, true), "{hours}");
    }
    assert!(exposed("2").alert("PEP_WINDOW_OPEN").expect("an alert").message[1].text.contains("preferably 2"));
    for (minutes, host) in [(15, Host::of::<Hiv>()), (30, Host::of::<Hiv>().setting("acknowledge-minutes", 30))] {
        let mut run = Run::enrol_on(host, person());
        intake(&mut run, vec![("contact", yes(true))]);
        assert_eq!(run.alert("PEP_WINDOW_OPEN").map(|alert| alert.sla_minutes), Some(minutes));
    }
}

/// What is delivered late was as long ago as it was when it was answered.
#[test]
fn hours_are_counted_from_the_answer() {
    for (delay, open) in [(0, true), (12, true), (13, false)] {
        let mut run = Run::enrol(person());
        let at = run.now();
        run.advance_to(at + delay * HOUR);
        let answer =
            |link: &str, value| Answer { link_id: link.into(), values: vec![value], at, author: Role::Patient };
        let mut answers = vec![answer("contact", yes(true)), answer("contact-hours", quantity("60", "h"))];
        answers.extend(RISKS.map(|link| answer(link, yes(false))));
        answers.extend([answer("unwell", yes(false)), answer("plan", plan("none"))]);
        run.step(Event::Answered(Response { questionnaire: "intake".into(), answers }));
        assert_eq!((has(&run, "PEP_WINDOW_OPEN"), has(&run, "PEP_WINDOW_EXPIRED")), (open, !open), "{delay}");
    }
}

#[test]
fn who_is_not_seen_is_sent_again() {
    for (minutes, lapsed, expired) in [
        (24 * 60 - 1, false, false),
        (24 * 60, true, false),
        (24 * 60 + 1, true, false),
        (72 * 60, true, false),
        (72 * 60 + 1, true, true),
    ] {
        let mut run = exposed("0");
        run.advance_to(plus_minutes(START, minutes));
        assert_eq!((has(&run, "PEP_VISIT_LAPSED"), has(&run, "PEP_WINDOW_EXPIRED")), (lapsed, expired), "{minutes}");
        assert_eq!(run.open_requests().contains(&"urgent-visit"), !expired, "{minutes}");
        if lapsed && !expired {
            assert_eq!(run.alert("PEP_VISIT_LAPSED").map(|alert| alert.severity), Some(Severity::Critical));
            let last = run.referrals().last().map(|referral| (referral.attend_by - START) / HOUR);
            assert_eq!(last, Some(if minutes < 72 * 60 { 72 } else { 73 }), "{minutes}");
        }
    }
    // In the best hours of an exposure that is known; after them, in the window.
    for (hours, within) in [("0", 24), ("10", 14), ("23", 1), ("24", 48), ("70", 2), ("72", 1)] {
        let run = exposed(hours);
        assert_eq!((run.referrals()[0].attend_by - START) / HOUR, within, "{hours}");
    }
    // Turned down, or begun, or seen.
    let mut run = exposed("1");
    run.turn_down("urgent-visit");
    assert!(has(&run, "VISIT_DECLINED"));
    let mut run = exposed("10");
    course(&mut run, vec![("started", yes(true)), ("started-hours", quantity("1", "h"))]);
    run.advance(4);
    assert!(!has(&run, "PEP_VISIT_LAPSED") && !has(&run, "PEP_WINDOW_EXPIRED"));
    let mut run = exposed("10");
    run.fulfil("urgent-visit", vec![]);
    run.advance(4);
    assert!(!has(&run, "PEP_VISIT_LAPSED") && !has(&run, "PEP_WINDOW_EXPIRED"));
    // Asked, and not begun.
    for hours in ["10", "72"] {
        let mut run = exposed(hours);
        course(&mut run, vec![("started", yes(false))]);
        assert!(has(&run, "PEP_NOT_STARTED"), "{hours}");
    }
    let mut late = exposed("40");
    course(&mut late, vec![("started", yes(true)), ("started-hours", quantity("41", "h"))]);
    assert!(has(&late, "ANSWER_NOT_USABLE"), "before the exposure");
}

#[test]
fn who_does_not_know_when_is_sent_at_once() {
    let mut run = Run::enrol(person());
    intake(&mut run, vec![("contact", yes(true))]);
    assert!(has(&run, "PEP_WINDOW_OPEN"));
    assert_eq!((run.stage(), (run.referrals()[0].attend_by - START) / HOUR), ("urgent", 24));
    run.advance_to(plus_minutes(START, 72 * 60 + 1));
    assert!(has(&run, "PEP_WINDOW_EXPIRED"), "whenever it was, it is too late by now");
}

/// The host keeps from the pathway what its questions do not take.
#[test]
fn numbers_that_cannot_be_right_are_not_taken() {
    for (hours, unit, taken) in [
        ("4319", "h", true),
        ("4320", "h", true),
        ("4321", "h", false),
        ("-1", "h", false),
        ("3", "d", false),
        ("3", "", false),
    ] {
        let mut answers: Vec<(&str, AnswerValue)> = RISKS.into_iter().map(|link| (link, yes(false))).collect();
        answers.extend([("contact", yes(true)), ("unwell", yes(false)), ("plan", plan("none"))]);
        answers.push(("contact-hours", quantity(hours, unit)));
        let mut run = Run::enrol(person());
        assert_eq!(run.try_answer(Role::Patient, "intake", answers).is_ok(), taken, "{hours} {unit}");
        let gap = vec![("gap-hours", quantity(hours, unit)), ("unwell", yes(false))];
        let mut run = treated(400, &[(0, "20")]);
        assert_eq!(run.try_answer(Role::Patient, "routine", gap).is_ok(), taken, "{hours} {unit}");
    }
    for (days, taken) in [("3649", true), ("3650", true), ("3651", false), ("-1", false)] {
        let answers = vec![("plan", plan("none")), ("last-days", quantity(days, "d")), ("unwell", yes(false))];
        assert_eq!(protected("daily").try_answer(Role::Patient, "regular", answers).is_ok(), taken, "{days}");
    }
    // What is not asked is not answered; what is asked is.
    let of = |set: Vec<(&'static str, AnswerValue)>| {
        let mut answers: Vec<(&str, AnswerValue)> =
            RISKS.into_iter().chain(["contact"]).map(|link| (link, yes(false))).collect();
        answers.push(("plan", plan("none")));
        answers.extend(set);
        Run::enrol(person()).try_answer(Role::Patient, "intake", answers).is_ok()
    };
    assert!(of(vec![("unwell", yes(false))]) && !of(vec![("unwell", yes(true))]) && !of(vec![]));
    assert!(of(vec![("unwell", yes(true)), ("symptoms", sign("fever")), ("symptoms", sign("throat"))]));
    assert!(!of(vec![("unwell", yes(false)), ("symptoms", sign("fever"))]));
    assert!(!of(vec![("unwell", yes(false)), ("contact-hours", quantity("3", "h"))]));
    assert!(!of(vec![("unwell", yes(false)), ("partner-suppressed", yes(true))]));
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
    run.fulfil("urgent-visit", vec![]);
    course(&mut run, vec![("started", yes(true)), ("started-hours", quantity("0", "h"))]);
    result(&mut run, TEST, NEGATIVE);
    for day in [1, 3, 7, 14, 28] {
        assert_eq!(day_of(&run, &format!("course-{day}")), day);
        run.advance_to(plus_days(START, day));
        course(&mut run, vec![("started", yes(true)), ("finished", yes(day == 28))]);
    }
    assert_eq!(asked(&run, "course"), [0, 1, 3, 7, 14, 28]);
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
    assert_eq!(asked(&run, "gad-7"), [0, 28, 84, 180]);
}

/// Who began a course and was not asked yet is asked, whether somebody has seen them or nobody has.
#[test]
fn a_course_that_nobody_told_of_is_asked_about() {
    // Seen: asked at once. No answer: the days of a course go on when the window is over.
    let mut run = exposed("6");
    run.fulfil("urgent-visit", vec![]);
    assert_eq!(asked(&run, "course"), [0]);
    run.advance_to(plus_days(START, 4));
    assert_eq!(asked(&run, "course"), [0, 1, 3]);
    course(&mut run, vec![("started", yes(true)), ("started-hours", quantity("95", "h"))]);
    assert!(!has(&run, "PEP_STARTED_LATE") && !has(&run, "PEP_WINDOW_EXPIRED"));
    run.advance_to(plus_days(START, 40));
    assert_eq!(asked(&run, "course"), [0, 1, 3, 7, 14, 28]);
    // Seen, and none begun: not asked any more.
    let mut run = exposed("6");
    run.fulfil("urgent-visit", vec![]);
    run.advance_to(plus_days(START, 4));
    course(&mut run, vec![("started", yes(false))]);
    run.advance_to(plus_days(START, 40));
    assert_eq!(asked(&run, "course"), [0, 1, 3]);
    // Not seen: asked once when the window is over, or is over from the first.
    let mut run = exposed("30");
    run.advance_to(START + 42 * HOUR);
    assert!(!has(&run, "PEP_WINDOW_EXPIRED"));
    run.advance_to(START + 42 * HOUR + MINUTE);
    assert!(has(&run, "PEP_WINDOW_EXPIRED") && run.open_requests().contains(&"course"));
    run.advance_to(plus_days(START, 2));
    assert_eq!(asked(&run, "course"), [1, 1]);
    course(&mut run, vec![("started", yes(true)), ("started-hours", quantity("40", "h"))]);
    assert!(!run.open_requests().contains(&"later-visit") && !has(&run, "EXPOSURE_VISIT_LAPSED"));
    assert_eq!(run.task("course-7").map(|task| (task.due - START) / HOUR), Some(7 * 24 + 8));
    let mut run = exposed("80");
    assert_eq!(asked(&run, "course"), [0]);
    course(&mut run, vec![("started", yes(false))]);
    assert!(!run.open_requests().contains(&"course"), "once");
    run.advance_to(plus_days(START, 40));
    assert_eq!(asked(&run, "course"), [0]);
}

/// Who is unwell in a course is seen, and goes on with it.
#[test]
fn symptoms_do_not_stop_a_course() {
    for (started, held) in [(true, false), (false, true)] {
        let mut run = exposed("6");
        course(&mut run, vec![("started", yes(started)), ("unwell", yes(true))]);
        assert!(has(&run, "ACUTE_SYMPTOMS") && run.open_requests().contains(&"symptoms-visit"));
        assert!(run.open_requests().contains(&"result-tests"));
        assert_eq!(run.holds().contains(&"symptoms"), held, "{started}");
        run.release("urgent-visit");
        assert_eq!(run.is_held(Acts::DISPENSE, &Coding::atc("J05AR20")), held, "{started}");
        // Followed to its end without a hold, too.
        run.advance(3);
        assert!(has(&run, "SYMPTOMS_VISIT_LAPSED"), "{started}");
    }
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
    assert_eq!(run.holds(), ["urgent-visit", "result-to-confirm"]);
    // Confirmed: treatment, whatever came before.
    run.patient = run.patient.clone().diagnosed(Coding::icd10("B20"));
    run.release("result-to-confirm");
    assert_eq!(run.stage(), "offline");
    run.release("urgent-visit");
    assert_eq!(run.stage(), "treatment");
    assert!(run.open_tasks().iter().all(|task| !task.starts_with("course-") && !task.starts_with("clock")));
}

/// In an acute infection it is there before antigen and antibodies are.
#[test]
fn rna_that_is_found_outside_treatment_is_confirmed_face_to_face() {
    type Row = (&'static str, fn() -> Run);
    let rows: [Row; 3] =
        [("assessment", || Run::enrol(person())), ("urgent", || exposed("6")), ("prevention", || protected("daily"))];
    for (arm, run_of) in rows {
        for (value, found) in [("0", false), ("49", false), ("50", true), ("200", true), ("90000", true)] {
            let mut run = run_of();
            assert_eq!(run.stage(), arm);
            load(&mut run, value);
            assert_eq!(has(&run, "HIV_TEST_REACTIVE"), found, "{arm} {value}");
            assert_eq!(run.holds().contains(&"result-to-confirm"), found, "{arm} {value}");
            assert_eq!(run.open_requests().contains(&"result-visit"), found, "{arm} {value}");
        }
        for (word, found) in [(NEGATIVE, false), (POSITIVE, true)] {
            let mut run = run_of();
            result(&mut run, LOAD, word);
            assert_eq!((has(&run, "HIV_TEST_REACTIVE"), has(&run, "RESULT_NOT_USABLE")), (found, false), "{arm}");
        }
    }
    // In treatment a word is no load.
    let mut run = treated(400, &[(0, "20")]);
    run.advance(1);
    result(&mut run, LOAD, POSITIVE);
    assert_eq!((has(&run, "HIV_TEST_REACTIVE"), has(&run, "RESULT_NOT_USABLE")), (false, true));
}

/// A negative test of antigen and antibody renews nothing while RNA is found.
#[test]
fn rna_that_is_found_outweighs_a_negative_test() {
    for (value, begins) in [("20", true), ("5000", false)] {
        let patient = had(had(person(), 5, TEST, NEGATIVE), 5, SURFACE, NEGATIVE);
        let patient = patient.measured(Coding::loinc(CLEARANCE), "90", "mL/min");
        let mut run = Run::enrol(patient.days_ago(6).measured(Coding::loinc(LOAD), value, "{copies}/mL"));
        intake(&mut run, vec![("plan", plan("daily"))]);
        assert_eq!((run.holds().is_empty(), has(&run, "HIV_TEST_REACTIVE")), (begins, !begins), "{value}");
    }
    let patient = had(had(person(), 5, TEST, NEGATIVE), 5, SURFACE, NEGATIVE);
    let mut run = Run::enrol(patient.measured(Coding::loinc(CLEARANCE), "90", "mL/min"));
    intake(&mut run, vec![("plan", plan("daily"))]);
    // In the record, and not told: the test does not hold.
    run.patient = run.patient.clone().days_ago(4).measured(Coding::loinc(LOAD), "5000", "{copies}/mL");
    run.step(Event::AlertAcknowledged("ANY".to_owned()));
    assert_eq!(run.holds(), ["renewal-test"]);
}

/// Of the laboratory, taken so many days before the start.
fn late(run: &mut Run, ago: i64, loinc: &str, snomed: &str) {
    let observation = coded(&run.patient.clone().days_ago(ago), loinc, snomed);
    run.observed(observation, Provenance::Laboratory);
}

/// However late it comes, and whatever was negative after it.
#[test]
fn a_positive_test_stands_until_a_doctor_has_decided() {
    for code in [TEST, LOAD] {
        for ago in [5, 9] {
            let mut run = protected("daily");
            late(&mut run, ago, code, POSITIVE);
            assert!(has(&run, "HIV_TEST_REACTIVE"), "{code} {ago}");
            assert_eq!(run.holds(), ["result-to-confirm"], "{code} {ago}");
        }
    }
    // Of the same moment as the negative one: whichever the record has first.
    for words in [[NEGATIVE, POSITIVE], [POSITIVE, NEGATIVE]] {
        let patient = words.into_iter().fold(person(), |patient, word| had(patient, 3, TEST, word));
        let mut run = Run::enrol(patient);
        intake(&mut run, vec![("plan", plan("daily"))]);
        assert_eq!(run.holds(), ["result-to-confirm"], "{words:?}");
    }
    // A doctor has decided: what was taken before is known, what is taken later is not.
    let mut run = protected("daily");
    late(&mut run, 9, TEST, POSITIVE);
    run.advance(2);
    run.release("result-to-confirm");
    late(&mut run, 8, TEST, POSITIVE);
    assert!(run.holds().is_empty(), "{:?}", run.holds());
    run.advance(1);
    result(&mut run, TEST, POSITIVE);
    assert_eq!(run.holds(), ["result-to-confirm"]);
    assert_eq!(run.alerts().iter().filter(|code| **code == "HIV_TEST_REACTIVE").count(), 2);
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
    run.answer("regular", told(answers))
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
        assert_eq!(run.holds().contains(&"renewal-test"), overdue, "{minutes}");
        if overdue {
            let hold = run.hold("renewal-test").expect("a hold");
            assert_eq!((hold.release, hold.stops), (ReleaseBy::Pathway, everything()));
            // What the patient says is no test; the laboratory's lifts it.
            let reported = coded(&run.patient, TEST, NEGATIVE);
            run.observed(reported, Provenance::SelfReported);
            assert_eq!(run.holds(), ["renewal-test"]);
            run.advance_to(run.now() + MINUTE);
            result(&mut run, TEST, NEGATIVE);
            assert!(run.holds().is_empty());
        }
    }
    // No test at all: at once. A doctor lets it pass, and it is not held again for the same.
    let mut run = Run::enrol(person());
    intake(&mut run, vec![("plan", plan("daily"))]);
    assert_eq!(run.holds(), ["renewal-test"]);
    run.release("renewal-test");
    run.advance(20);
    assert!(run.holds().is_empty());
}

/// Prevention is held, and nothing else that the patient takes.
#[test]
fn only_medicines_of_prevention_are_held() {
    let held = |run: &Run, act: Acts, atc: &str| run.is_held(act, &Coding::atc(atc));
    let overdue = |patient: Patient| {
        let mut run = Run::enrol(patient);
        intake(&mut run, vec![("plan", plan("daily"))]);
        assert_eq!(run.holds(), ["renewal-test"]);
        run
    };
    let run = overdue(person());
    for act in [Acts::PRESCRIBE, Acts::APPROVE, Acts::CHARGE, Acts::DISPENSE] {
        for (atc, stopped) in [
            ("J05AR03", true),
            ("J05AR17", true),
            ("J05AR12", true),
            ("J05AJ04", true),
            ("J05AX31", true),
            ("J05AF07", false),
            ("J05AR20", false),
            ("A10BA02", false),
        ] {
            assert_eq!(held(&run, act, atc), stopped, "{act:?} {atc}");
        }
    }
    // Tenofovir alone treats hepatitis B; with a partner it is prevention.
    for (medicines, tenofovir) in [
        (&["J05AF07"][..], false),
        (&["J05AF09"], false),
        (&["J05AF07", "J05AF09"], true),
        (&["J05AF07", "J05AF05"], true),
    ] {
        let patient = medicines.iter().fold(person(), |patient, atc| patient.taking(Coding::atc(*atc)));
        let run = overdue(patient);
        assert_eq!(held(&run, Acts::DISPENSE, "J05AF07"), tenofovir, "{medicines:?}");
        assert_eq!(held(&run, Acts::DISPENSE, "J05AF09"), tenofovir && medicines.contains(&"J05AF09"));
    }
    // The kidneys matter to one of them; what begins face to face is more.
    let mut run = protected("daily");
    observe(&mut run, CLEARANCE, "40", "mL/min");
    assert!(held(&run, Acts::PRESCRIBE, "J05AR03") && !held(&run, Acts::PRESCRIBE, "J05AR17"));
    let run = exposed("1");
    assert!(held(&run, Acts::PRESCRIBE, "J05AR20") && held(&run, Acts::PRESCRIBE, "J05AR03"));
    assert!(!held(&run, Acts::PRESCRIBE, "A10BA02"));
}

#[test]
fn clearance_below_60_stops_prevention() {
    let with = |value: &str, unit: &str| {
        let mut run = protected("daily");
        observe(&mut run, CLEARANCE, value, unit);
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
        observe(&mut run, "29463-7", "70", "kg");
        observe(&mut run, "14682-9", creatinine, "umol/L");
        assert_eq!(run.holds().contains(&"kidney-function"), low, "{creatinine}");
    }
    let mut unknown = Run::enrol(person());
    intake(&mut unknown, vec![("plan", plan("daily"))]);
    assert!(has(&unknown, "PREP_BASELINE_INCOMPLETE"));
}

#[test]
fn prevention_stops_seven_days_after_the_last_exposure() {
    for (days, early) in [("6", true), ("6.9", true), ("7", false), ("8", false)] {
        let mut run = protected("daily");
        regular(&mut run, vec![("stop", yes(true)), ("last-days", quantity(days, "d"))]);
        assert_eq!(has(&run, "PREP_STOP_TOO_EARLY"), early, "{days}");
        if early {
            assert_eq!(run.alert("PREP_STOP_TOO_EARLY").map(|alert| alert.owner), Some(Role::Pharmacist));
        }
    }
    for (last, day) in [(Some("2"), 5), (Some("2.5"), 7), (None, 7)] {
        let mut run = protected("daily");
        let mut set = vec![("stop", yes(true))];
        set.extend(last.map(|days| ("last-days", quantity(days, "d"))));
        regular(&mut run, set);
        assert_eq!(day_of(&run, "stop-day"), day, "{last:?}");
    }
    // Stopped already: prevention ends, and with it what is held for it.
    let mut run = Run::enrol(person());
    intake(&mut run, vec![("plan", plan("daily"))]);
    assert_eq!(run.holds(), ["renewal-test"]);
    regular(&mut run, vec![("plan", plan("none")), ("last-days", quantity("9", "d"))]);
    assert_eq!((run.holds(), has(&run, "PREP_STOP_TOO_EARLY")), (vec!["renewal-test"], false));
}

/// An answer lifts nothing: a test that is newer than the hold does, or an infection that is treated, or a doctor.
#[test]
fn what_the_patient_says_lifts_no_hold() {
    let overdue = || {
        let mut run = protected("daily");
        run.advance_to(plus_minutes(plus_days(START, 30), 1));
        assert_eq!(run.holds(), ["renewal-test"]);
        regular(&mut run, vec![("plan", plan("none")), ("last-days", quantity("9", "d"))]);
        assert_eq!(run.holds(), ["renewal-test"], "stopped");
        regular(&mut run, vec![("plan", plan("daily"))]);
        assert_eq!(run.holds(), ["renewal-test"], "begun again");
        intake(&mut run, vec![("contact", yes(true)), ("contact-hours", quantity("100", "h"))]);
        assert_eq!(run.holds(), ["renewal-test"], "an exposure");
        run
    };
    let mut run = overdue();
    // One that was taken before the last one says nothing new; one that came after it does.
    late(&mut run, 6, TEST, NEGATIVE);
    assert_eq!(run.holds(), ["renewal-test"]);
    result(&mut run, TEST, NEGATIVE);
    assert!(run.holds().is_empty());
    let mut run = overdue();
    run.patient = run.patient.clone().diagnosed(Coding::icd10("B20"));
    run.step(Event::AlertAcknowledged("ANY".to_owned()));
    assert_eq!((run.stage(), run.holds().is_empty()), ("treatment", true));
    let mut run = overdue();
    run.release("renewal-test");
    assert!(run.holds().is_empty());
    // Taken before it was overdue, and reported after.
    let mut run = protected("daily");
    run.advance(31);
    assert_eq!(run.holds(), ["renewal-test"]);
    late(&mut run, -29, TEST, NEGATIVE);
    assert!(run.holds().is_empty());
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
    let alert = run.alert("ACUTE_SYMPTOMS").expect("an alert");
    assert!(alert.message[1].text.contains("fever, a rash"), "{:?}", alert.message);
    assert!(run.holds().contains(&"symptoms"));
    assert_eq!(run.stage(), "offline");
    run.release("symptoms");
    assert_eq!(run.stage(), "prevention");
}

#[test]
fn prevention_is_walked_for_180_days() {
    let mut run = protected("daily");
    assert!(run.holds().is_empty() && run.alerts().is_empty(), "{:?}", run.alerts());
    for day in [30, 90, 180] {
        assert_eq!(day_of(&run, if day == 30 { "regular-30" } else { "regular" }), day);
        run.advance_to(plus_days(START, day - if day == 180 { 10 } else { 1 }));
        result(&mut run, TEST, NEGATIVE);
        run.advance_to(plus_days(START, day));
        regular(&mut run, vec![("gap-hours", quantity("0", "h"))]);
        if day == 90 {
            observe(&mut run, CLEARANCE, "85", "mL/min");
            assert!(!run.open_requests().contains(&"lab-kidney"), "another test says the same");
        }
    }
    assert_eq!(requested(&run, "14682-9"), [90], "three months after the start");
    assert_eq!(day_of(&run, "lab-kidney"), 90 + 180);
    assert_eq!(asked(&run, "regular"), [30, 90, 180]);
    assert_eq!(day_of(&run, "regular"), 270);
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
        run.observed(bound, Provenance::Laboratory);
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
        assert_eq!(run.open_requests().contains(&"plan-team"), failure);
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
    // Said once, until it was lower or the team has decided.
    let mut run = treated(400, &[(28, "900")]);
    for _ in 0..3 {
        load(&mut run, "900");
        run.advance(30);
    }
    assert_eq!(run.alerts().iter().filter(|alert| **alert == "VIROLOGICAL_FAILURE").count(), 1);
}

/// The conclusion of a team.
fn concluded(code: &str) -> Vec<Coding> {
    vec![Coding::new("urn:xinglin:follow-up:conclusion", code)]
}

fn failing() -> Run {
    let mut run = treated(400, &[(28, "900")]);
    load(&mut run, "900");
    run
}

#[test]
fn a_team_decides_about_a_failure() {
    let run = failing();
    let team = run.journal().iter().find_map(|(_, one)| match one {
        Directive::Convene(team) => Some(team.clone()),
        _ => None,
    });
    let team = team.expect("a team");
    let least = usize::try_from(numbers::TEAM_LEAST.value).expect("a number");
    assert!(team.participants.len() >= least && team.participants.iter().all(|one| !one.responsibility.is_empty()));
    assert_eq!(team.deadline, plus_days(START, 14));
    for (minutes, lapsed) in [(-1, false), (0, true), (1, true)] {
        let mut run = failing();
        run.advance_to(plus_minutes(plus_days(START, 14), minutes));
        assert_eq!(has(&run, "FAILURE_TEAM_LAPSED"), lapsed, "{minutes}");
        let by = if lapsed { 28 } else { 14 };
        assert_eq!(run.request_ends("plan-team"), Some(plus_days(START, by)), "{minutes}");
    }
    // A change is somebody's task, which is missed after two weeks; a new regimen has its viral load at week 4.
    for (days, missed) in [(13, false), (14, true), (15, true)] {
        let mut run = failing();
        run.fulfil("plan-team", concluded("change"));
        assert_eq!(run.task("plan-change").map(|task| task.owner), Some(Role::Doctor));
        run.advance(days);
        assert_eq!(!all_of(&run, "CONTACT_MISSED", "plan-change").is_empty(), missed, "{days}");
    }
    // It goes on: the pharmacist talks with the patient now.
    let mut run = failing();
    run.fulfil("plan-team", concluded("continue"));
    assert_eq!((day_of(&run, "pharmacist-talk"), run.task("plan-change").is_some()), (0, false));
    // More tests first: asked for, and then again; another conclusion, or none: the plan is in the record.
    let mut run = failing();
    run.advance(3);
    run.fulfil("plan-team", concluded("more-tests"));
    assert_eq!((run.request_ends("plan-team"), requested(&run, "45182-3")), (Some(plus_days(START, 17)), vec![0, 3]));
    for outcome in [vec![], concluded("else")] {
        let mut run = failing();
        run.fulfil("plan-team", outcome);
        assert!(!run.open_requests().contains(&"plan-team"));
    }
    // Turned down: a doctor decides.
    let mut run = failing();
    run.turn_down("plan-team");
    assert_eq!(run.alert("FAILURE_TEAM_DECLINED").map(|alert| alert.owner), Some(Role::Doctor));
    // High again after the team has decided: another one. Lower: nobody needs the team any more.
    let mut run = failing();
    run.fulfil("plan-team", vec![]);
    run.advance(90);
    load(&mut run, "900");
    assert_eq!(run.alerts().iter().filter(|code| **code == "VIROLOGICAL_FAILURE").count(), 2);
    assert!(run.open_requests().contains(&"plan-team"));
    run.advance(1);
    load(&mut run, "20");
    assert!(!run.open_requests().iter().any(|code| ["plan-team", "plan-tests"].contains(code)));
}

/// Medicines of prevention, and of hepatitis B, are no treatment, and treatment does not begin with them.
#[test]
fn prevention_is_no_treatment() {
    type Taken = &'static [(i64, &'static str)];
    let rows: [(Taken, bool); 11] = [
        (&[(400, "J05AR03")], false),
        (&[(400, "J05AR17")], false),
        (&[(400, "J05AJ04")], false),
        (&[(400, "J05AX31")], false),
        (&[(400, "J05AF07")], false),
        (&[(400, "J05AF13")], false),
        (&[(400, "J05AF07"), (400, "J05AF09")], false),
        (&[(400, "J05AF13"), (400, "J05AF05")], false),
        (&[(400, "J05AR20")], true),
        (&[(400, "J05AR03"), (400, "J05AJ03")], true),
        (&[(400, "J05AJ04"), (400, "J05AG05")], true),
    ];
    for (taken, treated) in rows {
        let patient =
            taken.iter().fold(infected(), |patient, (ago, atc)| patient.days_ago(*ago).taking(Coding::atc(*atc)));
        let run = Run::enrol(patient.days_ago(0).measured(Coding::loinc(LOAD), "900", "{copies}/mL"));
        assert_eq!(has(&run, "ART_NOT_ON_RECORD"), !treated, "{taken:?}");
        assert_eq!(has(&run, "VIRAL_LOAD_HIGH"), treated, "{taken:?}");
    }
    // Two years of treatment are not counted from the prevention before it.
    for (days, next) in [(400, 90), (729, 90), (730, 180)] {
        let prevented = infected().days_ago(2000).taking(Coding::atc("J05AR03"));
        let patient = prevented.days_ago(days).taking(Coding::atc("J05AJ03"));
        let run = Run::enrol(patient.days_ago(0).measured(Coding::loinc(LOAD), "20", "{copies}/mL"));
        assert_eq!(day_of(&run, "lab-load"), next, "{days}");
    }
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
    for (day, expected) in [(27, 170), (28, 20 + 28), (29, 20 + 28)] {
        run.advance_to(plus_days(START, day));
        assert_eq!(due(&run), expected, "the record is looked at on day 28: {day}");
    }
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
        observe(&mut run, COUNT, value, unit);
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
        run.observed(observation, Provenance::Laboratory);
        assert!(!has(&run, "VIRAL_LOAD_HIGH"), "{what}");
        assert_eq!(has(&run, "RESULT_NOT_USABLE"), told, "{what}");
        assert_eq!(day_of(&run, "lab-load"), before, "{what}");
    }
    // Refused by the host, which has told the team.
    let mut run = treated(400, &[(10, "20")]);
    let mut refused = run.patient.measurement(Coding::loinc(LOAD), "900", "{copies}/mL");
    refused.value = ObservationValue::Absent;
    refused.attributes.push(Attribute::new("xinglin.refused", "MEASUREMENT_IMPLAUSIBLE"));
    run.observed(refused, Provenance::Laboratory);
    // An older one displaces nothing.
    let late = run.patient.clone().days_ago(200).measurement(Coding::loinc(LOAD), "900", "{copies}/mL");
    run.observed(late, Provenance::Laboratory);
    assert!(
        run.alerts().iter().all(|alert| !alert.contains("VIRAL") && !alert.contains("RESULT")),
        "{:?}",
        run.alerts()
    );
}

#[test]
fn values_that_cannot_be_true_decide_nothing() {
    let judged = |code: &str, value: &str, unit: &str| {
        let mut run = treated(400, &[(10, "20")]);
        observe(&mut run, code, value, unit);
        !has(&run, "RESULT_NOT_USABLE")
    };
    for (code, value, unit, usable) in [
        (LOAD, "99999999", "{copies}/mL", true),
        (LOAD, "100000000", "{copies}/mL", true),
        (LOAD, "100000001", "{copies}/mL", false),
        (COUNT, "4999", "/uL", true),
        (COUNT, "5000", "/uL", true),
        (COUNT, "5001", "/uL", false),
        ("14682-9", "14", "umol/L", false),
        ("14682-9", "15", "umol/L", true),
        ("14682-9", "16", "umol/L", true),
        ("14682-9", "2999", "umol/L", true),
        ("14682-9", "3000", "umol/L", true),
        ("14682-9", "3001", "umol/L", false),
        (CLEARANCE, "299", "mL/min", true),
        (CLEARANCE, "300", "mL/min", true),
        (CLEARANCE, "301", "mL/min", false),
        ("29463-7", "19", "kg", false),
        ("29463-7", "20", "kg", true),
        ("29463-7", "21", "kg", true),
        ("29463-7", "399", "kg", true),
        ("29463-7", "400", "kg", true),
        ("29463-7", "401", "kg", false),
        // Asked for, and a doctor's to read.
        ("1742-6", "1", "U/L", true),
    ] {
        assert_eq!(judged(code, value, unit), usable, "{code} {value} {unit}");
    }
}

/// What follows for a patient whose supplies are these, from day to day before the start: at the enrolment, and when the
/// record is looked at.
fn supplied(spans: &[(i64, i64)]) -> Vec<Directive> {
    looked_at(spans, &[0]).concat()
}

/// The same when it is looked at on these days; with the enrolment first.
fn looked_at(spans: &[(i64, i64)], days: &[i64]) -> Vec<Vec<Directive>> {
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
    let (mut state, mut directives) = (enrolled.state, vec![enrolled.directives]);
    for day in days {
        let now = plus_days(START, *day);
        let task = TaskRef { code: "review".to_owned(), due: now };
        let outcome = host.call(|| Hiv::step(Some(state.clone()), Event::TaskDue(task), snapshot_of(now), now));
        let outcome = outcome.expect("decided");
        state = outcome.state;
        directives.push(outcome.directives);
    }
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
    // Called, and not for the same again within four weeks.
    for (day, again) in [(27, false), (28, true), (29, true)] {
        let looked = looked_at(&[(180, 90), (80, 0)], &[0, day]);
        let called: Vec<bool> = looked.iter().map(|one| alerts(one).contains(&"ADHERENCE_LOW")).collect();
        assert_eq!(called, [false, true, again], "{day}");
    }
    // Of 181 days the first does not count.
    assert!(!alerts(&supplied(&[(190, 185), (180, 0)])).contains(&"ADHERENCE_LOW"));
    assert!(alerts(&supplied(&[(190, 185), (170, 0)])).contains(&"ADHERENCE_LOW"));
}

#[test]
fn a_gap_of_more_than_48_hours() {
    for (hours, gap) in [("47", false), ("48", false), ("48.1", true), ("49", true)] {
        let mut run = treated(400, &[(0, "20")]);
        run.answer("routine", vec![("gap-hours", quantity(hours, "h")), ("unwell", yes(false))]);
        assert_eq!(has(&run, "ADHERENCE_GAP"), gap, "{hours}");
        if gap {
            let alert = run.alert("ADHERENCE_GAP").expect("an alert");
            assert_eq!((alert.owner, alert.escalation.as_slice()), (Role::Pharmacist, &[Role::Doctor][..]));
        }
        let mut run = exposed("1");
        course(&mut run, vec![("started", yes(true)), ("gap-hours", quantity(hours, "h"))]);
        assert_eq!(has(&run, "ADHERENCE_GAP"), gap, "{hours}, in a course");
        let mut run = protected("daily");
        regular(&mut run, vec![("gap-hours", quantity(hours, "h"))]);
        assert_eq!(has(&run, "ADHERENCE_GAP"), gap, "{hours}, in prevention");
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
    let (mut talks, mut pharmacist) = (Vec::new(), day_of(&run, "pharmacist-talk"));
    for day in 0..=180 {
        run.advance_to(plus_days(START, day));
        let next = day_of(&run, "pharmacist-talk");
        if std::mem::replace(&mut pharmacist, next) != next {
            talks.push(("pharmacist-talk".to_owned(), day));
            run.complete("pharmacist-talk");
        }
        let is_due = |code: &&&str| run.task(code).is_some_and(|task| task.due <= run.now());
        let due: Vec<String> = run.open_tasks().iter().filter(is_due).map(|code| (*code).to_owned()).collect();
        for code in due {
            if code == "lab-count" {
                observe(&mut run, COUNT, "310", "{cells}/uL");
            } else if code == "lab-load" {
                load(&mut run, if day == 28 { "5000" } else { "40" });
            } else if code.ends_with("-talk") {
                talks.push((code.clone(), day));
                run.complete(&code);
            }
        }
        let open: Vec<String> = run.open_requests().iter().map(|code| (*code).to_owned()).collect();
        for code in open {
            match code.as_str() {
                "phq-9" => drop(scale(&mut run, "phq-9", &[0; 9])),
                "gad-7" => drop(scale(&mut run, "gad-7", &[0; 7])),
                "routine" => {
                    run.answer("routine", vec![("gap-hours", quantity("0", "h")), ("unwell", yes(false))]);
                }
                _ => {}
            }
        }
    }
    assert_eq!(asked(&run, "phq-9"), [0, 28, 84, 180]);
    assert_eq!(asked(&run, "routine"), [28, 56, 84, 112, 140, 168]);
    assert_eq!(requested(&run, LOAD), [28, 118]);
    assert_eq!(requested(&run, COUNT), [90, 180], "month 3, then every 90 after a low baseline");
    let days = |code: &str| talks.iter().filter(|(talk, _)| talk == code).map(|(_, day)| *day).collect::<Vec<_>>();
    assert_eq!((days("pharmacist-talk"), days("diet-talk")), (vec![7, 91, 175], vec![28]));
    assert_eq!(day_of(&run, "diet-talk"), 28 + 180);
    assert_eq!(days("public-health-talk"), [0]);
    assert_eq!(day_of(&run, "scales"), 360, "and then every 180 days");
    assert_eq!(day_of(&run, "lab-load"), 118 + 90);
    assert!(run.alerts().is_empty(), "{:?}", run.alerts());
}

#[test]
fn a_test_is_done_by_its_result() {
    // Ticked before it is due: it stays what it was. Then its request waits for the result.
    let mut run = treated(400, &[(0, "20")]);
    run.advance(89);
    run.complete("lab-load");
    assert_eq!(day_of(&run, "lab-load"), 90);
    run.advance(2);
    run.complete("lab-load");
    run.advance(13 + 13);
    assert!(all_of(&run, "TEST_MISSED", "Viral load").is_empty() && run.open_requests().contains(&"lab-load"));
    // Not done in its days: the assistant; no result in as many again: the health manager, and it is asked for again.
    for (minutes, missed) in [(-1, false), (0, true), (1, true)] {
        let mut run = treated(400, &[(0, "20")]);
        run.advance_to(plus_minutes(plus_days(START, 90 + 14), minutes));
        let alerts = all_of(&run, "TEST_MISSED", "Viral load");
        assert_eq!(alerts.first().map(|alert| alert.owner), missed.then_some(Role::Assistant), "{minutes}");
        assert!(run.messages().iter().filter(|message| message.template == "laboratory-due").count() >= 2, "overdue");
    }
    for (minutes, lapsed) in [(-1, false), (0, true), (1, true)] {
        let mut run = treated(400, &[(0, "20")]);
        run.advance_to(plus_minutes(plus_days(START, 90 + 28), minutes));
        let alerts = all_of(&run, "TEST_RESULTS_MISSING", "Viral load");
        assert_eq!(alerts.first().map(|alert| alert.owner), lapsed.then_some(Role::HealthManager), "{minutes}");
        let by = if lapsed { 90 + 28 + 28 } else { 90 + 28 };
        assert_eq!(run.request_ends("lab-load"), Some(plus_days(START, by)), "{minutes}");
        load(&mut run, "20");
        assert!(!run.open_requests().contains(&"lab-load"));
    }
}

#[test]
fn what_is_turned_down_is_told() {
    for (days, due) in [(13, 90 + 14), (14, 90 + 14), (15, 90 + 14)] {
        for request in [true, false] {
            let mut run = treated(400, &[(0, "20")]);
            run.advance(90);
            if request {
                run.turn_down("lab-load")
            } else {
                run.decline("lab-load")
            };
            assert_eq!(run.alert("TESTS_DECLINED").map(|alert| alert.owner), Some(Role::Doctor));
            assert_eq!((day_of(&run, "lab-load"), run.open_requests().contains(&"lab-load")), (due, false));
            run.advance(days);
            assert_eq!(run.open_requests().contains(&"lab-load"), days >= 14, "{days}");
        }
    }
    // So is one whose result nobody can use.
    let mut run = treated(400, &[(0, "20")]);
    run.advance(90);
    observe(&mut run, LOAD, "20", "[IU]/mL");
    assert!(has(&run, "RESULT_NOT_USABLE"));
    assert_eq!((day_of(&run, "lab-load"), run.open_requests().contains(&"lab-load")), (90 + 14, false));
    let mut run = failing();
    run.turn_down("plan-tests");
    assert!(has(&run, "TESTS_DECLINED"));
    let mut run = treated(400, &[(0, "20")]);
    run.decline("pharmacist-talk");
    assert!(has(&run, "CONTACT_MISSED"));
}

/// Every kind of tests that are wanted once, to the minute of their end.
#[test]
fn what_the_laboratory_does_not_report_is_told() {
    type Row = (&'static str, i64, &'static [&'static str], fn() -> Run);
    let candidate = || {
        let mut run = Run::enrol(person());
        intake(&mut run, vec![("needles", yes(true))]);
        run
    };
    let rows: [Row; 3] = [
        ("baseline-tests", 7, &[TEST, SURFACE, "13955-0", "14682-9", "1742-6"], || exposed("1")),
        ("first-tests", 14, &[TEST, "14682-9", SURFACE, "13955-0", "24110-9"], candidate),
        ("plan-tests", 28, &["45182-3", COUNT], failing),
    ];
    for (request, days, tests, run_of) in rows {
        for (minutes, lapsed) in [(-1, false), (0, true), (1, true)] {
            let mut run = run_of();
            run.advance_to(plus_minutes(plus_days(START, days), minutes));
            let by = if lapsed { 2 * days } else { days };
            assert_eq!(run.request_ends(request), Some(plus_days(START, by)), "{request} {minutes}");
            let told = |time: &Instant| *time == plus_days(START, days);
            let said = run.journal().iter().any(|(at, one)| {
                told(at) && matches!(one, Directive::RaiseAlert(alert) if alert.code == "TEST_RESULTS_MISSING")
            });
            assert_eq!(said, lapsed, "{request} {minutes}");
        }
        // Results end it, also those that the pathway does not read.
        let mut run = run_of();
        for code in tests {
            assert!(run.open_requests().contains(&request), "{request} before {code}");
            run.advance_to(run.now() + MINUTE);
            result(&mut run, code, NEGATIVE);
        }
        assert!(!run.open_requests().contains(&request), "{request}");
    }
}

/// Every visit but the urgent one, to the minute of its end.
#[test]
fn a_visit_that_does_not_take_place_is_told_again() {
    type Row = (&'static str, i64, u16, &'static str, fn() -> Run);
    let candidate = || {
        let mut run = Run::enrol(person());
        intake(&mut run, vec![("needles", yes(true))]);
        run
    };
    let unwell = || {
        let mut run = protected("daily");
        regular(&mut run, vec![("unwell", yes(true))]);
        run
    };
    let reactive = || {
        let mut run = protected("daily");
        run.advance(1);
        result(&mut run, TEST, POSITIVE);
        run
    };
    let crisis = || {
        let mut run = treated(400, &[(0, "20")]);
        scale(&mut run, "phq-9", &[0, 0, 0, 0, 0, 0, 0, 0, 2]);
        run
    };
    let pregnant = || {
        let mut run = treated(400, &[(0, "20")]);
        run.patient = run.patient.clone().diagnosed(Coding::icd10("O09.9"));
        run.step(Event::AlertAcknowledged("ANY".to_owned()));
        run
    };
    let rows: [Row; 6] = [
        ("later-visit", 7, 7, "EXPOSURE_VISIT_LAPSED", || exposed("80")),
        ("first-visit", 14, 7, "PREP_VISIT_LAPSED", candidate),
        ("symptoms-visit", 3, 7, "SYMPTOMS_VISIT_LAPSED", unwell),
        ("result-visit", 3, 7, "CONFIRMATION_VISIT_LAPSED", reactive),
        ("help-visit", 1, 1, "CRISIS_VISIT_LAPSED", crisis),
        ("specialist-visit", 7, 7, "PREGNANCY_VISIT_LAPSED", pregnant),
    ];
    for (visit, days, again, alert, run_of) in rows {
        for (minutes, lapsed) in [(-1, false), (0, true), (1, true)] {
            let mut run = run_of();
            let begun = run.now();
            let referral = run.referrals().last().copied().cloned().expect("a referral");
            assert_eq!((referral.code.as_str(), referral.recontact_days), (visit, Some(again)));
            run.advance_to(plus_minutes(plus_days(begun, days), minutes));
            assert_eq!(has(&run, alert), lapsed, "{visit} {minutes}");
            let by = if lapsed { 2 * days } else { days };
            assert_eq!(run.request_ends(visit), Some(plus_days(begun, by)), "{visit} {minutes}");
        }
        let mut run = run_of();
        run.turn_down(visit);
        assert!(has(&run, "VISIT_DECLINED"), "{visit}");
        let mut run = run_of();
        run.fulfil(visit, vec![]);
        run.advance(days * 2);
        assert!(!has(&run, alert), "{visit}");
        // Whether prevention began there is asked at once.
        assert_eq!(asked(&run, "regular").first(), if visit == "first-visit" { Some(&0) } else { None }, "{visit}");
    }
}

/// At the next event, in every arm, and once of each pregnancy.
#[test]
fn a_pregnancy_after_the_enrolment_is_told_once() {
    type Row = (&'static str, fn() -> Run);
    let rows: [Row; 4] = [
        ("assessment", || Run::enrol(person())),
        ("urgent", || exposed("6")),
        ("prevention", || protected("daily")),
        ("treatment", || treated(400, &[(0, "20")])),
    ];
    let told = |run: &Run| run.alerts().iter().filter(|code| **code == "PREGNANCY_RECORDED").count();
    for (arm, run_of) in rows {
        let mut run = run_of();
        assert_eq!((run.stage(), told(&run)), (arm, 0));
        let before = run.patient.clone();
        run.patient = before.clone().diagnosed(Coding::icd10("O09.9"));
        for _ in 0..3 {
            wakes(&mut run);
            assert_eq!(told(&run), 1, "{arm}");
        }
        let alert = run.alert("PREGNANCY_RECORDED").expect("an alert");
        assert_eq!((alert.owner, alert.sla_minutes), (Role::Doctor, 1440));
        let referral = run.referrals().last().copied().cloned().expect("a referral");
        assert_eq!((referral.code.as_str(), referral.destination), ("specialist-visit", Destination::Offline(None)));
        // Over, and another.
        run.patient = before.clone();
        wakes(&mut run);
        run.patient = before.diagnosed(Coding::icd10("Z34.9"));
        wakes(&mut run);
        assert_eq!(told(&run), 2, "{arm}");
    }
}

#[test]
fn tasks_of_staff_have_their_time() {
    type Row = (&'static str, i64, Role, fn() -> Run);
    let rows: [Row; 5] = [
        ("contact", 1, Role::HealthManager, || exposed("1")),
        ("arrange-visit", 2, Role::Assistant, || exposed("80")),
        ("pharmacist-talk", 7, Role::Pharmacist, || treated(400, &[(0, "20")])),
        ("public-health-talk", 7, Role::PublicHealthDoctor, || treated(400, &[(0, "20")])),
        ("diet-talk", 14, Role::Dietitian, || treated(400, &[(0, "20")])),
    ];
    for (task, days, owner, run_of) in rows {
        for (minutes, missed) in [(-1, false), (0, true), (1, true)] {
            let mut run = run_of();
            let due = run.task(task).map(|task| (task.due, task.owner)).expect("a task");
            assert_eq!(due.1, owner);
            run.advance_to(plus_minutes(plus_days(due.0, days), minutes));
            assert_eq!(!all_of(&run, "CONTACT_MISSED", task).is_empty(), missed, "{task} {minutes}");
        }
    }
}

#[test]
fn alerts_have_their_time() {
    let mut run = failing();
    let minutes = |run: &Run, code: &str| run.alert(code).map(|alert| alert.sla_minutes);
    assert_eq!(minutes(&run, "VIROLOGICAL_FAILURE"), Some(1440));
    run.advance(14);
    assert_eq!(minutes(&run, "FAILURE_TEAM_LAPSED"), Some(240));
    let mut run = Run::enrol(person());
    intake(&mut run, vec![("needles", yes(true))]);
    assert_eq!(minutes(&run, "PREP_CANDIDATE"), Some(4320));
}

#[test]
fn a_test_may_be_early() {
    // Three days before a week of tests; nine before the first of prevention; a month before the one after three; a week
    // before the viral load after a start.
    for (day, counts) in [(24, false), (25, true), (26, true)] {
        let mut run = exposed("0");
        result(&mut run, TEST, NEGATIVE);
        run.advance(day);
        result(&mut run, TEST, NEGATIVE);
        assert_eq!(day_of(&run, "lab-screen"), if counts { 84 } else { 28 }, "{day}");
    }
    for (day, counts) in [(20, false), (21, true), (22, true)] {
        let mut run = protected("daily");
        run.advance(day);
        result(&mut run, TEST, NEGATIVE);
        assert_eq!(day_of(&run, "lab-screen"), if counts { day + 76 } else { 23 }, "{day}");
    }
    for (day, counts) in [(59, false), (60, true), (61, true)] {
        let mut run = protected("daily");
        run.advance(day);
        observe(&mut run, CLEARANCE, "90", "mL/min");
        assert_eq!(day_of(&run, "lab-kidney"), if counts { day + 180 } else { 90 }, "{day}");
        let patient = begun(infected(), day).measured(Coding::loinc(COUNT), "250", "/uL");
        let mut run = Run::enrol(patient);
        observe(&mut run, COUNT, "250", "/uL");
        assert_eq!(day_of(&run, "lab-count"), if counts { 90 } else { 90 - day }, "{day}");
    }
    for (day, counts) in [(20, false), (21, true), (22, true)] {
        let run = treated(day, &[(day, "90000"), (0, "900")]);
        assert_eq!(day_of(&run, "lab-load"), if counts { 90 } else { 28 - day }, "{day}");
    }
}

// --- scales ----------------------------------------------------------------------------------

fn often(points: i64) -> AnswerValue {
    let codes = ["LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9"];
    AnswerValue::Choice(Coding::loinc(codes[usize::try_from(points).expect("points")]))
}

fn scale(run: &mut Run, code: &str, items: &[i64]) -> Vec<Directive> {
    let links: Vec<String> = (1..=items.len()).map(|number| format!("item-{number}")).collect();
    run.answer(code, links.iter().zip(items).map(|(link, points)| (link.as_str(), often(*points))).collect())
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
    // The host records the totals, by the weights of the choices.
    let mut run = treated(400, &[(0, "20")]);
    scale(&mut run, "phq-9", &[1, 2, 3, 0, 0, 0, 0, 0, 0]);
    scale(&mut run, "gad-7", &[3, 3, 3, 3, 3, 3, 3]);
    let total = |code: &str| run.patient.snapshot(run.now()).latest(&Coding::loinc(code)).map(|one| one.value.clone());
    assert_eq!(total("44261-6"), Some(ObservationValue::Integer(6)));
    assert_eq!(total("70274-6"), Some(ObservationValue::Integer(21)));
    // The same day ends at midnight in Beijing, that is at 16:00; an hour is left at least.
    for (hour, minutes) in [(0, 960), (14, 120), (15, 60)] {
        let mut run = treated(400, &[(0, "20")]);
        run.advance_to(START + hour * HOUR);
        scale(&mut run, "phq-9", &spread(20, 9, 8));
        assert_eq!(run.alert("PHQ9_SEVERE").map(|alert| alert.sla_minutes), Some(minutes), "{hour}");
    }
    let mut run = treated(400, &[(0, "20")]);
    run.advance_to(plus_minutes(START, 15 * 60 + 30));
    scale(&mut run, "phq-9", &spread(20, 9, 8));
    assert_eq!(run.alert("PHQ9_SEVERE").map(|alert| alert.sla_minutes), Some(60));
}

/// The host acts, also if the plugin is not asked: all of it stands in the definition.
#[test]
fn the_ninth_item_reaches_a_person() {
    for (points, contacts) in [
        (0, &[][..]),
        (1, &["SAFETY_ASSESSMENT"]),
        (2, &["SAFETY_ASSESSMENT", "SAFETY_CONTACT_NOW"]),
        (3, &["SAFETY_ASSESSMENT", "SAFETY_CONTACT_NOW"]),
    ] {
        let mut run = treated(400, &[(0, "20")]);
        scale(&mut run, "phq-9", &[0, 0, 0, 0, 0, 0, 0, 0, points]);
        let open: Vec<&str> = run.contacts().iter().map(|contact| contact.code.as_str()).collect();
        assert_eq!(open, contacts, "{points}");
        assert_eq!(run.is_locked(), points > 1, "{points}");
        let by = |code: &str| run.contact_by(code).map(|by| (by - START) / MINUTE);
        assert_eq!(by("SAFETY_ASSESSMENT"), (points > 0).then_some(239), "in less than 4 hours");
        assert_eq!(by("SAFETY_CONTACT_NOW"), (points > 1).then_some(5));
        for contact in run.contacts() {
            assert_eq!((contact.owner, contact.inform_kin), (Role::Doctor, false), "their kin may not know");
            assert_eq!(contact.helplines, ["12356", "120"]);
            let again: &[u16] = if contact.locks_visit { &[24, 72, 168] } else { &[] };
            assert_eq!(contact.recontact_hours, again);
        }
        let emergency = run.referrals().iter().any(|one| one.destination == Destination::Emergency);
        assert_eq!(emergency, points > 1);
        if points > 1 {
            run.end_contact("SAFETY_CONTACT_NOW", ContactEnd::Safe);
            assert!(!run.is_locked());
            for (hours, open) in [(23, false), (24, true)] {
                run.advance_to(START + hours * HOUR);
                assert_eq!(
                    run.contacts().iter().any(|one| one.code == "SAFETY_CONTACT_NOW_RECONTACT"),
                    open,
                    "{hours}"
                );
            }
        }
    }
    // Alone, though the host refuses the answers.
    let mut run = treated(400, &[(0, "20")]);
    assert!(run.try_answer(Role::Patient, "phq-9", vec![("item-9", often(2))]).is_err());
    assert!(run.is_locked());
}

// --- the contract ----------------------------------------------------------------------------

#[test]
fn a_patient_may_leave_and_what_is_new_is_passed_over() {
    for (how, code) in [(Departure::Withdrawn, "WITHDRAWN"), (Departure::Transferred, "TRANSFERRED")] {
        let mut run = treated(400, &[(0, "20")]);
        assert!(run.step(Event::Other(Vec::new())).is_empty());
        assert!(run.step(Event::Resumed(START - DAY)).is_empty());
        for code in ["from-a-later-version", "course-x", "courses"] {
            assert!(run.step(Event::TaskDue(TaskRef { code: code.to_owned(), due: START })).is_empty(), "{code}");
        }
        assert!(run.step(Event::AlertAcknowledged("VIRAL_LOAD_HIGH".to_owned())).is_empty());
        let unknown = run.patient.measurement(Coding::loinc("2345-7"), "7", "mmol/L");
        assert!(run.observed(unknown, Provenance::Laboratory).is_empty());
        let closed = run.depart(how);
        assert!(matches!(&closed[..], [Directive::Close(reason)] if reason.code == code), "{closed:?}");
        assert_eq!(run.ended(), Some(&Ended::Departed(how)));
    }
    let bad = State { version: 9, data: Vec::new() };
    let snapshot = person().snapshot(START);
    let answer = Host::of::<Hiv>().call(|| Hiv::step(Some(bad), Event::Enrolled, snapshot, START));
    assert!(matches!(answer, Err(Error::BadState(_))));
}

/// A timer rings at its time, whoever ticks or declines it before.
#[test]
fn a_timer_that_is_ticked_rings_all_the_same() {
    for decline in [false, true] {
        let mut run = exposed("1");
        for code in ["clock-window", "scales", "course-3"] {
            let due = run.task(code).map(|task| (task.due, task.repeat));
            if decline {
                run.decline(code)
            } else {
                run.complete(code)
            };
            assert_eq!(run.task(code).map(|task| (task.due, task.repeat)), due, "{code}");
        }
    }
}

/// The host takes no task at a timer that is due at once.
#[test]
fn what_a_timer_asks_for_is_due_a_minute_later() {
    let mut run = exposed("0");
    run.complete("arrange-visit");
    let over = plus_minutes(START, 72 * 60 + 1);
    run.advance_to(over);
    assert_eq!(run.task("arrange-visit").map(|task| task.due), Some(over + MINUTE));
    // A switch of some time ago, which the record says at a timer of the first day.
    let mut run = treated(900, &[(80, "20")]);
    run.patient = run.patient.clone().days_ago(60).taking(Coding::atc("J05AR13"));
    run.patient.stop(&Coding::atc(MEDICINE));
    run.advance(0);
    assert_eq!(run.task("lab-load").map(|task| task.due), Some(START + MINUTE));
    run.advance_to(run.now() + MINUTE);
    assert!(run.open_requests().contains(&"lab-load"));
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
    observe(&mut treated, COUNT, "20", "/uL");
    treated.answer("routine", told(vec![("gap-hours", quantity("60", "h")), ("unwell", yes(true))]));
    treated.advance(400);
    treated.patient = treated.patient.clone().diagnosed(Coding::icd10("O09.9"));
    treated.advance(28);
    vec![urgent, again, prevention, risky, treated]
}

#[test]
fn every_text_is_in_both_languages() {
    let both = |text: &LocalizedText, what: &str| {
        let languages: Vec<&str> = text.iter().map(|one| one.language.as_str()).collect();
        assert_eq!(languages, ["zh-CN", "en"], "{what}");
        assert!(text.iter().all(|one| !one.text.trim().is_empty()), "{what}");
        assert!(!text[1].text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{}", text[1].text);
    };
    for run in eventful() {
        for (_, one) in run.journal() {
            match one {
                Directive::ScheduleTask(task) => both(&task.title, &task.code),
                Directive::SendMessage(message) => both(&message.fallback, &message.template),
                Directive::RaiseAlert(alert) => {
                    both(&alert.message, &alert.code);
                    assert!(!alert.escalation.is_empty() && alert.citation.year > 1900, "{}", alert.code);
                }
                Directive::Refer(referral) => both(&referral.reason, &referral.code),
                Directive::RequestLab(request) => both(&request.reason, &request.code),
                Directive::Convene(team) => {
                    both(&team.question, &team.code);
                    team.participants.iter().for_each(|one| both(&one.responsibility, &team.code));
                }
                Directive::StopVisit(stop) => both(&stop.reason, &stop.code),
                Directive::Hold(hold) => both(&hold.reason, &hold.code),
                Directive::ProposeNote(text) => both(text, "a note"),
                _ => {}
            }
        }
    }
}

/// Everything that a patient may see: messages, their tasks, titles, questionnaires, reasons of holds and requests. The
/// disciplines of a team and the tests of a request have their names: they are for who carries them out.
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
        for item in &questionnaire.items {
            add(&item.text);
            let safety = questionnaire.code == "phq-9" && item.link_id == "item-9";
            assert_eq!(item.records_as.is_some(), safety, "what a patient types is no result");
            if let AnswerKind::Choice(options) = &item.kind {
                options.iter().for_each(|option| add(&option.text));
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
                Directive::Refer(referral) => {
                    add(&referral.reason);
                    codes.push(referral.code.clone());
                }
                Directive::RequestLab(request) => {
                    add(&request.reason);
                    codes.push(request.code.clone());
                }
                Directive::Convene(team) => {
                    add(&team.question);
                    codes.push(team.code.clone());
                }
                Directive::StopVisit(stop) => {
                    add(&stop.reason);
                    codes.push(stop.code.clone());
                }
                Directive::Hold(hold) => {
                    add(&hold.reason);
                    codes.push(hold.code.clone());
                }
                _ => {}
            }
        }
    }
    let all = ["go-now", "keep-on", "laboratory-due", "team-discusses", "visit-soon"];
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

// --- the first version -----------------------------------------------------------------------

/// What the component of pathway 1.0 left of a patient, as it wrote it: minutes since the start, stage, state, and the tasks
/// that were to come, with their owners, minutes and days of grace.
struct Left {
    minutes: i64,
    stage: &'static str,
    state: &'static str,
    tasks: &'static [(&'static str, i64, u32)],
}

const NEW: Left = Left {
    minutes: 60,
    stage: "assessment",
    state: "808082e288d2a30600808082e288d2a30600000000000000000106696e74616b6500000000",
    tasks: &[
        ("intake", 120, 1),
        ("mood-28", 40_320, 7),
        ("worry-28", 40_320, 7),
        ("mood-180", 259_200, 7),
        ("worry-180", 259_200, 7),
    ],
};
const URGENT: Left = Left {
    minutes: 2_880,
    stage: "urgent",
    state: "808082e288d2a30601808082e288d2a3060180a0d3eae7d0a30600000000000100010080a0d3eae7d0a306808082e288d2a3060308636f\
            757273652d31066d6f6f642d3007776f7272792d3000000000",
    tasks: &[("clock-window", 3_961, 0), ("course-3", 4_320, 2), ("course-7", 10_080, 2)],
};
const PREVENTION: Left = Left {
    minutes: 136_800,
    stage: "prevention",
    state: "808082e288d2a30602808082e288d2a30600000001808082e288d2a306000001020300808082e288d2a3068080de8cc2f8a60601808082\
            e288d2a3068080de8cc2f8a60602808082e288d2a3068080de8cc2f8a606010a726567756c61722d3930000001809c9e9b89d2a30600",
    tasks: &[("regular-180", 259_200, 7)],
};
const FAILING: Left = Left {
    minutes: 82_080,
    stage: "treatment",
    state: "808082e288d2a30603808082e288d2a3060000000000010002038080c0bdd896a7068080c0bdd896a70604808082e288d2a3068080ead3\
            d9eba506010a726f7574696e652d353600000000",
    tasks: &[("routine-84", 120_960, 7), ("lab-load", 129_600, 14), ("review", 100_800, 0), ("diet-talk", 319_680, 14)],
};

impl Left {
    fn state(&self) -> State {
        let byte = |at: usize| u8::from_str_radix(&self.state[at..at + 2], 16).expect("hexadecimal");
        State { version: 1, data: (0..self.state.len()).step_by(2).map(byte).collect() }
    }

    /// Goes on with the component of this version, a moment later.
    fn goes_on(&self, patient: Patient, hold: Option<&str>) -> Run {
        let text = || vec![xinglin_sdk::types::Translation { language: "en".into(), text: "as it was".into() }];
        let task = |(code, due, days): &(&str, i64, u32)| {
            Directive::ScheduleTask(Task {
                code: (*code).to_owned(),
                title: text(),
                owner: Role::Patient,
                due: plus_minutes(START, *due),
                window_minutes: days * 24 * 60,
                repeat: None,
            })
        };
        let held = |code: &str| {
            Directive::Hold(Hold {
                code: code.to_owned(),
                stops: everything(),
                medicines: Vec::new(),
                reason: text(),
                release: if code == "test-overdue" { ReleaseBy::Pathway } else { ReleaseBy::Doctor },
                citation: Citation::new("as it was", 2026),
            })
        };
        let asked: Vec<Directive> = self.tasks.iter().map(task).chain(hold.map(held)).collect();
        let mut run = Run::migrating(Host::of::<Hiv>(), patient, (self.state(), self.stage), &asked);
        run.advance_to(plus_minutes(START, self.minutes));
        run
    }
}

/// Nothing happens, and the pathway hears of it.
fn wakes(run: &mut Run) -> Vec<Directive> {
    run.step(Event::AlertAcknowledged("ANY".to_owned()))
}

#[test]
fn states_of_the_first_version_are_taken_over() {
    for left in [NEW, URGENT, PREVENTION, FAILING] {
        let moved = Hiv::migrate(left.state(), left.stage.to_owned()).expect("taken over");
        assert_eq!((moved.state.version, moved.stage.as_str()), (3, left.stage));
        let again = Hiv::migrate(moved.state.clone(), left.stage.to_owned()).expect("its own");
        assert_eq!(again, moved);
        let newer = State { version: 4, ..moved.state };
        assert!(matches!(Hiv::migrate(newer, left.stage.to_owned()), Err(Error::BadState(_))));
        let cut = State { version: 1, data: left.state().data[..30].to_vec() };
        assert!(matches!(Hiv::migrate(cut, left.stage.to_owned()), Err(Error::BadState(_))));
    }
}

#[test]
fn who_was_asked_by_the_first_version_is_asked_again_and_followed() {
    let mut run = NEW.goes_on(person(), None);
    wakes(&mut run);
    assert_eq!(
        (asked(&run, "intake"), run.task("intake").is_some()),
        (vec![0], false),
        "the task of the question is over"
    );
    run.advance_to(plus_minutes(START, 60 + 240));
    assert!(has(&run, "QUESTIONNAIRE_MISSED"));
    assert!(wakes(&mut run).is_empty(), "once");
    // Its days of scales go on, and then repeat.
    run.advance_to(plus_days(START, 28));
    assert_eq!((asked(&run, "phq-9"), asked(&run, "gad-7")), (vec![28], vec![28]));
    run.advance_to(plus_days(START, 540));
    assert_eq!((asked(&run, "phq-9"), asked(&run, "gad-7")), (vec![28, 180, 360, 540], vec![28, 180, 360, 540]));
    // The answer itself may be what comes first.
    let mut run = NEW.goes_on(person(), None);
    intake(&mut run, vec![]);
    assert!(asked(&run, "intake").is_empty() && !run.open_requests().contains(&"intake"));
}

#[test]
fn an_exposure_of_the_first_version_is_followed_to_its_end() {
    let mut run = URGENT.goes_on(person(), Some("urgent-visit"));
    wakes(&mut run);
    // Six hours before the start: 72 hours are over after 66.
    assert_eq!(run.request_ends("urgent-visit"), Some(START + 66 * HOUR));
    assert!(run.open_requests().contains(&"course"));
    run.advance_to(START + 66 * HOUR);
    assert!(has(&run, "PEP_VISIT_LAPSED"));
    run.advance_to(START + 66 * HOUR + MINUTE);
    assert!(has(&run, "PEP_WINDOW_EXPIRED") && !run.open_requests().contains(&"urgent-visit"));
    assert!(run.task("course-7").is_none());
    assert_eq!(run.holds(), ["urgent-visit"], "a doctor's");
    // The timer itself may be what comes first.
    let mut run = URGENT.goes_on(person(), Some("urgent-visit"));
    run.advance_to(START + 66 * HOUR + MINUTE);
    assert!(has(&run, "PEP_WINDOW_EXPIRED") && !run.open_requests().contains(&"urgent-visit"));
}

#[test]
fn what_the_first_version_held_of_everything_is_held_of_prevention() {
    let metformin = Coding::atc("A10BA02");
    let mut run = PREVENTION.goes_on(person(), Some("test-overdue"));
    assert!(run.is_held(Acts::PRESCRIBE, &metformin));
    wakes(&mut run);
    assert_eq!(run.holds(), ["renewal-test"]);
    assert!(!run.is_held(Acts::PRESCRIBE, &metformin) && run.is_held(Acts::PRESCRIBE, &Coding::atc("J05AR03")));
    // Its tests are due: now somebody is told if they are not done.
    for lab in ["lab-screen", "lab-kidney", "lab-surface"] {
        assert!(run.open_requests().contains(&lab), "{lab}");
    }
    run.advance_to(plus_days(START, 450));
    assert_eq!(asked(&run, "regular"), [95, 180, 270, 360, 450]);
    result(&mut run, TEST, NEGATIVE);
    assert!(run.holds().is_empty());
    // A doctor lifts it first: that test is let pass.
    let mut run = PREVENTION.goes_on(person(), Some("test-overdue"));
    run.release("test-overdue");
    assert!(run.holds().is_empty());
    run.advance(20);
    assert!(run.holds().is_empty());
}

#[test]
fn a_failure_of_the_first_version_has_its_team() {
    let mut patient = begun(infected(), 400);
    for days in [28, 0] {
        patient = patient.days_ago(days).measured(Coding::loinc(LOAD), "900", "{copies}/mL");
    }
    let mut run = FAILING.goes_on(patient, None);
    wakes(&mut run);
    assert_eq!(run.request_ends("plan-team"), Some(plus_days(START, 57 + 14)));
    assert_eq!((day_of(&run, "review"), day_of(&run, "pharmacist-talk")), (57 + 14, 57 + 7));
    run.advance_to(plus_days(START, 140));
    assert_eq!(asked(&run, "routine"), [57, 84, 112, 140]);
    assert!(requested(&run, LOAD).contains(&90));
}
