import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { uuidv7 } from '@trackline/kernel';
import { eventually } from '@trackline/testkit';
import type { RunningDedupMeter } from '../../src/start-dedup-meter.ts';
import { MeterRig } from './meter-rig.ts';

let rig: MeterRig;
let meter: RunningDedupMeter;

beforeAll(async () => {
  rig = await MeterRig.open();
  meter = await rig.start();
}, 30_000);

afterAll(() => rig?.close(), 20_000);

describe('admission', () => {
  it('admits what is new, once, and counts it', async () => {
    const customer = await rig.customer();
    const events = [rig.event(customer), rig.event(customer, { name: 'bought', properties: '{"p":"ü"}' })];
    await rig.receive(...events);
    const { admitted } = await rig.verdicts(customer, 2);
    expect(admitted.map(({ eventId }) => eventId)).toEqual(events.map(({ eventId }) => eventId));
    expect(admitted.map(({ monthUsed }) => monthUsed)).toEqual([1, 2]);
    expect(admitted[1]).toMatchObject({ name: 'bought', contactId: customer.contactId });
    expect(String(admitted[1]!.properties)).toBe('{"p":"ü"}');
    expect(await rig.used(customer)).toBe(2);
  });
});
