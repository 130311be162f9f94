import { describe, expect, it } from '@jest/globals';
import type { RawMessage } from '@trackline/contracts';
import { strangerTo } from './log-mark.ts';

const MARK = { offset: 100, receivedAtMs: 1_000_000 };
const message = (offset: number, timestampMs: number) => ({ offset, timestampMs }) as RawMessage;
const stranger = (...messages: RawMessage[]) => strangerTo(MARK, messages)?.offset;

describe('the mark of a log', () => {
  it('knows its own log again, whatever comes after the mark', () => {
    expect(
      stranger(message(0, 1), message(99, 1_000_000), message(100, 1_000_000), message(101, 9_000_000)),
    ).toBe(undefined);
  });

  it('bears with clocks that differ a little', () => {
    expect(stranger(message(99, 1_010_000))).toBe(undefined);
  });

  it('knows another by a record that is too young for its offset, or is not the mark', () => {
    expect(stranger(message(0, 1_010_001))).toBe(0);
    expect(stranger(message(99, 5), message(100, 1_000_001))).toBe(100);
  });
});
