import { describe, expect, it } from '@jest/globals';
import { eventually } from './eventually.ts';

describe('eventually', () => {
  it('returns the value of the first look that does not throw', async () => {
    let looks = 0;
    const value = await eventually(
      () => {
        looks += 1;
        if (looks < 3) throw new Error('not yet');
        return looks;
      },
      { everyMs: 1 },
    );
    expect(value).toBe(3);
  });

  it('takes undefined and false for "not yet", and zero for a value', async () => {
    const answers = [undefined, false, 0] as const;
    let looks = 0;
    expect(await eventually(() => answers[looks++], { everyMs: 1 })).toBe(0);
  });

  it('gives up with the last reason', async () => {
    const impossible = () => {
      throw new Error('no answer from 8081');
    };
    await expect(eventually(impossible, { withinMs: 20, everyMs: 1 })).rejects.toThrow(
      'Not within 20 ms: no answer from 8081',
    );
  });
});
