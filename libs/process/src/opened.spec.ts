import { describe, expect, it } from '@jest/globals';
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

  it('stays open below what could not be closed', async () => {
    const opened = new Opened();
    let isOpen = true;
    opened.add(async () => (isOpen = false));
    opened.add(() => Promise.reject(new Error('busy')));
    await expect(opened.close()).rejects.toThrow('busy');
    expect(isOpen).toBe(true);
    await opened.close();
    expect(isOpen).toBe(false);
  });
});
