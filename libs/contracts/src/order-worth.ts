/** What an order says of its worth: the text of each property, as its JSON had it. `null`: it is not there. */
export interface SaidWorth {
  readonly value: string | null;
  readonly amount: string | null;
  readonly total: string | null;
  readonly orderTotal: string | null;
  readonly currency: string | null;
}

const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$/;
/** A number of more characters is no price; sums stay small enough to be read. */
const MAX_CHARACTERS = 40;

/** The first of the properties that is a decimal, exactly as it was said; never a float. */
export const amountOf = ({ value, amount, total, orderTotal }: SaidWorth): string | null =>
  [value, amount, total, orderTotal].map(decimal).find((one) => one !== null) ?? null;

function decimal(said: string | null): string | null {
  const text = said?.trim() ?? '';
  if (text.length > MAX_CHARACTERS || !DECIMAL.test(text)) return null;
  return text.replace(/^\+/, '');
}

/** The currency that the order names, in capitals. */
export function currencyOf({ currency }: SaidWorth): string | null {
  const code = currency?.trim().toUpperCase() ?? '';
  return /^[A-Z]{3}$/.test(code) ? code : null;
}
