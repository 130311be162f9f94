/**
 * Who may import whom, file by file: the rooms inside a service, and the drivers that one library each owns.
 * Between packages the tags decide (eslint.config.mjs). Each rule here has a planted violation in tools/check/probes.
 */
const SERVICE = '^services/([^/]+)/src/';
const TESTS =
  '(\\.(spec|int-spec|fault-spec|acceptance-spec)\\.ts$)|(^(libs|services|tools)/[^/]+/test/)|(^(acceptance|bench)/)';
const KERNEL = '^libs/kernel/src/';
const CONTRACTS = '^libs/contracts/src/';
/** Values in, values out; that of crypto only hashes are used is eslint's to say. */
const PURE_NODE = '^(node:)?(crypto|buffer)$';

/** A room may import from the listed places, and from nowhere else: neither packages nor Node. */
const room = (name, path, comment, allowed) => ({
  name,
  comment,
  severity: 'error',
  from: { path: `${SERVICE}${path}`, pathNot: TESTS },
  to: { pathNot: allowed },
});

/** A package that one place owns. */
const owned = (name, pattern, owners, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { pathNot: owners },
  to: { path: `(^|/)node_modules/${pattern}/` },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    room(
      'domain-is-pure',
      'domain/',
      'Domain code imports its own kind, the kernel and the contracts, which are pure too: no Nest, no I/O, of Node only hashes and bytes.',
      ['^services/$1/src/domain/', KERNEL, CONTRACTS, PURE_NODE],
    ),
    room(
      'ports-speak-domain',
      'ports\\.ts$',
      'Ports are said in words of the domain, the kernel and the contracts.',
      ['^services/$1/src/domain/', KERNEL, CONTRACTS],
    ),
    {
      name: 'ports-are-types',
      comment: 'Ports hold interfaces: what they take from elsewhere is types.',
      severity: 'error',
      from: { path: `${SERVICE}ports\\.ts$` },
      to: { dependencyTypesNot: ['type-only'] },
    },
    room(
      'pipeline-knows-no-adapter',
      'pipeline/',
      'A pipeline reaches the world through ports; it knows no driver, no Nest and no platform library.',
      ['^services/$1/src/(domain|pipeline)/', '^services/$1/src/ports\\.ts$', KERNEL, CONTRACTS, PURE_NODE],
    ),
    {
      name: 'outbound-adapters-know-no-pipeline',
      comment:
        'Only what drives the service (adapters/http, adapters/kafka, adapters/schedule) calls a pipeline.',
      severity: 'error',
      from: { path: `${SERVICE}adapters/(?!http/|kafka/|schedule/)`, pathNot: TESTS },
      to: { path: '^services/$1/src/pipeline/' },
    },
    {
      name: 'adapters-do-not-meet',
      comment: 'Adapters of two kinds meet in the module alone.',
      severity: 'error',
      from: { path: `${SERVICE}adapters/([^/]+)/`, pathNot: TESTS },
      to: { path: '^services/$1/src/adapters/', pathNot: '^services/$1/src/adapters/$2/' },
    },
    {
      name: 'only-the-module-wires',
      comment:
        'What lies beside the rooms is wiring: nothing inside them imports it, but for ports and the names that Nest injects by. Settings arrive as arguments.',
      severity: 'error',
      from: { path: `${SERVICE}(domain/|pipeline/|adapters/|ports\\.ts$)`, pathNot: TESTS },
      to: { path: '^services/$1/src/[^/]+$', pathNot: '/(ports|tokens)\\.ts$' },
    },
    {
      name: 'services-meet-through-kafka',
      comment: 'A service never imports another, not even in a test.',
      severity: 'error',
      from: { path: '^services/([^/]+)/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'nothing-below-a-service-knows-it',
      comment: 'Libraries and tools do not import services: tools run them as processes.',
      severity: 'error',
      from: { path: '^(libs|tools)/' },
      to: { path: '^services/' },
    },
    owned(
      'kafkajs-in-one-library',
      'kafkajs',
      '^libs/kafka/|^bench/baselines/',
      'kafkajs seeks maintainers: one library of ours knows it. The bench compares with the bare tools.',
    ),
    owned(
      'pg-in-one-library',
      '(pg|typeorm)',
      '^libs/(postgres|testkit)/|^tools/stack/|^bench/baselines/',
      'Services use the Database of libs/postgres. The stack and the testkit make databases, below it.',
    ),
    owned(
      'redis-in-its-adapters',
      'ioredis',
      '^services/[^/]+/src/adapters/redis/|^libs/testkit/|^tools/(stack|operations)/|^bench/baselines/|/test/|^services/[^/]+/src/[^/]+$',
      'Redis is reached through adapters/redis.',
    ),
    {
      name: 'contracts-stay-light',
      comment:
        'Contracts are for everybody: the schema library and nothing else; kernel takes nothing at all.',
      severity: 'error',
      from: { path: '^libs/(contracts|kernel)/src/', pathNot: TESTS },
      to: {
        path: '.',
        pathNot: ['^libs/(contracts|kernel)/src/', '(^|/)node_modules/@sinclair/typebox/', PURE_NODE],
      },
    },
    {
      name: 'observability-knows-no-driver',
      comment: 'What is observed calls in; the library of metrics knows neither Kafka nor Postgres.',
      severity: 'error',
      from: { path: '^libs/observability/src/' },
      to: { path: '^libs/(kafka|postgres|directory|http)/' },
    },
    {
      name: 'testkit-in-tests-only',
      comment: 'Fault injection and builders never run in production.',
      severity: 'error',
      from: { pathNot: [TESTS, '^libs/testkit/'] },
      to: { path: '^libs/testkit/' },
    },
    {
      name: 'no-import-of-tests',
      comment: 'What two tests need lies in the testkit.',
      severity: 'error',
      from: { pathNot: TESTS },
      to: { path: TESTS },
    },
    {
      name: 'no-circle',
      comment: 'Two files that need each other are one file, or hide a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'production-needs-no-dev-dependency',
      comment: 'The image has none of them.',
      severity: 'error',
      from: { path: '^(libs|services)/[^/]+/src/|^tools/stack/', pathNot: [TESTS, '^libs/testkit/'] },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'everything-resolves',
      comment: 'Also what is imported by a string that no compiler checks.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    exclude: { path: '/dist/|^tools/check/' },
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    tsConfig: { fileName: 'tsconfig.spec.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@trackline/source', 'import', 'node', 'types', 'default'],
      mainFields: ['module', 'main', 'types'],
    },
  },
};
