//! Who does what.

use diabetes::numbers::{DIET_DAYS, EDUCATION_DAYS, MONITOR_DAYS, TEAM_WINDOW_DAYS, YEARLY_DAYS};
use xinglin_sdk::{follow_up::Role, testing::START, time::plus_days};

use crate::{Run, day_of, enrolled, follow_up};

#[test]
fn the_team() {
    for (task, owner, first, every) in [
        ("medicine-education", Role::Pharmacist, EDUCATION_DAYS, YEARLY_DAYS),
        ("diet-advice", Role::Dietitian, DIET_DAYS, YEARLY_DAYS),
        ("monitoring", Role::HealthManager, MONITOR_DAYS, MONITOR_DAYS),
    ] {
        let mut run = enrolled();
        assert_eq!(day_of(&run, task), first.value, "{task}");
        assert_eq!(run.task(task).map(|task| task.owner), Some(owner));
        run.advance(first.value);
        run.complete(task);
        assert_eq!(day_of(&run, task), first.value + every.value, "{task} comes again");
        // What is missed is told, and comes again.
        let missed = |run: &Run| run.alerts().iter().filter(|code| **code == "TEAM_TASK_MISSED").count();
        let due = first.value + every.value;
        run.advance_to(plus_days(START, due + TEAM_WINDOW_DAYS.value) - 1);
        let before = missed(&run);
        run.advance_to(plus_days(START, due + TEAM_WINDOW_DAYS.value));
        assert!(missed(&run) > before, "{task}");
        assert_eq!(day_of(&run, task), due + every.value);
    }
    let mut run = enrolled();
    follow_up(&mut run, "8.8");
    assert_eq!(run.task("adjust-treatment").map(|task| task.owner), Some(Role::Doctor));
    run.advance(3 + TEAM_WINDOW_DAYS.value);
    assert!(run.alerts().contains(&"TEAM_TASK_MISSED"));
}
