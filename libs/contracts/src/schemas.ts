import { Type, type Static, type TSchema } from '@sinclair/typebox';
import { MAX_NAME_CHARACTERS } from './validation.ts';

/** Shapes that several routes share. */
export const Id = Type.String({ description: 'An id we gave out: a UUID, to be treated as opaque.' });
export const Timestamp = Type.String({
  description: 'ISO 8601, UTC.',
  examples: ['2026-11-20T10:00:00.000Z'],
});
export const EventName = Type.String({
  minLength: 1,
  maxLength: MAX_NAME_CHARACTERS,
  description: `The event's name, at most ${MAX_NAME_CHARACTERS} characters.`,
  examples: ['purchase_completed'],
});
export const Properties = Type.Record(Type.String(), Type.Unknown(), {
  description:
    'Anything worth knowing about the event: an object of at most 64 KB as JSON, at most 10 levels deep.',
});

export const ErrorBody = Type.Object({
  success: Type.Literal(false),
  error: Type.String({ description: 'What was wrong, and what would be right.' }),
  code: Type.String(),
  requestId: Type.String(),
  details: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
});
export type ErrorBody = Static<typeof ErrorBody>;

export const Limit = Type.Optional(
  Type.String({
    pattern: '^[0-9]{1,9}$',
    description: 'At most 200, default 50.',
    message: 'limit must be a number from 1 to 200.',
  }),
);
export const Cursor = Type.Optional(Type.String({ description: '`nextCursor` of the page before.' }));

/** A page of a list: `nextCursor` is `null` on the last one. */
export const Page = <T extends TSchema>(item: T) =>
  Type.Object({ items: Type.Array(item), nextCursor: Type.Union([Type.String(), Type.Null()]) });

export const MAX_PAGE = 200;
export const DEFAULT_PAGE = 50;

/** `limit` of a query as a number within its bounds. */
export const pageSize = (limit: string | undefined): number =>
  limit === undefined ? DEFAULT_PAGE : Math.min(MAX_PAGE, Math.max(1, Number(limit)));
