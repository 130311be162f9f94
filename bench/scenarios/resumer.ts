import type { WatchedProcess } from '../measure/cpu.ts';
import type { AdmittedFeed } from '../stage/admitted-feed.ts';

/** One who resumes, ours or the baseline: how it is given waits and events, and how its doings are counted. */
export interface Resumer {
  readonly name: 'ours' | 'baseline';
  readonly feed: AdmittedFeed;
  readonly organizationId: string;
  readonly answersTopic: string;
  readonly progressTopic: string;
  /** Messages on the progress topic per resumed execution. */
  readonly progressOfEach: number;
  readonly process: { readonly isRunning: boolean; pause(): void; resume(): void };
  watched(): WatchedProcess[];
  /** So many more executions wait; gives their contacts. */
  lay(count: number): Promise<string[]>;
  /** Executions that wait, and executions that were resumed. */
  counts(): Promise<{ readonly waiting: number; readonly resumed: number }>;
  close(): Promise<void>;
}
