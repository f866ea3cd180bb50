"""Diagnoses must be in the hospital's code table.

A `prescribing/review` plugin in Python that uses its standard library as any
Python program does: it opens files, asks for the time, draws random numbers and
prints. The host gives it a small and quiet world for that, the same in every
replay: `/packs` and `/scratch`, a clock that stands at the moment of the call,
dice that the tape repeats, and no network.
"""

import csv
import datetime
import encodings.idna  # noqa: F401  Only what is imported here is there at a call.
import json
import random
import socket
import time

from wit_world import exports
from wit_world.exports.review import Finding, Severity, Verdict_Allow, Verdict_Warn
from wit_world.imports.types import Citation, Translation

ICD10 = ("http://hl7.org/fhir/sid/icd-10", "http://hl7.org/fhir/sid/icd-10-cm")
TABLE = "/packs/icd10-gb/codes.csv"
INDEX = "/scratch/index.json"

CITATION = Citation(
    title="GB/T 14396-2016 疾病分类与代码",
    section=None,
    year=2016,
    url=None,
)


def zh_en(zh, en):
    return [Translation("zh-CN", zh), Translation("en", en)]


def index(today):
    """Codes in force, by way of a file: what is written can be read again."""
    with open(TABLE, encoding="utf-8", newline="") as table:
        valid = {
            row["code"]: row["name"]
            for row in csv.DictReader(table)
            if not row["until"] or datetime.date.fromisoformat(row["until"]) >= today
        }
    with open(INDEX, "w", encoding="utf-8") as file:
        json.dump(valid, file, ensure_ascii=False)
    with open(INDEX, encoding="utf-8") as file:
        return json.load(file)


def refused(ask):
    """What comes of asking for the network."""
    try:
        ask()
        return "there is one"
    except OSError as error:
        return type(error).__name__


def unknown(coding):
    return Finding(
        code="DIAGNOSIS_CODE_UNKNOWN",
        severity=Severity.WARNING,
        message=zh_en(
            f"诊断编码{coding.code}不在本院编码表中。", f"The diagnosis {coding.code} is not in the hospital's code table."
        ),
        suggestion=zh_en("请核对诊断编码。", "Check the code of the diagnosis."),
        lines=[],
        citation=CITATION,
        attributes=[],
    )


class Review(exports.Review):
    def review(self, order, snapshot, now):
        # `random` was seeded when the component was built, and every call begins
        # with that copy of it: only the system's dice differ from call to call.
        dice = random.SystemRandom()
        today = datetime.datetime.now(datetime.timezone.utc)
        codes = index(today.date())
        print(f"at {time.time():.6f}, {today.isoformat()}: {len(codes)} codes")
        print(f"drew {dice.random()}")
        print(f"socket: {refused(socket.socket)}, name: {refused(lambda: socket.getaddrinfo('example.org', 80))}")

        coded = [coding for coding in order.diagnoses if coding.system in ICD10]
        findings = [unknown(coding) for coding in coded if coding.code not in codes]
        return Verdict_Warn(findings) if findings else Verdict_Allow()
