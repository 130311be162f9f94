/** A message that can never be processed: it goes to the dead letters at once, the rest of its batch is handed again. */
export class PoisonMessage extends Error {
  override readonly name = 'PoisonMessage';

  constructor(
    /** Offset of the message within the batch that was handed over. */
    readonly offset: number,
    /** One word for the dead letter's `dlq-reason` header and its metric. */
    readonly reason: string,
    /** For the reader of the dead letter. */
    readonly detail: string,
  ) {
    super(`Message at offset ${offset} is poison (${reason}): ${detail}`);
  }
}

/** Something that the handler needs is away. The batch waits for it, for ever; no message is to blame. */
export class DependencyFault extends Error {
  override readonly name = 'DependencyFault';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The publisher's queue is full: push back on whoever produces. */
export class PublisherFull extends Error {
  override readonly name = 'PublisherFull';
}

/** Not acknowledged within the time given for it. The messages may or may not have been written. */
export class PublishTimeout extends Error {
  override readonly name = 'PublishTimeout';
}

export type FaultKind =
  | { kind: 'poison'; offset: number; reason: string; detail: string }
  | { kind: 'dependency' }
  | { kind: 'unknown' };

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ERR_SOCKET_CLOSED',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_SOCKET',
]);

/**
 * SQLSTATEs that say "not now" rather than "not this": connection (08), resources (53), operator intervention (57: a
 * shutdown, a statement timeout), serialisation failure and deadlock (40), a lock or object in use (55), system (58),
 * and a server that is read only because it is a standby (25006).
 */
const TRANSIENT_SQLSTATE = /^(08|40|53|55|57|58)[0-9A-Z]{3}$|^25006$/;

const DEPENDENCY_NAMES = new Set([
  'DependencyFault',
  'PublisherFull',
  'PublishTimeout',
  'MaxRetriesPerRequestError',
  'ClusterAllFailedError',
  'AbortError',
  'TimeoutError',
]);

/** Replies in which Redis says that it, and not the command, is the trouble. */
const REDIS_TRANSIENT =
  /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|UNBLOCKED|BUSY |OOM |MISCONF)/;

const CONNECTION_WORDS =
  /connection (is |was )?(terminated|closed|ended|lost|timed? ?out)|timeout exceeded when trying to connect|connect(ion)? timeout|client has encountered a connection error|stream isn't writeable|server closed the connection|command timed out|query read timeout/i;

/** Every chain is followed this deep, no deeper: causes can be circular. */
const MAX_CAUSE_DEPTH = 8;

/** Sorts what a handler threw. Goes by name and code, not by class: the error may come from another copy of a library. */
export function classifyFault(error: unknown): FaultKind {
  const poison = findInChain(error, isPoison);
  if (poison) return { kind: 'poison', offset: poison.offset, reason: poison.reason, detail: poison.detail };
  return findInChain(error, looksLikeDependencyFault) ? { kind: 'dependency' } : { kind: 'unknown' };
}

interface ErrorLike {
  name?: unknown;
  message?: unknown;
  code?: unknown;
  cause?: unknown;
  errors?: unknown;
}

function isPoison(error: ErrorLike): error is PoisonMessage {
  return error.name === 'PoisonMessage' && typeof (error as PoisonMessage).offset === 'number';
}

function looksLikeDependencyFault(error: ErrorLike): error is ErrorLike {
  const { name, code, message } = error;
  if (typeof name === 'string' && (DEPENDENCY_NAMES.has(name) || name.startsWith('KafkaJS'))) return true;
  if (typeof code === 'string' && (NETWORK_CODES.has(code) || TRANSIENT_SQLSTATE.test(code))) return true;
  if (typeof message !== 'string') return false;
  return (name === 'ReplyError' && REDIS_TRANSIENT.test(message)) || CONNECTION_WORDS.test(message);
}

function findInChain<Found extends ErrorLike>(
  error: unknown,
  matches: (error: ErrorLike) => error is Found,
  depth = 0,
): Found | undefined {
  if (typeof error !== 'object' || error === null || depth > MAX_CAUSE_DEPTH) return undefined;
  const candidate = error as ErrorLike;
  if (matches(candidate)) return candidate;
  if (Array.isArray(candidate.errors)) {
    for (const inner of candidate.errors.slice(0, MAX_CAUSE_DEPTH)) {
      const found = findInChain(inner, matches, depth + 1);
      if (found) return found;
    }
  }
  return findInChain(candidate.cause, matches, depth + 1);
}

export function describeError(error: unknown): string {
  if (error instanceof Error) return error.message === '' ? error.name : `${error.name}: ${error.message}`;
  try {
    return typeof error === 'string' ? error : JSON.stringify(error);
  } catch {
    return String(error);
  }
}
