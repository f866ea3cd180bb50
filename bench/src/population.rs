//! A population in the shape of [Synthea](https://synthetichealth.github.io/synthea/)'s:
//! one transaction bundle a patient, with the visits of some years and what came of
//! them. The dice decide all of it, so that a seed is a population; nobody in it lives.
//!
//! What is not as Synthea has it: fewer claims in proportion, no clinical notes, nothing
//! that falls into a restricted compartment, and results are among those that the pathways
//! of this hospital read.

use serde_json::{Value, json};

use crate::dice::Dice;

/// Where Synthea's own identifiers are of.
pub const IDENTIFIER: &str = "https://github.com/synthetichealth/synthea";
const LOINC: &str = "http://loinc.org";
const SNOMED: &str = "http://snomed.info/sct";
const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
const CVX: &str = "http://hl7.org/fhir/sid/cvx";
const UCUM: &str = "http://unitsofmeasure.org";
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";

const FAMILIES: [&str; 24] = [
    "Abbott509",
    "Bauch723",
    "Carter549",
    "Dickens475",
    "Emard19",
    "Feest103",
    "Gerlach374",
    "Hegmann834",
    "Kling921",
    "Lang846",
    "Mante251",
    "Nader710",
    "O'Keefe54",
    "Parisian75",
    "Quigley282",
    "Rau926",
    "Schaefer657",
    "Torp761",
    "Ullrich385",
    "Veum823",
    "Walsh511",
    "Xu117",
    "Yost751",
    "Zieme486",
];
const GIVEN: [[&str; 8]; 2] = [
    ["Aaron697", "Boris111", "Cedrick207", "Donn979", "Elden718", "Floyd420", "Gavin149", "Hal307"],
    ["Abbey813", "Berta524", "Carla633", "Dorie439", "Edith746", "Flor967", "Gail741", "Hana826"],
];
const CITIES: [&str; 6] = ["Boston", "Worcester", "Springfield", "Lowell", "Cambridge", "Quincy"];

/// Code, words, and how many in a hundred have it.
const CONDITIONS: [(&str, &str, i64); 10] = [
    ("44054006", "Diabetes mellitus type 2 (disorder)", 12),
    ("59621000", "Essential hypertension (disorder)", 30),
    ("55822004", "Hyperlipidemia (disorder)", 25),
    ("195662009", "Acute viral pharyngitis (disorder)", 45),
    ("444814009", "Viral sinusitis (disorder)", 50),
    ("162864005", "Body mass index 30+ - obesity (finding)", 35),
    ("15777000", "Prediabetes (finding)", 30),
    ("271737000", "Anemia (disorder)", 20),
    ("36971009", "Sinusitis (disorder)", 10),
    ("24079001", "Atopic dermatitis (disorder)", 8),
];

/// Code, words, category, unit, and the range in tenths.
const RESULTS: [(&str, &str, &str, &str, i64, i64); 12] = [
    ("8302-2", "Body Height", "vital-signs", "cm", 1480, 1990),
    ("29463-7", "Body Weight", "vital-signs", "kg", 450, 1300),
    ("39156-5", "Body Mass Index", "vital-signs", "kg/m2", 170, 420),
    ("8867-4", "Heart rate", "vital-signs", "/min", 550, 1100),
    ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "laboratory", "%", 45, 110),
    ("14771-0", "Fasting glucose [Moles/volume] in Serum or Plasma", "laboratory", "mmol/L", 38, 160),
    ("22748-8", "Cholesterol in LDL [Moles/volume] in Serum or Plasma", "laboratory", "mmol/L", 12, 55),
    ("14682-9", "Creatinine [Moles/volume] in Serum or Plasma", "laboratory", "umol/L", 450, 1600),
    ("98979-8", "Glomerular filtration rate", "laboratory", "mL/min/{1.73_m2}", 250, 1200),
    ("9318-7", "Albumin/Creatinine [Mass Ratio] in Urine", "laboratory", "mg/g", 20, 3000),
    ("1742-6", "Alanine aminotransferase [Enzymatic activity/volume]", "laboratory", "U/L", 80, 900),
    ("9279-1", "Respiratory rate", "vital-signs", "/min", 120, 220),
];

const MEDICINES: [(&str, &str); 6] = [
    ("860975", "24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet"),
    ("314076", "lisinopril 10 MG Oral Tablet"),
    ("312961", "simvastatin 20 MG Oral Tablet"),
    ("308136", "amlodipine 2.5 MG Oral Tablet"),
    ("310798", "hydrochlorothiazide 25 MG Oral Tablet"),
    ("313782", "acetaminophen 325 MG Oral Tablet"),
];

const PROCEDURES: [(&str, &str); 5] = [
    ("430193006", "Medication reconciliation (procedure)"),
    ("710824005", "Assessment of health and social care needs (procedure)"),
    ("5880005", "Physical examination (procedure)"),
    ("134287002", "Diabetic retinal eye exam (procedure)"),
    ("401191002", "Diabetic foot examination (procedure)"),
];

const VACCINES: [(&str, &str); 4] = [
    ("140", "Influenza, seasonal, injectable, preservative free"),
    ("113", "Td (adult), 5 Lf tetanus toxoid, preservative free, adsorbed"),
    ("133", "Pneumococcal conjugate PCV 13"),
    ("121", "zoster vaccine, live"),
];

/// Draws people.
#[derive(Debug, Clone)]
pub struct Population {
    dice: Dice,
    drawn: u64,
}

/// Hospitals and doctors, as a server took them in: `Organization/…`, `Practitioner/…`.
#[derive(Debug, Clone)]
pub struct Institutions {
    /// References to hospitals, each with its doctor at the same place.
    pub hospitals: Vec<String>,
    /// References to doctors.
    pub doctors: Vec<String>,
}

/// Somebody, and what they are found by.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// A transaction with everything of theirs; the patient is its first entry.
    pub bundle: Value,
    /// How many resources it has.
    pub resources: usize,
    /// Of [`IDENTIFIER`].
    pub identifier: String,
    /// Their family name.
    pub family: String,
    /// `YYYY-MM-DD`.
    pub born: String,
}

impl Population {
    /// One population a seed.
    pub const fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed), drawn: 0 }
    }

    /// A transaction with the hospitals and doctors that the patients refer to: first
    /// so many hospitals, then a doctor for each.
    pub fn institutions(&mut self, count: usize) -> Value {
        let mut entries = Vec::new();
        for number in 0..count {
            let resource = json!({
                "resourceType": "Organization",
                "identifier": [{ "system": IDENTIFIER, "value": self.uuid() }],
                "active": true,
                "type": [concept("http://terminology.hl7.org/CodeSystem/organization-type", "prov", "Healthcare Provider")],
                "name": format!("HOSPITAL {number}"),
                "telecom": [{ "system": "phone", "value": self.phone() }],
                "address": [self.address()],
            });
            entries.push(self.entry(resource).1);
        }
        for _ in 0..count {
            let family = *self.dice.pick(&FAMILIES);
            let resource = json!({
                "resourceType": "Practitioner",
                "identifier": [{ "system": "http://hl7.org/fhir/sid/us-npi", "value": format!("{}", self.dice.between(1_000_000_000, 9_999_999_999)) }],
                "active": true,
                "name": [{ "family": family, "given": [self.dice.pick(&GIVEN[0])], "prefix": ["Dr."] }],
                "gender": "male",
            });
            entries.push(self.entry(resource).1);
        }
        transaction(entries)
    }

    /// The next patient, who was seen in these institutions.
    pub fn patient(&mut self, seen: &Institutions) -> Drawn {
        self.drawn += 1;
        let male = self.dice.percent(49);
        let born_in = self.dice.between(1930, 2015);
        let born = format!("{born_in}-{:02}-{:02}", self.dice.between(1, 12), self.dice.between(1, 28));
        let family = (*self.dice.pick(&FAMILIES)).to_owned();
        let identifier = self.uuid();
        let person = self.person(&identifier, &family, male, &born);
        let (me, patient) = self.entry(person);
        let mut entries = vec![patient];
        let subject = json!({ "reference": me });
        let mut chronic = Vec::new();
        for (code, words, chance) in CONDITIONS {
            if self.dice.percent(chance) {
                chronic.push((code, words));
            }
        }
        let at = self.dice.bits() as usize % seen.hospitals.len();
        let (hospital, doctor) = (&seen.hospitals[at], &seen.doctors[at]);
        let visits = self.dice.between(4, 10);
        for visit in 0..visits {
            let day = format!(
                "{}-{:02}-{:02}",
                2025 - (visits - visit) / 2,
                self.dice.between(1, 12),
                self.dice.between(1, 28)
            );
            let start = format!("{day}T{:02}:{:02}:00+08:00", self.dice.between(8, 16), self.dice.between(0, 59));
            let (encounter, entry) = self.entry(json!({
                "resourceType": "Encounter",
                "status": "finished",
                "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB" },
                "type": [concept(SNOMED, "162673000", "General examination of patient (procedure)")],
                "subject": { "reference": me, "display": family },
                "participant": [{
                    "type": [concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "PPRF", "primary performer")],
                    "period": { "start": start, "end": start },
                    "individual": { "reference": doctor },
                }],
                "period": { "start": start, "end": start },
                "serviceProvider": { "reference": hospital },
            }));
            entries.push(entry);
            let encounter = json!({ "reference": encounter });
            if let Some((code, words)) = chronic.pop() {
                entries.push(self.condition(&subject, &encounter, (code, words), &start));
            }
            let mut results = Vec::new();
            for _ in 0..self.dice.between(4, 8) {
                let (result, entry) = self.observation(&subject, &encounter, &start);
                results.push(json!({ "reference": result }));
                entries.push(entry);
            }
            entries.push(self.pressure(&subject, &encounter, &start));
            entries.push(self.report(&subject, &encounter, &results, &start, hospital));
            let medicine = *self.dice.pick(&MEDICINES);
            let (ordered, entry) = self.order(&subject, &encounter, medicine, &start, doctor);
            entries.push(entry);
            let procedure = *self.dice.pick(&PROCEDURES);
            entries.push(self.procedure(&subject, &encounter, procedure, &start));
            if self.dice.percent(40) {
                let vaccine = *self.dice.pick(&VACCINES);
                entries.push(self.immunization(&subject, &encounter, vaccine, &start));
            }
            let (claim, entry) = self.claim(&subject, &encounter, &ordered, &start, hospital);
            entries.push(entry);
            entries.push(self.benefit(&subject, &claim, &start, hospital, doctor));
        }
        let resources = entries.len();
        Drawn { bundle: transaction(entries), resources, identifier, family, born }
    }

    /// A result of somebody as one would write it now, `Patient/…`.
    pub fn result(&mut self, subject: &str, start: &str) -> Value {
        let (code, words, category, unit, low, high) = *self.dice.pick(&RESULTS);
        let value = self.dice.between(low, high);
        json!({
            "resourceType": "Observation",
            "status": "final",
            "category": [concept(CATEGORY, category, category)],
            "code": concept(LOINC, code, words),
            "subject": { "reference": subject },
            "effectiveDateTime": start,
            "issued": start,
            "valueQuantity": quantity(value, unit),
        })
    }

    fn person(&mut self, identifier: &str, family: &str, male: bool, born: &str) -> Value {
        let given = *self.dice.pick(&GIVEN[usize::from(!male)]);
        json!({
            "resourceType": "Patient",
            "text": {
                "status": "generated",
                "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">Generated by the measurement</div>",
            },
            "extension": [{
                "url": "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName",
                "valueString": *self.dice.pick(&FAMILIES),
            }],
            "identifier": [
                { "system": IDENTIFIER, "value": identifier },
                {
                    "type": concept("http://terminology.hl7.org/CodeSystem/v2-0203", "MR", "Medical Record Number"),
                    "system": "http://hospital.smarthealthit.org",
                    "value": self.uuid(),
                },
            ],
            "name": [{ "use": "official", "family": family, "given": [given], "prefix": [if male { "Mr." } else { "Ms." }] }],
            "telecom": [{ "system": "phone", "value": self.phone(), "use": "home" }],
            "gender": if male { "male" } else { "female" },
            "birthDate": born,
            "address": [self.address()],
            "maritalStatus": concept("http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "M", "Married"),
            "multipleBirthBoolean": false,
            "communication": [{ "language": concept("urn:ietf:bcp:47", "en-US", "English") }],
        })
    }

    fn condition(&mut self, subject: &Value, encounter: &Value, (code, words): (&str, &str), start: &str) -> Value {
        let active = if self.dice.percent(70) { "active" } else { "resolved" };
        let resource = json!({
            "resourceType": "Condition",
            "clinicalStatus": concept("http://terminology.hl7.org/CodeSystem/condition-clinical", active, active),
            "verificationStatus": concept("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed", "confirmed"),
            "category": [concept("http://terminology.hl7.org/CodeSystem/condition-category", "encounter-diagnosis", "Encounter Diagnosis")],
            "code": concept(SNOMED, code, words),
            "subject": subject, "encounter": encounter,
            "onsetDateTime": start, "recordedDate": start,
        });
        self.entry(resource).1
    }

    fn observation(&mut self, subject: &Value, encounter: &Value, start: &str) -> (String, Value) {
        let mut resource = self.result("", start);
        resource["subject"] = subject.clone();
        resource["encounter"] = encounter.clone();
        self.entry(resource)
    }

    fn pressure(&mut self, subject: &Value, encounter: &Value, start: &str) -> Value {
        let [low, high] = [self.dice.between(600, 1100), self.dice.between(1000, 1850)];
        let part = |code: &str, words: &str, value: i64| json!({ "code": concept(LOINC, code, words), "valueQuantity": quantity(value, "mm[Hg]") });
        let resource = json!({
            "resourceType": "Observation",
            "status": "final",
            "category": [concept(CATEGORY, "vital-signs", "vital-signs")],
            "code": concept(LOINC, "85354-9", "Blood pressure panel with all children optional"),
            "subject": subject, "encounter": encounter,
            "effectiveDateTime": start, "issued": start,
            "component": [
                part("8462-4", "Diastolic Blood Pressure", low),
                part("8480-6", "Systolic Blood Pressure", high),
            ],
        });
        self.entry(resource).1
    }

    fn report(&mut self, subject: &Value, encounter: &Value, results: &[Value], start: &str, by: &str) -> Value {
        let resource = json!({
            "resourceType": "DiagnosticReport",
            "status": "final",
            "category": [concept("http://terminology.hl7.org/CodeSystem/v2-0074", "LAB", "Laboratory")],
            "code": concept(LOINC, "51990-0", "Basic metabolic panel - Blood by calculation"),
            "subject": subject, "encounter": encounter,
            "effectiveDateTime": start, "issued": start,
            "performer": [{ "reference": by }],
            "result": results,
        });
        self.entry(resource).1
    }

    fn order(
        &mut self,
        subject: &Value,
        encounter: &Value,
        (code, words): (&str, &str),
        start: &str,
        by: &str,
    ) -> (String, Value) {
        let status = if self.dice.percent(30) { "active" } else { "stopped" };
        self.entry(json!({
            "resourceType": "MedicationRequest",
            "status": status,
            "intent": "order",
            "medicationCodeableConcept": concept(RXNORM, code, words),
            "subject": subject, "encounter": encounter,
            "authoredOn": start,
            "requester": { "reference": by },
            "dosageInstruction": [{
                "sequence": 1,
                "timing": { "repeat": { "frequency": 1, "period": 1, "periodUnit": "d" } },
                "asNeededBoolean": false,
                "doseAndRate": [{ "doseQuantity": { "value": 1 } }],
            }],
        }))
    }

    fn procedure(&mut self, subject: &Value, encounter: &Value, (code, words): (&str, &str), start: &str) -> Value {
        let resource = json!({
            "resourceType": "Procedure",
            "status": "completed",
            "code": concept(SNOMED, code, words),
            "subject": subject, "encounter": encounter,
            "performedPeriod": { "start": start, "end": start },
        });
        self.entry(resource).1
    }

    fn immunization(&mut self, subject: &Value, encounter: &Value, (code, words): (&str, &str), start: &str) -> Value {
        let resource = json!({
            "resourceType": "Immunization",
            "status": "completed",
            "vaccineCode": concept(CVX, code, words),
            "patient": subject, "encounter": encounter,
            "occurrenceDateTime": start,
            "primarySource": true,
        });
        self.entry(resource).1
    }

    fn claim(&mut self, subject: &Value, encounter: &Value, ordered: &str, start: &str, by: &str) -> (String, Value) {
        let total = money(self.dice.between(1_000, 90_000));
        self.entry(json!({
            "resourceType": "Claim",
            "status": "active",
            "type": concept("http://terminology.hl7.org/CodeSystem/claim-type", "pharmacy", "Pharmacy"),
            "use": "claim",
            "patient": subject,
            "billablePeriod": { "start": start, "end": start },
            "created": start,
            "provider": { "reference": by },
            "priority": concept("http://terminology.hl7.org/CodeSystem/processpriority", "normal", "Normal"),
            "prescription": { "reference": ordered },
            "insurance": [{ "sequence": 1, "focal": true, "coverage": { "display": "Blue Cross Blue Shield" } }],
            "item": [{
                "sequence": 1,
                "productOrService": concept(SNOMED, "162673000", "General examination of patient (procedure)"),
                "encounter": [encounter],
            }],
            "total": total,
        }))
    }

    fn benefit(&mut self, subject: &Value, claim: &str, start: &str, by: &str, doctor: &str) -> Value {
        let paid = money(self.dice.between(1_000, 90_000));
        let resource = json!({
            "resourceType": "ExplanationOfBenefit",
            "status": "active",
            "type": concept("http://terminology.hl7.org/CodeSystem/claim-type", "professional", "Professional"),
            "use": "claim",
            "patient": subject,
            "billablePeriod": { "start": start, "end": start },
            "created": start,
            "insurer": { "display": "Blue Cross Blue Shield" },
            "provider": { "reference": doctor },
            "facility": { "display": by },
            "claim": { "reference": claim },
            "outcome": "complete",
            "insurance": [{ "focal": true, "coverage": { "display": "Blue Cross Blue Shield" } }],
            "total": [{
                "category": concept("http://terminology.hl7.org/CodeSystem/adjudication", "submitted", "Submitted Amount"),
                "amount": paid,
            }],
            "payment": { "amount": paid },
        });
        self.entry(resource).1
    }

    /// An entry that creates this; also what the others of its bundle call it.
    fn entry(&mut self, resource: Value) -> (String, Value) {
        let url = format!("urn:uuid:{}", self.uuid());
        let request = json!({ "method": "POST", "url": resource["resourceType"] });
        (url.clone(), json!({ "fullUrl": url, "resource": resource, "request": request }))
    }

    fn uuid(&mut self) -> String {
        let [high, low] = [self.dice.bits(), self.dice.bits()];
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0xfff,
            low & 0xffff_ffff_ffff
        )
    }

    fn phone(&mut self) -> String {
        format!("555-{}-{}", self.dice.between(100, 999), self.dice.between(1000, 9999))
    }

    fn address(&mut self) -> Value {
        json!({
            "line": [format!("{} Lane {}", self.dice.between(1, 999), self.dice.between(1, 99))],
            "city": self.dice.pick(&CITIES),
            "state": "MA",
            "postalCode": format!("{:05}", self.dice.between(1001, 2799)),
            "country": "US",
        })
    }
}

fn transaction(entries: Vec<Value>) -> Value {
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
}

fn concept(system: &str, code: &str, words: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code, "display": words }], "text": words })
}

/// Of tenths.
fn quantity(tenths: i64, unit: &str) -> Value {
    json!({ "value": decimal(tenths, 10), "unit": unit, "system": UCUM, "code": unit })
}

/// Of cents.
fn money(cents: i64) -> Value {
    json!({ "value": decimal(cents, 100), "currency": "USD" })
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn decimal(whole: i64, of: i64) -> f64 {
    whole as f64 / of as f64
}
