//! The source of each rule.

use xinglin_sdk::types::Citation;

/// A published text, or the project's own default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Diagnosis and targets.
    Guideline,
    /// Pressure at home.
    Home,
    /// Follow-up in primary care.
    PrimaryCare,
    /// Emergencies.
    Emergency,
    /// What may be treated online.
    InternetCare,
    /// Kidneys and potassium.
    Kidney,
    /// A default of this project.
    Project,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Guideline,
        Self::Home,
        Self::PrimaryCare,
        Self::Emergency,
        Self::InternetCare,
        Self::Kidney,
        Self::Project,
    ];

    /// As a plugin gives it to the host.
    pub fn citation(self) -> Citation {
        match self {
            Self::Guideline => {
                Citation::new("中国高血压防治指南(2024年修订版)", 2024).section("血压水平分级与降压目标")
            }
            Self::Home => Citation::new("中国高血压防治指南(2024年修订版)", 2024).section("家庭血压监测"),
            Self::PrimaryCare => {
                Citation::new("国家基本公共卫生服务规范(第三版)", 2017).section("高血压患者健康管理服务规范")
            }
            Self::Emergency => Citation::new("中国高血压防治指南(2024年修订版)", 2024).section("高血压急症和亚急症"),
            Self::InternetCare => Citation::new("互联网诊疗监管细则(试行)", 2022).section("第十八条"),
            Self::Kidney => Citation::new(
                "KDIGO 2024 Clinical Practice Guideline for the Evaluation and Management of Chronic Kidney Disease",
                2024,
            )
            .section("Chapter 4"),
            Self::Project => Citation::new("杏林项目默认值", 2026).section("高血压路径"),
        }
    }
}
