import {
  DEFAULT_CONCURRENT_EXECUTIONS,
  MAX_CONTACT_EXECUTIONS,
  type EntryRefusal,
  type WorkflowSettings,
} from '@trackline/contracts';

/** What is known of the executions of one workflow for one contact. */
export interface EntryFacts {
  readonly isRunning: boolean;
  /** Milliseconds since the epoch. */
  readonly lastStartedAtMs: number | null;
  /** When the last of those that have ended did. */
  readonly lastEndedAtMs: number | null;
}

export const NEVER_ENTERED: EntryFacts = { isRunning: false, lastStartedAtMs: null, lastEndedAtMs: null };

/** Whether the settings ask for what is in `EntryFacts`; without, it need not be read. */
export const asksForEntries = (settings: WorkflowSettings = {}): boolean =>
  isSole(settings) || (settings.contactCooldownSeconds ?? 0) > 0;

/** Whether at most one execution of a contact runs at a time: a delay after its end cannot begin before there is one. */
export const isSole = ({ allowReentry, reentryDelaySeconds }: WorkflowSettings = {}): boolean =>
  allowReentry === false || (reentryDelaySeconds ?? 0) > 0;

/** Of a workflow: what says who may enter. */
export interface Entrance {
  readonly waits: boolean;
  readonly definition: { readonly settings?: WorkflowSettings };
}

/** Executions that have not ended. */
export interface Running {
  readonly ofWorkflow: number;
  readonly ofContact: number;
}

/** Why a contact may not enter now; `undefined`: it may. */
export function refusalOf(
  entrance: Entrance,
  { isRunning, lastStartedAtMs, lastEndedAtMs }: EntryFacts,
  running: Running,
  nowMs: number,
): EntryRefusal | undefined {
  const { settings = {} } = entrance.definition;
  const { reentryDelaySeconds = 0, contactCooldownSeconds = 0 } = settings;
  if (isSole(settings) && isRunning) return 'already_running';
  if (isWithin(lastEndedAtMs, reentryDelaySeconds, nowMs)) return 'reentry_delay';
  if (isWithin(lastStartedAtMs, contactCooldownSeconds, nowMs)) return 'contact_cooldown';
  if (isFull(settings, running.ofWorkflow)) return 'max_concurrent_executions';
  return isCrowded(entrance, running.ofContact) ? 'max_contact_executions' : undefined;
}

/** Whether as many are running as the workflow allows. */
export const isFull = (settings: WorkflowSettings | undefined, running: number): boolean =>
  running >= (settings?.maxConcurrentExecutions ?? DEFAULT_CONCURRENT_EXECUTIONS);

/** Whether a contact has as many executions as it may when it enters a workflow that waits. */
export const isCrowded = ({ waits }: Pick<Entrance, 'waits'>, runningOfContact: number): boolean =>
  waits && runningOfContact >= MAX_CONTACT_EXECUTIONS;

const isWithin = (sinceMs: number | null, seconds: number, nowMs: number): boolean =>
  sinceMs !== null && seconds > 0 && nowMs < sinceMs + seconds * 1000;
