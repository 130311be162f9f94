// Tracks an event over HTTP and reads the contact's timeline. Run it while `npm start` is up: node docs/guide/examples/track.mjs
import { readFileSync } from 'node:fs';

const { url, apiKey } = JSON.parse(readFileSync('.trackline/stack.json', 'utf8'));

async function call(method, path, body) {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${response.status} ${answer.code}: ${answer.error}`);
  return answer;
}

const tracked = await call('POST', '/v1/events', {
  name: 'signup',
  contactEmail: 'grace@example.com',
  createIfMissing: true,
  properties: { plan: 'pro' },
});
console.log(tracked);

const { contactId } = await call('GET', `/v1/events/${tracked.eventId}`);
const { items } = await call('GET', `/v1/contacts/${contactId}/events?limit=3`);
console.log(items.map(({ name, occurredAt }) => ({ name, occurredAt })));
