import { describe, expect, it } from '@jest/globals';
import { messageIdOf, outcomeOfSmtpFault } from './email.ts';

describe('the Message-ID of a mail', () => {
  it('is the same for every attempt and another for every action', () => {
    const id = messageIdOf('a1', 'Shop <shop@Example.com>');
    expect(id).toMatch(/^<[0-9a-f]{40}@example\.com>$/);
    expect(messageIdOf('a1', 'shop@example.com')).toBe(id);
    expect(messageIdOf('a2', 'shop@example.com')).not.toBe(id);
  });

  it('is well-formed whatever stands in the sender', () => {
    for (const from of ['', 'nobody', 'a@b c', 'a@<x>', 'a@exämple.com'])
      expect(messageIdOf('a', from)).toMatch(/^<[0-9a-f]{40}@[a-z0-9.-]+>$/);
  });
});

describe('a refusal of an SMTP server', () => {
  it.each([
    [{ responseCode: 450, message: 'busy' }, 'not_now', 'status'],
    [{ responseCode: 451, message: 'greylisted' }, 'not_now', 'status'],
    [{ responseCode: 421, message: 'closing' }, 'not_now', 'status'],
    [{ responseCode: 535, code: 'EAUTH', message: 'no' }, 'not_now', 'credentials'],
    [{ responseCode: 550, message: 'no such user' }, 'never', 'refused'],
    [{ responseCode: 554, message: 'spam' }, 'never', 'refused'],
    [{ code: 'ECONNECTION', message: 'refused' }, 'not_now', 'unreachable'],
    [{ code: 'ETIMEDOUT', message: 'slow' }, 'not_now', 'unreachable'],
    [{ code: 'EENVELOPE', message: 'No recipients defined' }, 'never', 'invalid'],
  ])('%j: %s (%s)', (fault, kind, reason) =>
    expect(outcomeOfSmtpFault(fault)).toMatchObject({ kind, reason }),
  );

  it('is told as text that a database takes', () =>
    expect(outcomeOfSmtpFault({ responseCode: 550, message: '', response: '550 \0no \ud83d' })).toMatchObject(
      {
        detail: { message: '550 no \ufffd' },
      },
    ));
});
