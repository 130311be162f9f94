import { parseArgs } from 'node:util';
import { topics } from '@trackline/contracts';
import { Mistake } from '../mistake.ts';
import type { RedriveRequest } from './redrive.ts';

/** Topics whose consumers bury what they cannot process. */
export const TOPICS_WITH_DEAD_LETTERS: readonly string[] = topics
  .map(({ name }) => name)
  .filter((name) => topics.some((other) => other.name === `${name}.dlq`));

export const REDRIVE_USAGE = `npm run redrive -- --topic <topic> [options]

  --topic <topic>    whose dead letters: ${TOPICS_WITH_DEAD_LETTERS.join(', ')}
  --dry-run          tell what is there, send nothing
  --reason <reason>  only letters with this reason
  --group <group>    only letters of this consumer group
  --limit <number>   send back so many at most, oldest first
  --again            also what was sent back before
  --json             the report as JSON, for scripts
  --help`;

export type RedriveOptions = RedriveRequest & { readonly json: boolean };

/** `undefined`: help is wanted. Throws a Mistake that says what would be right. */
export function parseRedriveOptions(argv: readonly string[]): RedriveOptions | undefined {
  const values = understood(argv);
  if (values.help) return undefined;
  const { topic, limit, reason, group } = values;
  if (topic === undefined || !TOPICS_WITH_DEAD_LETTERS.includes(topic)) {
    const wrong = topic === undefined ? 'No --topic is given.' : `There are no dead letters of "${topic}".`;
    throw new Mistake(
      `${wrong} Known are:\n${TOPICS_WITH_DEAD_LETTERS.map((name) => `  ${name}`).join('\n')}`,
    );
  }
  if (limit !== undefined && !/^[1-9]\d{0,8}$/.test(limit)) {
    throw new Mistake(`--limit is "${limit}": a whole number from 1 on is needed.`);
  }
  return {
    topic,
    reason,
    group,
    limit: limit === undefined ? undefined : Number(limit),
    dryRun: values['dry-run'] ?? false,
    again: values.again ?? false,
    json: values.json ?? false,
  };
}

function understood(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        topic: { type: 'string' },
        reason: { type: 'string' },
        group: { type: 'string' },
        limit: { type: 'string' },
        'dry-run': { type: 'boolean' },
        again: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new Mistake(`${(error as Error).message}\n\n${REDRIVE_USAGE}`);
  }
}
