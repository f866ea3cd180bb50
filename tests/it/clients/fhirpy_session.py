"""What somebody does with fhirpy, against the server at BASE."""

import os

from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import MultipleResourcesFound, OperationOutcome, ResourceNotFound

client = SyncFHIRClient(os.environ["BASE"], authorization="Bearer " + os.environ["TOKEN"])


def refused(kind, act):
    try:
        act()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected")


# Create, read, update.
patient = client.resource(
    "Patient",
    name=[{"family": "Fhirpy", "given": ["One"]}],
    birthDate="1980-01-02",
    identifier=[{"system": "urn:fhirpy", "value": "1"}],
)
patient.save()
assert patient["id"] and patient["meta"]["versionId"] == "1", patient
read = client.reference("Patient", patient["id"]).to_resource()
assert read["name"][0]["family"] == "Fhirpy"
read["gender"] = "female"
read.save()
assert read["meta"]["versionId"] == "2"
refused(ResourceNotFound, lambda: client.reference("Patient", "nobody").to_resource())
refused(OperationOutcome, lambda: client.resource("Patient", gender="x").save())

# Conditional create.
same = client.resource("Patient", name=[{"family": "Fhirpy"}], identifier=[{"system": "urn:fhirpy", "value": "1"}])
known, created = client.resources("Patient").search(identifier="urn:fhirpy|1").get_or_create(same)
assert not created and known["id"] == patient["id"]
other = client.resource("Patient", name=[{"family": "Fhirpy"}], identifier=[{"system": "urn:fhirpy", "value": "2"}])
other, created = client.resources("Patient").search(identifier="urn:fhirpy|2").get_or_create(other)
assert created

# A transaction.
entries = [
    {
        "resource": {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "fhirpy"}]},
            "subject": {"reference": f"Patient/{patient['id']}"},
            "effectiveDateTime": f"2026-01-{day:02}T00:00:00Z",
            "valueQuantity": {"value": day, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"},
        },
        "request": {"method": "POST", "url": "Observation"},
    }
    for day in range(1, 24)
]
answer = client.execute("", method="post", data={"resourceType": "Bundle", "type": "transaction", "entry": entries})
assert [entry["response"]["status"] for entry in answer["entry"]] == ["201 Created"] * 23

# Search, page by page.
observations = client.resources("Observation").search(patient=patient["id"], code="http://loinc.org|fhirpy")
assert observations.count() == 23
pages = observations.sort("-date").limit(5)
values = [one["valueQuantity"]["value"] for one in pages]
assert values == list(range(23, 0, -1)), values
assert len(observations.limit(4).fetch_all()) == 23
assert len(observations.limit(4).fetch()) == 4
between = observations.search(date__ge="2026-01-05", date__lt="2026-01-08", value_quantity__gt="5")
assert sorted(one["valueQuantity"]["value"] for one in between) == [6, 7], list(between)
assert len(client.resources("Patient").search(family__exact="Fhirpy").fetch_all()) == 2
by_name = client.resources("Observation").search(patient__Patient__family="fhirpy", code="fhirpy")
assert by_name.count() == 23
having = client.resources("Patient").has("Observation", "patient", code="fhirpy")
assert [one["id"] for one in having] == [patient["id"]]
bundle = client.resources("Observation").search(code="fhirpy").include("Observation", "subject").limit(3).fetch_raw()
kinds = sorted(entry["resource"]["resourceType"] for entry in bundle["entry"])
assert kinds == ["Observation"] * 3 + ["Patient"], kinds

# One of several, and deletion.
refused(MultipleResourcesFound, lambda: client.resources("Patient").search(name="fhirpy").get())
other.delete()
assert client.resources("Patient").search(name="fhirpy").get()["id"] == patient["id"]
print("fhirpy is content")
