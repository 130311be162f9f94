import { describe, expect, it } from '@jest/globals';
import type { Logger } from '@trackline/observability';
import { Opened } from './opened.ts';

describe('what was opened', () => {
  it('is closed in the opposite order, each once what needs it is closed', async () => {
    const opened = new Opened();
    const seen: string[] = [];
    for (const name of ['database', 'publisher', 'app'])
      opened.add(async () => {
        seen.push(`${name} closes`);
        await Promise.resolve();
        seen.push(`${name} is closed`);
      });
    await opened.close();
    const inOrder = ['app', 'publisher', 'database'].flatMap((name) => [
      `${name} closes`,
      `${name} is closed`,
    ]);
    expect(seen).toEqual(inOrder);
    await opened.close();
    expect(seen).toEqual(inOrder);
  });

  it('is closed also below what could not be closed, and that is told', async () => {
    const opened = new Opened();
    let isOpen = true;
    opened.add(async () => (isOpen = false));
    opened.add(() => Promise.reject(new Error('busy')));
    await expect(opened.close()).rejects.toThrow('busy');
    expect(isOpen).toBe(false);
    await opened.close();
  });

  it('tells of all that could not be closed', async () => {
    const opened = new Opened();
    const faults = ['first', 'second'].map((message) => new Error(message));
    for (const fault of faults) opened.add(() => Promise.reject(fault));
    await expect(opened.close()).rejects.toMatchObject({ errors: faults.toReversed() });
  });

  it('is closed after a start that failed, and what the start failed of is thrown', async () => {
    const opened = new Opened();
    const faults: unknown[] = [];
    const logger = { error: (fault: unknown) => faults.push(fault) } as unknown as Logger;
    const stuck = new Error('stuck');
    opened.add(() => Promise.reject(stuck));
    await expect(opened.abandon(new Error('no broker'), logger)).rejects.toThrow('no broker');
    expect(faults).toEqual([{ err: stuck }]);
  });
});
