/** Four lanes, one runner: what each needs and proves is told in CONTRIBUTING.md. */
const lane = (displayName, testMatch, extra = {}) => ({
  displayName,
  testMatch,
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@trackline/source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^fast-check$': '<rootDir>/libs/testkit/seeded-fast-check.mjs' },
  modulePathIgnorePatterns: ['<rootDir>/.*/dist/', '<rootDir>/.trackline/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: false },
          target: 'es2022',
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  ...extra,
});

export default {
  projects: [
    lane('unit', ['<rootDir>/{libs,services,tools}/*/src/**/*.spec.ts']),
    lane('integration', ['<rootDir>/{libs,services,tools}/*/test/integration/**/*.int-spec.ts']),
    lane('fault', ['<rootDir>/{libs,services}/*/test/fault/**/*.fault-spec.ts']),
    lane('acceptance', ['<rootDir>/acceptance/**/*.acceptance-spec.ts']),
  ],
};
