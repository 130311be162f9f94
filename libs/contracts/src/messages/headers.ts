/** Messages are CloudEvents 1.0 in binary mode (Kafka protocol binding): metadata in `ce_` headers, the payload as the value. */

/** Headers as a broker client hands them over. */
export type RawHeaders = Readonly<Record<string, Buffer | undefined>>;

export interface RawMessage {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RawHeaders;
  readonly timestampMs: number;
  readonly offset: number;
}

/** A message ready to be published, but for its partition. */
export interface EncodedMessage {
  readonly topic: string;
  readonly key: string | null;
  readonly value: Buffer | string | null;
  readonly headers: Record<string, string | Buffer>;
}

export const text = (headers: RawHeaders, name: string): string | undefined =>
  headers[name]?.toString('utf8');

/** A header that our own services always write; its absence is a fault of the writer. */
export function required(headers: RawHeaders, name: string): string {
  const value = headers[name];
  if (value === undefined) throw new MissingHeader(name);
  return value.toString('utf8');
}

export class MissingHeader extends Error {
  override readonly name = 'MissingHeader';
  constructor(header: string) {
    super(`The message has no header "${header}".`);
  }
}

export const contactKey = (organizationId: string, contactId: string): string =>
  `${organizationId}:${contactId}`;
