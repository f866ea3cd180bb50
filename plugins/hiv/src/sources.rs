//! The source of each rule.

use xinglin_sdk::types::Citation;

/// A published text, or the project's own default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Title as published.
    pub title: &'static str,
    /// Section; empty for the whole.
    pub section: &'static str,
    /// Year of the edition.
    pub year: u16,
    /// DOI or address; empty if none.
    pub url: &'static str,
}

impl Source {
    /// As a plugin gives it to the host.
    pub fn citation(&self) -> Citation {
        let mut citation = Citation::new(self.title, self.year);
        if !self.section.is_empty() {
            citation = citation.section(self.section);
        }
        if self.url.is_empty() { citation } else { citation.url(self.url) }
    }
}

const CDC_PEP: Source = Source {
    title: "Antiretroviral Postexposure Prophylaxis After Sexual, Injection Drug Use, or Other Nonoccupational \
            Exposure to HIV: CDC Recommendations, United States, 2025. MMWR Recomm Rep 74(1)",
    section: "",
    year: 2025,
    url: "https://doi.org/10.15585/mmwr.rr7401a1",
};
const GUIDELINE: Source = Source { title: "中国艾滋病诊疗指南(2021年版)", section: "", year: 2021, url: "" };
const CONSENSUS: Source = Source { title: "HIV暴露前预防专家共识(2023)", section: "", year: 2023, url: "" };
const CDC_PREP: Source = Source {
    title: "Preexposure Prophylaxis for the Prevention of HIV Infection in the United States, 2021 Update: \
            A Clinical Practice Guideline",
    section: "",
    year: 2021,
    url: "",
};

/// Five items of risk.
pub const RISK: Source = Source { section: "风险评估", ..CONSENSUS };
/// Hours within which PEP is begun, and its length.
pub const PEP: Source = Source { section: "Initiation and duration", ..CDC_PEP };
/// Contact and tests after PEP.
pub const PEP_FOLLOW_UP: Source = Source { section: "Follow-up", ..CDC_PEP };
/// Hours that China prefers, and its weeks of tests.
pub const PEP_CHINA: Source = Source { section: "暴露后预防", ..GUIDELINE };
/// Who may have PrEP.
pub const PREP: Source = Source { section: "Clinical eligibility", ..CDC_PREP };
/// Tests of who has PrEP.
pub const PREP_FOLLOW_UP: Source = Source { section: "Follow-up and monitoring", ..CDC_PREP };
/// 2-1-1, and when to stop.
pub const PREP_USE: Source = Source { section: "用药方案与停药", ..CONSENSUS };
/// When viral load is measured.
pub const VIRAL_LOAD: Source = Source { section: "病毒载量监测", ..GUIDELINE };
/// When CD4 cells are counted.
pub const CD4: Source = Source { section: "CD4+T淋巴细胞计数监测", ..GUIDELINE };
/// Prophylaxis of opportunistic infections.
pub const PROPHYLAXIS: Source = Source { section: "机会性感染的预防", ..GUIDELINE };
/// What counts as failure.
pub const FAILURE: Source = Source {
    title: "Antiretroviral Drugs for Treatment and Prevention of HIV Infection in Adults: Recommendations of the \
            International Antiviral Society-USA Panel",
    section: "Virologic failure",
    year: 2024,
    url: "https://doi.org/10.1001/jama.2024.24543",
};
/// PHQ-9; free of licence.
pub const PHQ9: Source = Source {
    title: "Kroenke K, Spitzer RL, Williams JBW. The PHQ-9: validity of a brief depression severity measure",
    section: "Severity",
    year: 2001,
    url: "https://doi.org/10.1046/j.1525-1497.2001.016009606.x",
};
/// GAD-7; free of licence.
pub const GAD7: Source = Source {
    title: "Spitzer RL et al. A brief measure for assessing generalized anxiety disorder: the GAD-7",
    section: "Severity",
    year: 2006,
    url: "https://doi.org/10.1001/archinte.166.10.1092",
};
/// No outside authority: the institution confirms it.
pub const PROJECT: Source =
    Source { title: "Xinglin project default", section: "to be confirmed by the institution", year: 2026, url: "" };
/// Confidentiality, and who reports.
pub const LAW: Source = Source { title: "艾滋病防治条例", section: "", year: 2019, url: "" };
/// Online care is follow-up.
pub const INTERNET_CARE: Source =
    Source { title: "互联网诊疗管理办法(试行)", section: "", year: 2018, url: "" };
/// The patient decides.
pub const PATIENT_RIGHTS: Source =
    Source {
        title: "中华人民共和国基本医疗卫生与健康促进法", section: "第三十二条", year: 2019, url: ""
    };
