/** What a cron expression means in a timezone; both as a `schedule` trigger has them. */
export interface Calendar {
  /** What is wrong with the two, each with the key it concerns. */
  readonly problems: (
    schedule: string,
    timezone?: string,
  ) => readonly { readonly key: 'schedule' | 'timezone'; readonly message: string }[];
  /** The first due time after this moment, milliseconds since the epoch; `undefined`: there is none any more. */
  readonly nextAfter: (
    trigger: { readonly schedule: string; readonly timezone?: string },
    afterMs: number,
  ) => number | undefined;
}

export const DEFAULT_TIMEZONE = 'UTC';
