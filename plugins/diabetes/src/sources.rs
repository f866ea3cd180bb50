//! The source of each rule.

use xinglin_sdk::types::Citation;

/// A published text, or the project's own default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Follow-up in primary care: visits, critical values, danger signs.
    PrimaryCare,
    /// Targets, yearly tests, what to do off target.
    Guideline,
    /// Levels of hypoglycaemia, how often HbA1c is measured.
    Goals,
    /// A sensor: time in range, how much of the data is needed.
    Sensor,
    /// Kidneys: when a test is repeated, metformin.
    Kidney,
    /// Kidneys: when a nephrologist is asked.
    Nephrology,
    /// The equation of the filtration rate.
    Equation,
    /// Eyes: when an ophthalmologist is asked.
    Eyes,
    /// Feet: categories of risk, and how often they are examined.
    Feet,
    /// Lipids: when they are measured again.
    Lipids,
    /// What may be done online, and what may not.
    Telemedicine,
    /// Diagnosis in person first.
    InternetCare,
    /// Criteria of remission.
    Remission,
    /// Education, and advice on food.
    Education,
    /// HbA1c in both units.
    Haemoglobin,
    /// Other units.
    Units,
    /// The patient decides.
    Rights,
    /// A default of this project.
    Project,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::PrimaryCare,
        Self::Guideline,
        Self::Goals,
        Self::Sensor,
        Self::Kidney,
        Self::Nephrology,
        Self::Equation,
        Self::Eyes,
        Self::Feet,
        Self::Lipids,
        Self::Telemedicine,
        Self::InternetCare,
        Self::Remission,
        Self::Education,
        Self::Haemoglobin,
        Self::Units,
        Self::Rights,
        Self::Project,
    ];

    /// As a plugin gives it to the host.
    pub fn citation(self) -> Citation {
        let standards = |section: &str, doi: &str| {
            Citation::new("Standards of Care in Diabetes—2025", 2025)
                .section(section)
                .url(format!("https://doi.org/10.2337/{doi}"))
        };
        match self {
            Self::PrimaryCare => {
                Citation::new("国家基本公共卫生服务规范(第三版)", 2017).section("2型糖尿病患者健康管理服务规范")
            }
            Self::Guideline => Citation::new("中国2型糖尿病防治指南(2020年版)", 2021)
                .section("综合控制目标与随访")
                .url("https://doi.org/10.3760/cma.j.cn115791-20210221-00095"),
            Self::Goals => standards("6. Glycemic Goals and Hypoglycemia", "dc25-S006"),
            Self::Sensor => Citation::new(
                "Clinical Targets for Continuous Glucose Monitoring Data Interpretation: Recommendations From the \
                 International Consensus on Time in Range",
                2019,
            )
            .section("Tables 1–3")
            .url("https://doi.org/10.2337/dci19-0028"),
            Self::Kidney => standards("11. Chronic Kidney Disease and Risk Management", "dc25-S011"),
            Self::Nephrology => Citation::new(
                "KDIGO 2024 Clinical Practice Guideline for the Evaluation and Management of Chronic Kidney Disease",
                2024,
            )
            .section("5.1 Referral to specialist kidney care services")
            .url("https://doi.org/10.1016/j.kint.2023.10.018"),
            Self::Equation => Citation::new(
                "Inker L. et al., New Creatinine- and Cystatin C–Based Equations to Estimate GFR without Race",
                2021,
            )
            .section("CKD-EPI 2021, creatinine")
            .url("https://doi.org/10.1056/NEJMoa2102953"),
            Self::Eyes => standards("12. Retinopathy, Neuropathy, and Foot Care", "dc25-S012"),
            Self::Feet => {
                Citation::new("IWGDF Guidelines on the prevention of foot ulcers in persons with diabetes", 2023)
                    .section("Table 1: risk stratification")
                    .url("https://doi.org/10.1002/dmrr.3651")
            }
            Self::Lipids => standards("10. Cardiovascular Disease and Risk Management", "dc25-S010"),
            Self::Telemedicine => {
                Citation::new("Expert Consensus on Telemedicine Management of Diabetes (2020 Edition)", 2021)
                    .section("Adjustment of medication; referral offline")
                    .url("https://doi.org/10.1155/2021/6643491")
            }
            Self::InternetCare => Citation::new("互联网诊疗管理办法(试行)", 2018).section("第十六条"),
            Self::Remission => {
                Citation::new("Consensus Report: Definition and Interpretation of Remission in Type 2 Diabetes", 2021)
                    .section("Definition of remission")
                    .url("https://doi.org/10.2337/dci21-0034")
            }
            Self::Education => standards("5. Facilitating Positive Health Behaviors", "dc25-S005"),
            Self::Haemoglobin => Citation::new(
                "Hoelzel W. et al., IFCC reference system for measurement of hemoglobin A1c in human blood and the \
                 national standardization schemes",
                2004,
            )
            .section("IFCC–NGSP master equation")
            .url("https://doi.org/10.1373/clinchem.2003.024802"),
            Self::Units => {
                Citation::new("AMA Manual of Style, 11th edition", 2020).section("Conventional Units and SI Units")
            }
            Self::Rights => Citation::new("中华人民共和国基本医疗卫生与健康促进法", 2019).section("第三十二条"),
            Self::Project => Citation::new("杏林项目默认值", 2026).section("糖尿病路径"),
        }
    }
}
