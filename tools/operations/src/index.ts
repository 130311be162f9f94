export { measureDrift, type DriftReport } from './drift/measure-drift.ts';
export { redrive, type RedriveReport } from './redrive/redrive.ts';
