/** Whether a `Prefer` header (RFC 7240: a list of tokens, some with values) asks not to wait for the outcome. */
export const prefersAsync = (prefer: string | undefined): boolean =>
  prefer !== undefined &&
  prefer.split(',').some((token) => token.split(';', 1)[0]!.trim().toLowerCase() === 'respond-async');
