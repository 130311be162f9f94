import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TOPIC_CHANNELS, channelsOf, NO_CHOICES, withChoice, type Choice } from './subscription.ts';

const after = (...choices: Choice[]) => choices.reduce(withChoice, NO_CHOICES);

describe('a subscription', () => {
  it('on all channels is on each, until one is given up', () => {
    const all = after({ channel: null, subscribed: true });
    expect(channelsOf(all)).toEqual(['email', 'sms', 'whatsapp']);
    const less = withChoice(all, { channel: 'sms', subscribed: false });
    expect(channelsOf(less)).toEqual(['email', 'whatsapp']);
    expect(withChoice(less, { channel: 'sms', subscribed: true })).toEqual(all);
  });

  it('on one channel is on that one; giving all up leaves nothing', () => {
    const one = after({ channel: 'email', subscribed: true });
    expect(channelsOf(one)).toEqual(['email']);
    expect(withChoice(one, { channel: null, subscribed: false })).toEqual(NO_CHOICES);
  });

  const anyChoice = fc.record({
    channel: fc.constantFrom(null, ...TOPIC_CHANNELS),
    subscribed: fc.boolean(),
  });

  it('is what was said last of each channel, and saying it again changes nothing', () => {
    fc.assert(
      fc.property(fc.array(anyChoice, { maxLength: 12 }), (said) => {
        const choices = after(...said);
        const wanted = TOPIC_CHANNELS.filter(
          (channel) =>
            said.findLast((choice) => choice.channel === null || choice.channel === channel)?.subscribed,
        );
        expect(channelsOf(choices)).toEqual(wanted);
        const last = said.at(-1);
        if (last) expect(withChoice(choices, last)).toBe(choices);
      }),
    );
  });
});
