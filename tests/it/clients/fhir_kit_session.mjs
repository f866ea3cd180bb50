// What somebody does with fhir-kit-client, against the server at BASE.

import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';

// The module is not beside this file: its folder is named from without.
const { Client } = await import(pathToFileURL(`${process.env.MODULES}/fhir-kit-client/dist/index.js`));

const client = new Client({ baseUrl: process.env.BASE, bearerToken: process.env.TOKEN });

const statement = await client.capabilityStatement();
assert.equal(statement.fhirVersion, '4.0.1');

// Create, read, update, patch.
const created = await client.create({
  resourceType: 'Patient',
  body: {
    resourceType: 'Patient',
    name: [{ family: 'Kit', given: ['One'] }],
    birthDate: '1980-01-02',
    identifier: [{ system: 'urn:kit', value: '1' }],
  },
});
const { id } = created;
assert.equal(created.meta.versionId, '1');
const read = await client.read({ resourceType: 'Patient', id });
assert.equal(read.name[0].family, 'Kit');
const updated = await client.update({ resourceType: 'Patient', id, body: { ...read, gender: 'female' } });
assert.equal(updated.meta.versionId, '2');
const patched = await client.patch({
  resourceType: 'Patient',
  id,
  jsonPatch: [{ op: 'replace', path: '/gender', value: 'male' }],
});
assert.equal(patched.gender, 'male');
const first = await client.vread({ resourceType: 'Patient', id, version: '1' });
assert.equal(first.gender, undefined);
const history = await client.history({ resourceType: 'Patient', id });
assert.equal(history.total, 3);
const found = await client.update({
  resourceType: 'Patient',
  searchParams: { identifier: 'urn:kit|1' },
  body: { resourceType: 'Patient', name: [{ family: 'Kit' }], identifier: [{ system: 'urn:kit', value: '1' }] },
});
assert.equal(found.id, id);

// A transaction.
const entry = [];
for (let day = 1; day <= 23; day += 1) {
  entry.push({
    resource: {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: 'kit' }] },
      subject: { reference: `Patient/${id}` },
      effectiveDateTime: `2026-01-${String(day).padStart(2, '0')}T00:00:00Z`,
      valueInteger: day,
    },
    request: { method: 'POST', url: 'Observation' },
  });
}
const answer = await client.transaction({ body: { resourceType: 'Bundle', type: 'transaction', entry } });
assert.equal(answer.entry.filter((one) => one.response.status === '201 Created').length, 23);

// Search, page by page.
const values = [];
let pages = 0;
let page = await client.search({
  resourceType: 'Observation',
  searchParams: { patient: id, code: 'http://loinc.org|kit', _sort: '-date', _count: 5, _total: 'accurate' },
});
assert.equal(page.total, 23);
while (page) {
  pages += 1;
  values.push(...page.entry.map((one) => one.resource.valueInteger));
  page = await client.nextPage({ bundle: page });
}
assert.equal(pages, 5);
assert.deepEqual(values, Array.from({ length: 23 }, (_, at) => 23 - at));
const chained = await client.search({
  resourceType: 'Observation',
  searchParams: { 'subject:Patient.name': 'kit', date: 'ge2026-01-20', _include: 'Observation:subject' },
});
const kinds = chained.entry.map((one) => one.resource.resourceType).sort();
assert.deepEqual(kinds, ['Observation', 'Observation', 'Observation', 'Observation', 'Patient']);
const subject = await client.resolve({ reference: chained.entry[0].resource.subject.reference });
assert.equal(subject.id, id);

// What is refused is an OperationOutcome.
const refused = async (act, status) => {
  const error = await act().then(
    () => assert.fail('a refusal was expected'),
    (reason) => reason,
  );
  assert.equal(error.response.status, status);
  assert.equal(error.response.data.resourceType, 'OperationOutcome');
};
await refused(() => client.read({ resourceType: 'Patient', id: 'nobody' }), 404);
await refused(() => client.search({ resourceType: 'Patient', searchParams: { birthdate: 'soon' } }), 400);
await refused(() => client.create({ resourceType: 'Patient', body: { resourceType: 'Patient', gender: 'x' } }), 422);
const gone = chained.entry.find((one) => one.resource.resourceType === 'Observation').resource.id;
await client.delete({ resourceType: 'Observation', id: gone });
await refused(() => client.read({ resourceType: 'Observation', id: gone }), 410);
console.log('fhir-kit-client is content');
