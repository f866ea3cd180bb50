//! The source of each rule.

use xinglin_sdk::types::Citation;

/// Where a rule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Bands of the PHQ-9.
    Phq9,
    /// Bands of the GAD-7.
    Gad7,
    /// Range of the ISI.
    Isi,
    /// Screening for suicide risk.
    Asq,
    /// The same in outpatients.
    Cssrs,
    /// Response and remission.
    Hedis,
    /// Youngest age of screening.
    Adolescents,
    /// Titration of time in bed.
    SleepFoundation,
    /// Least time in bed.
    Stanford,
    /// Who may treat.
    MentalHealthLaw,
    /// The helpline of the country.
    Helpline,
    /// Age of majority, guardians.
    CivilCode,
    /// Follow-up only, after a diagnosis made in person.
    InternetCare,
    /// The patient decides.
    PatientRights,
    /// No outside authority: chosen by this project, for the institution to confirm.
    Project,
}

impl Source {
    /// All sources.
    pub const ALL: [Self; 15] = [
        Self::Phq9,
        Self::Gad7,
        Self::Isi,
        Self::Asq,
        Self::Cssrs,
        Self::Hedis,
        Self::Adolescents,
        Self::SleepFoundation,
        Self::Stanford,
        Self::MentalHealthLaw,
        Self::Helpline,
        Self::CivilCode,
        Self::InternetCare,
        Self::PatientRights,
        Self::Project,
    ];

    /// Title, section, year, address.
    pub fn citation(self) -> Citation {
        let (title, section, year, url) = self.parts();
        let citation = Citation::new(title, year).section(section);
        if url.is_empty() { citation } else { citation.url(url) }
    }

    const fn parts(self) -> (&'static str, &'static str, u16, &'static str) {
        match self {
            Self::Phq9 => (
                "The PHQ-9: Validity of a Brief Depression Severity Measure",
                "Table 3 and appendix",
                2001,
                "https://doi.org/10.1046/j.1525-1497.2001.016009606.x",
            ),
            Self::Gad7 => (
                "A Brief Measure for Assessing Generalized Anxiety Disorder: The GAD-7",
                "Results, severity",
                2006,
                "https://doi.org/10.1001/archinte.166.10.1092",
            ),
            Self::Isi => (
                "Validation of the Insomnia Severity Index as an outcome measure for insomnia research",
                "Scoring; © C. M. Morin, only the total is kept",
                2001,
                "https://doi.org/10.1016/S1389-9457(00)00065-4",
            ),
            Self::Asq => (
                "Ask Suicide-Screening Questions (ASQ) Toolkit, National Institute of Mental Health",
                "Screening tool and next steps",
                2012,
                "https://www.nimh.nih.gov/research/research-conducted-at-nimh/asq-toolkit-materials",
            ),
            Self::Cssrs => (
                "Columbia-Suicide Severity Rating Scale, screener",
                "Triage; © Research Foundation for Mental Hygiene, only the result is kept",
                2008,
                "https://cssrs.columbia.edu",
            ),
            Self::Hedis => (
                "HEDIS: Depression Remission or Response for Adolescents and Adults (DRR-E)",
                "Definitions",
                2024,
                "https://www.ncqa.org",
            ),
            Self::Adolescents => (
                "Screening for Depression and Suicide Risk in Children and Adolescents: US Preventive Services Task Force",
                "Recommendation",
                2022,
                "https://doi.org/10.1001/jama.2022.16946",
            ),
            Self::SleepFoundation => (
                "National Sleep Foundation: Insomnia, Sleep Restriction Therapy",
                "Protocol, step 5; as read in 2026",
                2026,
                "https://sleepdisorders.thensf.org/chapter-2-insomnia/cbt-overview/cbt-sleep-restriction/",
            ),
            Self::Stanford => (
                "Stanford Health Care: Sleep Restriction and CBTI",
                "Initial time in bed; as read in 2026",
                2026,
                "https://stanfordhealthcare.org/medical-treatments/c/cognitive-behavioral-therapy-insomnia/procedures/sleep-restriction.html",
            ),
            Self::MentalHealthLaw => ("中华人民共和国精神卫生法", "第二十三条、第五十一条", 2018, ""),
            Self::Helpline => ("关于应用“12356”全国统一心理援助热线电话号码的通知", "全文", 2024, ""),
            Self::CivilCode => ("中华人民共和国民法典", "第十七条、第十九条、第二十三条", 2020, ""),
            Self::InternetCare => ("互联网诊疗管理办法(试行)", "第十六条至第十九条", 2018, ""),
            Self::PatientRights => ("中华人民共和国基本医疗卫生与健康促进法", "第三十二条", 2019, ""),
            Self::Project => (
                "Xinglin: project defaults, for the institution to confirm",
                "docs/clinical/mental-health.md",
                2026,
                "",
            ),
        }
    }
}
