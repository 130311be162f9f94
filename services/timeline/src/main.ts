import { runService } from '@trackline/process';
import { loadConfig } from './config.ts';
import { startTimeline } from './start-timeline.ts';

runService({ service: 'timeline', loadConfig, start: startTimeline });
