"""No codeine and no tramadol for children.

A `prescribing/review` plugin in Python. It exports one hook and imports nothing,
so it can neither log, nor remember, nor ask: it sees an order and a patient
without a name, and answers.
"""

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.review import (
    Error_MissingData,
    Finding,
    Severity,
    Verdict_Allow,
    Verdict_Veto,
    Verdict_Warn,
)
from wit_world.imports.snapshot import ConditionStatus, Section
from wit_world.imports.types import Citation, Translation

ATC = "http://www.whocc.no/atc"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
SNOMED = "http://snomed.info/sct"

CHILD_MONTHS = 12 * 12
ADULT_MONTHS = 18 * 12

# By ATC, the substance alone and its combinations; by RxNorm, the ingredient.
OPIOIDS = {
    "可待因": ("codeine", ("R05DA04", "N02AA59", "N02AA79", "N02AJ06", "N02AJ07", "N02AJ08", "N02AJ09"), ("2670",)),
    "曲马多": ("tramadol", ("N02AX02", "N02AX52", "N02AJ13", "N02AJ14", "N02AJ15", "N02AJ16"), ("10689", "835603")),
}

# Obesity, obstructive sleep apnoea, severe lung disease: risk factors from 12 to 18.
RISKS_ICD10 = ("E66", "G47.3", "J44", "J47", "E84")
RISKS_SNOMED = ("414916001", "162864005", "78275009")

CITATION = Citation(
    title="FDA Drug Safety Communication: FDA restricts use of prescription codeine pain and cough "
    "medicines and tramadol pain medicines in children",
    section=None,
    year=2017,
    url="https://www.fda.gov/drugs/drug-safety-and-availability/fda-drug-safety-communication-fda-restricts-use-"
    "prescription-codeine-pain-and-cough-medicines-and",
)


def zh_en(zh, en):
    return [Translation("zh-CN", zh), Translation("en", en)]


def opioid_in(line):
    """The Chinese and English name of the opioid in a line, or None."""
    for zh, (en, atc, rxnorm) in OPIOIDS.items():
        for coding in line.code + line.ingredients:
            if (coding.system == ATC and coding.code in atc) or (coding.system == RXNORM and coding.code in rxnorm):
                return zh, en
    return None


def is_coded(line):
    return any(coding.system in (ATC, RXNORM) for coding in line.code + line.ingredients)


def is_risk(condition):
    if condition.status in (ConditionStatus.INACTIVE, ConditionStatus.REMISSION, ConditionStatus.RESOLVED):
        return False
    return any(
        (coding.system == ICD10 and coding.code.startswith(RISKS_ICD10))
        or (coding.system == SNOMED and coding.code in RISKS_SNOMED)
        for coding in condition.code
    )


def finding(code, severity, message, lines):
    return Finding(
        code=code,
        severity=severity,
        message=message,
        suggestion=zh_en("改用对乙酰氨基酚或布洛芬。", "Use paracetamol or ibuprofen."),
        lines=lines,
        citation=CITATION,
        attributes=[],
    )


def missing(zh, en):
    return Err(Error_MissingData(zh_en(zh, en)))


class Review(exports.Review):
    def review(self, order, snapshot, now):
        months = snapshot.subject.age_months
        if months is not None and months >= ADULT_MONTHS:
            return Verdict_Allow()

        findings = []
        for line in order.lines:
            opioid = opioid_in(line)
            if opioid is None and is_coded(line):
                continue
            if months is None:
                raise missing("缺少出生日期,无法审核。", "The birth date is not known, so the order cannot be checked.")
            if opioid is None:
                message = zh_en("药品没有ATC或RxNorm编码,未作审核。", "Without an ATC or RxNorm code it was not checked.")
                findings.append(finding("PAEDIATRIC_NOT_CHECKED", Severity.WARNING, message, [line.number]))
            elif months < CHILD_MONTHS:
                message = zh_en(f"12岁以下禁用{opioid[0]}(呼吸抑制)。", f"No {opioid[1]} under 12 (respiratory depression).")
                findings.append(finding("PAEDIATRIC_OPIOID", Severity.CRITICAL, message, [line.number]))
            else:
                # Silence is not absence: a section that is not complete may hide a risk.
                if any(omission.section == Section.CONDITIONS for omission in snapshot.omissions):
                    raise missing("看不到完整的诊断,无法审核。", "Not all diagnoses are visible, so the order cannot be checked.")
                if any(is_risk(condition) for condition in snapshot.conditions):
                    message = zh_en(
                        f"12至18岁肥胖、睡眠呼吸暂停或重度肺病患者不宜使用{opioid[0]}。",
                        f"From 12 to 18 with obesity, sleep apnoea or severe lung disease, {opioid[1]} is not recommended.",
                    )
                    findings.append(finding("ADOLESCENT_OPIOID_RISK", Severity.WARNING, message, [line.number]))

        if any(found.severity == Severity.CRITICAL for found in findings):
            return Verdict_Veto(findings)
        return Verdict_Warn(findings) if findings else Verdict_Allow()
