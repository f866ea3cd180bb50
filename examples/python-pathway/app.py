"""Follow-up of patients who take warfarin, as a pathway of `xinglin:pathway` 1.1.

An example: it shows each event and each directive of the contract. It is not for patients.
"""

import decimal
import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.follow_up import (
    Acts,
    Alert,
    DataNeed_Conditions,
    DataNeed_Observations,
    Definition,
    Destination_Emergency,
    Destination_Offline,
    Directive_Ask,
    Directive_CancelTask,
    Directive_Close,
    Directive_Contact,
    Directive_Convene,
    Directive_Hold,
    Directive_ProposeNote,
    Directive_RaiseAlert,
    Directive_Refer,
    Directive_Release,
    Directive_RequestLab,
    Directive_ScheduleTask,
    Directive_SendMessage,
    Directive_StopVisit,
    Directive_WithdrawRequest,
    Eligibility_Eligible,
    Eligibility_Ineligible,
    Eligibility_ReferOffline,
    Event_Answered,
    Event_Departed,
    Event_Enrolled,
    Event_HoldReleased,
    Event_Observed,
    Event_RequestEnded,
    Event_Resumed,
    Event_Streamed,
    Event_TaskDue,
    Event_TaskEnded,
    Hold,
    LabRequest,
    Message,
    Outcome,
    Participant,
    Provenance,
    Question,
    Referral,
    ReleaseBy,
    Repetition,
    RequestEnd,
    Stage,
    Stop,
    Task,
    TaskEnd,
    Team,
)
from wit_world.exports.migration import Migrated
from wit_world.imports.questionnaires import (
    AnswerKind_Choice,
    AnswerKind_Decimal,
    AnswerKind_Text,
    AnswerValue_Choice,
    AnswerValue_Decimal,
    Behavior,
    Bounds,
    ChoiceOption,
    Condition,
    Contact,
    Enablement,
    Item,
    Questionnaire,
    Safeguard,
    Score,
    Test_AtLeast,
    Test_Equals,
)
from wit_world.imports.snapshot import ConditionStatus, ObservationValue_Quantity
from wit_world.imports.terms import Error_BadState, Error_MissingData, Reason, Role, Severity, State
from wit_world.imports.types import Citation, Coding, Decimal, Translation

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

LOINC = "http://loinc.org"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
ATC = "http://www.whocc.no/atc"
BLEEDING = "https://anticoagulation.example/bleeding"
INR = Coding(LOINC, "6301-6", "INR")
WARFARIN = Coding(ATC, "B01AA03", "warfarin")

TARGET = (decimal.Decimal("2.0"), decimal.Decimal("3.0"))
CRITICAL = decimal.Decimal("4.5")
RANGE = Citation("CHEST: Antithrombotic Therapy for Atrial Fibrillation", "Recommendation 12", 2018, None)
HIGH = Citation("CHEST: Evidence-Based Management of Anticoagulant Therapy", "9.1", 2012, None)
EXAMPLE = Citation("Example of a pathway", None, 2026, None)

STATE_VERSION = 2
ANSWERING = {ConditionStatus.ACTIVE, ConditionStatus.RECURRENCE, ConditionStatus.RELAPSE}


def zh_en(zh, en):
    return [Translation("zh-CN", zh), Translation("en", en)]


def exact(number):
    return decimal.Decimal(number.unscaled).scaleb(-number.scale)


def same(one, other):
    return (one.system, one.code) == (other.system, other.code)


# --- what it is ---------------------------------------------------------------


def choice(code, zh, en, weight):
    return ChoiceOption(Coding(BLEEDING, code, None), zh_en(zh, en), weight)


CONTACT = Contact(
    code="MAJOR_BLEEDING",
    owner=Role.DOCTOR,
    within_minutes=30,
    escalation=[Role.NURSE],
    helplines=["120"],
    inform_kin=True,
    locks_visit=True,
    recontact_hours=[24],
    reason=zh_en("抗凝治疗中自报大出血", "Major bleeding under anticoagulation, reported by the patient"),
    citation=EXAMPLE,
)

QUESTIONS = Questionnaire(
    code="bleeding",
    title=zh_en("近一周情况", "The last week"),
    items=[
        Item(
            "bleeding",
            zh_en("近一周有出血吗?", "Did you bleed in the last week?"),
            AnswerKind_Choice(
                [
                    choice("none", "没有", "No", 0),
                    choice("minor", "牙龈、鼻或皮下少量出血", "A little: gums, nose, bruises", 1),
                    choice("major", "大量、呕血、黑便或不止", "Much, vomited, black stools, or it does not stop", 4),
                ]
            ),
            required=True,
            repeats=False,
            enabled_when=None,
            records_as=None,
        ),
        Item(
            "where",
            zh_en("在哪里?", "Where?"),
            AnswerKind_Text(),
            required=False,
            repeats=True,
            enabled_when=Enablement(Behavior.ALL, [Condition("bleeding", Test_AtLeast(Decimal(1, 0)))]),
            records_as=None,
        ),
        Item(
            "missed",
            zh_en("漏服了几片?", "How many tablets did you miss?"),
            AnswerKind_Decimal(Bounds(Decimal(0, 0), Decimal(21, 0))),
            required=False,
            repeats=False,
            enabled_when=None,
            records_as=None,
        ),
    ],
    scores=[Score(Coding(BLEEDING, "score", None), ["bleeding"])],
    safeguards=[Safeguard([Condition("bleeding", Test_Equals(Coding(BLEEDING, "major", None)))], CONTACT)],
    citation=None,
)

DEFINITION = Definition(
    code="anticoagulation",
    title=zh_en("华法林抗凝随访", "Follow-up of warfarin"),
    conditions=[Coding(ICD10, "I48", None)],
    stages=[
        Stage("adjusting", zh_en("调整期", "Adjusting")),
        Stage("steady", zh_en("稳定期", "Steady")),
    ],
    questionnaires=[QUESTIONS],
    data_needs=[DataNeed_Conditions(), DataNeed_Observations([INR])],
    state_version=STATE_VERSION,
    attributes=[],
)


# --- one step -----------------------------------------------------------------


class Patient:
    """What is remembered of a patient, and what is asked for in this step."""

    def __init__(self, remembered, now):
        self.outside = remembered["outside"]  # INRs outside the target, one after the other
        self.held = remembered["held"]
        self.steady = remembered["steady"]
        self.now = now
        self.directives = []

    def put(self, *directives):
        self.directives.extend(directives)

    def outcome(self):
        remembered = {"outside": self.outside, "held": self.held, "steady": self.steady}
        data = json.dumps(remembered, sort_keys=True).encode()
        return Outcome(State(STATE_VERSION, data), "steady" if self.steady else "adjusting", self.directives)

    # --- requests ---

    def measure_every(self, days):
        title = zh_en("化验INR", "Have your blood tested")
        repeat = Repetition(days, None)
        task = Task("inr-test", title, Role.PATIENT, self.now + days * DAY, 3 * 24 * 60, repeat)
        self.put(Directive_ScheduleTask(task))

    def ask(self):
        self.put(Directive_Ask(Question("bleeding", Role.PATIENT, 2 * 24 * 60)))

    def test_within(self, days):
        reason = zh_en("复查凝血", "To see how well the treatment is set")
        self.put(Directive_RequestLab(LabRequest("inr", [INR], self.now + days * DAY, reason, EXAMPLE)))

    def stop_warfarin(self, zh, en):
        if not self.held:
            self.held = True
            reason = zh_en(zh, en)
            hold = Hold("warfarin", Acts.PRESCRIBE | Acts.DISPENSE, [WARFARIN], reason, ReleaseBy.PATHWAY, HIGH)
            self.put(Directive_Hold(hold))

    def alert(self, code, severity, minutes, zh, en):
        self.put(
            Directive_RaiseAlert(Alert(code, severity, zh_en(zh, en), Role.DOCTOR, minutes, [Role.NURSE], HIGH))
        )

    # --- events ---

    def enrolled(self):
        welcome = zh_en("欢迎加入随访。", "Welcome to your follow-up.")
        self.put(Directive_SendMessage(Message("anticoagulation-welcome", [], welcome)))
        self.measure_every(28)
        self.ask()
        self.test_within(7)

    def observed(self, reading):
        observation = reading.observation
        if not any(same(code, INR) for code in observation.code):
            return
        if reading.provenance == Provenance.SELF_REPORTED:
            self.test_within(2)
            return
        if not isinstance(observation.value, ObservationValue_Quantity):
            return
        inr = exact(observation.value.value.value)
        if inr >= CRITICAL:
            self.alert("INR_CRITICAL", Severity.CRITICAL, 60, f"INR {inr}:停用华法林并评估。", f"INR {inr}: stop warfarin and assess.")
            self.stop_warfarin("INR过高", "The INR is too high")
            self.test_within(2)
        if TARGET[0] <= inr <= TARGET[1]:
            self.in_target()
        else:
            self.out_of_target(inr)

    def in_target(self):
        if self.held:
            self.held = False
            self.put(Directive_Release("warfarin"))
        if self.outside >= 2:
            self.put(Directive_WithdrawRequest("review"))
        if not self.steady:
            self.steady = True
            self.put(Directive_CancelTask("inr-test"))
            self.measure_every(56)
        self.outside = 0

    def out_of_target(self, inr):
        self.steady = False
        self.outside += 1
        if self.outside == 2:
            question = zh_en("INR连续两次不达标,如何调整?", "The INR missed its target twice: what is to change?")
            participants = [
                Participant(Role.DOCTOR, None, zh_en("剂量", "Dose")),
                Participant(Role.PHARMACIST, None, zh_en("相互作用", "Interactions")),
            ]
            self.put(Directive_Convene(Team("review", question, participants, self.now + 7 * DAY, EXAMPLE)))
        elif inr < CRITICAL:
            self.test_within(14)

    def answered(self, response):
        if response.questionnaire != "bleeding":
            return
        answers = {answer.link_id: answer.values[0] for answer in response.answers}
        bled = answers.get("bleeding")
        if isinstance(bled, AnswerValue_Choice) and bled.value.code == "major":
            # The safeguard has called for a contact already.
            self.stop_warfarin("大出血", "Major bleeding")
            reason = zh_en("请立即前往急诊。", "Go to an emergency department now.")
            self.put(
                Directive_Refer(Referral("emergency", Destination_Emergency(), reason, self.now + 2 * HOUR, 1, EXAMPLE)),
                Directive_StopVisit(Stop("MAJOR_BLEEDING", reason, EXAMPLE)),
            )
        elif isinstance(bled, AnswerValue_Choice) and bled.value.code == "minor":
            reason = zh_en("请到门诊查看出血。", "See a doctor about the bleeding.")
            by = self.now + 3 * DAY
            self.put(Directive_Refer(Referral("clinic", Destination_Offline(None), reason, by, None, EXAMPLE)))
        missed = answers.get("missed")
        if isinstance(missed, AnswerValue_Decimal) and exact(missed.value) >= 2:
            self.alert("DOSES_MISSED", Severity.WARNING, 24 * 60, "漏服两片以上。", "Two tablets or more were missed.")

    def task_ended(self, report):
        if report.end == TaskEnd.MISSED:
            self.alert("INR_NOT_TESTED", Severity.WARNING, 24 * 60, "未按时化验INR。", "The INR was not tested in time.")

    def request_ended(self, report):
        if report.code == "emergency" and report.end != RequestEnd.FULFILLED:
            # Nobody knows how the patient is.
            self.put(Directive_Contact(CONTACT))
        if report.code == "review" and report.end == RequestEnd.FULFILLED:
            concluded = ", ".join(code.display or code.code for code in report.outcome)
            note = zh_en(f"会诊结论:{concluded}。请据此书写医嘱。", f"The team concluded: {concluded}. Write the order accordingly.")
            self.put(Directive_ProposeNote(note))
            self.outside = 0

    def departed(self):
        reason = Reason("PATIENT_LEFT", zh_en("患者离开随访", "The patient left the follow-up"), EXAMPLE)
        self.put(Directive_Close(reason))

    def take(self, event):
        match event:
            case Event_Enrolled():
                self.enrolled()
            case Event_TaskDue():
                self.ask()
            case Event_TaskEnded(value=report):
                self.task_ended(report)
            case Event_Observed(value=reading):
                self.observed(reading)
            case Event_Answered(value=response):
                self.answered(response)
            case Event_RequestEnded(value=report):
                self.request_ended(report)
            case Event_HoldReleased():
                self.held = False
            case Event_Departed():
                self.departed()
            case Event_Resumed() | Event_Streamed():
                self.test_within(7)
            # What it does not know, it does not act on.
            case _:
                pass


class FollowUp(exports.FollowUp):
    def describe(self):
        return DEFINITION

    def screen(self, snapshot, now):
        months = snapshot.subject.age_months
        if months is None:
            raise Err(Error_MissingData(zh_en("缺少年龄", "The age is not known")))
        codes = [code for of in snapshot.conditions if of.status in ANSWERING for code in of.code]
        if not any(code.system == ICD10 and code.code.startswith("I48") for code in codes):
            reason = Reason("NO_INDICATION", zh_en("没有心房颤动的诊断", "There is no atrial fibrillation"), RANGE)
            return Eligibility_Ineligible([reason])
        if months < 18 * 12:
            reason = Reason("CHILD", zh_en("儿童请到门诊", "Children see a doctor in person"), EXAMPLE)
            return Eligibility_ReferOffline([reason])
        return Eligibility_Eligible()

    def step(self, state, event, snapshot, now):
        remembered = {"outside": 0, "held": False, "steady": False} if state is None else read(state)
        patient = Patient(remembered, now)
        patient.take(event)
        return patient.outcome()


def read(state):
    if state.version != STATE_VERSION:
        raise Err(Error_BadState(f"version {state.version} is not {STATE_VERSION}"))
    try:
        remembered = json.loads(bytes(state.data))
        return {key: remembered[key] for key in ("outside", "held", "steady")}
    except (ValueError, KeyError, TypeError) as unreadable:
        raise Err(Error_BadState(f"not what this version wrote: {unreadable}")) from unreadable


class Migration(exports.Migration):
    """Version 1 remembered `{"outside": 1}` and had the stage `following`."""

    def migrate(self, state, stage):
        if state.version != 1:
            raise Err(Error_BadState(f"version {state.version} is unknown to version {STATE_VERSION}"))
        try:
            outside = int(json.loads(bytes(state.data))["outside"])
        except (ValueError, KeyError, TypeError) as unreadable:
            raise Err(Error_BadState(f"not what version 1 wrote: {unreadable}")) from unreadable
        data = json.dumps({"outside": outside, "held": False, "steady": False}, sort_keys=True).encode()
        return Migrated(State(STATE_VERSION, data), "adjusting")
