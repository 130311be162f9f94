/**
 * What a message of ours carries through WhatsApp (`biz_opaque_callback_data`, which comes back with each status of it): which workflow sent
 * it, in which execution, and by which action. So a status tells what its message was part of, and what set it off, also when the answer that
 * named the message was lost.
 */
export interface SentMark {
  readonly workflowId: string;
  readonly executionId: string;
  readonly actionId: string;
}

const ID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const MARK = new RegExp(`^trackline/(${ID})/(${ID})/([^/]{1,255})$`);

export const toSentMark = ({ workflowId, executionId, actionId }: SentMark): string =>
  `trackline/${workflowId}/${executionId}/${actionId}`;

/** `undefined`: nobody's, or of somebody who sends by the same number in their own way. */
export function readSentMark(text: string): SentMark | undefined {
  const [, workflowId, executionId, actionId] = MARK.exec(text) ?? [];
  return workflowId === undefined || executionId === undefined || actionId === undefined
    ? undefined
    : { workflowId, executionId, actionId };
}
