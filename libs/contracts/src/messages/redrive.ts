import { text, type RawHeaders } from './headers.ts';

/** On a message that was sent back from the dead letters: the one group that it is for. The others have had it. */
export const REDRIVE_GROUP = 'redrive-group';
/** Where it first stood, `topic/partition/offset`. */
export const REDRIVE_OF = 'redrive-of';
/** Alone on a message of a dead letter topic, without a body: the letter at this offset of the same partition was sent back. */
export const SENT_BACK = 'dlq-sent-back';

/** A redriven message stands behind others of its source partition: where it is put down says nothing of what lies before it. */
export const isRedriven = ({ headers }: { readonly headers: RawHeaders }): boolean =>
  headers[REDRIVE_GROUP] !== undefined;

export const redriveGroup = (headers: RawHeaders): string | undefined => text(headers, REDRIVE_GROUP);
