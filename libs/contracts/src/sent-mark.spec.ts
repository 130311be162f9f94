import { expect, it } from '@jest/globals';
import { readSentMark, toSentMark } from './sent-mark.ts';

const mark = {
  workflowId: '01a1feb0-47fe-700c-980c-8fef36d025d6',
  executionId: '01a1feb0-4800-700c-980c-8fef36d025d6',
  actionId: '495a7c14-145a-81a3-a7c4-e671073376b7',
};

it('the mark of a message is read as it was made, and is as long as Meta allows at most', () => {
  expect(readSentMark(toSentMark(mark))).toEqual(mark);
  expect(toSentMark({ ...mark, actionId: 'x'.repeat(255) }).length).toBeLessThanOrEqual(512);
});

it.each([
  '',
  mark.actionId,
  'trackline/x/y',
  `trackline/${mark.workflowId}/x/y`,
  `trackline/${mark.workflowId}/${mark.executionId}/`,
  `my ${toSentMark(mark)}`,
])('%j is no mark of ours', (text) => expect(readSentMark(text)).toBeUndefined());
