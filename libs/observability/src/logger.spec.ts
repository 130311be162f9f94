import { describe, expect, it } from '@jest/globals';
import { createLogger, toNestLogger, type LogLevelName } from './logger.ts';

function listening(level: LogLevelName = 'trace') {
  const lines: Record<string, unknown>[] = [];
  const destination = {
    write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>),
  };
  return { lines, logger: createLogger({ service: 'ingest', instance: 'ingest-1', level, destination }) };
}

describe('a log line', () => {
  it('is JSON with time, level by name, service and instance', () => {
    const { lines, logger } = listening();
    logger.info({ eventId: 'e1', organizationId: 'o1', requestId: 'r1' }, 'tracked');
    expect(lines).toEqual([
      {
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        level: 'info',
        service: 'ingest',
        instance: 'ingest-1',
        eventId: 'e1',
        organizationId: 'o1',
        requestId: 'r1',
        msg: 'tracked',
      },
    ]);
  });

  it('never carries a secret', () => {
    const { lines, logger } = listening();
    logger.info({ apiKey: 'tl_live_1', headers: { authorization: 'Bearer tl_live_2' } }, 'x');
    logger.info({ request: { headers: { authorization: 'Bearer tl_live_3' } } }, 'x');
    expect(JSON.stringify(lines)).not.toContain('tl_live');
  });

  it('tells an error with its message and stack', () => {
    const { lines, logger } = listening();
    logger.error({ err: new Error('broken') }, 'could not');
    expect(lines[0]).toMatchObject({
      err: { message: 'broken', stack: expect.stringContaining('logger.spec') },
    });
  });

  it('below the level is not written', () => {
    const { lines, logger } = listening('warn');
    logger.info('quiet');
    expect(lines).toEqual([]);
  });
});

describe("Nest's logger", () => {
  it('keeps the context apart from the message', () => {
    const { lines, logger } = listening();
    toNestLogger(logger).log('started', 'Bootstrap');
    expect(lines[0]).toMatchObject({ level: 'info', context: 'Bootstrap', msg: 'started' });
  });

  it('keeps the stack that Nest hands over with an error', () => {
    const { lines, logger } = listening();
    toNestLogger(logger).error('failed', 'Error: failed\n  at x', 'ExceptionsHandler');
    expect(lines[0]).toMatchObject({
      level: 'error',
      context: 'ExceptionsHandler',
      stack: 'Error: failed\n  at x',
      msg: 'failed',
    });
  });

  it('takes an Error as the message', () => {
    const { lines, logger } = listening();
    toNestLogger(logger).error(new Error('failed'));
    expect(lines[0]).toMatchObject({ err: { message: 'failed' }, msg: 'failed' });
  });

  it('lowers the wiring of routes and modules to debug', () => {
    const { lines, logger } = listening('info');
    toNestLogger(logger).log('Mapped {/v1/events, POST} route', 'RouterExplorer');
    expect(lines).toEqual([]);
  });
});
