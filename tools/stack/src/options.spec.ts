import { describe, expect, it } from '@jest/globals';
import { parseOptions } from './options.ts';

describe('the options of npm start', () => {
  it('have a port: the option, else PORT, else 8080', () => {
    expect(parseOptions([], {}).port).toBe(8080);
    expect(parseOptions([], { PORT: '9000' }).port).toBe(9000);
    expect(parseOptions(['--port', '9001'], { PORT: '9000' }).port).toBe(9001);
    expect(() => parseOptions(['--port', 'eighty'], {})).toThrow('"eighty" is no port.');
  });

  it('have instances', () => {
    expect([...parseOptions(['--instances', 'ingest=2,trigger=3'], {}).instances]).toEqual([
      ['ingest', 2],
      ['trigger', 3],
    ]);
    expect(() => parseOptions(['--instances', 'billing=2'], {})).toThrow('does not understand "billing=2"');
    expect(() => parseOptions(['--instances', 'ingest=0'], {})).toThrow('does not understand "ingest=0"');
  });

  it('say what there is when one is unknown', () => {
    expect(() => parseOptions(['--frsh'], {})).toThrow(/--frsh/);
  });
});
