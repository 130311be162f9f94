import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  actionId,
  conversionId,
  clientNamedEventId,
  scheduledExecutionId,
  uniqueIdentity,
} from './identity.ts';

const parts = fc.tuple(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'grapheme' }),
);

describe('identities', () => {
  it('are the same for the same tuple and differ for tuples that differ, however their parts are cut', () => {
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const same = a.every((part, i) => part === b[i]);
        expect(uniqueIdentity(...a) === uniqueIdentity(...b)).toBe(same);
        expect(clientNamedEventId(...a) === clientNamedEventId(...b)).toBe(same);
      }),
    );
  });

  it('cannot be made to meet by moving text over the seam between two parts', () => {
    expect(uniqueIdentity('org', 'a', 'bc')).not.toEqual(uniqueIdentity('org', 'ab', 'c'));
    expect(uniqueIdentity('org', 'a', '1:b')).not.toEqual(uniqueIdentity('org', 'a1:', 'b'));
    expect(clientNamedEventId('org', '/s', '1')).not.toBe(clientNamedEventId('org', '/s1', ''));
  });

  it('cannot be made to meet by whatever could stand between two parts', () => {
    for (const seam of ['-', ':', '/', '|', ',', '\0', '\n', '1:', '3:']) {
      expect(uniqueIdentity('org', `a${seam}b`, 'c')).not.toEqual(uniqueIdentity('org', 'a', `b${seam}c`));
    }
  });

  it('are part of the stored data: these values must never change', () => {
    expect(clientNamedEventId('0190f5c0-0000-7000-8000-000000000001', '/organizations/o/http', 'k-1')).toBe(
      'd513eb53-839c-89f2-a75b-9bd5970900dc',
    );
    expect(clientNamedEventId('org 🙂', '/s', 'ü')).toBe('6e97a89e-3338-84cb-889b-a3081ddc9530');
    expect(conversionId('o', 'e')).toBe('b19a7d5c-f808-8058-b6ce-abbca1ff9403');
    expect(scheduledExecutionId('w', 'c', Date.parse('2026-11-21T09:00:00Z'))).toBe(
      '01a1fd55-7a80-777d-9478-15da2b0f955b',
    );
    expect(uniqueIdentity('o', 'order', '42')).toBe('5a6509ef-6d25-d24f-be18-6c5b5b72bef2');
  });

  it('make event ids of UUID version 8, never taken for one made at the door', () => {
    expect(clientNamedEventId('o', 's', 'c')).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });
});

describe('what a workflow brings about', () => {
  it('has one id per visit of a step, however often it is decided', () => {
    expect(actionId('e', 's', 1)).toBe(actionId('e', 's', 1));
    expect(new Set([actionId('e', 's', 1), actionId('e', 's', 2), actionId('e', 's1', 1)]).size).toBe(3);
    expect(actionId('0190f5c0-0000-7000-8000-000000000001', 'mail', 1)).toBe(
      '495a7c14-145a-81a3-a7c4-e671073376b7',
    );
  });

  it('for Meta has one id per event of an organisation', () => {
    expect(conversionId('o', 'e')).toBe(conversionId('o', 'e'));
    expect(new Set([conversionId('o', 'e'), conversionId('o', 'e1'), conversionId('oe', '')]).size).toBe(3);
    expect(conversionId('o', 'e')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8/);
  });

  it('by a schedule is one execution, which stands among others by its time', () => {
    const at = Date.parse('2026-11-21T09:00:00Z');
    const id = scheduledExecutionId('w', 'c', at);
    expect(id).toBe(scheduledExecutionId('w', 'c', at));
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(at);
    expect(id).not.toBe(scheduledExecutionId('w', 'd', at));
  });
});
