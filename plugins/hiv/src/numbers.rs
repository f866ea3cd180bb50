//! The numbers of the clinical rules, each with its source and its test. `docs/clinical/hiv.md` is this table.

use crate::sources::Source;

pathway_kit::numbers! {
    ADULT = 18 "years", "Adults only, from", Project, "adults_may_enter";

    RISK_MONTHS = 6 "months", "Any of five items is a high risk; asked over the last", Risk, "any_of_five_items_is_a_high_risk";
    PARTNER_SUPPRESSED = 200 "copies/mL", "A partner suppressed for these months is no risk, below", Risk, "any_of_five_items_is_a_high_risk";
    RISK_AGAIN = 180 "days", "Low risk: asked again after", Project, "any_of_five_items_is_a_high_risk";
    INTAKE_MINUTES = 240 "min", "The first questions are answered within", Project, "who_does_not_answer_is_reported";
    ACKNOWLEDGE_MINUTES = 15 "min", "A critical alert is taken up within, unless the hospital set another time", Project, "the_clock_stops_after_72_hours";

    PEP_WINDOW = 72 "h", "PEP begins within", Pep, "the_clock_stops_after_72_hours";
    PEP_BEST = 24 "h", "PEP best begins, and the patient is seen, within", Pep, "who_is_not_seen_is_sent_again";
    PEP_PREFERRED = 2 "h", "PEP preferably begins within", PepChina, "the_clock_stops_after_72_hours";
    PEP_COURSE = 28 "days", "PEP lasts", Pep, "a_course_is_28_days";
    HOURS_PLAUSIBLE = 4320 "h", "An exposure, a start or a gap cannot be longer ago than", Project, "numbers_that_cannot_be_right_are_not_taken";
    PEP_CONTACT = 24 "h", "The health manager makes contact after", PepFollowUp, "a_course_is_walked_for_180_days";
    COURSE_DAY_1 = 1 "days", "Adherence to PEP is asked first on day", Project, "a_course_is_walked_for_180_days";
    COURSE_DAY_2 = 3 "days", "Adherence to PEP is asked second on day", Project, "a_course_is_walked_for_180_days";
    COURSE_DAY_3 = 7 "days", "Adherence to PEP is asked third on day", Project, "a_course_is_walked_for_180_days";
    COURSE_DAY_4 = 14 "days", "Adherence to PEP is asked fourth on day", Project, "a_course_is_walked_for_180_days";
    COURSE_DAY_5 = 28 "days", "Adherence to PEP is asked last on day", Project, "a_course_is_walked_for_180_days";
    COURSE_MINUTES = 1440 "min", "Questions about PEP are answered within", Project, "who_does_not_answer_is_reported";
    TEST_WEEK_1 = 4 "weeks", "First test after PEP, after the one at its start", PepFollowUp, "a_course_is_walked_for_180_days";
    TEST_WEEK_2 = 12 "weeks", "Last test after PEP", PepFollowUp, "a_course_is_walked_for_180_days";
    CHINA_WEEK_1 = 4 "weeks", "First test after an exposure, where the hospital tests as China does", PepChina, "a_hospital_chooses_the_weeks_of_tests";
    CHINA_WEEK_2 = 8 "weeks", "Second test after an exposure, as China does", PepChina, "a_hospital_chooses_the_weeks_of_tests";
    CHINA_WEEK_3 = 12 "weeks", "Third test after an exposure, as China does", PepChina, "a_hospital_chooses_the_weeks_of_tests";
    CHINA_WEEK_4 = 24 "weeks", "Last test after an exposure, as China does", PepChina, "a_hospital_chooses_the_weeks_of_tests";
    TEST_EARLY = 3 "days", "A test counts for its week if it is taken before by at most", Project, "a_test_may_be_early";
    BASELINE_DAYS = 7 "days", "Results of the tests at the start of PEP, which nobody waits for, are there within", Project, "what_the_laboratory_does_not_report_is_told";
    EXPIRED_VISIT_DAYS = 7 "days", "Too late for PEP: seen face to face within", Project, "a_visit_that_does_not_take_place_is_told_again";

    PREP_CLEARANCE = 60 "mL/min", "TDF/FTC needs a clearance of at least", Prep, "clearance_below_60_stops_prevention";
    PREP_FIRST_TEST = 30 "days", "PrEP: first HIV test after", PrepFollowUp, "the_first_test_is_after_a_month";
    PREP_TEST = 90 "days", "PrEP: a negative HIV test holds for", PrepFollowUp, "an_overdue_test_blocks_renewal";
    PREP_FIRST_KIDNEY = 90 "days", "PrEP: first creatinine after", PrepFollowUp, "prevention_is_walked_for_180_days";
    PREP_KIDNEY = 180 "days", "PrEP: creatinine every", PrepFollowUp, "prevention_is_walked_for_180_days";
    PREP_LEAD_FIRST = 7 "days", "PrEP: the first HIV test is asked for before its end by", Project, "the_first_test_is_after_a_month";
    PREP_LEAD = 14 "days", "PrEP: later ones are asked for before their end by", Project, "an_overdue_test_blocks_renewal";
    PREP_FIRST_EARLY = 9 "days", "PrEP: a test counts as the first if it is early by at most", Project, "a_test_may_be_early";
    MONTHS_EARLY = 30 "days", "A test counts as the one after three months if it is early by at most", Project, "a_test_may_be_early";
    PREP_STOP = 7 "days", "PrEP is stopped after the last exposure by", PrepUse, "prevention_stops_seven_days_after_the_last_exposure";
    PREP_VISIT_DAYS = 14 "days", "A candidate for PrEP is seen face to face, with the results that it needs, within", Project, "a_visit_that_does_not_take_place_is_told_again";
    PREGNANT_DAYS = 7 "days", "A pregnancy that is recorded after the enrolment: seen face to face within", Project, "a_visit_that_does_not_take_place_is_told_again";
    CONFIRM_DAYS = 3 "days", "A test that is not negative, or signs of an acute infection: seen and tested within", Project, "a_visit_that_does_not_take_place_is_told_again";

    LOAD_FIRST = 28 "days", "Viral load after a start or a switch", ViralLoad, "viral_load_has_its_days";
    LOAD_FIRST_EARLY = 7 "days", "A viral load counts as the first after a start if it is early by at most", Project, "a_test_may_be_early";
    LOAD_DETECTABLE = 90 "days", "Viral load to undetectable, and above 200, every", ViralLoad, "viral_load_has_its_days";
    LOAD_LATER = 180 "days", "Viral load after two years, undetectable, every", ViralLoad, "viral_load_has_its_days";
    TWO_YEARS = 730 "days", "Viral load and CD4: the first two years of treatment are", ViralLoad, "viral_load_has_its_days";
    LOAD_LOW = 50 "copies/mL", "Adherence is reviewed, and a viral load is detectable, from", Failure, "viral_load_has_three_levels";
    LOAD_HIGH = 200 "copies/mL", "Viral load is repeated above", Failure, "viral_load_has_three_levels";
    LOAD_REPEAT = 28 "days", "A high viral load is repeated within", Project, "a_high_viral_load_is_repeated_in_28_days";
    FAILURE_FROM = 168 "days", "Two high viral loads in a row are a failure from, after a start or a switch", Failure, "two_high_ones_after_week_24_are_a_failure";
    TEAM_DAYS = 14 "days", "Failure: several disciplines decide within", Project, "a_team_decides_about_a_failure";
    TEAM_LEAST = 3 "disciplines", "Failure: the disciplines that decide are at least", Project, "a_team_decides_about_a_failure";
    SWITCH_DAYS = 14 "days", "The team changes the regimen: it is done and on record within", Project, "a_team_decides_about_a_failure";
    REGIMEN_TESTS_DAYS = 28 "days", "Failure: the resistance test is there within", Project, "what_the_laboratory_does_not_report_is_told";

    CD4_FIRST = 90 "days", "CD4 after a start", Cd4, "cd4_has_its_days";
    CD4_BASELINE = 300 "/uL", "CD4 baseline is low below", Cd4, "cd4_has_its_days";
    CD4_OFTEN = 90 "days", "CD4 to year 2 after a low baseline, and later below it, every", Cd4, "cd4_has_its_days";
    CD4_SELDOM = 180 "days", "CD4 to year 2 after another baseline, every", Cd4, "cd4_has_its_days";
    CD4_LATER = 365 "days", "CD4 after two years, every", Cd4, "cd4_has_its_days";
    CD4_OPTIONAL = 500 "/uL", "CD4 after two years is optional above", Cd4, "cd4_has_its_days";
    CD4_PROPHYLAXIS = 200 "/uL", "Prophylaxis is reviewed below", Prophylaxis, "cd4_below_200_reviews_prophylaxis";

    LAB_WINDOW = 14 "days", "A test that is due is done in time within", Project, "a_test_is_done_by_its_result";
    LAB_AGAIN = 14 "days", "A test that was turned down, or whose result nobody can use, is due again after", Project, "what_is_turned_down_is_told";
    LAB_RESULT = 28 "days", "The result of a test that is due is there within", Project, "a_test_is_done_by_its_result";

    COVERED = 95 "%", "A pharmacist calls when days covered are below", Project, "days_covered_below_95_percent";
    COVERED_DAYS = 180 "days", "Days covered are counted over the last", Project, "days_covered_below_95_percent";
    COVERED_LEAST = 28 "days", "Days covered are not counted of fewer than", Project, "days_covered_below_95_percent";
    CALLED_DAYS = 28 "days", "Days covered that are too few: a pharmacist does not call again within", Project, "days_covered_below_95_percent";
    GAP_HOURS = 48 "h", "A pharmacist calls after a gap of more than", Project, "a_gap_of_more_than_48_hours";
    ADHERENCE_EVERY = 28 "days", "Adherence to ART is asked every", Project, "treatment_is_walked_for_180_days";
    ANSWER_MINUTES = 10080 "min", "Questions that are not urgent are answered within", Project, "who_does_not_answer_is_reported";
    PHARMACIST_FIRST = 7 "days", "ART: the pharmacist talks with the patient first after", Project, "treatment_is_walked_for_180_days";
    PHARMACIST_EVERY = 84 "days", "ART: the pharmacist talks with the patient then every", Project, "treatment_is_walked_for_180_days";
    DIET_FIRST = 28 "days", "ART: the dietitian talks with the patient first after", Project, "treatment_is_walked_for_180_days";
    DIET_LATER = 180 "days", "ART: the dietitian talks with the patient again after", Project, "treatment_is_walked_for_180_days";
    REVIEW_EVERY = 14 "days", "ART: the record is looked at for new medicines and days covered every", Project, "viral_load_has_its_days";

    SCALES_2 = 28 "days", "PHQ-9 and GAD-7 on day 0, and on day", Project, "treatment_is_walked_for_180_days";
    SCALES_3 = 84 "days", "PHQ-9 and GAD-7 third on day", Project, "treatment_is_walked_for_180_days";
    SCALES_EVERY = 180 "days", "PHQ-9 and GAD-7 then on day, and every", Project, "treatment_is_walked_for_180_days";
    PHQ9_REVIEW = 10 "points", "PHQ-9: a doctor reviews from", Phq9, "scores_have_their_readers";
    PHQ9_TODAY = 20 "points", "PHQ-9: the same day from", Project, "scores_have_their_readers";
    GAD7_REVIEW = 10 "points", "GAD-7: a counsellor reviews from", Gad7, "scores_have_their_readers";
    GAD7_SEVERE = 15 "points", "GAD-7: a doctor reviews from", Gad7, "scores_have_their_readers";
    ITEM9_ASSESS = 1 "points", "PHQ-9 item 9: a clinician assesses safety from", Project, "the_ninth_item_reaches_a_person";
    ASSESS_MINUTES = 239 "min", "PHQ-9 item 9: safety is assessed in less than four hours, that is within", Project, "the_ninth_item_reaches_a_person";
    ITEM9_CONTACT = 2 "points", "PHQ-9 item 9: a person makes contact, and the visit stays open, from", Project, "the_ninth_item_reaches_a_person";
    CONTACT_MINUTES = 5 "min", "PHQ-9 item 9: the contact is made within", Project, "the_ninth_item_reaches_a_person";
    CONTACT_AGAIN_1 = 24 "h", "PHQ-9 item 9: contact again first after", Project, "the_ninth_item_reaches_a_person";
    CONTACT_AGAIN_2 = 72 "h", "PHQ-9 item 9: contact again second after", Project, "the_ninth_item_reaches_a_person";
    CONTACT_AGAIN_3 = 168 "h", "PHQ-9 item 9: contact again last after", Project, "the_ninth_item_reaches_a_person";
    TODAY_LEAST = 60 "min", "What is for the same day has at least", Project, "scores_have_their_readers";
    EMERGENCY_DAYS = 1 "days", "PHQ-9 item 9 in an acute crisis: seen in an emergency department within", Project, "the_ninth_item_reaches_a_person";

    SOON_MINUTES = 240 "min", "An alert that is urgent and not critical is taken up within", Project, "alerts_have_their_time";
    DAY_MINUTES = 1440 "min", "An alert that is not urgent is taken up within", Project, "alerts_have_their_time";
    DAYS_MINUTES = 4320 "min", "An alert that can wait is taken up within", Project, "alerts_have_their_time";
    CALL_WINDOW = 1 "days", "The health manager, and who contacts again after a crisis, have", Project, "tasks_of_staff_have_their_time";
    ARRANGE_WINDOW = 2 "days", "The assistant arranges a visit within", Project, "tasks_of_staff_have_their_time";
    TALK_WINDOW = 7 "days", "Pharmacist and public-health doctor talk with the patient within", Project, "tasks_of_staff_have_their_time";
    DIET_WINDOW = 14 "days", "The dietitian talks with the patient within", Project, "tasks_of_staff_have_their_time";
    RECONTACT_DAYS = 7 "days", "Who was referred is contacted again within", Project, "a_visit_that_does_not_take_place_is_told_again";
    RECONTACT_URGENT = 1 "days", "Who was referred after an exposure or in a crisis is contacted again within", Project, "a_visit_that_does_not_take_place_is_told_again";

    MOST_LOAD = 100000000 "copies/mL", "A viral load cannot be true above", Project, "values_that_cannot_be_true_decide_nothing";
    MOST_CD4 = 5000 "/uL", "A CD4 count cannot be true above", Project, "values_that_cannot_be_true_decide_nothing";
    LEAST_CREATININE = 15 "umol/L", "A creatinine cannot be true below", Project, "values_that_cannot_be_true_decide_nothing";
    MOST_CREATININE = 3000 "umol/L", "A creatinine cannot be true above", Project, "values_that_cannot_be_true_decide_nothing";
    MOST_CLEARANCE = 300 "mL/min", "A clearance cannot be true above", Project, "values_that_cannot_be_true_decide_nothing";
    LEAST_WEIGHT = 20 "kg", "A weight cannot be true below", Project, "values_that_cannot_be_true_decide_nothing";
    MOST_WEIGHT = 400 "kg", "A weight cannot be true above", Project, "values_that_cannot_be_true_decide_nothing";
    DAYS_PLAUSIBLE = 3650 "days", "A last exposure cannot be longer ago than", Project, "numbers_that_cannot_be_right_are_not_taken";
}

/// Days on which adherence to PEP is asked.
pub const COURSE_DAYS: [Number; 5] = [COURSE_DAY_1, COURSE_DAY_2, COURSE_DAY_3, COURSE_DAY_4, COURSE_DAY_5];
/// Weeks of tests after an exposure, beside the one at its start.
pub const TEST_WEEKS: [Number; 2] = [TEST_WEEK_1, TEST_WEEK_2];
/// The same as China has them.
pub const CHINA_WEEKS: [Number; 4] = [CHINA_WEEK_1, CHINA_WEEK_2, CHINA_WEEK_3, CHINA_WEEK_4];
