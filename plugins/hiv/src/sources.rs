//! The source of each rule.

use xinglin_sdk::types::Citation;

/// A published text, or the project's own default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Five items of risk.
    Risk,
    /// Hours within which PEP is begun, and its length.
    Pep,
    /// Contact and tests after PEP.
    PepFollowUp,
    /// Hours that China prefers, and its weeks of tests.
    PepChina,
    /// Who may have PrEP.
    Prep,
    /// Tests of who has PrEP.
    PrepFollowUp,
    /// 2-1-1, and when to stop.
    PrepUse,
    /// When viral load is measured.
    ViralLoad,
    /// When CD4 cells are counted.
    Cd4,
    /// Prophylaxis of opportunistic infections.
    Prophylaxis,
    /// What counts as failure.
    Failure,
    /// PHQ-9; free of licence.
    Phq9,
    /// GAD-7; free of licence.
    Gad7,
    /// Confidentiality, and who informs and reports.
    Law,
    /// Online care is follow-up.
    InternetCare,
    /// The patient decides.
    PatientRights,
    /// A default of this project: the institution confirms it.
    Project,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Risk,
        Self::Pep,
        Self::PepFollowUp,
        Self::PepChina,
        Self::Prep,
        Self::PrepFollowUp,
        Self::PrepUse,
        Self::ViralLoad,
        Self::Cd4,
        Self::Prophylaxis,
        Self::Failure,
        Self::Phq9,
        Self::Gad7,
        Self::Law,
        Self::InternetCare,
        Self::PatientRights,
        Self::Project,
    ];

    /// As a plugin gives it to the host.
    pub fn citation(self) -> Citation {
        match self {
            Self::Risk => consensus("风险评估"),
            Self::PrepUse => consensus("用药方案与停药"),
            Self::Pep => cdc_pep("Initiation and duration"),
            Self::PepFollowUp => cdc_pep("Follow-up"),
            Self::Prep => cdc_prep("Clinical eligibility"),
            Self::PrepFollowUp => cdc_prep("Follow-up and monitoring"),
            Self::PepChina => guideline("暴露后预防"),
            Self::ViralLoad => guideline("病毒载量监测"),
            Self::Cd4 => guideline("CD4+T淋巴细胞计数监测"),
            Self::Prophylaxis => guideline("机会性感染的预防"),
            Self::Failure => Citation::new(
                "Antiretroviral Drugs for Treatment and Prevention of HIV Infection in Adults: Recommendations of the \
                 International Antiviral Society-USA Panel",
                2024,
            )
            .section("Virologic failure")
            .url("https://doi.org/10.1001/jama.2024.24543"),
            Self::Phq9 => Citation::new(
                "Kroenke K, Spitzer RL, Williams JBW. The PHQ-9: validity of a brief depression severity measure",
                2001,
            )
            .section("Severity")
            .url("https://doi.org/10.1046/j.1525-1497.2001.016009606.x"),
            Self::Gad7 => Citation::new(
                "Spitzer RL et al. A brief measure for assessing generalized anxiety disorder: the GAD-7",
                2006,
            )
            .section("Severity")
            .url("https://doi.org/10.1001/archinte.166.10.1092"),
            Self::Law => Citation::new("艾滋病防治条例", 2019).section("第三十九条"),
            Self::InternetCare => Citation::new("互联网诊疗管理办法(试行)", 2018).section("第十六条"),
            Self::PatientRights => Citation::new("中华人民共和国基本医疗卫生与健康促进法", 2019).section("第三十二条"),
            Self::Project => {
                Citation::new("Xinglin project default", 2026).section("to be confirmed by the institution")
            }
        }
    }
}

fn consensus(section: &str) -> Citation {
    Citation::new("HIV暴露前预防专家共识(2023)", 2023).section(section)
}

fn guideline(section: &str) -> Citation {
    Citation::new("中国艾滋病诊疗指南(2021年版)", 2021).section(section)
}

fn cdc_pep(section: &str) -> Citation {
    Citation::new(
        "Antiretroviral Postexposure Prophylaxis After Sexual, Injection Drug Use, or Other Nonoccupational Exposure to \
         HIV: CDC Recommendations, United States, 2025. MMWR Recomm Rep 74(1)",
        2025,
    )
    .section(section)
    .url("https://doi.org/10.15585/mmwr.rr7401a1")
}

fn cdc_prep(section: &str) -> Citation {
    Citation::new(
        "Preexposure Prophylaxis for the Prevention of HIV Infection in the United States, 2021 Update: A Clinical \
         Practice Guideline",
        2021,
    )
    .section(section)
}
