import { describe, expect, it } from '@jest/globals';
import { actionId, ENTRY_REFUSALS, type WorkflowStep } from '@trackline/contracts';
import fc from 'fast-check';
import { ORGANIZATION } from '../../test/engine-builders.ts';
import { act } from '../../test/engine-acts.ts';
import { definition } from '../../test/engine-definitions.ts';
import { EngineModel } from '../../test/engine-model.ts';
import { cronerCalendar } from '../adapters/schedule/croner-calendar.ts';
import { definitionShapes } from '../pipeline/definition-shapes.ts';
import { hasEnded, toWorkflow, type Execution, type StepVisit } from './execution.ts';
import { HOLD_MS, mustHold } from './hold.ts';
import { timerOf } from './timers.ts';
import { validateDefinition } from './validate-definition.ts';
import { eventsOf, isWait, lookbackSecondsOf, timeoutSecondsOf } from './waited-events.ts';

/*
 * The engine itself: random definitions of all steps, nested and flat, with circles, and whatever can happen to their executions, in any
 * order, with decisions that are stored late, twice or never. See whole-flow.spec.ts for the same of the flows around it.
 */

const CONTACTS = [
  { id: 'c0', email: 'ada@example.com', phone: '+34600000000', firstName: 'Ada', properties: {} },
  { id: 'c1', properties: { plan: 'free' } },
  { id: 'c2', properties: {}, provisional: true as const },
];
const shapes = definitionShapes(cronerCalendar);

const modelOf = (definitions: Parameters<typeof toWorkflow>[0]['definition'][]): EngineModel =>
  new EngineModel(
    definitions.map((given, index) =>
      toWorkflow({
        id: `w${index}`,
        organizationId: ORGANIZATION,
        version: 1,
        status: 'enabled',
        definition: given,
      }),
    ),
    CONTACTS,
  );

const lastOf = (written: readonly StepVisit[]): StepVisit => written.at(-1)!;

const visitsOf = (model: EngineModel, { id }: Execution): StepVisit[][] =>
  [...(model.visits.get(id) ?? [])].sort(([a], [b]) => a - b).map(([, written]) => written);

/** It waits, is delayed, is held by a pause, or has ended: something will come and move it. */
function expectNotStuck(model: EngineModel, execution: Execution): void {
  const { status, stepId, waitsFor, dueAtMs, endedAtMs, workflowId: id } = execution;
  const step = stepId === null ? undefined : model.workflows.get(id)!.graph.steps.get(stepId)?.step;
  switch (status) {
    case 'waiting':
      expect(step && isWait(step)).toBe(true);
      expect(waitsFor).toEqual(eventsOf(step!));
      expect(timerOf(execution)).toEqual({ kind: 'timeout', dueAtMs });
      break;
    case 'delayed':
      if (execution.held) expectHeld(execution, step!);
      else expect(step?.type).toBe('delay');
      expect(timerOf(execution)).toEqual({ kind: 'delay', dueAtMs });
      break;
    case 'paused':
      expect(step).toBeDefined();
      break;
    default:
      expect(hasEnded(execution)).toBe(true);
      expect([stepId, waitsFor, dueAtMs]).toEqual([null, [], null]);
  }
  expect(endedAtMs !== null).toBe(hasEnded(execution));
  if (status !== 'delayed') expect(execution.held).toBe(false);
}

function expectHeld({ dueAtMs, enteredAtMs }: Execution, step: WorkflowStep): void {
  expect(mustHold(step, { id: 'anybody', properties: {}, provisional: true })).toBe(true);
  expect(dueAtMs! - enteredAtMs).toBeLessThanOrEqual(HOLD_MS);
}

/** A send that was held requests one thing or none, and says which; those that were given up or cancelled request none. */
function expectHeldSends(model: EngineModel, execution: Execution): void {
  for (const written of visitsOf(model, execution)) {
    const { visit, status, detail, startedAtMs, endedAtMs } = lastOf(written);
    if (written[0]!.detail?.held === undefined) continue;
    expect(detail!.held).toBe('provisional_contact');
    const requested = model.actions.filter(
      (action) => action.executionId === execution.id && action.visit === visit,
    );
    expect(requested.map(({ id }) => id)).toEqual(detail!.actionId === undefined ? [] : [detail!.actionId]);
    if (status === 'waiting' || status === 'cancelled' || detail!.reason === 'not_linked')
      expect(requested).toEqual([]);
    if (status === 'completed') expect(requested).toHaveLength(1);
    if (detail!.reason === 'not_linked') expect(endedAtMs).toBeGreaterThanOrEqual(startedAtMs + HOLD_MS);
    met.add(`held ${detail!.reason === 'not_linked' ? 'not_linked' : status}`);
  }
}

/** Each visit is numbered, ends once, and leads where the definition says; a retry leads where it was told. */
function expectPath(model: EngineModel, execution: Execution): void {
  const { graph } = model.workflows.get(execution.workflowId)!;
  const retries = model.retries.get(execution.id) ?? new Map<number, string>();
  const visits = visitsOf(model, execution);
  expect(visits.map((written) => lastOf(written).visit)).toEqual(visits.map((_, index) => index + 1));
  expect(execution.visits).toBe(visits.length);
  let expected: string | null = retries.get(0) ?? graph.start;
  visits.forEach((written, index) => {
    const last = lastOf(written);
    expect(last.stepId).toBe(expected);
    const laid = graph.steps.get(last.stepId)!;
    expectEndsOnce(
      written,
      index === visits.length - 1 && !hasEnded(execution) && execution.status !== 'paused',
    );
    if (isWait(laid.step)) expect(last.branch !== undefined || last.status !== 'completed').toBe(true);
    // A pause ends a hold, and the send is taken anew.
    const isHoldOver = last.status === 'cancelled' && last.detail?.held !== undefined;
    expected = retries.get(index + 1) ?? (isHoldOver ? last.stepId : laid[last.branch ?? 'next']);
  });
  if (execution.status === 'paused') expect(execution.stepId).toBe(expected);
  const exited = visits.length > 0 && lastOf(visits.at(-1)!).type === 'exit';
  if (execution.status === 'completed' && !exited) expect(expected).toBeNull();
}

function expectEndsOnce(written: readonly StepVisit[], mayBeOpen: boolean): void {
  const open = written.filter(({ status }) => status === 'waiting');
  const ended = written.filter(
    ({ status, detail }) => status !== 'waiting' && detail?.delivery === undefined,
  );
  const delivered = written.filter(({ detail }) => detail?.delivery !== undefined);
  expect(open.length).toBeLessThanOrEqual(1);
  for (const again of delivered) expect(again).toEqual(delivered[0]);
  if (ended.length === 0) expect(mayBeOpen).toBe(true);
  else expect(ended).toHaveLength(1);
}

/** Revisions follow each other, and time never goes back. */
function expectTime(model: EngineModel, execution: Execution): void {
  const revisions = model.history.get(execution.id)!;
  revisions.slice(1).forEach((after, index) => {
    expect(after.revision).toBeGreaterThan(revisions[index]!.revision);
    expect(after.movedAtMs).toBeGreaterThanOrEqual(revisions[index]!.movedAtMs);
  });
  const starts = visitsOf(model, execution).map((written) => lastOf(written).startedAtMs);
  expect(starts).toEqual([...starts].sort((a, b) => a - b));
  for (const written of visitsOf(model, execution))
    expect(lastOf(written).endedAtMs ?? Infinity).toBeGreaterThanOrEqual(lastOf(written).startedAtMs);
}

/** No event ends two waits of an execution, or one of the execution that it started; and none that came in time is passed over. */
function expectWaits(model: EngineModel, execution: Execution): void {
  const { graph } = model.workflows.get(execution.workflowId)!;
  const person = model.directory.idOf(execution.contactId);
  const taken = new Set([execution.trigger.eventId]);
  for (const { stepId, branch, startedAtMs, detail } of visitsOf(model, execution).map(lastOf)) {
    const { step } = graph.steps.get(stepId)!;
    if (!isWait(step)) continue;
    if (branch === 'yes') {
      expect(taken.has(detail!.eventId as string)).toBe(false);
      taken.add(detail!.eventId as string);
      const event = model.log.find(({ eventId }) => eventId === detail!.eventId)!;
      expect(eventsOf(step)).toContain(event.name);
      expect(model.directory.idOf(event.contactId)).toBe(person);
      expect(event.receivedAtMs).toBeLessThan(startedAtMs + timeoutSecondsOf(step) * 1000);
      if (detail!.endedBy === 'lookback')
        expect(event.receivedAtMs).toBeGreaterThanOrEqual(startedAtMs - lookbackSecondsOf(step) * 1000);
    }
    if (branch !== 'no' || step.type !== 'wait_for_event' || lookbackSecondsOf(step) === 0) continue;
    if (mayHaveMissed(model, execution)) continue;
    const missed = model.log.filter(
      ({ eventId, name, backfill, receivedAtMs, view }) =>
        model.owners.get(eventId) === execution.contactId &&
        !backfill &&
        eventsOf(step).includes(name) &&
        (step.config.filter === undefined || view().properties.n === 1) &&
        receivedAtMs >= startedAtMs - lookbackSecondsOf(step) * 1000 &&
        receivedAtMs < startedAtMs + timeoutSecondsOf(step) * 1000 &&
        !taken.has(eventId),
    );
    expect(missed.map(({ eventId }) => eventId)).toEqual([]);
  }
}

/** What came for one contact before it was another; what is of nobody any more; what was handled while the wait began by a timer. */
const mayHaveMissed = (model: EngineModel, { id, contactId }: Execution): boolean =>
  model.history.get(id)![0]!.contactId !== contactId ||
  model.heard.isErased(contactId) ||
  model.movedLate.has(id);

/** What the runs have come across: a property that never meets what it is about says nothing. */
const met = new Set<string>();
const MEANT = [
  ...ENTRY_REFUSALS,
  ...['event', 'lookback', 'timeout'].map((by) => `wait_for_event ${by}`),
  ...['event', 'lookback', 'timeout'].map((by) => `wait_for_email_engagement ${by}`),
  ...['delivered', 'logged', 'failed'].map((status) => `delivery ${status}`),
  ...['no_address', 'retried', 'circle'],
  ...['held waiting', 'held completed', 'held cancelled', 'held failed', 'held not_linked'],
  ...['moved', 'moved while held', 'moved late', 'erased', 'erased while held', 'erased late'],
  ...['completed', 'failed', 'cancelled', 'waiting', 'delayed', 'paused'],
];

function note(model: EngineModel, execution: Execution): void {
  const { status, id } = execution;
  met.add(status);
  const isRetried = model.retries.has(id);
  if (isRetried) met.add('retried');
  const steps = visitsOf(model, execution).map(lastOf);
  if (new Set(steps.map(({ stepId }) => stepId)).size < steps.length && !isRetried) met.add('circle');
  for (const { type, detail } of steps) {
    if (detail?.endedBy !== undefined) met.add(`${type} ${String(detail.endedBy)}`);
    if (detail?.reason === 'no_address') met.add('no_address');
    const delivery = detail?.delivery as { readonly status: string } | undefined;
    if (delivery) met.add(`delivery ${delivery.status}`);
  }
}

function expectSound(model: EngineModel): void {
  let endedByEvent = 0;
  for (const execution of model.executions.values()) {
    expectNotStuck(model, execution);
    expectPath(model, execution);
    expectTime(model, execution);
    expectWaits(model, execution);
    expectHeldSends(model, execution);
    note(model, execution);
    for (const written of visitsOf(model, execution))
      if (lastOf(written).detail?.endedBy === 'event') endedByEvent += 1;
  }
  expect(model.faults).toEqual([]);
  for (const one of model.met) met.add(one);
  const ids = model.actions.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { id, executionId, stepId, visit } of model.actions) {
    expect(id).toBe(actionId(executionId, stepId, visit));
    expect(lastOf(model.visits.get(executionId)!.get(visit)!).stepId).toBe(stepId);
  }
  const counts = [...model.handled.values()];
  const resumed = counts.reduce((sum, { executionsResumed }) => sum + executionsResumed, 0);
  const started = counts.reduce((sum, { workflowsTriggered }) => sum + workflowsTriggered, 0);
  expect(resumed).toBe(endedByEvent);
  expect(started + model.startedByOthers).toBe(model.executions.size);
  for (const { reason } of model.refusals) {
    expect(ENTRY_REFUSALS).toContain(reason);
    met.add(reason);
  }
}

/** Everything is enabled, heard, read and fired. */
function settle(model: EngineModel): void {
  model.storePending();
  model.hearAll();
  model.settleContacts();
  for (const id of model.workflows.keys()) model.setStatus(id, 'enabled');
  for (let round = 0; round < 4; round++) {
    model.handle(model.log.length, 0, false);
    model.fire(false);
    model.nowMs += 61_000;
  }
  model.fire(false);
}

/** What a pause held has gone on; what is archived, and whoever is erased, runs no more; who is known is written to. */
function expectSettled(model: EngineModel): void {
  for (const execution of model.executions.values()) {
    const { status, contactId, held, retryFrom, workflowId } = execution;
    expect(status).not.toBe('paused');
    expect(model.heard.idOf(contactId)).toBe(contactId);
    if (model.workflows.get(workflowId)!.status === 'archived' || model.heard.isErased(contactId))
      expect(hasEnded(execution)).toBe(true);
    if (model.heard.isErased(contactId)) expect(retryFrom).toBeNull();
    if (held) expect(model.directory.find(contactId)?.provisional).toBe(true);
  }
}

const RUNS = Number(process.env.PROPERTY_RUNS ?? 300);

describe('the engine', () => {
  it('is given definitions that are right', () => {
    fc.assert(
      fc.property(definition, (given) => {
        expect(validateDefinition(given, shapes)).toEqual({ ok: true, value: given });
      }),
      { numRuns: RUNS },
    );
  });

  it('is sound after anything that can happen', () => {
    fc.assert(
      fc.property(
        fc.tuple(definition, definition),
        fc.array(act, { maxLength: 80, size: 'max' }),
        (definitions, acts) => {
          const model = modelOf(definitions);
          for (const one of acts) one(model);
          expectSound(model);
          settle(model);
          expectSound(model);
          expectSettled(model);
          const held = [...model.executions.values()].filter((execution) => execution.held);
          model.nowMs += HOLD_MS;
          model.fire(false);
          // In the end a hold is over, whoever it was.
          for (const { id, visits } of held)
            expect(lastOf(model.visits.get(id)!.get(visits)!).status).not.toBe('waiting');
          expectSound(model);
        },
      ),
      { numRuns: RUNS },
    );
    // Another seed, or fewer runs, may miss a rare one.
    if (process.env.FC_SEED === undefined && RUNS >= 300)
      expect(MEANT.filter((one) => !met.has(one))).toEqual([]);
  }, 120_000);
});
