import { describe, expect, it } from '@jest/globals';
import type { TouchedConversation } from '@trackline/contracts';
import { messageKey, type Link } from '../domain/whatsapp/link.ts';
import { recordingConversations } from './record-conversations.ts';

describe('conversations', () => {
  it('of one message that name two contacts link it to the first', async () => {
    const linked: Link[] = [];
    const told: TouchedConversation[] = [];
    const record = recordingConversations({
      contacts: {
        resolve: async (_caller, lookups) =>
          lookups.map(({ reference }) => ({ contactId: `contact of ${reference.value}`, created: false })),
      },
      links: {
        linkPersons: async (_organizationId, links) => {
          linked.push(...links);
          return false;
        },
      },
      conversations: { append: async (touches) => void told.push(...touches) },
      newId: () => 'new',
      onIdentified: () => undefined,
    });
    const item = (contactEmail: string) => ({ contactEmail, direction: 'inbound' as const, messageId: 'm' });
    const answer = await record({
      caller: { organizationId: 'o', plan: { monthlyLimit: null, hardCap: null } },
      body: { conversations: [item('ada@example.com'), item('bob@example.com')] },
      requestedAtMs: Date.now(),
    });
    expect(answer.processed).toBe(2);
    expect(linked).toEqual([{ key: messageKey('m'), contactId: 'contact of ada@example.com' }]);
    // Both are named by the message; the timeline, too, keeps the first.
    expect(new Set(told.map(({ id }) => id)).size).toBe(1);
  });
});
