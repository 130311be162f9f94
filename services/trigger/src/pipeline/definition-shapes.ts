import { STEP_CONFIGS, StepOutline, validator, WorkflowOutline } from '@trackline/contracts';
import type { DefinitionShapes } from '../domain/validate-definition.ts';

/** The published schemas, compiled once. */
export const definitionShapes: DefinitionShapes = {
  workflow: validator(WorkflowOutline),
  step: validator(StepOutline),
  configs: {
    delay: validator(STEP_CONFIGS.delay),
    condition: validator(STEP_CONFIGS.condition),
    wait_for_event: validator(STEP_CONFIGS.wait_for_event),
    update_contact: validator(STEP_CONFIGS.update_contact),
    exit: validator(STEP_CONFIGS.exit),
  },
};
