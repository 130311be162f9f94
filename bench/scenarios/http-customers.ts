import type { LoadRequest } from '../load/http-load.ts';
import { makeCustomers, PROPERTIES, USUAL_MIX, USUAL_NAME, type Customer } from '../stage/source-events.ts';
import type { Stage } from '../stage/stage.ts';

export interface Caller extends Customer {
  readonly key: string;
}

/** Customers of the usual mix, with a key each. */
export async function makeCallers(stage: Stage): Promise<Caller[]> {
  const customers = await makeCustomers(stage);
  return Promise.all(
    customers.map(async (customer) => {
      const created = await stage.directory.createKey(customer.organizationId, { name: 'bench' });
      return { ...customer, key: created!.key };
    }),
  );
}

const itemOf = (contact: number) => ({
  name: USUAL_NAME,
  contactExternalId: `c${contact % USUAL_MIX.contactsOfEach}`,
  properties: PROPERTIES,
});

/** One event each: customers take turns, and so do the contacts of each. */
export const trackRequests = (callers: readonly Caller[]): LoadRequest[] =>
  Array.from({ length: callers.length * USUAL_MIX.contactsOfEach }, (_, n) => ({
    path: '/v1/events',
    key: callers[n % callers.length]!.key,
    body: JSON.stringify(itemOf(Math.floor(n / callers.length))),
  }));

/** So many events each, of all contacts of one customer. */
export const batchRequests = (callers: readonly Caller[], size: number): LoadRequest[] =>
  callers.map(({ key }) => ({
    path: '/v1/events/batch',
    key,
    body: JSON.stringify({ events: Array.from({ length: size }, (_, n) => itemOf(n)) }),
  }));
