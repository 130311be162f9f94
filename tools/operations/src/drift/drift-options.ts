import { parseArgs } from 'node:util';
import { monthOf } from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';
import { Mistake } from '../mistake.ts';
import type { Scope } from './stores.ts';

export const DRIFT_USAGE = `npm run drift -- [options]

  --month <month>        2026-11; the month of receipt, UTC (default: the present one)
  --organization <id>    this one alone
  --repair               when Redis differs, have it filled from the ledger anew
  --json                 the report as JSON, for scripts
  --help`;

export interface DriftOptions {
  readonly scope: Scope;
  readonly repair: boolean;
  readonly json: boolean;
}

/** `undefined`: help is wanted. Throws a Mistake that says what would be right. */
export function parseDriftOptions(argv: readonly string[], nowMs: number): DriftOptions | undefined {
  const { help, month = monthOf(nowMs), organization, repair, json } = understood(argv);
  if (help) return undefined;
  if (!/^20\d\d-(0[1-9]|1[0-2])$/.test(month))
    throw new Mistake(`--month is "${month}": like this: 2026-11.`);
  if (organization !== undefined && !isUuid(organization)) {
    throw new Mistake(`--organization is "${organization}": the id of an organisation is needed.`);
  }
  return {
    scope: { month, organizationId: organization },
    repair: repair ?? false,
    json: json ?? false,
  };
}

function understood(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        month: { type: 'string' },
        organization: { type: 'string' },
        repair: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new Mistake(`${(error as Error).message}\n\n${DRIFT_USAGE}`);
  }
}
