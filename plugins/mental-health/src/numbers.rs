//! The numbers of the clinical rules, each with its source and its test. Days of grace of single tasks, and
//! minutes of alerts about what was missed, are constants beside their rules.
//!
//! The rules use these values. `docs/clinical/mental-health.md` is this table.

use crate::sources::Source;

pathway_kit::numbers! {
    PHQ9_MILD = 5 "points", "PHQ-9: mild from", Phq9, "bands_of_the_scales";
    PHQ9_MODERATE = 10 "points", "PHQ-9: moderate from", Phq9, "bands_of_the_scales";
    PHQ9_MODERATELY_SEVERE = 15 "points", "PHQ-9: moderately severe from", Phq9, "bands_of_the_scales";
    PHQ9_SEVERE = 20 "points", "PHQ-9: severe from", Phq9, "bands_of_the_scales";
    PHQ9_MOST = 27 "points", "PHQ-9: a total above is none", Phq9, "a_total_out_of_bounds_or_of_the_future_is_none";
    GAD7_MILD = 5 "points", "GAD-7: mild from", Gad7, "bands_of_the_scales";
    GAD7_MODERATE = 10 "points", "GAD-7: moderate from", Gad7, "bands_of_the_scales";
    GAD7_SEVERE = 15 "points", "GAD-7: severe from", Gad7, "bands_of_the_scales";
    GAD7_MOST = 21 "points", "GAD-7: a total above is none", Gad7, "a_total_out_of_bounds_or_of_the_future_is_none";
    ISI_MOST = 28 "points", "ISI: a total above is none", Isi, "slots_take_scores_within_bounds";
    PHQ9_REVIEW = 10 "points", "PHQ-9: a doctor reviews from", Project, "totals_that_a_doctor_reviews";
    PHQ9_SAME_DAY = 20 "points", "PHQ-9: a doctor reviews the same day from", Project, "totals_that_a_doctor_reviews";
    GAD7_REVIEW = 10 "points", "GAD-7: a doctor reviews from", Gad7, "totals_that_a_doctor_reviews";
    REVIEW_MINUTES = 4320 "min", "Review of a total within", Project, "totals_that_a_doctor_reviews";
    FIRST_EVERY = 14 "d", "Scales at first every", Project, "the_cadence_of_the_scales";
    FIRST_UNTIL = 84 "d", "Scales at first until day", Project, "the_cadence_of_the_scales";
    LATER_EVERY = 28 "d", "Scales later every", Project, "the_cadence_of_the_scales";
    SCALES_WINDOW = 3 "d", "Scales are missed after", Project, "scales_that_nobody_answers";
    RESPONSE_PERCENT = 50 "%", "Response: a fall of PHQ-9 of at least", Hedis, "no_response_at_day_56";
    RESPONSE_BASELINE = 10 "points", "Response is judged from a first PHQ-9 of", Hedis, "no_response_at_day_56";
    NO_RESPONSE_DAY = 56 "d", "No response: several disciplines from day", Project, "no_response_is_judged_from_day_56";
    MDT_DISCIPLINES = 3 "disciplines", "Disciplines of the conference, at least", Project, "no_response_at_day_56";
    MDT_DAYS = 7 "d", "Opinions of the conference within", Project, "a_conference_is_followed_up";
    REMISSION = 5 "points", "Remission: PHQ-9 below", Hedis, "two_remissions_lead_to_maintenance";
    REMISSIONS_APART = 28 "d", "Two remissions apart, at least", Project, "two_remissions_lead_to_maintenance";
    MAINTENANCE = 90 "d", "Maintenance ends after", Project, "maintenance_ends_after_90_days";
    MAINTENANCE_LAST = 28 "d", "Maintenance ends by a PHQ-9 that is at most so old", Project, "maintenance_ends_by_a_recent_phq9";
    MAINTENANCE_AGAIN = 14 "d", "Maintenance without such a PHQ-9: asked, and looked at again after", Project, "maintenance_ends_by_a_recent_phq9";
    CONCERN_ITEM = 1 "points", "PHQ-9 item 9: a clinician assesses safety from", Project, "the_suicide_branch_by_answer";
    CONCERN_MINUTES = 239 "min", "Safety assessment within (less than 4 h)", Project, "the_suicide_branch_by_answer";
    ASQ_YES = 1 "answers", "ASQ: a clinician assesses safety from so many yes", Asq, "the_suicide_branch_by_answer";
    ACUTE_ITEM = 2 "points", "PHQ-9 item 9: human contact from", Project, "the_suicide_branch_by_answer";
    ACUTE_MINUTES = 5 "min", "Human contact within", Project, "the_suicide_branch_by_answer";
    RECONTACT_FIRST = 24 "h", "Contact again after", Project, "contact_again_after_24_and_72_hours_and_7_days";
    RECONTACT_SECOND = 72 "h", "Contact again after", Project, "contact_again_after_24_and_72_hours_and_7_days";
    RECONTACT_THIRD = 168 "h", "Contact again after", Project, "contact_again_after_24_and_72_hours_and_7_days";
    EMERGENCY_DAYS = 1 "d", "Seen in an emergency department within", Project, "a_referral_that_is_not_attended_is_reported";
    REFERRAL_DAYS = 14 "d", "Seen in a consulting room within", Project, "a_referral_that_is_not_attended_is_reported";
    PLAN_DAYS = 7 "d", "The shared plan is signed by both within", Project, "a_plan_that_is_not_signed_is_reported";
    REVIEW_SESSIONS = 4 "sessions", "Joint review every", Project, "joint_review_every_4_sessions_or_28_days";
    REVIEW_DAYS = 28 "d", "Joint review at the latest every", Project, "joint_review_every_4_sessions_or_28_days";
    REVIEW_WINDOW = 3 "d", "A joint review is missed after", Project, "a_joint_review_that_is_missed_is_reported";
    CBTI_SESSIONS = 6 "sessions", "Sessions of CBT-I", Project, "six_sessions_of_cbti";
    CBTI_EVERY = 7 "d", "A session of CBT-I every", Project, "six_sessions_of_cbti";
    NIGHTS = 5 "nights", "Nights in the diary for a week to count, at least", Project, "a_week_with_few_nights_decides_nothing";
    EFFICIENCY_HIGH = 90 "%", "Sleep efficiency of a week: more time in bed above", SleepFoundation, "titration_of_time_in_bed";
    EFFICIENCY_LOW = 80 "%", "Sleep efficiency of a week: less time in bed below", SleepFoundation, "titration_of_time_in_bed";
    TITRATION = 15 "min", "Time in bed is changed by", SleepFoundation, "titration_of_time_in_bed";
    FLOOR = 330 "min", "Time in bed at least (5.5 h)", Stanford, "time_in_bed_has_a_floor";
    LONGEST_NIGHT = 1440 "min", "A night in the diary is at most", Project, "a_night_that_cannot_be_is_none";
    YOUNGEST = 12 "years", "Entry from the age of", Adolescents, "who_may_enter";
    ADULT = 18 "years", "A guardian consents below the age of", CivilCode, "a_minor_needs_a_guardian";
    CONSENT_DAYS = 7 "d", "A guardian's consent is missed after", Project, "a_consent_that_does_not_come_is_reported";
    SMALLEST_GROUP = 10 "persons", "An employer sees groups of at least", Project, "school_and_employer_are_told_nothing";
}
