import { runService } from '@trackline/process';
import { loadConfig } from './config.ts';
import { startTrigger } from './start-trigger.ts';

runService({ service: 'trigger', loadConfig, start: startTrigger });
