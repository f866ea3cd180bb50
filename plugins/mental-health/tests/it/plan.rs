//! The plan of two.

use xinglin_sdk::{
    follow_up::{Directive, Role, Team},
    testing::START,
    time::plus_days,
};

use crate::{Run, day_of, enrolled, score};

fn signed() -> Run {
    let mut run = enrolled();
    score(&mut run, 7);
    run.fulfil("shared-plan", vec![]);
    run
}

fn reviewing(run: &Run) -> bool {
    run.open_requests().contains(&"joint-review")
}

fn team<'a>(run: &'a Run, code: &str) -> &'a Team {
    let of = |directive: &'a Directive| match directive {
        Directive::Convene(team) if team.code == code => Some(team),
        _ => None,
    };
    run.journal().iter().find_map(|(_, directive)| of(directive)).expect("a team")
}

#[test]
fn each_owns_what_is_theirs() {
    let mut run = enrolled();
    let seats: Vec<(Role, &str)> = team(&run, "shared-plan")
        .participants
        .iter()
        .map(|one| (one.role, one.responsibility[1].text.as_str()))
        .collect();
    assert_eq!(seats, [(Role::Doctor, "diagnosis and medicines"), (Role::Psychotherapist, "sessions")]);
    assert!(run.task("session").is_none() && run.task("joint-review").is_none(), "it is not signed by both");
    run.fulfil("shared-plan", vec![]);
    assert_eq!(run.task("session").map(|task| task.owner), Some(Role::Psychotherapist));
    assert_eq!(day_of(&run, "joint-review"), 28);
}

#[test]
fn a_plan_that_is_not_signed_is_reported() {
    let mut run = enrolled();
    run.advance_to(plus_days(START, 7) - 1);
    assert!(!run.alerts().contains(&"PLAN_UNSIGNED"));
    run.advance_to(plus_days(START, 7));
    assert_eq!(run.alert("PLAN_UNSIGNED").map(|alert| alert.owner), Some(Role::Doctor));
    run.advance_to(plus_days(START, 8));
    assert_eq!(run.alerts().iter().filter(|code| **code == "PLAN_UNSIGNED").count(), 1);
    assert_eq!(run.request_ends("shared-plan"), Some(plus_days(START, 14)), "still wanted");
    run.turn_down("shared-plan");
    assert_eq!(run.alerts().iter().filter(|code| **code == "PLAN_UNSIGNED").count(), 2);
    assert!(run.open_requests().contains(&"shared-plan"));
}

#[test]
fn joint_review_every_4_sessions_or_28_days() {
    for sessions in [3, 4, 5] {
        let mut run = signed();
        for _ in 0..sessions {
            run.advance(5);
            run.complete("session");
        }
        assert_eq!(reviewing(&run), sessions >= 4, "{sessions} sessions");
    }
    for (day, due) in [(27, false), (28, true), (29, true)] {
        let mut run = signed();
        run.advance_to(plus_days(START, day));
        assert_eq!(reviewing(&run), due, "day {day}");
    }
    let mut run = signed();
    run.complete("joint-review");
    assert_eq!(day_of(&run, "joint-review"), 28, "not ticked away");
    for _ in 0..4 {
        run.advance(5);
        run.complete("session");
    }
    assert_eq!(team(&run, "joint-review").participants.len(), 2);
    assert!(run.task("joint-review").is_none(), "it is not reviewed by both");
    run.fulfil("joint-review", vec![]);
    assert_eq!(day_of(&run, "joint-review"), 20 + 28);
    run.advance(5);
    run.complete("session");
    assert!(!reviewing(&run), "counted anew");
}

#[test]
fn a_joint_review_that_is_missed_is_reported() {
    let mut run = signed();
    run.advance_to(plus_days(START, 31) - 1);
    assert!(!run.alerts().contains(&"JOINT_REVIEW_MISSED"));
    run.advance_to(plus_days(START, 31));
    assert_eq!(run.alert("JOINT_REVIEW_MISSED").map(|alert| alert.owner), Some(Role::Doctor));
    run.advance_to(plus_days(START, 32));
    assert_eq!(run.alerts().iter().filter(|code| **code == "JOINT_REVIEW_MISSED").count(), 1);
    run.fulfil("joint-review", vec![]);
    assert!(run.task("joint-review").is_some());
}

#[test]
fn a_session_that_is_missed_is_reported_and_planned_again() {
    let mut run = signed();
    run.advance_to(plus_days(START, 10));
    assert_eq!(run.alert("SESSION_MISSED").map(|alert| alert.owner), Some(Role::Psychotherapist));
    assert_eq!(day_of(&run, "session"), 17);
}
