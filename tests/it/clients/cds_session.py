"""healthchain's sandbox client and its models of CDS Hooks, against BASE with TOKEN.

It asks at each hook that is discovered whether amoxicillin may be signed for SUBJECT,
who is allergic to it.
"""

import functools
import os

import httpx
from healthchain.models.hooks import OrderSelectContext, OrderSignContext
from healthchain.models.requests import CDSRequest
from healthchain.models.responses import CDSResponse
from healthchain.models.responses.cdsdiscovery import CDSServiceInformation
from healthchain.sandbox import sandboxclient

BASE, SUBJECT = os.environ["BASE"], os.environ["SUBJECT"]
HEADERS = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
# The sandbox's own client has no place for a token.
sandboxclient.httpx.Client = functools.partial(httpx.Client, headers=HEADERS)


class SelectRequest(CDSRequest):
    """With all of its context: the general one sends what all hooks have in common."""

    context: OrderSelectContext


class SignRequest(CDSRequest):
    context: OrderSignContext


REQUESTS = {
    "order-select": (SelectRequest, OrderSelectContext, {"selections": ["MedicationRequest/draft-1"]}),
    "order-sign": (SignRequest, OrderSignContext, {}),
}

DRAFT = {
    "resourceType": "MedicationRequest",
    "id": "draft-1",
    "status": "draft",
    "intent": "order",
    "subject": {"reference": f"Patient/{SUBJECT}"},
    "medicationCodeableConcept": {"coding": [{"system": "http://www.whocc.no/atc", "code": "J01CA04"}]},
    "dosageInstruction": [
        {
            "timing": {
                "repeat": {
                    "frequency": 3,
                    "period": 1,
                    "periodUnit": "d",
                    "boundsDuration": {
                        "value": 7,
                        "unit": "d",
                        "system": "http://unitsofmeasure.org",
                        "code": "d",
                    },
                }
            },
            "doseAndRate": [{"doseQuantity": {"value": 500, "unit": "mg", "code": "mg"}}],
        }
    ],
}
ORDERS = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": DRAFT}]}


def as_it_came(model, document):
    """Nothing that the model does not know, nothing that it would not write so."""
    read = model.model_validate(document)
    assert read.model_dump(mode="json", exclude_unset=True) == document, document
    return read


discovered = as_it_came(CDSServiceInformation, httpx.get(f"{BASE}/cds-services", headers=HEADERS).json())
assert {service.hook for service in discovered.services} == set(REQUESTS), discovered
for service in discovered.services:
    request, context, more = REQUESTS[service.hook]
    client = sandboxclient.SandboxClient(f"{BASE}/cds-services/{service.id}", service.hook)
    about = context(userId="Practitioner/1", patientId=SUBJECT, draftOrders=ORDERS, **more)
    client.requests.append(request(hook=service.hook, context=about))
    [answer] = client.send_requests()
    cards = as_it_came(CDSResponse, answer).cards
    assert cards[0].indicator == "critical", cards
    assert cards[0].source.topic.code == "ALLERGY_INGREDIENT", cards
    feedback = {"feedback": [{"card": cards[0].uuid, "outcome": "accepted", "outcomeTimestamp": "2026-11-22T08:00:00Z"}]}
    httpx.post(f"{BASE}/cds-services/{service.id}/feedback", json=feedback, headers=HEADERS).raise_for_status()

print("healthchain is content")
