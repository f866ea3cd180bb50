//! The numbers of the clinical rules, each with its source and its test. `docs/clinical/hypertension.md` is this table.

use crate::sources::Source;

pathway_kit::numbers! {
    ADULT = 18 "years", "Adults only, from", InternetCare, "who_may_enter";
    CLINIC_SYSTOLIC = 140 "mm[Hg]", "Too high in the clinic, systolic from", Guideline, "limits_of_clinic_and_home";
    CLINIC_DIASTOLIC = 90 "mm[Hg]", "Too high in the clinic, diastolic from", Guideline, "limits_of_clinic_and_home";
    HOME_SYSTOLIC = 135 "mm[Hg]", "Too high at home, systolic from", Home, "limits_of_clinic_and_home";
    HOME_DIASTOLIC = 85 "mm[Hg]", "Too high at home, diastolic from", Home, "limits_of_clinic_and_home";
    OLD = 80 "years", "Another systolic limit from the age of", Guideline, "the_old_have_another_limit";
    OLD_SYSTOLIC = 150 "mm[Hg]", "Too high of the old, systolic from", Guideline, "the_old_have_another_limit";
    SEVERE_SYSTOLIC = 180 "mm[Hg]", "Severe, systolic from", Emergency, "severe_pressure_with_and_without_symptoms";
    SEVERE_DIASTOLIC = 110 "mm[Hg]", "Severe, diastolic from", Emergency, "severe_pressure_with_and_without_symptoms";
    EMERGENCY_MINUTES = 15 "min", "Severe with symptoms: a doctor answers within", Project, "severe_pressure_with_and_without_symptoms";
    SEVERE_MINUTES = 60 "min", "Severe without symptoms: a doctor answers within", Project, "severe_pressure_with_and_without_symptoms";
    SEVERE_AGAIN_MINUTES = 1440 "min", "Severe without symptoms: measured again within", Project, "severe_pressure_with_and_without_symptoms";
    VISIT_DAYS = 90 "days", "Face to face at least four times a year: every", PrimaryCare, "what_is_scheduled";
    RECHECK_DAYS = 14 "days", "Too high once: measured again within", PrimaryCare, "too_high_once_twice_and_after_the_referral";
    REFERRAL_DAYS = 14 "days", "Too high twice in a row: seen elsewhere within", PrimaryCare, "too_high_once_twice_and_after_the_referral";
    TEAM_DAYS = 14 "days", "Too high after the referral: a team decides within", Project, "too_high_once_twice_and_after_the_referral";
    YEARLY_DAYS = 365 "days", "Tests of blood and urine every", PrimaryCare, "what_is_scheduled";
    YEARLY_RESULT_DAYS = 30 "days", "Their results are there within", Project, "what_is_scheduled";
    POTASSIUM_DECIMMOL = 60 "0.1 mmol/L", "Potassium: emergency from", Kidney, "kidneys_and_potassium";
    EGFR = 30 "mL/min/{1.73_m2}", "eGFR: a nephrologist below", Kidney, "kidneys_and_potassium";
    DIARY_DAYS = 7 "days", "Pressure at home is asked every", Home, "what_is_scheduled";
    ANSWER_DAYS = 3 "days", "Pressure at home is told within, before it is asked anew:", Project, "who_does_not_answer_is_called";
}
