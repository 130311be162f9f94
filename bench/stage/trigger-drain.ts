import type { OwnProcess } from '@trackline/testkit';
import type { AdmittedFeed, Fed } from './admitted-feed.ts';
import { alike, drain, type Drained } from './drain.ts';
import type { Stage } from './stage.ts';

const WARM_SHARE = 0.2;

export interface TriggerAlone {
  readonly stage: Stage;
  readonly feed: AdmittedFeed;
  readonly trigger: OwnProcess;
}

/**
 * So many admitted events, until trigger has put them all behind it. It is held while they are written: it has been at work before, so it
 * is warm, and it finds all of them at once.
 */
export async function triggerDrain(
  { stage, feed, trigger }: TriggerAlone,
  count: number,
  event: (n: number) => Fed,
): Promise<Drained> {
  const before = feed.published;
  trigger.pause();
  await feed.publish(Array.from({ length: count }, (_, n) => event(n)));
  trigger.resume();
  return drain({
    progress: async () => alike((await feed.passedByTrigger()) - before),
    expected: count,
    warmShare: WARM_SHARE,
    watched: stage.watched(trigger),
    isAlive: () => trigger.isRunning,
  });
}
