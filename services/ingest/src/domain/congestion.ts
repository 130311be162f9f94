/** Of the answer's deadline, what events may wait before they are known to queue. */
const QUEUED_SHARE = 1 / 4;
/** Of the deadline, what a queue may hold: what is left is for all that comes before and after it. */
const HELD_SHARE = 0.5;
/** Of that, what is kept beyond it for those who have little on their way. */
const KEPT_SHARE = 0.4;
/** Let in whatever was measured: a few requests after a silence say nothing about what goes through. */
const ALWAYS_EVENTS = 1_000;
const WINDOW_MS = 500;
/** What was measured longer ago is not true any more. */
const FRESH_MS = 10_000;
/** Of the last measurement and the one before, so that a pause of the garbage collector does not turn callers away. */
const SMOOTHING = 0.5;
/** How fast more is tried once nothing queues. */
const GROWTH = 1.1;

/** Events of which no verdict has come yet. */
export interface OnTheirWay {
  readonly all: number;
  /** Of who asks. */
  readonly ofOrganization: number;
  /** How many organisations have any. */
  readonly organizations: number;
}

/**
 * How many events may be on their way to a verdict and still be answered in time. What goes through in a second is measured while events queue;
 * before they do nobody knows, and nobody is turned away. More than that would be recorded and judged, but nobody would hear of it in time: all
 * callers would get a 202 instead of some a verdict. Some more is kept for those who have less than an even share of that on their way: who floods waits
 * for himself. While no verdicts come at all nothing is measured, and events are taken as long as there is room.
 */
export class Congestion {
  private readonly deadlineMs: number;
  private windowStartMs = 0;
  private judged = 0;
  private queued = 0;
  private measured: { readonly perSecond: number; readonly atMs: number } | undefined;

  constructor(deadlineMs: number) {
    this.deadlineMs = deadlineMs;
  }

  /** A verdict came, so long after its event was taken. */
  judgedAfter(ageMs: number, nowMs: number): void {
    if (nowMs - this.windowStartMs >= WINDOW_MS) this.closeWindow(nowMs);
    this.judged += 1;
    if (ageMs > this.deadlineMs * QUEUED_SHARE) this.queued += 1;
  }

  /** Whether more may come. One request too many is let in rather than one too few: a batch is never too large by itself. */
  hasRoom({ all, ofOrganization, organizations }: OnTheirWay, nowMs: number): boolean {
    const limit = this.limit(nowMs);
    const hasLittle = ofOrganization < limit / Math.max(1, organizations);
    return all < (hasLittle ? limit * (1 + KEPT_SHARE) : limit);
  }

  private limit(nowMs: number): number {
    if (!this.measured || nowMs - this.measured.atMs > FRESH_MS) return Infinity;
    const held = (this.measured.perSecond * this.deadlineMs * HELD_SHARE) / 1_000;
    return Math.max(ALWAYS_EVENTS, held);
  }

  private closeWindow(nowMs: number): void {
    const seconds = (nowMs - this.windowStartMs) / 1_000;
    // Longer than twice its time: there was silence in it.
    const isWhole = seconds * 1_000 < 2 * WINDOW_MS;
    if (this.measured && nowMs - this.measured.atMs > FRESH_MS) this.measured = undefined;
    // One that was late tells of a pause; when most were, what went through is all that could.
    if (isWhole && this.queued > this.judged / 2) {
      const before = this.measured?.perSecond ?? this.judged / seconds;
      const perSecond = before * (1 - SMOOTHING) + (this.judged / seconds) * SMOOTHING;
      this.measured = { perSecond, atMs: nowMs };
    } else if (this.measured) {
      this.measured = { ...this.measured, perSecond: this.measured.perSecond * GROWTH };
    }
    this.windowStartMs = nowMs;
    this.judged = 0;
    this.queued = 0;
  }
}
