import { isBranching } from './graph.ts';
import { isRecord, type Tell } from './validation-issues.ts';

/** Each joins two steps that there are, and no two lead away from the same place. `types` is by the step's id. */
export function checkTransitions(
  transitions: readonly unknown[],
  types: ReadonlyMap<string, string>,
  tell: Tell,
): void {
  const taken = new Map<string, string>();
  transitions.forEach((transition, index) => {
    if (!isRecord(transition)) return;
    const path = `/transitions/${index}`;
    for (const end of ['fromStepId', 'toStepId'] as const) {
      const id = transition[end];
      if (typeof id === 'string' && !types.has(id)) tell(`${path}/${end}`, `There is no step "${id}".`);
    }
    const { fromStepId, condition } = transition;
    const type = typeof fromStepId === 'string' ? types.get(fromStepId) : undefined;
    if (type === undefined) return;
    const branch = isRecord(condition) ? condition.branch : undefined;
    checkWay(type, branch, path, tell);
    const way = JSON.stringify([fromStepId, branch]);
    const earlier = taken.get(way);
    if (earlier !== undefined)
      tell(
        path,
        `${earlier} leads away from the same place: one transition for each step, or for each of its branches.`,
      );
    else taken.set(way, path);
  });
}

function checkWay(type: string, branch: unknown, path: string, tell: Tell): void {
  if (type === 'exit')
    tell(`${path}/fromStepId`, 'The execution ends with an exit: nothing leads away from it.');
  else if (isBranching({ type }) && branch === undefined)
    tell(
      `${path}/condition`,
      `A step of type "${type}" has two branches: say {"branch": "yes"} or {"branch": "no"}.`,
    );
  else if (!isBranching({ type }) && branch !== undefined)
    tell(`${path}/condition`, `A step of type "${type}" has no branches.`);
}
