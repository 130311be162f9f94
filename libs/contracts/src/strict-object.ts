import { Type, type TSchema } from '@sinclair/typebox';

/** An object with no other properties than these. */
export const strict = <T extends Record<string, TSchema>>(properties: T, description?: string) =>
  Type.Object(properties, { additionalProperties: false, ...(description ? { description } : undefined) });
