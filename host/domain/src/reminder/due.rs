use crate::{
    enrolment::{RequestRecord, TaskRecord, request::Asked},
    pathway::Role,
    time::Instant,
};

/// How long before something is due the patient is reminded, in hours, or half of its time if that is shorter: a
/// project default.
const LEAD_HOURS: i64 = 24;

/// How long after a question was asked once more the patient may be reminded of it, in hours: a project default. One of
/// three days, as most are, has 12.
const GAP_HOURS: i64 = 11;

/// When a patient is reminded of what they have since one moment and until another; `None` if there is no time.
fn remind_at(since: Instant, due: Instant) -> Option<Instant> {
    let half = due.micros().saturating_sub(since.micros()) / 2;
    (half > 0).then(|| due.plus_hours(-LEAD_HOURS).max(Instant::from_micros(due.micros() - half)))
}

const fn is_of_the_patient(role: Role) -> bool {
    matches!(role, Role::Patient | Role::Guardian)
}

/// When the patient is reminded of a task of theirs before its window ends. Not of a bare timer, nor of what was done.
pub fn remind_of_task(task: &TaskRecord, since: Instant) -> Option<Instant> {
    let theirs = is_of_the_patient(task.task.owner) && task.task.window_minutes > 0 && task.is_pending();
    if theirs { remind_at(since, task.deadline()) } else { None }
}

/// When the patient is reminded of a question before its time is over. One that is asked once more less than eleven
/// hours before that needs no other reminder: `None`.
pub fn remind_of_question(request: &RequestRecord) -> Option<Instant> {
    let Asked::Question { respondent, .. } = &request.asked else { return None };
    if !is_of_the_patient(*respondent) || !request.is_open() {
        return None;
    }
    let half = request.by.micros().saturating_sub(request.since.micros()) / 2;
    let again = Instant::from_micros(request.by.micros() - half);
    remind_at(request.since, request.by).filter(|at| *at >= again.plus_hours(GAP_HOURS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        coding::LocalizedText,
        enrolment::{request::Ended, task::TaskState},
        fixture::NOW,
        id::{EnrolmentId, PatientId, RequestId, TaskId},
        pathway::{Task, Tracked},
    };

    fn task(owner: Role, window_minutes: u32, due: Instant) -> TaskRecord {
        let title = LocalizedText::zh_en("测量", "measure");
        TaskRecord {
            id: TaskId::from_u128(1),
            enrolment: EnrolmentId::from_u128(1),
            patient: PatientId::from_u128(1),
            task: Task { code: "x".into(), title, owner, due, window_minutes, repeat: None },
            state: TaskState::Open,
        }
    }

    fn question(respondent: Role, by: Instant) -> RequestRecord {
        let asked = Asked::Question { questionnaire: "x".into(), respondent };
        let ids = (EnrolmentId::from_u128(1), PatientId::from_u128(1));
        RequestRecord::open(RequestId::from_u128(1), ids, (asked, Tracked { code: "x".into(), by }, true), NOW)
    }

    #[test]
    fn a_day_before_or_at_half_of_a_shorter_time() {
        for (hours, before) in [(24 * 7, 24), (49, 24), (48, 24), (47, 23), (2, 1)] {
            let due = NOW.plus_hours(hours);
            let at = remind_at(NOW, due).expect("there is time");
            let expected = if hours == 47 { due.plus_minutes(-47 * 30) } else { due.plus_hours(-before) };
            assert_eq!(at, expected, "{hours}");
        }
        assert_eq!(remind_at(NOW, NOW), None);
        assert_eq!(remind_at(NOW, NOW.plus_hours(-1)), None);
    }

    #[test]
    fn only_tasks_that_the_patient_can_still_do() {
        let due = NOW.plus_days(7);
        assert_eq!(remind_of_task(&task(Role::Patient, 60, due), NOW), Some(NOW.plus_days(6).plus_minutes(60)));
        assert_eq!(remind_of_task(&task(Role::Guardian, 60, due), NOW), Some(NOW.plus_days(6).plus_minutes(60)));
        let three_days = task(Role::Patient, 3 * 24 * 60, due);
        assert_eq!(remind_of_task(&three_days, NOW), Some(NOW.plus_days(9)), "a day before the window ends");
        let fired = TaskRecord { state: TaskState::Fired { at: due }, ..three_days };
        assert_eq!(remind_of_task(&fired, NOW), Some(NOW.plus_days(9)), "it can still be done");
        assert_eq!(remind_of_task(&task(Role::Nurse, 60, due), NOW), None);
        assert_eq!(remind_of_task(&task(Role::Patient, 0, due), NOW), None, "a bare timer");
        let cancelled = TaskRecord { state: TaskState::Cancelled { at: NOW }, ..task(Role::Patient, 60, due) };
        assert_eq!(remind_of_task(&cancelled, NOW), None);
    }

    #[test]
    fn a_question_that_is_asked_again_then_needs_no_other() {
        assert_eq!(remind_of_question(&question(Role::Patient, NOW.plus_days(7))), Some(NOW.plus_days(6)));
        assert_eq!(remind_of_question(&question(Role::Patient, NOW.plus_days(2))), None, "it is asked again then");
        assert_eq!(remind_of_question(&question(Role::Patient, NOW.plus_hours(3))), None);
        assert_eq!(remind_of_question(&question(Role::Patient, NOW.plus_hours(49))), None, "half an hour after that");
        let shortest = NOW.plus_hours(70);
        assert_eq!(remind_of_question(&question(Role::Patient, shortest)), Some(NOW.plus_hours(46)));
        assert_eq!(remind_of_question(&question(Role::Patient, shortest.plus_seconds(-1))), None);
        assert_eq!(remind_of_question(&question(Role::Patient, NOW.plus_days(3))), Some(NOW.plus_days(2)));
        assert_eq!(remind_of_question(&question(Role::Nurse, NOW.plus_days(7))), None);
        let ended = question(Role::Patient, NOW.plus_days(7));
        let ended = RequestRecord { ended: Some(Ended::Withdrawn { at: NOW }), ..ended };
        assert_eq!(remind_of_question(&ended), None);
    }
}
