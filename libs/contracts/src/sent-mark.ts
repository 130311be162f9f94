/**
 * What a message of ours carries through WhatsApp (`biz_opaque_callback_data`, which comes back with each status of it): which workflow sent
 * it, and by which action. So a status tells what its message was part of, also when the answer that named the message was lost.
 */
export interface SentMark {
  readonly workflowId: string;
  readonly actionId: string;
}

const MARK = /^trackline\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/([^/]{1,255})$/;

export const toSentMark = ({ workflowId, actionId }: SentMark): string =>
  `trackline/${workflowId}/${actionId}`;

/** `undefined`: nobody's, or of somebody who sends by the same number in their own way. */
export function readSentMark(text: string): SentMark | undefined {
  const [, workflowId, actionId] = MARK.exec(text) ?? [];
  return workflowId === undefined || actionId === undefined ? undefined : { workflowId, actionId };
}
