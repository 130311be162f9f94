import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { encodeReceived, partitionOf, RECEIVED, type EventFacts } from '@trackline/contracts';
import { CONTACT_PARTITIONS, MeterRig } from './meter-rig.ts';

jest.setTimeout(30_000);

let rig: MeterRig;

beforeAll(async () => {
  rig = await MeterRig.open({ timestampType: 'CreateTime' });
  await rig.start();
}, 30_000);

afterAll(() => rig?.close(), 20_000);

/** As if the broker had received it at that moment. */
const at = (text: string, event: EventFacts) => {
  const { key, value, headers } = encodeReceived(event);
  const timestamp = String(Date.parse(text));
  return { key, value, headers, timestamp, partition: partitionOf(key!, CONTACT_PARTITIONS) };
};

/** Our own publisher leaves the moment to the broker. */
async function publish(...messages: readonly ReturnType<typeof at>[]): Promise<void> {
  const producer = rig.connection.newClient().producer();
  await producer.connect();
  await producer.send({ topic: rig.connection.withPrefix(RECEIVED), messages: [...messages] });
  await producer.disconnect();
}

const LAST = '2026-09-30T23:59:59.999Z';
const FIRST = '2026-10-01T00:00:00.000Z';

describe('the month of receipt', () => {
  it('is the one in which the broker took the event, to the millisecond, whenever it is judged', async () => {
    const customer = await rig.customer('custom', 4);
    const event = (name: string) =>
      rig.event(customer, { name, occurredAtMs: Date.parse('2026-08-15T00:00:00Z') });
    // Late ones among early ones: the cap of each month is its own.
    await publish(
      ...[1, 2, 3, 4].map(() => at(LAST, event('september'))),
      ...[1, 2].map(() => at(FIRST, event('october'))),
      ...[1, 2].map(() => at(LAST, event('september, late'))),
      ...[1, 2, 3, 4].map(() => at(FIRST, event('october'))),
    );
    const { admitted, refused } = await rig.verdicts(customer, 12);
    const told = (events: readonly { name: string; monthUsed: number }[]) =>
      events.map(({ name, monthUsed }) => `${name} ${monthUsed}`);
    expect(told(admitted)).toEqual([
      'september 1',
      'september 2',
      'september 3',
      'september 4',
      'october 1',
      'october 2',
      'september, late 5',
      'october 3',
      'october 4',
      'october 5',
    ]);
    expect(told(refused)).toEqual(['september, late 5', 'october 5']);
    const { rows } = await rig.database.query({
      text: `SELECT day, sum(used)::int AS used FROM dedup_meter.usage WHERE organization_id = $1 GROUP BY day ORDER BY day`,
      values: [customer.organization.id],
    });
    expect(rows).toEqual([
      { day: '2026-09-30', used: 5 },
      { day: '2026-10-01', used: 5 },
    ]);
  });

  it('makes no difference to identities: a repeat across midnight, in one batch, is a repeat', async () => {
    const customer = await rig.customer();
    const resent = rig.event(customer);
    const unique = () => rig.event(customer, { uniqueId: 'u' });
    const first = unique();
    await publish(at(LAST, resent), at(LAST, first), at(FIRST, resent), at(FIRST, unique()));
    const { admitted, refused } = await rig.verdicts(customer, 4);
    expect(admitted.map(({ replayOf }) => replayOf?.offset)).toEqual([
      undefined,
      undefined,
      admitted[0]!.position.offset,
    ]);
    expect(refused).toMatchObject([{ refusal: { verdict: 'duplicate', duplicateOf: first.eventId } }]);
    expect(await rig.used(customer)).toBe(2);
  });
});
