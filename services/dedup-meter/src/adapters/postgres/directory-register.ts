import type { Directory } from '@trackline/directory';
import type { Contacts, Organizations } from '../../ports.ts';
import { orUnavailable } from './unavailable.ts';

const WORDS = {
  unknown: 'The key is not known.',
  expired: 'The key has expired.',
  revoked: 'The key was revoked.',
} as const;

export const organizationsOf = (directory: Directory): Organizations => ({
  find: (ids) => orUnavailable(directory.organizations(ids)),
  async writerOf(bearer) {
    const answer = await orUnavailable(directory.authenticate(bearer));
    if ('refused' in answer) return { refused: WORDS[answer.refused] };
    return answer.scopes.includes('events:write')
      ? { organizationId: answer.organization.id }
      : { refused: 'The key lacks the scope "events:write".' };
  },
});

export const contactsOf = (directory: Directory): Contacts => ({
  async resolve(claims) {
    const resolutions = await orUnavailable(directory.resolve(claims));
    return resolutions.map((resolution) =>
      'contactId' in resolution ? { contactId: resolution.contactId } : { notFound: resolution.reason },
    );
  },
});
