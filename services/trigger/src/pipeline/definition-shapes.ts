import { STEP_CONFIGS, StepOutline, validator, WorkflowOutline, type StepType } from '@trackline/contracts';
import type { Calendar } from '../domain/schedule.ts';
import type { DefinitionShapes } from '../domain/validate-definition.ts';

const compiled = {
  workflow: validator(WorkflowOutline),
  step: validator(StepOutline),
  configs: Object.fromEntries(
    Object.entries(STEP_CONFIGS).map(([type, schema]) => [type, validator(schema)]),
  ) as DefinitionShapes['configs'] & Readonly<Record<StepType, unknown>>,
};

/** The published schemas, compiled once, and the calendar that schedules are read by. */
export const definitionShapes = ({ problems }: Calendar): DefinitionShapes => ({
  ...compiled,
  scheduleProblems: problems,
});
