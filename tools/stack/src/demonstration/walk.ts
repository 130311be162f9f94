import { setTimeout as sleep } from 'node:timers/promises';
import type { Say } from '../say.ts';
import type { Answer, Caller } from './caller.ts';

export interface Step {
  /** What the reader is about to see. */
  readonly title: string;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  /** What is wrong with the answer; undefined when it is right. */
  readonly wrong: (answer: Answer) => string | undefined;
  /** For what becomes true a moment later: how long it is asked again. Default: it must be right at once. */
  readonly withinMs?: number;
  /** What of the answer is shown. Default: all of it. */
  readonly show?: (answer: Answer) => unknown;
}

/** An answer was not what the contract promises. */
export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';
}

const ASK_EVERY_MS = 100;
const SHOWN_CHARACTERS = 150;

/** Takes the steps one by one before the reader's eyes; the first wrong answer ends the walk. */
export class Walk {
  private readonly call: Caller;
  private readonly key: string;
  private readonly say: Say;
  private taken = 0;

  constructor(call: Caller, key: string, say: Say) {
    this.call = call;
    this.key = key;
    this.say = say;
  }

  async step(step: Step): Promise<Answer> {
    this.taken += 1;
    const { say } = this;
    say.plain();
    say.plain(`  ${say.bold(`${this.taken}. ${step.title}`)}`);
    say.plain(
      `     ${step.method} ${step.path}${step.body === undefined ? '' : `  ${shortened(step.body)}`}`,
    );
    const startedMs = performance.now();
    const { answer, wrong } = await this.ask(step);
    const waitedMs = performance.now() - startedMs;
    const time =
      step.withinMs !== undefined && waitedMs > 1_000
        ? `seen after ${(waitedMs / 1000).toFixed(1)} s`
        : `${answer.elapsedMs.toFixed(0)} ms`;
    say.plain(
      `     ${say.bold(String(answer.status))}  ${shortened((step.show ?? (({ json, text }) => json ?? text))(answer))}  ${say.dim(time)}`,
    );
    if (wrong === undefined) return answer;
    say.wrong('wrong', wrong);
    throw new WrongAnswer(`${step.title}: ${wrong}\n${answer.text}`);
  }

  private async ask(step: Step): Promise<{ answer: Answer; wrong: string | undefined }> {
    const deadlineMs = Date.now() + (step.withinMs ?? 0);
    for (;;) {
      const answer = await this.call({ ...step, key: this.key });
      const wrong = step.wrong(answer);
      if (wrong === undefined || Date.now() >= deadlineMs) return { answer, wrong };
      await sleep(ASK_EVERY_MS);
    }
  }
}

function shortened(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}
