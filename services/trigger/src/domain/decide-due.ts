import { advance, breakOff } from './advance.ts';
import type { Tools } from './board.ts';
import { EffectCollector, type Effects } from './effects.ts';
import type { Execution, Workflow } from './execution.ts';
import type { ContactView } from './fields.ts';
import type { RememberedEvent } from './remembered.ts';
import type { TimerKind } from './timers.ts';

export interface DueExecution {
  readonly execution: Execution;
  readonly kind: TimerKind;
}

export interface DueWorld {
  readonly workflowOf: (execution: Execution) => Workflow | undefined;
  /** By contact id. */
  readonly contacts: ReadonlyMap<string, ContactView>;
  /** By contact id: events that waits of these executions may look back for, in the order of their receipt. */
  readonly remembered?: ReadonlyMap<string, readonly RememberedEvent[]>;
  readonly nowMs: number;
  /** Why none of them can go on; they end here. */
  readonly brokenBy?: string;
}

export interface DueDecision {
  readonly effects: Effects;
  /** Executions that their timer does not concern as they stand now: it is to be forgotten, or set to what they wait for. */
  readonly untouched: readonly Execution[];
}

/** Decides what becomes of executions whose time has come, in the order in which it came. Pure. */
export function decideDue(
  due: readonly DueExecution[],
  { workflowOf, contacts: given, remembered, nowMs, brokenBy }: DueWorld,
  tools: Tools,
): DueDecision {
  const effects = new EffectCollector(tools.newId);
  const contacts = new Map(given);
  const untouched: Execution[] = [];
  for (const { execution, kind } of due) {
    const workflow = workflowOf(execution);
    const surroundings = {
      nowMs,
      contact: contacts.get(execution.contactId),
      applyUpdates: tools.applyUpdates,
      remembered: remembered?.get(execution.contactId) ?? [],
    };
    const input = kind === 'turn' ? ({ kind } as const) : ({ kind: 'due' } as const);
    const moved =
      workflow &&
      (brokenBy === undefined
        ? advance(workflow, execution, input, surroundings)
        : breakOff(workflow, execution, brokenBy, surroundings));
    if (!moved) {
      untouched.push(execution);
      continue;
    }
    effects.add(execution, moved);
    if (moved.contact) contacts.set(execution.contactId, moved.contact);
  }
  return { effects, untouched };
}
