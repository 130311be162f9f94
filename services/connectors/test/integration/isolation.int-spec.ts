import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually } from '@trackline/testkit';
import { ConnectorsRig, type Tenant } from '../connectors-rig.ts';
import { Receiver } from '../receiver.ts';

jest.setTimeout(120_000);

const PER_DESTINATION = 3;
const PER_ORGANIZATION = 6;
let rig: ConnectorsRig;
let dead: Receiver;
let fine: Receiver;
let noisy: Tenant;
let quiet: Tenant;

beforeAll(async () => {
  rig = await ConnectorsRig.open();
  [dead, fine] = await Promise.all([Receiver.open(), Receiver.open()]);
  // Takes every request and never answers.
  dead.answer(() => undefined);
  const service = await rig.start({
    DELIVERY_CONCURRENCY: '20',
    ORGANIZATION_CONCURRENCY: String(PER_ORGANIZATION),
    DESTINATION_CONCURRENCY: String(PER_DESTINATION),
    DELIVERY_TIMEOUT_MS: '20000',
    DELIVERY_LEASE_MS: '60000',
  });
  [noisy, quiet] = await Promise.all([rig.tenant(service), rig.tenant(service)]);
}, 60_000);
afterAll(async () => {
  await Promise.all([dead.close(), fine.close()]);
  await rig.close();
});

describe('a destination that never answers', () => {
  it('holds up nobody else, nor its own organisation elsewhere, with a thousand waiting for it', async () => {
    await rig.request(...Array.from({ length: 1_000 }, () => noisy.webhook(`${dead.url}/never`)));
    await eventually(() => dead.open === PER_DESTINATION);
    // Behind all of them, some in the same partitions.
    const elsewhere = Array.from({ length: 50 }, () => noisy.webhook(`${fine.url}/noisy`));
    const others = Array.from({ length: 50 }, () => quiet.webhook(`${fine.url}/quiet`));
    await rig.request(...elsewhere, ...others);
    for (const action of [...others, ...elsewhere])
      expect(await rig.completion(action)).toMatchObject({ status: 'delivered', attempts: 1 });
    expect(dead.mostOpen).toBe(PER_DESTINATION);
    expect(dead.received).toHaveLength(PER_DESTINATION);
    expect(fine.ids('/quiet').sort()).toEqual(others.map(({ id }) => id).sort());
  }, 60_000);

  it('is not even in the way of others who go there', async () => {
    dead.answer(({ path }, response) => void (path === '/fine' && response.end()));
    const action = quiet.webhook(`${dead.url}/fine`);
    await rig.request(action);
    expect(await rig.completion(action)).toMatchObject({ status: 'delivered' });
    expect(dead.open).toBe(PER_DESTINATION);
  });

  it('and many of them of one organisation leave the others their share', async () => {
    const more = await Promise.all(Array.from({ length: 4 }, () => Receiver.open()));
    try {
      for (const one of more) one.answer(() => undefined);
      await rig.request(...more.flatMap(({ url }) => Array.from({ length: 20 }, () => noisy.webhook(url))));
      const open = () => dead.open + more.reduce((sum, one) => sum + one.open, 0);
      await eventually(() => open() === PER_ORGANIZATION);
      const action = quiet.webhook(`${fine.url}/quiet`);
      await rig.request(action);
      expect(await rig.completion(action)).toMatchObject({ status: 'delivered' });
      expect(open()).toBe(PER_ORGANIZATION);
    } finally {
      await Promise.all(more.map((one) => one.close()));
    }
  }, 30_000);
});
