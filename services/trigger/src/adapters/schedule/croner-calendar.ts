import { Cron } from 'croner';
import { DEFAULT_TIMEZONE, type Calendar } from '../../domain/schedule.ts';

/** croner reads a date, and names such as `@daily`, as a pattern, too: here it is five fields, as the contract says. */
const FIVE_FIELDS = /^\s*\S+(\s+\S+){4}\s*$/;

/**
 * Cron by croner: the day of the month or the day of the week, whichever comes first. Where clocks go forward, a time that is left out
 * is due at the first one after it; where they go back, a fixed time is due once, and `*` goes on through both hours.
 */
export const cronerCalendar: Calendar = {
  problems(schedule, timezone = DEFAULT_TIMEZONE) {
    if (!isTimezone(timezone)) {
      return [
        {
          key: 'timezone',
          message: `"${timezone}" is no timezone that is known here: give one as IANA names it, such as Europe/Madrid.`,
        },
      ];
    }
    if (!FIVE_FIELDS.test(schedule)) {
      return [
        {
          key: 'schedule',
          message: 'A schedule has five fields: minute, hour, day of the month, month, day of the week.',
        },
      ];
    }
    try {
      if (cron(schedule, timezone).nextRun() !== null) return [];
      return [{ key: 'schedule', message: `"${schedule}" is never due.` }];
    } catch (error) {
      const message = (error as Error).message.replace(/^CronPattern: /, '');
      return [{ key: 'schedule', message: `"${schedule}" is no cron expression: ${message}` }];
    }
  },

  nextAfter({ schedule, timezone = DEFAULT_TIMEZONE }, afterMs) {
    return cron(schedule, timezone).nextRun(new Date(afterMs))?.getTime();
  },
};

/** Paused: it computes and starts no timer of its own. */
const cron = (schedule: string, timezone: string): Cron =>
  new Cron(schedule.trim(), { timezone, mode: '5-part', paused: true });

function isTimezone(timezone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
    // An offset is a timezone to Intl, and has no summer.
    return !/^[+-]/.test(timezone);
  } catch {
    return false;
  }
}
