import { isRedriven, type RawMessage } from '@trackline/contracts';
import type { NewDelivery } from '../domain/delivery.ts';
import { destinationOf } from '../domain/destination.ts';
import { readAction, type Unreadable } from '../domain/read-action.ts';
import type { DeliveryStore } from '../ports.ts';

export type Poison = Unreadable & { readonly offset: number };
export type Taken = { readonly taken: number; readonly seenBefore: number };

export interface ActionBatch {
  readonly partition: number;
  readonly messages: readonly RawMessage[];
}

/**
 * decode → put down. Resolves when every action of the batch is durable; a batch that comes again changes nothing. Nothing is sent here:
 * a slow destination never holds a partition.
 */
export const takeActions =
  ({ take }: Pick<DeliveryStore, 'take'>) =>
  async ({ partition, messages }: ActionBatch): Promise<Taken | Poison> => {
    // By id, the latest: one statement cannot touch a row twice.
    const deliveries = new Map<string, NewDelivery>();
    for (const message of messages) {
      const action = readAction(message);
      if ('reason' in action) return { ...action, offset: message.offset };
      const source = { partition, offset: message.offset };
      const destination = destinationOf(action);
      deliveries.set(action.id, { action, destination, source, redriven: isRedriven(message) });
    }
    const taken = await take([...deliveries.values()]);
    return { taken, seenBefore: messages.length - taken };
  };
