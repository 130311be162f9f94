import fc from 'fast-check';
import { EVENTS } from './engine-definitions.ts';
import type { EngineModel } from './engine-model.ts';
import { HOLD_MS } from '../src/domain/hold.ts';
import { SIGNAL_KINDS } from '../src/domain/signal.ts';

/** What may happen to the engine, in any order. */

export type Act = (model: EngineModel) => void;

/** `c2` is a trace of somebody at first. */
const contact = fc.constantFrom('c0', 'c0', 'c0', 'c1', 'c2', 'c2');
const PASSING_MS = [1, 1, 500, 500, 1_000, 1_000, 1_500, 1_500, 60_000, 60_000, HOLD_MS];
const workflowId = fc.constantFrom('w0', 'w1');
const rarely = fc.nat(5).map((n) => n === 0);
const weighted = (weight: number, arbitrary: fc.Arbitrary<Act>) => ({ weight, arbitrary });

/** While something is decided about a contact, it becomes another or is gone: left to chance these come together too seldom. */
function raced(model: EngineModel, id: string, what: 'merge' | 'erase'): void {
  model.storePending();
  model.track('a', id, { n: 1 });
  model.handle(model.log.length, 0, true);
  if (what === 'erase') model.directory.erase(id);
  else model.directory.merge(id, id === 'c1' ? 'c0' : 'c1');
  model.hearAll();
  model.storePending();
}

/** A send to a trace finds nobody when it looks for the second time; by the time that is stored, somebody is told of. */
function lookedInVain(model: EngineModel, late: boolean): void {
  model.storePending();
  model.track('a', 'c2', { n: 1 });
  model.handle(model.log.length, 0, false);
  model.nowMs += 60_000;
  model.fire(late);
  model.directory.becomeSomebody('c2');
  model.hearAll();
  model.storePending();
}

export const act: fc.Arbitrary<Act> = fc.oneof(
  weighted(
    10,
    fc.tuple(fc.constantFrom(...EVENTS), contact, fc.nat(1), rarely).map(
      ([name, id, n, backfill]): Act =>
        (model) =>
          model.track(name, id, { n }, backfill),
    ),
  ),
  weighted(
    3,
    fc.nat().map((index): Act => (model) => {
      const emails = model.actions.filter(({ kind }) => kind === 'email').slice(-3);
      const action = emails[index % Math.max(1, emails.length)];
      if (action) model.track('email.opened', action.contactId, { actionId: action.id });
    }),
  ),
  weighted(
    10,
    fc.tuple(fc.integer({ min: 1, max: 4 }), fc.constantFrom(0, 0, 1, 4), rarely).map(
      ([count, rewind, late]): Act =>
        (model) =>
          model.handle(count, rewind, late),
    ),
  ),
  weighted(
    6,
    rarely.map(
      (late): Act =>
        (model) =>
          model.fire(late),
    ),
  ),
  weighted(
    4,
    fc.constant<Act>((model) => model.storePending()),
  ),
  weighted(
    6,
    fc.constantFrom(...PASSING_MS).map(
      (ms): Act =>
        (model) =>
          void (model.nowMs += ms),
    ),
  ),
  weighted(
    2,
    fc.tuple(workflowId, fc.constantFrom('enabled' as const, 'enabled' as const, 'paused' as const)).map(
      ([id, status]): Act =>
        (model) =>
          model.setStatus(id, status),
    ),
  ),
  weighted(
    1,
    workflowId.map(
      (id): Act =>
        (model) =>
          model.nowMs % 7 === 0 ? model.setStatus(id, 'archived') : undefined,
    ),
  ),
  weighted(
    2,
    fc.tuple(fc.nat(), fc.constantFrom('cancel' as const, 'retry' as const, 'retry' as const)).map(
      ([index, kind]): Act =>
        (model) =>
          model.byHand(index, kind),
    ),
  ),
  weighted(
    3,
    fc.tuple(fc.nat(), rarely).map(
      ([index, late]): Act =>
        (model) =>
          model.complete(index, late),
    ),
  ),
  weighted(
    3,
    fc.tuple(fc.constantFrom(...SIGNAL_KINDS, 'contact_updated' as const), contact, rarely).map(
      ([kind, id, repeated]): Act =>
        (model) =>
          model.signal(kind, id, repeated),
    ),
  ),
  weighted(
    1,
    fc.tuple(workflowId, fc.nat(3)).map(([id, minute]): Act => (model) => {
      if (model.workflows.get(id)!.definition.trigger.type === 'schedule') model.schedule(id, minute);
    }),
  ),
  weighted(
    2,
    fc.constantFrom('c2', 'c2', 'c1').map(
      (id): Act =>
        (model) =>
          model.directory.becomeSomebody(id),
    ),
  ),
  weighted(
    1,
    fc.tuple(fc.constantFrom('c2', 'c2', 'c1', 'c0'), contact).map(
      ([from, into]): Act =>
        (model) =>
          model.directory.merge(from, into),
    ),
  ),
  weighted(
    1,
    fc.tuple(contact, fc.nat(2)).map(
      ([id, n]): Act =>
        (model) =>
          n === 0 ? model.directory.erase(id) : undefined,
    ),
  ),
  weighted(
    4,
    fc.tuple(fc.nat(), rarely).map(
      ([index, again]): Act =>
        (model) =>
          model.hear(index, again),
    ),
  ),
  weighted(
    1,
    fc.constant<Act>((model) => model.settleContacts()),
  ),
  weighted(
    1,
    fc.boolean().map(
      (late): Act =>
        (model) =>
          lookedInVain(model, late),
    ),
  ),
  weighted(
    1,
    fc.tuple(contact, fc.constantFrom('merge' as const, 'merge' as const, 'erase' as const)).map(
      ([id, what]): Act =>
        (model) =>
          raced(model, id, what),
    ),
  ),
);
