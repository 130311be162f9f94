import { numbersAsSent } from '@trackline/contracts';
import type { SentProperties } from './fields.ts';

/** More are shown as doubles: what an execution carries of its events stays small. */
const MAX_NUMBERS = 1_000;

/** From their JSON text. They were checked at the door; what is no object all the same counts as none. */
export function readProperties(bytes: Buffer | string): SentProperties {
  const json = bytes.toString();
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return { properties: {} };
    const numbers = numbersAsSent(json, MAX_NUMBERS);
    return { properties: value as Record<string, unknown>, ...(numbers && { numbers }) };
  } catch {
    return { properties: {} };
  }
}
