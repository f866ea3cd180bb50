//! The simulator, by a pathway that does what a test says and remembers what it was told.

use std::{cell::RefCell, fmt::Debug};

use super::*;
use crate::{
    clinical::Snapshot,
    follow_up::{
        AnswerKind, AnswerValue, Bounds, ChoiceOption, Condition, Destination, Item, LabRequest, Measured, Participant,
        Question, Questionnaire, ReleaseBy, Repetition, Safeguard, Score, Severity, Stage, Stop, TaskEnd, Team, Test,
    },
    time::{DAY, MINUTE, plus_days},
    types::{Citation, Decimal, LocalizedText, Quantity, zh_en},
};

thread_local! {
    /// What it asks for when it is told this.
    static SCRIPT: RefCell<BTreeMap<&'static str, Vec<Directive>>> = const { RefCell::new(BTreeMap::new()) };
}

struct Scripted;

impl Plugin for Scripted {
    const MANIFEST: &'static str = r#"
        [data-needs]
        observations = [{ system = "http://loinc.org", code = "2823-3" }, { system = "http://loinc.org", code = "2160-0" }]
    "#;
}

fn words(event: &Event) -> String {
    // Of `RequestEnd::Lapsed` the last part.
    let name = |case: &dyn Debug| format!("{case:?}").rsplit("::").next().map(str::to_owned).unwrap_or_default();
    match event {
        Event::Enrolled => "enrolled".to_owned(),
        Event::TaskDue(task) => format!("due {}", task.code),
        Event::TaskEnded(report) => {
            let end = match report.end {
                TaskEnd::Done => "done",
                TaskEnd::Overdue => "overdue",
                TaskEnd::Missed => "missed",
                TaskEnd::Declined => "declined",
            };
            format!("{end} {}", report.task.code)
        }
        Event::Observed(reading) => {
            format!("observed {} {}", reading.observation.code[0].code, name(&reading.provenance))
        }
        Event::Streamed(series) => format!("streamed {} of {}", series.points.len(), series.duplicates),
        Event::Answered(response) => format!("answered {}", response.answers.len()),
        Event::RequestEnded(report) => format!("{} {}", name(&report.end), report.code),
        Event::HoldReleased(code) => format!("released {code}"),
        Event::AlertAcknowledged(code) => format!("acknowledged {code}"),
        Event::Departed(how) => name(how),
        Event::Resumed(since) => format!("resumed after {}", (since - START) / DAY),
        Event::Other(_) => "other".to_owned(),
    }
}

impl FollowUp for Scripted {
    fn describe() -> Definition {
        Definition {
            code: "scripted".to_owned(),
            title: text(),
            conditions: vec![],
            stages: vec![Stage { code: "only".to_owned(), title: text() }],
            questionnaires: vec![form()],
            data_needs: vec![DataNeed::Observations(vec![potassium(), creatinine()])],
            state_version: 2,
            attributes: vec![],
        }
    }

    fn screen(_: Snapshot, _: Instant) -> Result<Eligibility, Error> {
        Ok(Eligibility::Eligible)
    }

    fn step(state: Option<State>, event: Event, _: Snapshot, _: Instant) -> Result<Outcome, Error> {
        let told = words(&event);
        let directives = SCRIPT.with_borrow(|script| script.get(told.as_str()).cloned()).unwrap_or_default();
        let mut data = state.map(|state| state.data).unwrap_or_default();
        data.extend(format!("{told}\n").into_bytes());
        Ok(Outcome { state: State { version: 2, data }, stage: "only".to_owned(), directives })
    }
}

impl Migration for Scripted {
    fn migrate(state: State, stage: String) -> Result<Migrated, Error> {
        match state.version {
            1 => Ok(Migrated { state: State { version: 2, data: b"migrated\n".to_vec() }, stage: "only".to_owned() }),
            version => Err(Error::BadState(format!("version {version} in {stage}"))),
        }
    }
}

type Run = FollowUpRun<Scripted>;

/// Enrols a patient in a pathway that asks for this when it is told that.
fn run(script: impl IntoIterator<Item = (&'static str, Vec<Directive>)>) -> Run {
    SCRIPT.set(script.into_iter().collect());
    FollowUpRun::enrol(Patient::aged(50))
}

/// What it was told after the enrolment.
fn told(run: &Run) -> Vec<&str> {
    let data = &run.state().expect("a state").data;
    std::str::from_utf8(data).expect("words").lines().skip(1).collect()
}

fn text() -> LocalizedText {
    zh_en("文字", "words")
}

fn source() -> Citation {
    Citation::new("A source", 2026)
}

fn potassium() -> Coding {
    Coding::loinc("2823-3")
}

fn creatinine() -> Coding {
    Coding::loinc("2160-0")
}

fn task(code: &str, days: i64, window_days: u32, repeat: Option<Repetition>) -> Task {
    let window_minutes = window_days * 24 * 60;
    Task { code: code.into(), title: text(), owner: Role::Patient, due: plus_days(START, days), window_minutes, repeat }
}

fn question(within_minutes: u32) -> Question {
    Question { questionnaire: "form".into(), respondent: Role::Patient, within_minutes }
}

fn referral(code: &str, days: i64) -> Referral {
    Referral {
        code: code.into(),
        destination: Destination::Offline(None),
        reason: text(),
        attend_by: plus_days(START, days),
        recontact_days: None,
        citation: source(),
    }
}

fn tests_wanted(code: &str, tests: Vec<Coding>) -> LabRequest {
    LabRequest { code: code.into(), tests, by: plus_days(START, 30), reason: text(), citation: source() }
}

fn team(roles: &[Role]) -> Team {
    let seat = |role: &Role| Participant { role: *role, discipline: None, responsibility: text() };
    Team {
        code: "team".into(),
        question: text(),
        participants: roles.iter().map(seat).collect(),
        deadline: plus_days(START, 7),
        citation: source(),
    }
}

fn contact(minutes: u32, locks_visit: bool, recontact_hours: Vec<u16>) -> Contact {
    Contact {
        code: "DANGER".into(),
        owner: Role::Doctor,
        within_minutes: minutes,
        escalation: vec![],
        helplines: vec!["120".into()],
        inform_kin: false,
        locks_visit,
        recontact_hours,
        reason: text(),
        citation: source(),
    }
}

fn hold(release: ReleaseBy, stops: Acts, medicines: Vec<Coding>) -> Hold {
    Hold { code: "hold".into(), stops, medicines, reason: text(), release, citation: source() }
}

fn raised(code: &str, sla_minutes: u32) -> Alert {
    Alert {
        code: code.into(),
        severity: Severity::Warning,
        message: text(),
        owner: Role::Nurse,
        sla_minutes,
        escalation: vec![],
        citation: source(),
    }
}

fn close() -> Directive {
    Directive::Close(Reason { code: "WELL".into(), message: text(), citation: source() })
}

/// Unwell? → how often (0 to 2, several), and a weight in kg that is recorded; the sum of how often is a score.
fn form() -> Questionnaire {
    let option =
        |code: &str, weight| ChoiceOption { code: Coding::new("urn:own", code), text: text(), weight: Some(weight) };
    let bounds = Bounds { least: Some(Decimal::whole(20)), most: Some(Decimal::whole(300)) };
    Questionnaire {
        code: "form".into(),
        title: text(),
        items: vec![
            Item::required("unwell", text(), AnswerKind::Boolean),
            Item {
                repeats: true,
                ..Item::required("often", text(), AnswerKind::Choice(vec![option("rarely", 1), option("daily", 2)]))
                    .when(vec![Condition::of("unwell", Test::Is(true))])
            },
            Item {
                required: false,
                ..Item::required("weight", text(), AnswerKind::Quantity(Measured { unit: "kg".into(), bounds }))
                    .recorded_as(Coding::loinc("29463-7"))
            },
        ],
        scores: vec![Score { code: Coding::new("urn:own", "sum"), items: vec!["often".into()] }],
        safeguards: vec![
            Safeguard {
                conditions: vec![Condition::of("unwell", Test::Is(true))],
                contact: contact(240, false, vec![]),
            },
            Safeguard {
                conditions: vec![Condition::of("often", Test::AtLeast(Decimal::whole(2)))],
                contact: contact(5, true, vec![24, 72]),
            },
        ],
        citation: None,
    }
}

fn often(code: &str) -> (&'static str, AnswerValue) {
    ("often", AnswerValue::Choice(Coding::new("urn:own", code)))
}

fn unwell(yes: bool) -> (&'static str, AnswerValue) {
    ("unwell", AnswerValue::Boolean(yes))
}

fn weight(kilograms: i64) -> (&'static str, AnswerValue) {
    ("weight", AnswerValue::Quantity(Quantity::new(Decimal::whole(kilograms), "kg")))
}

#[test]
fn a_task_that_repeats_comes_again_whatever_becomes_of_it() {
    let weekly = Directive::ScheduleTask(task("visit", 7, 3, Some(Repetition { every_days: 7, times: Some(3) })));
    let timer = Directive::ScheduleTask(task("timer", 8, 0, None));
    let mut run = run([("enrolled", vec![weekly, timer])]);
    run.advance(10);
    assert_eq!(told(&run), ["due visit", "overdue visit", "due timer", "missed visit"]);
    assert_eq!(run.task("visit").map(|task| (task.due - START) / DAY), Some(14), "the next one");
    assert_eq!(run.due_tasks(), [("visit", Role::Patient)]);
    run.complete("visit");
    assert!(run.due_tasks().is_empty());
    assert_eq!(told(&run).last(), Some(&"done visit"), "late");
    run.advance(4);
    run.decline("visit");
    run.advance(30);
    assert_eq!(told(&run)[5..], ["due visit", "declined visit", "due visit", "overdue visit", "missed visit"]);
    assert_eq!(run.open_tasks(), ["visit"], "a timer that went off is over");
}

#[test]
fn doing_a_task_before_its_time_brings_its_next_repetition() {
    let mut run = run([(
        "enrolled",
        vec![Directive::ScheduleTask(task("visit", 7, 3, Some(Repetition { every_days: 7, times: None })))],
    )]);
    run.advance(5);
    run.complete("visit");
    run.advance(3);
    assert_eq!(told(&run), ["done visit"]);
    run.advance(6);
    assert_eq!(told(&run), ["done visit", "due visit"]);
}

#[test]
fn scheduling_again_moves_a_task_and_cancelling_ends_it() {
    let moved = Directive::ScheduleTask(task("visit", 20, 3, None));
    let mut run = run([
        ("enrolled", vec![Directive::ScheduleTask(task("visit", 1, 3, None))]),
        ("due visit", vec![moved]),
        ("observed 2823-3 Laboratory", vec![Directive::CancelTask("visit".into())]),
    ]);
    run.advance(10);
    assert_eq!(told(&run), ["due visit"], "nobody waits for the first one any more");
    run.observe(potassium(), "4", "mmol/L", Provenance::Laboratory);
    run.advance(20);
    assert_eq!(told(&run).len(), 2);
}

#[test]
fn a_question_is_asked_once_more_and_lapses() {
    let mut run = run([("enrolled", vec![Directive::Ask(question(2 * 24 * 60))])]);
    run.advance(1);
    assert_eq!(run.reminders(), [(plus_days(START, 1), "form".to_owned())]);
    run.advance(1);
    assert_eq!(told(&run), ["Lapsed form"]);
    assert_eq!(run.notices(), [(plus_days(START, 2), "QUESTION_UNANSWERED")]);
    assert!(run.open_requests().is_empty());
}

#[test]
fn an_answer_ends_its_question_after_what_it_says() {
    let mut run = run([("enrolled", vec![Directive::Ask(question(60))])]);
    run.answer("form", vec![weight(70), unwell(true), often("rarely"), often("rarely")]);
    let own = ["observed 29463-7 SelfReported", "observed sum SelfReported", "answered 3", "Fulfilled form"];
    assert_eq!(told(&run), own);
    let sum = run.patient.snapshot(run.now()).observations.into_iter().find(|one| one.code[0].code == "sum");
    assert_eq!(sum.map(|one| one.value), Some(crate::clinical::ObservationValue::Integer(2)));
    run.answer_by(Role::Nurse, "form", vec![unwell(false), weight(70)]);
    assert_eq!(
        told(&run)[4..],
        ["observed sum Clinician", "answered 2"],
        "the record says this weight of this moment already"
    );
    run.advance_to(run.now() + MINUTE);
    run.answer_by(Role::Nurse, "form", vec![unwell(false), weight(70)]);
    assert_eq!(told(&run)[6..], ["observed 29463-7 Clinician", "observed sum Clinician", "answered 2"]);
}

#[test]
fn what_is_asked_again_because_of_an_answer_stays_open() {
    let wanted = || Directive::RequestLab(tests_wanted("tests", vec![potassium()]));
    let ask = || Directive::Ask(question(60));
    let script = [
        ("enrolled", vec![ask(), wanted()]),
        ("answered 1", vec![ask()]),
        ("observed 2823-3 Laboratory", vec![wanted()]),
    ];
    let mut run = run(script);
    run.answer("form", vec![unwell(false)]);
    run.observe(potassium(), "4", "mmol/L", Provenance::Laboratory);
    assert_eq!(run.open_requests(), ["form", "tests"]);
    assert_eq!(told(&run)[1..], ["answered 1", "Fulfilled form", "observed 2823-3 Laboratory", "Fulfilled tests"]);
}

#[test]
fn answers_that_do_not_fit_are_refused() {
    let mut run = run([]);
    let mut refused = |answers| run.try_answer(Role::Patient, "form", answers).expect_err("refused");
    for (answers, fault) in [
        (vec![], "answer `unwell`: is required"),
        (vec![unwell(true)], "answer `often`: is required"),
        (vec![unwell(false), often("daily")], "answer `often`: is not asked after the other answers"),
        (vec![unwell(true), often("never")], "answer `often`: is not one of the choices"),
        (vec![unwell(true), unwell(false)], "answer `unwell`: takes one value"),
        (vec![unwell(false), weight(19)], "answer `weight`: 19 is out of bounds"),
        (vec![unwell(false), weight(301)], "answer `weight`: 301 is out of bounds"),
        (vec![unwell(false), ("else", AnswerValue::Integer(1))], "answer `else`: there is no such question"),
        (vec![("unwell", AnswerValue::Integer(1))], "answer `unwell`: is of another kind than the question"),
    ] {
        assert_eq!(refused(answers), fault);
    }
    let pounds = ("weight", AnswerValue::Quantity(Quantity::new(Decimal::whole(150), "[lb_av]")));
    assert_eq!(refused(vec![unwell(false), pounds]), "answer `weight`: asked in `kg`");
    assert!(run.try_answer(Role::Dietitian, "form", vec![unwell(false)]).is_err());
    assert!(told(&run).is_empty(), "nothing is told");
    assert!(run.try_answer(Role::Patient, "form", vec![unwell(false), weight(20)]).is_ok());
}

#[test]
fn safeguards_act_on_answers_that_are_refused_and_the_shortest_counts() {
    let mut run = run([("Fulfilled DANGER", vec![close()])]);
    assert!(run.try_answer(Role::Patient, "form", vec![unwell(true)]).is_err());
    assert_eq!((run.contact_by("DANGER"), run.is_locked()), (Some(START + 240 * MINUTE), false));
    run.answer("form", vec![unwell(true), often("rarely"), often("daily")]);
    assert_eq!((run.contact_by("DANGER"), run.is_locked()), (Some(START + 5 * MINUTE), true));
    assert_eq!(run.contacts().len(), 1);
    run.end_contact("DANGER", ContactEnd::Safe);
    assert!(run.contacts().is_empty() && matches!(run.ended(), Some(Ended::Closed(_))));
    run.advance(1);
    assert_eq!((again(&run), run.is_locked()), (1, false), "after a day, though the pathway has ended");
    run.end_contact("DANGER_RECONTACT", ContactEnd::HandedOver);
    run.advance(3);
    assert_eq!(again(&run), 1, "and after three");
    run.end_contact("DANGER_RECONTACT", ContactEnd::Safe);
    run.advance(30);
    assert!(run.contacts().is_empty());
}

fn again(run: &Run) -> usize {
    run.contacts().iter().filter(|contact| contact.code == "DANGER_RECONTACT").count()
}

#[test]
fn nobody_is_contacted_again_after_a_mistake_or_while_somebody_is_about_to_speak() {
    let acute = || vec![unwell(true), often("daily")];
    let mut run = run([]);
    run.answer("form", acute());
    run.end_contact("DANGER", ContactEnd::Mistaken);
    run.advance(30);
    assert_eq!((told(&run).last(), again(&run)), (Some(&"Declined DANGER"), 0));
    for (end, repeated) in [(ContactEnd::Safe, 0), (ContactEnd::Mistaken, 1)] {
        run.answer("form", acute());
        run.end_contact("DANGER", ContactEnd::Safe);
        run.advance_to(run.now() + MINUTE);
        run.answer("form", acute());
        run.advance(2);
        assert_eq!((run.contacts().len(), again(&run)), (1, 0), "it waits");
        run.end_contact("DANGER", end);
        assert_eq!(again(&run), repeated, "{end:?}");
        run.advance_to(run.now() + MINUTE);
    }
}

#[test]
fn tests_are_fulfilled_by_a_result_of_each() {
    let wanted = Directive::RequestLab(tests_wanted("tests", vec![potassium(), creatinine()]));
    let mut run = run([("enrolled", vec![wanted])]);
    run.observe(potassium(), "4.1", "mmol/L", Provenance::Laboratory);
    run.observe(potassium(), "4.1", "mmol/L", Provenance::Laboratory);
    run.observe(Coding::loinc("718-7"), "140", "g/L", Provenance::Laboratory);
    assert_eq!(told(&run), ["observed 2823-3 Laboratory"], "not what it hears of, and nothing twice");
    assert_eq!(run.open_requests(), ["tests"]);
    run.observe(creatinine(), "80", "umol/L", Provenance::Device);
    assert_eq!(told(&run)[1..], ["observed 2160-0 Device", "Fulfilled tests"]);
}

#[test]
fn requests_are_open_until_somebody_or_the_time_ends_them() {
    let both = vec![
        Directive::Refer(referral("room", 5)),
        Directive::Refer(referral("other", 5)),
        Directive::Convene(team(&[Role::Doctor, Role::Psychotherapist])),
        Directive::Ask(question(60)),
        Directive::RequestLab(tests_wanted("tests", vec![potassium()])),
    ];
    let moved = vec![
        Directive::WithdrawRequest("room".into()),
        Directive::Refer(referral("room", 9)),
        Directive::WithdrawRequest("tests".into()),
    ];
    let mut run = run([("enrolled", both), ("other", moved)]);
    run.fulfil("other", vec![Coding::new("urn:own", "seen")]);
    run.turn_down("form");
    run.fulfil("team", vec![]);
    run.step(Event::Other(vec![]));
    assert_eq!((run.open_requests(), run.request_ends("room")), (vec!["room"], Some(plus_days(START, 9))));
    run.advance(30);
    assert_eq!(told(&run), ["Fulfilled other", "Declined form", "Fulfilled team", "other", "Lapsed room"]);
    assert_eq!(run.notices().last(), Some(&(plus_days(START, 9), "REFERRAL_NOT_ATTENDED")));
}

#[test]
fn asking_again_keeps_the_nearer_deadline_and_lapses_first_what_is_over() {
    let ask = |minutes| vec![Directive::Ask(question(minutes))];
    let mut run = run([("enrolled", ask(60)), ("other", ask(90)), ("Lapsed form", ask(30))]);
    run.advance_to(START + 20 * MINUTE);
    run.step(Event::Other(vec![]));
    assert_eq!(run.request_ends("form"), Some(START + 60 * MINUTE));
    run.advance_to(START + 60 * MINUTE);
    assert_eq!((told(&run).last(), run.request_ends("form")), (Some(&"Lapsed form"), Some(START + 90 * MINUTE)));
    assert_eq!(run.reminders().len(), 1, "asking again is no reason not to");

    // At the same moment: it lapses, and is asked anew.
    let both = vec![Directive::ScheduleTask(task("visit", 1, 0, None)), Directive::Ask(question(24 * 60))];
    let mut run = self::run([("enrolled", both), ("due visit", ask(60))]);
    run.advance(1);
    assert_eq!(told(&run), ["due visit", "Lapsed form"]);
    assert_eq!(run.request_ends("form"), Some(plus_days(START, 1) + 60 * MINUTE));
}

#[test]
fn only_who_was_asked_ends_a_question() {
    let mut run = run([("enrolled", vec![Directive::Ask(question(60))])]);
    run.answer_by(Role::Nurse, "form", vec![unwell(false)]);
    assert_eq!((told(&run).last(), run.open_requests()), (Some(&"answered 1"), vec!["form"]));
    run.answer("form", vec![unwell(false)]);
    assert_eq!((told(&run).last(), run.open_requests()), (Some(&"Fulfilled form"), vec![]));
}

#[test]
#[should_panic(expected = "the question `form` ends when it is answered")]
fn nobody_fulfils_a_question() {
    run([("enrolled", vec![Directive::Ask(question(60))])]).fulfil("form", vec![]);
}

#[test]
fn holds_stop_acts_with_medicines_until_they_are_lifted() {
    let (one, other) = (Coding::atc("J05AF05"), Coding::atc("J05AF07"));
    let own = hold(ReleaseBy::Pathway, Acts::PRESCRIBE | Acts::CHARGE, vec![one.clone()]);
    let mut run = run([("enrolled", vec![Directive::Hold(own)]), ("other", vec![Directive::Release("hold".into())])]);
    assert!(run.is_held(Acts::PRESCRIBE, &one) && run.is_held(Acts::CHARGE, &one));
    assert!(!run.is_held(Acts::DISPENSE, &one) && !run.is_held(Acts::PRESCRIBE, &other));
    run.step(Event::Other(vec![]));
    assert!(run.holds().is_empty());

    let doctors = Directive::Hold(hold(ReleaseBy::Doctor, Acts::PRESCRIBE, vec![]));
    let mut run = self::run([("enrolled", vec![doctors]), ("released hold", vec![close()])]);
    assert!(run.is_held(Acts::PRESCRIBE, &other));
    run.release("hold");
    assert!(!run.is_held(Acts::PRESCRIBE, &other) && run.ended().is_some());
}

#[test]
fn a_hold_grows_wider_and_no_narrower() {
    let codes = [Coding::atc("J05AF05"), Coding::atc("J05AF07"), Coding::atc("A10BA02")];
    let of = |stops, medicines: &[Coding], release| Directive::Hold(hold(release, stops, medicines.to_vec()));
    let mut run = run([
        ("enrolled", vec![of(Acts::PRESCRIBE, &codes[..1], ReleaseBy::Doctor)]),
        ("other", vec![of(Acts::DISPENSE, &codes[1..2], ReleaseBy::Pathway)]),
        ("acknowledged LOOK", vec![of(Acts::DISPENSE, &[], ReleaseBy::Pathway)]),
        ("observed 2823-3 Device", vec![Directive::RaiseAlert(raised("LOOK", 60))]),
    ]);
    run.step(Event::Other(vec![]));
    let held =
        |run: &Run| codes.clone().map(|code| run.is_held(Acts::PRESCRIBE, &code) && run.is_held(Acts::DISPENSE, &code));
    assert_eq!((held(&run), run.holds()), ([true, true, false], vec!["hold"]));
    run.observe(potassium(), "4", "mmol/L", Provenance::Device);
    run.acknowledge("LOOK");
    assert_eq!(held(&run), [true; 3]);
    assert_eq!(run.hold("hold").map(|hold| hold.release), Some(ReleaseBy::Doctor));
}

#[test]
#[should_panic(expected = "too early: the repetition before `visit` is not due yet")]
fn a_repetition_is_not_done_before_its_turn() {
    let weekly = task("visit", 7, 3, Some(Repetition { every_days: 7, times: None }));
    let mut run = run([("enrolled", vec![Directive::ScheduleTask(weekly)])]);
    run.complete("visit");
    run.complete("visit");
}

#[test]
#[should_panic(expected = "the host refuses the step: too many tasks are open")]
fn a_pathway_has_two_hundred_tasks_at_most() {
    let many = |from: usize| (from..from + 100).map(|at| Directive::ScheduleTask(task(&format!("t{at}"), 1, 0, None)));
    let mut run = run([
        ("enrolled", many(0).collect()),
        ("other", many(100).collect()),
        ("resumed after 0", many(200).collect()),
    ]);
    run.step(Event::Other(vec![]));
    run.step(Event::Resumed(START));
}

#[test]
fn who_leaves_takes_along_what_is_the_pathways() {
    let standing = vec![
        Directive::Hold(Hold { code: "own".into(), ..hold(ReleaseBy::Pathway, Acts::PRESCRIBE, vec![]) }),
        Directive::Hold(hold(ReleaseBy::Doctor, Acts::PRESCRIBE, vec![])),
        Directive::ScheduleTask(task("visit", 7, 3, None)),
        Directive::Refer(referral("room", 5)),
        Directive::RaiseAlert(raised("LOOK", 60)),
    ];
    let mut run = run([("enrolled", standing), ("Withdrawn", vec![Directive::RaiseAlert(raised("LATE", 60))])]);
    run.acknowledge("LOOK");
    run.depart(Departure::Withdrawn);
    assert_eq!(run.ended(), Some(&Ended::Departed(Departure::Withdrawn)));
    assert_eq!((run.alerts(), run.holds()), (vec!["LOOK"], vec!["hold"]), "other directives are ignored");
    run.advance(90);
    assert_eq!(told(&run), ["acknowledged LOOK", "Withdrawn"]);
}

#[test]
fn what_came_due_while_the_plugin_was_away_follows() {
    let weekly = Directive::ScheduleTask(task("visit", 7, 3, Some(Repetition { every_days: 7, times: None })));
    let mut run = run([("enrolled", vec![weekly, Directive::Ask(question(60))])]);
    run.advance_to(START + 10 * MINUTE);
    run.rest(16);
    let came = ["resumed after 0", "Lapsed form", "due visit", "missed visit"];
    assert_eq!(told(&run), came, "the last only");
    assert_eq!(run.task("visit").map(|task| (task.due - START) / DAY), Some(21));
}

#[test]
fn a_series_has_each_moment_once() {
    let mut run = run([]);
    run.stream(potassium(), "mmol/L", &[(START, "5"), (START - MINUTE, "6"), (START, "5")]);
    run.stream(Coding::loinc("99504-3"), "mmol/L", &[(START, "5")]);
    assert_eq!(told(&run), ["streamed 2 of 1"], "and not what it does not need");
}

#[test]
fn a_state_of_another_version_is_migrated_before_the_first_step() {
    SCRIPT.set(BTreeMap::new());
    let left = |version| (State { version, data: b"old\n".to_vec() }, "gone");
    let start =
        |version, asked: &[Directive]| Run::migrating(Host::of::<Scripted>(), Patient::aged(50), left(version), asked);
    let mut run = start(1, &[Directive::ScheduleTask(task("visit", 2, 0, None))]);
    run.advance(3);
    assert_eq!(run.state().map(|state| state.data.as_slice()), Some(b"migrated\ndue visit\n".as_slice()));
    assert!(matches!(start(3, &[]).try_step(Event::Other(vec![])), Err(Error::BadState(_))));
    let mut without = Run::continued(Host::of::<Scripted>(), Patient::aged(50), left(1), &[]);
    without.step(Event::Other(vec![]));
    assert_eq!(told(&without), ["other"], "a component without a migration gets it as it is");
}

#[test]
fn what_the_host_refuses_is_refused() {
    let definition = Scripted::describe();
    let refused_at = |at_timer, directives: Vec<Directive>| {
        let (seen, holds) = (BTreeSet::new(), vec![("doctors".to_owned(), ReleaseBy::Doctor, true)]);
        let mut judge =
            Judge { definition: &definition, now: START, told: START, at_timer, holds, seen, closed: false };
        judge.take_all(directives.iter()).err()
    };
    let refused = |directives| refused_at(false, directives);
    for (minutes, taken) in [(0, false), (1, true)] {
        let due = START + minutes * MINUTE;
        let again = vec![Directive::ScheduleTask(Task { due, ..task("a", 0, 0, None) })];
        assert_eq!((refused_at(true, again.clone()).is_none(), refused(again)), (taken, None), "at a timer, {minutes}");
    }
    let sound = vec![
        Directive::ScheduleTask(task("visit", 7, 3, None)),
        Directive::Ask(question(60)),
        Directive::Refer(referral("room", 5)),
        Directive::Convene(team(&[Role::Doctor, Role::Nurse])),
        Directive::Contact(contact(5, true, vec![24])),
        Directive::Hold(hold(ReleaseBy::Pathway, Acts::PRESCRIBE, vec![])),
        Directive::Release("hold".into()),
        close(),
    ];
    assert_eq!(refused(sound), None);
    let repeat = |every_days, times| Some(Repetition { every_days, times });
    let rows: Vec<(Vec<Directive>, &str)> = vec![
        (vec![Directive::ProposeNote(text()); 101], "101 directives"),
        (vec![Directive::ScheduleTask(task("a", 1, 0, None)); 2], "task `a` comes twice"),
        (vec![Directive::ScheduleTask(task("a b", 1, 0, None))], "blanks"),
        (vec![Directive::ScheduleTask(task("a", -2, 0, None))], "due out of range"),
        (vec![Directive::ScheduleTask(task("a", 1_099, 0, None))], "due out of range"),
        (vec![Directive::ScheduleTask(task("a", 1, 367, None))], "window"),
        (vec![Directive::ScheduleTask(task("a", 1, 0, repeat(0, None)))], "zero days"),
        (vec![Directive::ScheduleTask(task("a", 1, 0, repeat(1, Some(0))))], "zero times"),
        (vec![Directive::Ask(Question { questionnaire: "else".into(), ..question(60) })], "no questionnaire `else`"),
        (vec![Directive::Ask(Question { respondent: Role::Pharmacist, ..question(60) })], "may not answer"),
        (vec![Directive::Ask(question(0))], "request `form` ends out of range"),
        (vec![Directive::Refer(referral("room", 0))], "request `room` ends out of range"),
        (vec![Directive::Refer(referral("room", 367))], "request `room` ends out of range"),
        (vec![Directive::Refer(referral("form", 5)), Directive::Ask(question(60))], "request `form` comes twice"),
        (vec![Directive::Refer(Referral { recontact_days: Some(367), ..referral("room", 5) })], "more than a year"),
        (vec![Directive::Refer(Referral { reason: vec![], ..referral("room", 5) })], "has no text"),
        (vec![Directive::RequestLab(tests_wanted("tests", vec![]))], "names no test"),
        (vec![Directive::Convene(team(&[Role::Doctor]))], "different participants"),
        (vec![Directive::Convene(team(&[Role::Doctor, Role::Doctor]))], "different participants"),
        (vec![Directive::Convene(team(&[Role::Doctor, Role::Patient]))], "may not decide"),
        (vec![Directive::RaiseAlert(raised("low", 60))], "UPPER_SNAKE"),
        (vec![Directive::RaiseAlert(raised("LOW", 0))], "gives no time"),
        (vec![Directive::RaiseAlert(raised("LOW", 43_201))], "thirty days"),
        (
            vec![Directive::RaiseAlert(Alert { escalation: vec![Role::Patient], ..raised("LOW", 60) })],
            "climbs to a role",
        ),
        (vec![Directive::RaiseAlert(Alert { escalation: vec![Role::Nurse; 9], ..raised("LOW", 60) })], "more than 8"),
        (vec![Directive::Contact(Contact { owner: Role::Assistant, ..contact(5, true, vec![]) })], "may not do it"),
        (vec![Directive::Contact(contact(0, true, vec![]))], "gives no time"),
        (vec![Directive::Contact(contact(5, true, vec![24; 11]))], "too often"),
        (vec![Directive::StopVisit(Stop { code: "STOP".into(), reason: vec![], citation: source() })], "has no text"),
        (vec![Directive::Hold(hold(ReleaseBy::Doctor, Acts::empty(), vec![]))], "stops nothing"),
        (vec![Directive::Release("hold".into())], "has placed no hold `hold`"),
        (vec![Directive::Release("doctors".into())], "only a doctor may lift the hold `doctors`"),
        (vec![close(), Directive::ProposeNote(text())], "after `close`"),
    ];
    for (directives, fault) in rows {
        let said = refused(directives.clone());
        assert!(said.as_ref().is_some_and(|said| said.contains(fault)), "{fault}: {said:?}");
    }
}

#[test]
#[should_panic(expected = "the host refuses the step: this pathway has placed no hold `hold`")]
fn a_step_that_the_host_would_refuse_panics() {
    run([("enrolled", vec![Directive::Release("hold".into())])]);
}

#[test]
fn questionnaires_that_cannot_be_asked_are_refused() {
    let refused = |change: fn(&mut Questionnaire), word: &str| {
        let mut of = form();
        change(&mut of);
        let fault = Form(&of).fault();
        assert!(fault.as_ref().is_some_and(|fault| fault.contains(word)), "{word}: {fault:?}");
    };
    assert_eq!(Form(&form()).fault(), None);
    refused(|of| of.items[2].link_id = "unwell".into(), "twice");
    refused(|of| of.items[0].text.clear(), "no text");
    refused(|of| of.items[1].kind = AnswerKind::Choice(vec![]), "nothing to choose");
    refused(|of| of.items.swap(0, 1), "does not come before");
    refused(|of| of.items[0].kind = AnswerKind::Display, "no answer");
    refused(|of| of.scores[0].items = vec!["unwell".into()], "counts nothing");
    refused(|of| of.scores[0].items = vec!["often".into(); 2], "twice");
    refused(|of| of.safeguards[0].conditions.clear(), "no condition");
    refused(|of| of.safeguards[1].contact.owner = Role::Assistant, "may not do it");
    refused(
        |of| {
            let bounds = Bounds { least: Some(Decimal::whole(2)), most: Some(Decimal::whole(1)) };
            of.items[2].kind = AnswerKind::Integer(bounds);
        },
        "least",
    );
}

struct Dicey;

impl Plugin for Dicey {
    const MANIFEST: &'static str = "";
}

thread_local! {
    static STEPS: RefCell<usize> = const { RefCell::new(0) };
}

impl FollowUp for Dicey {
    fn describe() -> Definition {
        Definition { questionnaires: vec![], data_needs: vec![], ..Scripted::describe() }
    }

    fn screen(_: Snapshot, _: Instant) -> Result<Eligibility, Error> {
        Ok(Eligibility::Eligible)
    }

    fn step(_: Option<State>, _: Event, _: Snapshot, _: Instant) -> Result<Outcome, Error> {
        let size = STEPS.with_borrow_mut(|steps| std::mem::replace(steps, *steps + 1));
        let state = State { version: 2, data: vec![0; size] };
        Ok(Outcome { state, stage: "only".to_owned(), directives: vec![] })
    }
}

#[test]
#[should_panic(expected = "the same arguments must give the same outcome")]
fn a_step_that_is_not_the_same_again_panics() {
    FollowUpRun::<Dicey>::enrol(Patient::aged(50));
}
