export interface IncomingMessage {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /**
   * Of a header that was sent more than once, the last one. Read anew each time that it is asked for, so ask once; and a property of the message's
   * class, so a copy by spreading is without them.
   */
  readonly headers: Readonly<Record<string, Buffer | undefined>>;
  /** CreateTime or LogAppendTime, as the topic says. */
  readonly timestampMs: number;
  readonly offset: number;
}
