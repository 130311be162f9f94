import { runService } from '@trackline/process';
import { loadConfig } from './config.ts';
import { startConnectors } from './start-connectors.ts';

runService({ service: 'connectors', loadConfig, start: startConnectors });
