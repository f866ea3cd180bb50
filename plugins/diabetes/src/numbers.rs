//! The numbers of the clinical rules, each with its source and its test. `docs/clinical/diabetes.md` is this table.
//!
//! A value with digits after the point is counted in its last digit: 167 `0.1 mmol/L` is 16.7 mmol/L. What a hospital may
//! set is here by its default, which `plugin.toml` repeats.

use xinglin_sdk::types::Decimal;

use crate::sources::Source;

pathway_kit::numbers! {
    ADULT = 18 "years", "Adults only, from", Guideline, "who_may_enter";
    KETOACIDOSIS_DAYS = 90 "days", "A ketoacidosis is recent for", Project, "who_may_enter";

    GLUCOSE_FACTOR = 180182 "0.0001 mg/dL per mmol/L", "Glucose in mg/dL", Units, "units_of_glucose";
    CHOLESTEROL_FACTOR = 3867 "0.01 mg/dL per mmol/L", "LDL cholesterol in mg/dL", Units, "units_of_cholesterol";
    HBA1C_SLOPE = 9148 "0.00001 % per mmol/mol", "HbA1c of the NGSP: the slope", Haemoglobin, "units_of_hba1c";
    HBA1C_OFFSET = 2152 "0.001 %", "HbA1c of the NGSP: the offset", Haemoglobin, "units_of_hba1c";
    CREATININE_FACTOR = 884 "0.1 umol/L per mg/dL", "Creatinine in mg/dL", Units, "units_of_creatinine";
    ALBUMIN_FACTOR = 884 "0.01 mg/g per mg/mmol", "Albumin/creatinine in mg/mmol", Units, "units_of_albumin";

    HBA1C_GOAL = 70 "0.1 %", "HbA1c: on target below (setting)", Guideline, "goals_of_hba1c";
    HBA1C_STRICT = 65 "0.1 %", "HbA1c: on target of the young without complications below (setting)", Guideline, "goals_of_hba1c";
    HBA1C_RELAXED = 80 "0.1 %", "HbA1c: on target of the frail, and after severe hypoglycaemia, below (setting)", Guideline, "goals_of_hba1c";
    FASTING_LEAST = 44 "0.1 mmol/L", "Fasting glucose: on target from (setting)", Guideline, "goals_of_glucose";
    FASTING_MOST = 70 "0.1 mmol/L", "Fasting glucose: on target below (setting)", Guideline, "goals_of_glucose";
    OTHER_MOST = 100 "0.1 mmol/L", "Other glucose: on target below (setting)", Guideline, "goals_of_glucose";
    SYSTOLIC_GOAL = 130 "mm[Hg]", "Systolic pressure: on target below (setting)", Guideline, "goals_of_pressure";
    DIASTOLIC_GOAL = 80 "mm[Hg]", "Diastolic pressure: on target below (setting)", Guideline, "goals_of_pressure";
    LDL_GOAL = 26 "0.1 mmol/L", "LDL cholesterol: on target below (setting)", Guideline, "goals_of_ldl";
    LDL_GOAL_ASCVD = 18 "0.1 mmol/L", "LDL cholesterol with cardiovascular disease: on target below (setting)", Guideline, "goals_of_ldl";

    HBA1C_OFF_DAYS = 90 "days", "HbA1c off target, or after a change of medicines: again after", Goals, "hba1c_is_measured_again";
    HBA1C_ON_DAYS = 180 "days", "HbA1c on target, at least twice a year: again after", Goals, "hba1c_is_measured_again";
    HBA1C_REGIMEN = 90 "0.1 %", "HbA1c: another regimen, decided in a consulting room, from", Guideline, "a_regimen_is_not_changed_online";
    REMISSION_HBA1C = 65 "0.1 %", "HbA1c: remission below", Remission, "remission_is_watched";
    REMISSION_DAYS = 90 "days", "Remission: without medicines for at least", Remission, "remission_is_watched";

    VISIT_1 = 7 "days", "First online follow-up after", Project, "online_follow_ups";
    VISIT_2 = 14 "days", "Second online follow-up after", Project, "online_follow_ups";
    VISIT_3 = 28 "days", "Third online follow-up after", Project, "online_follow_ups";
    VISIT_4 = 56 "days", "Fourth online follow-up after", Project, "online_follow_ups";
    VISIT_5 = 84 "days", "Fifth online follow-up after", Project, "online_follow_ups";
    ONLINE_DAYS = 90 "days", "Then online follow-up every", Project, "online_follow_ups";
    ONLINE_WINDOW_DAYS = 3 "days", "An online follow-up is missed after", Project, "an_unanswered_follow_up_is_reported";
    ANSWER_DAYS = 7 "days", "A follow-up can be answered for", Project, "an_unanswered_follow_up_is_reported";
    OFFLINE_DAYS = 90 "days", "Face to face at least four times a year: every", PrimaryCare, "four_face_to_face_visits_a_year";
    OFFLINE_WINDOW_DAYS = 14 "days", "A visit face to face is missed after", Project, "four_face_to_face_visits_a_year";
    OFF_TARGET_VISITS = 2 "follow-ups", "Off target in a row: referred from", PrimaryCare, "off_target_once_and_twice";
    OFF_TARGET_DAYS = 14 "days", "Off target: followed up within", PrimaryCare, "off_target_once_and_twice";
    DIARY_DAYS = 7 "days", "Off target: an entry of the diary is asked for within", Project, "off_target_once_and_twice";
    ADJUST_DAYS = 3 "days", "Off target: a doctor looks at the treatment within", Project, "off_target_once_and_twice";

    YEARLY_DAYS = 365 "days", "Albumin, filtration, lipids, retina and feet every", Guideline, "five_checks_a_year";
    FIRST_CHECK_DAYS = 28 "days", "A check that was never done: asked for after", Project, "five_checks_a_year";
    RESULT_DAYS = 30 "days", "A result is there within", Project, "a_check_that_lapses_is_asked_again";
    LAPSES = 2 "times", "A check that lapsed so often in a row: somebody calls", Project, "a_check_that_lapses_is_asked_again";

    UACR_RAISED = 30 "mg/g", "Albumin/creatinine: raised from", Kidney, "raised_albumin_is_repeated";
    UACR_SEVERE = 300 "mg/g", "Albumin/creatinine: a nephrologist, if repeated, from", Nephrology, "raised_albumin_is_repeated";
    UACR_TIMES = 2 "results", "Albumin/creatinine: confirmed by so many in a row", Kidney, "raised_albumin_is_repeated";
    UACR_AGAIN_DAYS = 90 "days", "Albumin/creatinine raised: repeated after", Kidney, "raised_albumin_is_repeated";
    EGFR_REDUCED = 60 "mL/min/{1.73_m2}", "Filtration: watched closer below", Kidney, "filtration_falls";
    EGFR_REVIEW = 45 "mL/min/{1.73_m2}", "Filtration: metformin is reviewed and not started below", Kidney, "filtration_falls";
    EGFR_SEVERE = 30 "mL/min/{1.73_m2}", "Filtration: no metformin, and a nephrologist, below", Nephrology, "filtration_falls";
    KIDNEY_DAYS = 180 "days", "Kidneys not well: both tests every", Kidney, "filtration_falls";
    METFORMIN_MINUTES = 1440 "min", "Metformin at such a filtration: a doctor answers within", Project, "filtration_falls";
    NEPHROLOGY_DAYS = 30 "days", "Seen by a nephrologist within", Project, "filtration_falls";

    EYES_DAYS = 30 "days", "Moderate retinopathy or macular oedema: seen by an ophthalmologist within", Project, "findings_of_the_eyes";
    EYES_URGENT_DAYS = 7 "days", "Severe or proliferative retinopathy: seen by an ophthalmologist within", Project, "findings_of_the_eyes";
    FEET_DAYS = 30 "days", "A foot at risk: seen by a specialist within", Project, "findings_of_the_feet";
    FEET_ULCER_DAYS = 1 "days", "An ulcer of the foot: seen within", Project, "findings_of_the_feet";
    FEET_LOW_DAYS = 180 "days", "Feet at low risk (category 1): examined again after", Feet, "findings_of_the_feet";
    FEET_MODERATE_DAYS = 90 "days", "Feet at moderate risk (category 2): examined again after", Feet, "findings_of_the_feet";
    FEET_HIGH_DAYS = 30 "days", "Feet at high risk (category 3): examined again after", Feet, "findings_of_the_feet";
    LIPIDS_AGAIN_DAYS = 84 "days", "LDL cholesterol off target: again after", Lipids, "goals_of_ldl";

    GLUCOSE_HIGH = 167 "0.1 mmol/L", "Glucose: urgent referral from", PrimaryCare, "a_critical_glucose_stops_online_care";
    GLUCOSE_LOW = 39 "0.1 mmol/L", "Glucose: urgent referral at, and hypoglycaemia of level 1 below", PrimaryCare, "a_critical_glucose_stops_online_care";
    LEVEL_2 = 30 "0.1 mmol/L", "Glucose: hypoglycaemia of level 2 below", Goals, "levels_of_hypoglycaemia";
    SYSTOLIC_CRITICAL = 180 "mm[Hg]", "Systolic pressure: urgent referral from", PrimaryCare, "a_critical_pressure_stops_online_care";
    DIASTOLIC_CRITICAL = 110 "mm[Hg]", "Diastolic pressure: urgent referral from", PrimaryCare, "a_critical_pressure_stops_online_care";
    PRESSURE_MINUTES = 10 "min", "Both values of one critical pressure: told once within", Project, "a_critical_pressure_is_told_once";
    DOCTOR_MINUTES = 15 "min", "A critical value: a doctor answers within (setting)", Project, "a_critical_glucose_stops_online_care";
    URGENT_DAYS = 1 "days", "An urgent referral: seen within", Project, "an_urgent_referral_is_followed";
    DIAGNOSIS_DAYS = 7 "days", "Pregnancy or type 1 is diagnosed: seen in a consulting room within", Project, "a_diagnosis_that_is_made_later_stops_online_care";
    RECONTACT_DAYS = 14 "days", "A referral: contacted again within", PrimaryCare, "a_critical_glucose_stops_online_care";
    RECHECK_MINUTES = 15 "min", "A low glucose: measured again after", Goals, "a_low_glucose_is_measured_again";
    RECHECK_ANSWER_MINUTES = 30 "min", "A low glucose not measured again: somebody calls after", Project, "a_low_glucose_is_measured_again";
    SAME_DAY_MINUTES = 60 "min", "Level 1 late in the day: a nurse has at least", Project, "levels_of_hypoglycaemia";

    SENSOR_DAYS = 14 "days", "A sensor is summed up over", Sensor, "enough_of_the_sensor";
    SENSOR_SHARE = 70 "%", "A sensor: so much of the data is there", Sensor, "enough_of_the_sensor";
    RANGE_LEAST = 39 "0.1 mmol/L", "A sensor: in range from", Sensor, "edges_of_the_range";
    RANGE_MOST = 100 "0.1 mmol/L", "A sensor: in range up to", Sensor, "edges_of_the_range";
    VERY_LOW = 30 "0.1 mmol/L", "A sensor: very low below", Sensor, "edges_of_the_range";
    VERY_HIGH = 139 "0.1 mmol/L", "A sensor: very high above", Sensor, "edges_of_the_range";
    IN_RANGE = 70 "%", "A sensor: in range, on target above", Sensor, "goals_of_the_sensor";
    IN_RANGE_FRAIL = 50 "%", "A sensor of the frail: in range, on target above", Sensor, "goals_of_the_sensor";
    LOW_SHARE = 4 "%", "A sensor: low, on target below", Sensor, "goals_of_the_sensor";
    LOW_SHARE_FRAIL = 1 "%", "A sensor of the frail: low, on target below", Sensor, "goals_of_the_sensor";
    VERY_LOW_SHARE = 1 "%", "A sensor: very low, on target below", Sensor, "goals_of_the_sensor";
    VERY_HIGH_SHARE = 5 "%", "A sensor: very high, on target below", Sensor, "goals_of_the_sensor";
    VERY_HIGH_SHARE_FRAIL = 10 "%", "A sensor of the frail: very high, on target below", Sensor, "goals_of_the_sensor";
    VARIATION = 36 "%", "A sensor: coefficient of variation, on target up to", Sensor, "goals_of_the_sensor";
    EPISODE_MINUTES = 15 "min", "A sensor: very low for an episode from", Sensor, "episodes_of_the_sensor";
    LIVE_MINUTES = 30 "min", "A sensor: its last value is of now for", Project, "episodes_of_the_sensor";
    BACK_HOURS = 24 "h", "A sensor sends for the first time: critical values are told of the last", Project, "a_sensor_that_sends_late_hides_nothing";

    EDUCATION_DAYS = 7 "days", "A pharmacist explains the medicines after, and then yearly", Education, "the_team";
    DIET_DAYS = 14 "days", "A dietitian advises after, and then yearly", Education, "the_team";
    MONITOR_DAYS = 28 "days", "A health manager looks at the course every", Project, "the_team";
    TEAM_WINDOW_DAYS = 7 "days", "A task of the team is missed after", Project, "the_team";
}

/// The value of a number that has digits after the point.
pub const fn decimal(number: Number, digits: u8) -> Decimal {
    Decimal::new(number.value, digits)
}
