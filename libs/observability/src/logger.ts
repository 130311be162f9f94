import type { LoggerService } from '@nestjs/common';
import {
  pino,
  stdSerializers,
  stdTimeFunctions,
  type DestinationStream,
  type Logger as PinoLogger,
} from 'pino';

/** Structured JSON lines on stdout. Fields that every service spells alike: `eventId`, `organizationId`, `requestId`, `err`. */
export type Logger = PinoLogger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevelName = (typeof LOG_LEVELS)[number];

export interface LoggerSettings {
  service: string;
  instance: string;
  level?: LogLevelName;
  /** Where the lines go; stdout unless a test listens. */
  destination?: DestinationStream;
}

/** Paths whose values never reach a log line, wherever a caller puts a request's headers or a settings object. */
const SECRET_PATHS = [
  'authorization',
  'apiKey',
  'adminToken',
  'appSecret',
  'verifyToken',
  'accessToken',
].flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

const STDOUT_FD = 1;

/**
 * Writes synchronously, which pino by itself does not on standard output: a line about a crash that is still in a
 * buffer when the process dies helps no one, and the paths that carry every event do not log.
 */
export function createLogger({ service, instance, level = 'info', destination }: LoggerSettings): Logger {
  const options = {
    level,
    base: { service, instance },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: stdSerializers.err, error: stdSerializers.err },
    redact: { paths: SECRET_PATHS, censor: '[secret]' },
  };
  return pino(options, destination ?? standardOutput());
}

const standardOutput = (): DestinationStream => pino.destination({ dest: STDOUT_FD, sync: true });

/** Nest tells of every module and route that it wires: of use when wiring fails, noise in each start otherwise. */
const CHATTY_CONTEXTS = new Set([
  'InstanceLoader',
  'NestFactory',
  'NestMicroservice',
  'RouterExplorer',
  'RoutesResolver',
]);

/**
 * Nest's logger interface over ours. Nest passes `(message, ...rest, context)` and, for errors,
 * `(message, stack, context)`; the message may be an Error or an object.
 */
export function toNestLogger(logger: Logger): LoggerService {
  const write = (
    level: 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'trace',
    message: unknown,
    rest: unknown[],
  ) => {
    const context = typeof rest.at(-1) === 'string' ? (rest.at(-1) as string) : undefined;
    const quiet = level === 'info' && context !== undefined && CHATTY_CONTEXTS.has(context);
    const fields: Record<string, unknown> = context === undefined ? {} : { context };
    const extras = context === undefined ? rest : rest.slice(0, -1);
    for (const extra of extras) {
      if (extra instanceof Error) fields['err'] = extra;
      else if (typeof extra === 'string') fields['stack'] = extra;
      else if (extra !== undefined) fields['detail'] = extra;
    }
    if (message instanceof Error) logger[level]({ ...fields, err: message }, message.message);
    else if (typeof message === 'string') logger[quiet ? 'debug' : level](fields, message);
    else logger[level]({ ...fields, detail: message });
  };
  return {
    log: (message, ...rest) => write('info', message, rest),
    error: (message, ...rest) => write('error', message, rest),
    warn: (message, ...rest) => write('warn', message, rest),
    debug: (message, ...rest) => write('debug', message, rest),
    verbose: (message, ...rest) => write('trace', message, rest),
    fatal: (message, ...rest) => write('fatal', message, rest),
  };
}
