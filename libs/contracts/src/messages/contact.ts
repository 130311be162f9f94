import type { EncodedMessage, RawMessage } from './headers.ts';
import { contactKey } from './headers.ts';
import { CONTACTS } from '../topics.ts';

export interface ContactChange {
  /** Unique per change. */
  readonly id: string;
  readonly organizationId: string;
  readonly contactId: string;
  readonly change: 'created' | 'updated' | 'subscribed' | 'unsubscribed' | 'merged' | 'erased';
  /** With `merged`: the contact that this one became an alias of. */
  readonly into?: string;
  /** With `subscribed` and `unsubscribed`. */
  readonly topicId?: string;
  /** The one channel that it is about; absent: all of them. */
  readonly channel?: string;
  /** Of a change that a workflow made: `<execution>/<step>/<visit>`. */
  readonly cause?: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

export const encodeContactChange = (change: ContactChange): EncodedMessage => ({
  topic: CONTACTS,
  key: contactKey(change.organizationId, change.contactId),
  value: JSON.stringify(change),
  headers: {
    ce_specversion: '1.0',
    ce_id: change.id,
    ce_type: `com.trackline.contact.${change.change}`,
    ce_source: `/organizations/${change.organizationId}/contacts`,
    ce_subject: change.contactId,
    ce_time: new Date(change.atMs).toISOString(),
    ce_organization: change.organizationId,
    'content-type': 'application/json',
  },
});

export const decodeContactChange = (message: RawMessage): ContactChange =>
  JSON.parse((message.value ?? Buffer.from('{}')).toString('utf8')) as ContactChange;
