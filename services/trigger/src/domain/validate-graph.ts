import { isStopping, waysFrom, type Graph } from './graph.ts';
import type { Tell } from './validation-issues.ts';

/** By the step's id. */
type Paths = ReadonlyMap<string, string>;

/** Every step that some way leads to from there; the step itself only where a way leads back to it. */
function reachedFrom(
  graph: Graph,
  from: string,
  passes: (id: string) => boolean = () => true,
): ReadonlySet<string> {
  const reached = new Set<string>();
  const open = [from];
  while (open.length > 0) {
    const laid = graph.steps.get(open.pop()!);
    for (const way of laid ? waysFrom(laid) : []) {
      if (reached.has(way) || !passes(way)) continue;
      reached.add(way);
      open.push(way);
    }
  }
  return reached;
}

/** Every step can be reached from the first. */
export function checkReach(graph: Graph, paths: Paths, tell: Tell): void {
  if (graph.start === null) return;
  const reached = reachedFrom(graph, graph.start);
  for (const id of graph.steps.keys())
    if (id !== graph.start && !reached.has(id))
      tell(paths.get(id)!, 'No way leads here from the first step.');
}

/** In every circle some time passes. */
export function checkCircles(graph: Graph, paths: Paths, tell: Tell): void {
  const isPassing = (id: string): boolean => !isStopping(graph.steps.get(id)!.step);
  const told = new Set<string>();
  for (const id of graph.steps.keys()) {
    if (told.has(id) || !isPassing(id)) continue;
    const reached = reachedFrom(graph, id, isPassing);
    if (!reached.has(id)) continue;
    const circle = [...graph.steps.keys()].filter(
      (other) => reached.has(other) && reachedFrom(graph, other, isPassing).has(id),
    );
    for (const other of circle) told.add(other);
    tell(
      paths.get(id)!,
      `The steps ${circle.join(', ')} lead back to each other and no time passes: put a wait or a delay between them.`,
    );
  }
}

/** An engagement can only be that of an email that was sent before. */
export function checkEmailSteps(graph: Graph, paths: Paths, tell: Tell): void {
  for (const [id, { step }] of graph.steps) {
    if (step.type !== 'wait_for_email_engagement' || typeof step.config.emailStepId !== 'string') continue;
    const { emailStepId } = step.config;
    const path = `${paths.get(id)!}/config/emailStepId`;
    const email = graph.steps.get(emailStepId);
    if (!email) tell(path, `There is no step "${emailStepId}".`);
    else if (email.step.type !== 'send_email')
      tell(path, `The step "${emailStepId}" sends no email: it is a ${email.step.type}.`);
    else if (!reachedFrom(graph, emailStepId).has(id))
      tell(path, `The step "${emailStepId}" does not come before this one.`);
  }
}
