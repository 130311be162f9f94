import type { StepType, WorkflowDefinition } from '@trackline/contracts';
import { isBranching, toGraph } from './graph.ts';
import { checkConfig } from './validate-config.ts';
import { checkCircles, checkEmailSteps, checkReach } from './validate-graph.ts';
import { checkTransitions } from './validate-transitions.ts';
import { explained, isRecord, type Check, type Tell } from './validation-issues.ts';

export const MAX_STEPS = 200;
export const MAX_STEP_DEPTH = 15;

export interface StepShapes {
  readonly step: Check;
  readonly configs: Readonly<Record<StepType, Check>>;
}

interface Walk {
  readonly shapes: StepShapes;
  readonly tell: Tell;
  readonly isFlat: boolean;
  /** By the step's id. */
  readonly paths: Map<string, string>;
  readonly types: Map<string, string>;
  count: number;
  /** Whether the ways between the steps can be told: what is wrong with a config does not hinder that. */
  isSound: boolean;
}

/** Steps one by one, then the ways between them. `transitions` is `undefined` in the nested form. */
export function checkSteps(
  steps: readonly unknown[],
  transitions: unknown,
  shapes: StepShapes,
  tell: Tell,
): void {
  const isFlat = transitions !== undefined;
  const paths = new Map<string, string>();
  const types = new Map<string, string>();
  const walk: Walk = { shapes, tell, isFlat, paths, types, count: 0, isSound: true };
  if (isFlat) steps.forEach((step, index) => checkOne(step, `/steps/${index}`, 1, walk));
  else checkSequence(steps, '/steps', 1, walk);
  if (walk.count > MAX_STEPS)
    return tell('/steps', `There are ${walk.count} steps; ${MAX_STEPS} is the most.`);
  if (isFlat) {
    if (!Array.isArray(transitions)) return;
    checkTransitions(transitions, types, tell);
  }
  if (!walk.isSound) return;
  const graph = toGraph({
    steps,
    transitions: isFlat ? transitions.filter(isRecord) : undefined,
  } as unknown as WorkflowDefinition);
  if (isFlat) checkReach(graph, paths, tell);
  checkCircles(graph, paths, tell);
  checkEmailSteps(graph, paths, tell);
}

/** Gives whether a way leads out of the end of the sequence. */
function checkSequence(steps: readonly unknown[], path: string, depth: number, walk: Walk): boolean {
  if (depth > MAX_STEP_DEPTH) {
    walk.tell(path, `Branches are nested deeper than ${MAX_STEP_DEPTH} levels.`);
    walk.isSound = false;
    return true;
  }
  let reached = true;
  steps.forEach((step, index) => {
    const at = `${path}/${index}`;
    const goesOn = checkOne(step, at, depth, walk);
    if (!reached) return;
    reached = goesOn;
    if (!goesOn && index < steps.length - 1) {
      walk.tell(`${path}/${index + 1}`, `No way leads here: the execution always ends before, in ${at}.`);
    }
  });
  return reached;
}

/** Gives whether a way leads on from the step. */
function checkOne(step: unknown, path: string, depth: number, walk: Walk): boolean {
  walk.count += 1;
  const outline = walk.shapes.step(step);
  if (!outline.ok) for (const issue of outline.issues) walk.tell(path + issue.path, explained(issue));
  if (!isRecord(step) || typeof step.id !== 'string' || typeof step.type !== 'string') {
    walk.isSound = false;
    if (!isRecord(step)) return true;
  }
  noteId(step, path, walk);
  const { type } = step;
  if (typeof type === 'string' && Object.hasOwn(walk.shapes.configs, type))
    checkConfig(type as StepType, step.config, walk.shapes.configs[type as StepType], {
      path: `${path}/config`,
      tell: walk.tell,
    });
  const leads = checkBranches(step, path, depth, walk);
  if (typeof type !== 'string') return true;
  return isBranching({ type }) ? leads : type !== 'exit';
}

function noteId({ id, type }: Record<string, unknown>, path: string, walk: Walk): void {
  if (typeof id !== 'string') return;
  const earlier = walk.paths.get(id);
  if (earlier !== undefined) {
    walk.isSound = false;
    return walk.tell(`${path}/id`, `The id "${id}" is taken by ${earlier}.`);
  }
  walk.paths.set(id, path);
  if (typeof type === 'string') walk.types.set(id, type);
}

/** Gives whether a way leads out of a branch. */
function checkBranches(
  { type, branches }: Record<string, unknown>,
  path: string,
  depth: number,
  walk: Walk,
): boolean {
  if (branches === undefined) return false;
  if (walk.isFlat) {
    walk.tell(
      `${path}/branches`,
      'With transitions, the steps are a flat list: say in transitions where each branch leads.',
    );
    return false;
  }
  if (typeof type === 'string' && !isBranching({ type }))
    walk.tell(`${path}/branches`, `A step of type "${type}" has no branches.`);
  if (!isRecord(branches)) {
    walk.isSound = false;
    return false;
  }
  const ways = (['yes', 'no'] as const).map((branch) => {
    const inner = branches[branch];
    if (Array.isArray(inner)) return checkSequence(inner, `${path}/branches/${branch}`, depth + 1, walk);
    if (inner !== undefined) walk.isSound = false;
    return false;
  });
  return ways.includes(true);
}
