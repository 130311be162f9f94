export { Opened } from './opened.ts';
export {
  databaseUrlOrExit,
  EXIT_CONFIG,
  runService,
  type RunningService,
  type ServiceProcess,
} from './run-service.ts';
export { ConfigProblems, readSettings, Settings, type Environment, type ServiceConfig } from './settings.ts';
