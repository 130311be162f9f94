import type { Issue, Validation } from '@trackline/contracts';

export type Check = (value: unknown) => Validation<unknown>;

export type Tell = (path: string, message: string) => void;

/** Where in the definition something stands, and whom to tell what is wrong with it. */
export interface Place {
  readonly path: string;
  readonly tell: Tell;
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const UNKNOWN_KEY = 'Unexpected property';

/** Said of keys that people expect where they are not. */
const HINTS: Readonly<Record<string, string>> = {
  template: 'There is no store of templates here: write the texts into the step.',
  templateId: 'There is no store of templates here: write the texts into the step.',
};

export function explained({ path, message }: Issue): string {
  const key = path.slice(path.lastIndexOf('/') + 1);
  if (message !== UNKNOWN_KEY) return message;
  return (Object.hasOwn(HINTS, key) ? HINTS[key] : undefined) ?? `"${key}" is not known here.`;
}
