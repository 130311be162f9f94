/** Text as the database takes it: without NUL and halves of surrogate pairs. In JSON too, where it refuses both. */
export const storableText = (text: string): string => text.replaceAll('\0', '').toWellFormed();

/** A JSON value with the same done to all its texts and names. */
export function storable(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [storableText(name), storable(inner)]),
  );
}
