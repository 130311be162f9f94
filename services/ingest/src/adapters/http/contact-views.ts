import type { ContactBatchAnswer, ContactView, Issue } from '@trackline/contracts';
import { Problem } from '@trackline/contracts';
import type { Conflicting, Contact, Subscription, UpsertOutcome } from '@trackline/directory';

export const toContactView = (
  { organizationId: _organizationId, createdAt, updatedAt, ...contact }: Contact,
  topics: readonly Subscription[] = [],
): ContactView => ({
  ...contact,
  ...(topics.length > 0 && {
    topics: topics.map(({ topicId, channels, since }) => ({
      topicId,
      channels: [...channels],
      since: since.toISOString(),
    })),
  }),
  createdAt: createdAt.toISOString(),
  updatedAt: updatedAt.toISOString(),
});

export const invalidContact = (issues: readonly Issue[]): Problem =>
  new Problem('VALIDATION_FAILED', firstOf(issues), { details: issues });

export const takenIdentifier = (conflict: Conflicting): Problem =>
  new Problem('CONFLICT', conflictText(conflict), {
    details: [{ path: `/${conflict.field}`, message: 'Another contact has it.' }],
    extra: { contactId: conflict.contactId },
  });

export const noSuchContact = (): Problem => new Problem('NOT_FOUND', 'There is no such contact.');

/** Item by item, in order, as a batch of events is answered. */
export function toBatchAnswer(outcomes: readonly UpsertOutcome[]): ContactBatchAnswer {
  const results = outcomes.map((outcome, index): ContactBatchAnswer['results'][number] => {
    switch (outcome.outcome) {
      case 'created':
      case 'updated':
        return { index, status: outcome.outcome, id: outcome.contact.id };
      case 'unchanged':
        return { index, status: 'updated', id: outcome.contact.id };
      case 'conflict':
        return { index, status: 'conflict', error: conflictText(outcome) };
      case 'invalid':
        return { index, status: 'invalid', error: firstOf(outcome.issues) };
    }
  });
  const errors = results.flatMap(({ index, error }) =>
    error === undefined ? [] : [`contacts[${index}]: ${error}`],
  );
  return { success: errors.length === 0, processed: results.length - errors.length, errors, results };
}

const conflictText = ({ field, contactId }: Conflicting): string =>
  `Another contact (${contactId}) has this ${field}.`;

const firstOf = (issues: readonly Issue[]): string => {
  const first = issues[0]!;
  return first.path === '' ? first.message : `${first.path}: ${first.message}`;
};
