import { decodeContactChange, type ContactChange, type RawMessage } from '@trackline/contracts';
import type { ContactFact, ContactFactWriter } from '../ports.ts';
import { recordFacts } from './record-facts.ts';

const isFact = (change: ContactChange): change is ContactFact =>
  change.change === 'erased' || (change.change === 'merged' && change.into !== undefined);

/** Merges, which reading follows, and erasures. A contact that was created or changed has nothing to tell a timeline. */
export const recordContactFacts = (writer: ContactFactWriter, nowMs: () => number) =>
  recordFacts<ContactFact>({
    decode(message: RawMessage) {
      const change = decodeContactChange(message);
      return isFact(change) ? change : undefined;
    },
    writer,
    nowMs,
  });
