import { expect, it } from '@jest/globals';
import { readAction } from './read-action.ts';

it('a message without a body cannot be read, and says where the body is', () => {
  const headers = { ce_id: Buffer.from('a1') };
  const read = readAction({ key: null, value: null, headers, timestampMs: 0, offset: 0 });
  expect(read).toMatchObject({
    reason: 'undecodable',
    detail: expect.stringContaining('docs/runbooks/dead-letters.md'),
  });
});
