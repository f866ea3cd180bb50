"""The rule as plain Python: `python -m unittest`, no WebAssembly."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "bindings"))

from componentize_py_types import Err  # noqa: E402
from wit_world.exports.review import Line, Order, Verdict_Allow  # noqa: E402
from wit_world.imports import snapshot as clinical  # noqa: E402
from wit_world.imports.types import Coding, Decimal, Quantity  # noqa: E402

import app  # noqa: E402


def order(system, code):
    line = Line(1, [Coding(system, code, None)], [], Quantity(Decimal(15, 0), "mg"), Decimal(3, 0), 3, None, [])
    return Order([Coding(app.ICD10, "J20.9", None)], [line], False, [])


def patient(months, conditions=(), omissions=()):
    active = clinical.ConditionStatus.ACTIVE
    listed = [clinical.Condition([Coding(app.ICD10, code, None)], active, None, []) for code in conditions]
    subject = clinical.Subject("sub-1", months, clinical.Sex.FEMALE)
    return clinical.Snapshot(0, subject, listed, [], [], [], list(omissions), [])


def review(months, system=app.ATC, code="R05DA04", **record):
    verdict = app.Review().review(order(system, code), patient(months, **record), 0)
    word = type(verdict).__name__.removeprefix("Verdict_").lower()
    codes = [] if isinstance(verdict, Verdict_Allow) else [found.code for found in verdict.value]
    return " ".join([word, *codes])


class Rule(unittest.TestCase):
    def test_no_opioid_under_twelve(self):
        self.assertEqual(review(143), "veto PAEDIATRIC_OPIOID")
        self.assertEqual(review(143, code="N02AJ13"), "veto PAEDIATRIC_OPIOID")
        self.assertEqual(review(143, app.RXNORM, "835603"), "veto PAEDIATRIC_OPIOID")
        self.assertEqual(review(144), "allow")
        self.assertEqual(review(100, code="N02BE01"), "allow")

    def test_adolescents_at_risk(self):
        self.assertEqual(review(180, conditions=["E66.9"]), "warn ADOLESCENT_OPIOID_RISK")
        self.assertEqual(review(180, conditions=["J06.9"]), "allow")
        self.assertEqual(review(216, conditions=["E66.9"]), "allow")

    def test_what_is_not_known_is_not_guessed(self):
        self.assertEqual(review(100, "urn:local", "cough-syrup"), "warn PAEDIATRIC_NOT_CHECKED")
        self.assertEqual(review(None, code="N02BE01"), "allow")
        with self.assertRaises(Err):
            review(None)
        withheld = clinical.Omission(clinical.Section.CONDITIONS, clinical.OmissionReason.CONSENT)
        with self.assertRaises(Err):
            review(180, omissions=[withheld])
        self.assertEqual(review(100, omissions=[withheld]), "veto PAEDIATRIC_OPIOID")


if __name__ == "__main__":
    unittest.main()
