import { backoffMs } from './backoff.ts';
import { classifyFault, describeError } from './faults.ts';
import type { IncomingMessage } from './message.ts';

/** What delivering a batch needs of the world. */
export interface DeliveryDesk {
  /**
   * Gives the messages to the handler, and what of the same delivery went to the dead letters since it last resolved;
   * resolves when the effects are durable.
   */
  hand(messages: IncomingMessage[], buried: IncomingMessage[]): Promise<void>;
  /** True: `hand` is called also when nothing is left to hand over, so that the handler can put down what was passed over. */
  readonly tellsOfPassedOver: boolean;
  /** Writes a dead letter; resolves when it is acknowledged or the delivery was abandoned. */
  bury(message: IncomingMessage, reason: string, detail: string): Promise<void>;
  /** True when the partition is lost or the process drains: no further try then. */
  isAbandoned(): boolean;
  wait(ms: number): Promise<void>;
  retried(cause: 'fault' | 'error', error: unknown, attempt: number): void;
}

/** Tries of a whole batch before the message to blame is looked for. */
export const MAX_ATTEMPTS = 5;
/** Tries of a message that is alone in its batch at the end of that search. */
const MAX_ATTEMPTS_ALONE = 2;
const FIRST_ERROR_WAIT_MS = 50;
const FIRST_FAULT_WAIT_MS = 100;
const MAX_WAIT_MS = 10_000;

/**
 * Hands the messages over until they are done: poison goes to the dead letters at once and the rest is handed again;
 * a dependency that is away is waited for, for ever; after `attempts` other failures the batch is halved, again and
 * again, first half first, until the messages to blame stand alone and become dead letters.
 *
 * Resolves to false when abandoned: then the caller commits nothing of it.
 */
export async function deliver(
  messages: IncomingMessage[],
  desk: DeliveryDesk,
  attempts: number = MAX_ATTEMPTS,
  buriedBefore: IncomingMessage[] = [],
): Promise<boolean> {
  let pending = messages;
  let buried = buriedBefore;
  let failures = 0;
  let faults = 0;
  while (pending.length > 0 || desk.tellsOfPassedOver) {
    if (desk.isAbandoned()) return false;
    try {
      await desk.hand(pending, buried);
      return true;
    } catch (error) {
      const fault = classifyFault(error);
      if (fault.kind === 'poison') {
        const poison = pending.find((message) => message.offset === fault.offset);
        if (poison) {
          await desk.bury(poison, fault.reason, fault.detail);
          if (desk.isAbandoned()) return false;
          pending = pending.filter((message) => message !== poison);
          buried = [...buried, poison];
          continue;
        }
      }
      // With nothing left that could be to blame, whatever failed is waited for.
      if (fault.kind === 'dependency' || pending.length === 0) {
        desk.retried('fault', error, faults + 1);
        await desk.wait(backoffMs(faults++, FIRST_FAULT_WAIT_MS, MAX_WAIT_MS));
        continue;
      }
      failures++;
      desk.retried('error', error, failures);
      if (failures < attempts) await desk.wait(backoffMs(failures - 1, FIRST_ERROR_WAIT_MS, MAX_WAIT_MS));
      else return isolate(pending, buried, error, desk);
    }
  }
  return true;
}

async function isolate(
  messages: IncomingMessage[],
  buried: IncomingMessage[],
  error: unknown,
  desk: DeliveryDesk,
): Promise<boolean> {
  if (messages.length === 1) {
    if (desk.isAbandoned()) return false;
    await desk.bury(messages[0]!, 'handler_failed', describeError(error));
    if (desk.isAbandoned()) return false;
    return deliver([], desk, 1, [...buried, messages[0]!]);
  }
  const middle = messages.length >> 1;
  const border = messages[middle]!.offset;
  // Told in their place: a handler that hears of a later message counts those before it as seen.
  const halves = [
    { half: messages.slice(0, middle), before: buried.filter(({ offset }) => offset < border) },
    { half: messages.slice(middle), before: buried.filter(({ offset }) => offset > border) },
  ];
  for (const { half, before } of halves) {
    if (!(await deliver(half, desk, half.length === 1 ? MAX_ATTEMPTS_ALONE : 1, before))) return false;
  }
  return true;
}
