//! The source of each rule.

use xinglin_sdk::types::Citation;

/// National standard of basic public health services, management of type 2 diabetes.
pub fn public_health() -> Citation {
    Citation::new("国家基本公共卫生服务规范(第三版)", 2017).section("2型糖尿病患者健康管理服务规范")
}

/// Chinese guideline.
pub fn guideline() -> Citation {
    Citation::new("中国2型糖尿病防治指南(2020年版)", 2021).url("https://doi.org/10.3760/cma.j.cn115791-20210221-00095")
}

/// Levels of hypoglycaemia, and frequency of HbA1c measurements.
pub fn glycaemic_goals() -> Citation {
    Citation::new("Standards of Care in Diabetes—2025", 2025)
        .section("6. Glycemic Goals and Hypoglycemia")
        .url("https://doi.org/10.2337/dc25-S006")
}

/// When online care ends and an in-person visit is needed; stepwise drug changes.
pub fn telemedicine() -> Citation {
    Citation::new("Expert Consensus on Telemedicine Management of Diabetes (2020 Edition)", 2021)
        .url("https://doi.org/10.1155/2021/6643491")
}

/// Criteria of remission.
pub fn remission() -> Citation {
    Citation::new("Consensus Report: Definition and Interpretation of Remission in Type 2 Diabetes", 2021)
        .url("https://doi.org/10.2337/dci21-0034")
}

/// Follow-up only, after a diagnosis made in person.
pub fn internet_care() -> Citation {
    Citation::new("互联网诊疗管理办法(试行)", 2018)
}

/// The patient decides.
pub fn patient_rights() -> Citation {
    Citation::new("中华人民共和国基本医疗卫生与健康促进法", 2019).section("第三十二条")
}
