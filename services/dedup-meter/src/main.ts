import { runService } from '@trackline/process';
import { loadConfig } from './config.ts';
import { startDedupMeter } from './start-dedup-meter.ts';

runService({ service: 'dedup-meter', loadConfig, start: startDedupMeter });
