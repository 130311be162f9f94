import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { identify } from './identity.ts';
import { takeLock } from './instance-lock.ts';

describe('the lock of a stack', () => {
  let file: string;

  beforeEach(() => {
    file = join(mkdtempSync(join(tmpdir(), 'lock-')), 'lock.json');
  });

  it('is held once, and says by whom', () => {
    takeLock(file);
    expect(() => takeLock(file)).toThrow(
      `Trackline is running here already: process ${process.pid}, since 20`,
    );
  });

  it('is free again after its release', () => {
    takeLock(file).release();
    expect(existsSync(file)).toBe(false);
    expect(takeLock(file).leftBehind).toBe(false);
  });

  it('of a process that is gone is taken over', () => {
    writeFileSync(file, JSON.stringify({ pid: 1, began: 'in another life', since: 'then' }));
    expect(takeLock(file).leftBehind).toBe(true);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject(identify(process.pid)!);
  });

  it('that was cut short while being written is taken over', () => {
    writeFileSync(file, '{"pid":');
    expect(takeLock(file).leftBehind).toBe(true);
  });
});
