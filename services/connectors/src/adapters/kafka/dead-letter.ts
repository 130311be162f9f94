import { encodeRequestedAction } from '@trackline/contracts';
import { toDeadLetter } from '@trackline/kafka';
import type { ClaimedDelivery } from '../../domain/delivery.ts';
import type { Message } from '../../ports.ts';

/** The letter of a delivery that was given up: the request once more, as its partition has it, for the redrive command to send back. */
export const deadLetters =
  (group: string) =>
  ({ action, source }: ClaimedDelivery, reason: string, detail: string): Message => {
    const { topic, key, value, headers } = encodeRequestedAction(action);
    const letter = toDeadLetter(
      { topic, partition: source.partition, group },
      {
        key: Buffer.from(key!),
        value: Buffer.from(value!),
        headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
        timestampMs: action.requestedAtMs,
        offset: source.offset,
      },
      reason,
      detail,
    );
    return {
      topic: letter.topic,
      partition: letter.partition,
      key,
      value: String(value),
      headers: Object.fromEntries(
        Object.entries(letter.headers).map(([name, text]) => [name, text.toString()]),
      ),
    };
  };
