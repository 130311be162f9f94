/**
 * One planted violation (or more) for each rule of the house: the file that commits it and the rule that must speak.
 * They stand in a copy of the workspace in which every package is empty, see workspace.mjs.
 */

const service = (file, source) => ({ file: `services/trigger/src/${file}`, source });
const uses = (what) => `import * as planted from '${what}';\nexport const use = planted;\n`;
const usesType = (what) => `import type * as planted from '${what}';\nexport type Use = typeof planted;\n`;

/** Reported by dependency-cruiser; `rule` is a name in .dependency-cruiser.cjs. */
export const importViolations = [
  { rule: 'domain-is-pure', ...service('domain/reads-files.ts', uses('node:fs')) },
  { rule: 'domain-is-pure', ...service('domain/knows-nest.ts', uses('@nestjs/common')) },
  { rule: 'domain-is-pure', ...service('domain/knows-a-port.ts', usesType('../ports.ts')) },
  { rule: 'domain-is-pure', ...service('domain/knows-postgres.ts', usesType('@trackline/postgres')) },
  {
    rule: 'ports-speak-domain',
    file: 'services/timeline/src/ports.ts',
    source: usesType('@trackline/postgres'),
  },
  { rule: 'ports-are-types', file: 'services/ingest/src/ports.ts', source: uses('./domain/empty.ts') },
  {
    rule: 'pipeline-knows-no-adapter',
    ...service('pipeline/calls-postgres.ts', uses('../adapters/postgres/empty.ts')),
  },
  { rule: 'pipeline-knows-no-adapter', ...service('pipeline/calls-kafka.ts', uses('@trackline/kafka')) },
  { rule: 'pipeline-knows-no-adapter', ...service('pipeline/knows-nest.ts', uses('@nestjs/common')) },
  {
    rule: 'outbound-adapters-know-no-pipeline',
    ...service('adapters/postgres/calls-pipeline.ts', uses('../../pipeline/empty.ts')),
  },
  {
    rule: 'adapters-do-not-meet',
    ...service('adapters/http/calls-postgres.ts', uses('../postgres/empty.ts')),
  },
  { rule: 'only-the-module-wires', ...service('adapters/http/reads-settings.ts', uses('../../config.ts')) },
  { rule: 'only-the-module-wires', ...service('pipeline/asks-the-module.ts', uses('../trigger.module.ts')) },
  {
    rule: 'services-meet-through-kafka',
    ...service('adapters/http/asks-timeline.ts', uses('@trackline/timeline')),
  },
  {
    rule: 'services-meet-through-kafka',
    file: 'services/trigger/test/integration/asks-timeline.int-spec.ts',
    source: uses('../../../timeline/src/index.ts'),
  },
  {
    rule: 'nothing-below-a-service-knows-it',
    file: 'libs/postgres/src/knows-a-service.ts',
    source: uses('@trackline/trigger'),
  },
  { rule: 'kafkajs-in-one-library', ...service('adapters/kafka/own-client.ts', uses('kafkajs')) },
  { rule: 'kafkajs-in-one-library', file: 'libs/testkit/src/own-producer.ts', source: uses('kafkajs') },
  { rule: 'pg-in-one-library', ...service('adapters/postgres/own-pool.ts', uses('pg')) },
  { rule: 'pg-in-one-library', file: 'libs/directory/src/own-entities.ts', source: uses('typeorm') },
  { rule: 'redis-in-its-adapters', ...service('adapters/http/own-redis.ts', uses('ioredis')) },
  { rule: 'contracts-stay-light', file: 'libs/contracts/src/knows-fastify.ts', source: usesType('fastify') },
  { rule: 'contracts-stay-light', file: 'libs/kernel/src/reads-files.ts', source: uses('node:fs') },
  {
    rule: 'observability-knows-no-driver',
    file: 'libs/observability/src/knows-kafka.ts',
    source: usesType('@trackline/kafka'),
  },
  { rule: 'testkit-in-tests-only', ...service('pipeline/injects-faults.ts', uses('@trackline/testkit')) },
  { rule: 'no-import-of-tests', ...service('pipeline/borrows.ts', uses('./borrowed.spec.ts')) },
  { rule: 'no-circle', file: 'libs/kernel/src/circle.ts', source: uses('./circle-back.ts') },
  {
    rule: 'production-needs-no-dev-dependency',
    file: 'libs/http/src/tests-in-production.ts',
    source: uses('@nestjs/testing'),
  },
  { rule: 'everything-resolves', ...service('adapters/http/nowhere.ts', uses('./not-there.ts')) },
];

const NX = '@nx/enforce-module-boundaries';

/** Reported by eslint. Those of Nx's rule about who may know whom have a `tag`, which the report must name: every tag has one. */
export const lintViolations = [
  {
    rule: NX,
    tag: 'type:kernel',
    file: 'libs/kernel/src/knows-contracts.ts',
    source: uses('@trackline/contracts'),
  },
  {
    rule: NX,
    tag: 'type:contracts',
    file: 'libs/contracts/src/knows-observability.ts',
    source: uses('@trackline/observability'),
  },
  {
    rule: NX,
    tag: 'type:platform',
    file: 'libs/kafka/src/knows-directory.ts',
    source: uses('@trackline/directory'),
  },
  {
    rule: NX,
    tag: 'type:directory',
    file: 'libs/directory/src/knows-testkit.ts',
    source: uses('@trackline/testkit'),
  },
  {
    rule: NX,
    tag: 'type:testkit',
    // Not a service: their tests stand on the testkit, so that would be told as a circle.
    file: 'libs/testkit/src/knows-a-tool.ts',
    source: uses('@trackline/reference'),
  },
  {
    rule: NX,
    tag: 'type:service',
    file: 'services/trigger/src/adapters/http/knows-ingest.ts',
    source: uses('@trackline/ingest'),
  },
  {
    rule: NX,
    tag: 'type:service',
    file: 'services/trigger/src/adapters/http/knows-stack.ts',
    source: uses('@trackline/stack'),
  },
  {
    rule: NX,
    tag: 'type:tool',
    file: 'tools/stack/src/knows-a-service.ts',
    source: uses('@trackline/ingest'),
  },
  { rule: NX, file: 'libs/kafka/src/undeclared.ts', source: uses('lru-cache') },
  { rule: NX, file: 'libs/kafka/src/around-the-door.ts', source: uses('../../contracts/src/index.ts') },
  { rule: 'house/file-name', ...service('domain/workflow.utils.ts', 'export const x = 1;\n') },
  { rule: 'house/file-name', ...service('domain/StepRunner.ts', 'export const x = 1;\n') },
  { rule: 'house/file-name', ...service('services/step.ts', 'export const x = 1;\n') },
  { rule: 'house/file-name', ...service('adapters/step.ts', 'export const x = 1;\n') },
  {
    rule: 'house/pure',
    ...service('domain/reads-the-clock.ts', 'export const at = (): number => Date.now();\n'),
  },
  {
    rule: 'house/pure',
    ...service('domain/reads-the-date.ts', 'export const at = (): Date => new Date();\n'),
  },
  {
    rule: 'house/pure',
    ...service('domain/throws-dice.ts', 'export const roll = (): number => Math.random();\n'),
  },
  {
    rule: 'house/pure',
    ...service('domain/reads-settings.ts', "export const url = (): unknown => process.env['URL'];\n"),
  },
  {
    rule: 'house/pure',
    ...service(
      'domain/waits.ts',
      'export const later = async (value: Promise<number>): Promise<number> => await value;\n',
    ),
  },
  {
    rule: 'house/pure',
    file: 'libs/contracts/src/reads-the-clock.ts',
    source: 'export const at = (): number => Date.now();\n',
  },
  {
    rule: 'house/pure',
    ...service(
      'domain/makes-ids.ts',
      "import { randomUUID } from 'node:crypto';\nexport const id = randomUUID;\n",
    ),
  },
  {
    rule: 'house/whole-lane',
    ...service(
      'domain/alone.spec.ts',
      "import { it } from '@jest/globals';\nit.only('runs alone', () => undefined);\n",
    ),
  },
  {
    rule: 'house/whole-lane',
    ...service(
      'domain/left-out.spec.ts',
      "import { describe } from '@jest/globals';\ndescribe.skip('left out', () => undefined);\n",
    ),
  },
  {
    rule: '@typescript-eslint/no-floating-promises',
    ...service(
      'pipeline/forgets.ts',
      'const write = async (): Promise<void> => undefined;\nexport const go = (): void => {\n  write();\n};\n',
    ),
  },
  {
    rule: '@typescript-eslint/switch-exhaustiveness-check',
    ...service(
      'domain/forgets-an-outcome.ts',
      "export function say(outcome: 'yes' | 'no'): string | undefined {\n  switch (outcome) {\n    case 'yes':\n      return 'y';\n  }\n  return undefined;\n}\n",
    ),
  },
  {
    rule: 'no-console',
    ...service('pipeline/prints.ts', "export const say = (): void => console.log('x');\n"),
  },
];

/** Imports as DESIGN wants them: a rule that speaks about one of these is too broad. */
export const lawful = [
  service('domain/empty.ts', 'export const empty = 0;\nexport type Empty = number;\n'),
  service(
    'domain/decides.ts',
    "import { planted } from '@trackline/kernel';\nimport type { Planted } from '@trackline/contracts';\nimport { empty } from './empty.ts';\nexport const decide = (word: Planted): unknown => [planted, word, empty, new Date(0)];\n",
  ),
  service(
    'domain/decides.spec.ts',
    "import { it } from '@jest/globals';\nimport { planted } from '@trackline/testkit';\nimport { decide } from './decides.ts';\nit('decides', () => void decide(planted));\n",
  ),
  service(
    'domain/hashes.ts',
    "import { createHash } from 'node:crypto';\nimport { planted } from '@trackline/contracts';\nexport const hash = [createHash, planted];\n",
  ),
  service(
    'ports.ts',
    "import type { Planted } from '@trackline/contracts';\nimport type { Empty } from './domain/empty.ts';\nexport interface Store {\n  load(word: Planted): Promise<Empty>;\n}\n",
  ),
  service(
    'pipeline/empty.ts',
    "import { planted } from '@trackline/contracts';\nimport { planted as kernel } from '@trackline/kernel';\nimport { decide } from '../domain/decides.ts';\nimport type { Store } from '../ports.ts';\nexport const flow = async (store: Store): Promise<unknown> => [await store.load(planted), decide(planted), kernel];\n",
  ),
  service(
    'pipeline/borrowed.spec.ts',
    "import { it } from '@jest/globals';\nit('is a test', () => undefined);\n",
  ),
  service(
    'adapters/postgres/empty.ts',
    "import { planted } from '@trackline/postgres';\nimport type { Store } from '../../ports.ts';\nexport const store = (): Store => ({ load: async () => planted.length });\n",
  ),
  service(
    'adapters/http/empty.ts',
    "import { Controller } from '@nestjs/common';\nimport { planted } from '@trackline/http';\nimport { flow } from '../../pipeline/empty.ts';\n@Controller()\nexport class EmptyController {\n  readonly parts = [planted, flow];\n}\n",
  ),
  service('config.ts', "export const settings = { url: process.env['URL'] };\n"),
  service(
    'trigger.module.ts',
    "import { settings } from './config.ts';\nimport { EmptyController } from './adapters/http/empty.ts';\nimport { store } from './adapters/postgres/empty.ts';\nexport const wired = [settings, EmptyController, store];\n",
  ),
  service('main.ts', "import { wired } from './trigger.module.ts';\nexport const main = wired;\n"),
  { file: 'services/ingest/src/domain/empty.ts', source: 'export const empty = 0;\n' },
  { file: 'services/ingest/src/adapters/redis/empty.ts', source: uses('ioredis') },
  { file: 'libs/kafka/src/client.ts', source: uses('kafkajs') },
  { file: 'libs/postgres/src/pool.ts', source: uses('pg') },
  { file: 'libs/directory/src/empty.ts', source: uses('@trackline/postgres') },
  { file: 'libs/kernel/src/circle-back.ts', source: uses('./circle.ts') },
  {
    file: 'services/trigger/test/integration/empty.int-spec.ts',
    source:
      "import { it } from '@jest/globals';\nimport { planted } from '@trackline/testkit';\nimport { flow } from '../../src/pipeline/empty.ts';\nit('is real', () => void [planted, flow]);\n",
  },
];
