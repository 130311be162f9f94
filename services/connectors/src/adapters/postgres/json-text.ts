/** A value as a `json` column takes it: well-formed, for a driver that writes UTF-8. */
export const toJson = (value: unknown): string => JSON.stringify(value).toWellFormed();
