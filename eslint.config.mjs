import { createProjectGraphAsync } from '@nx/devkit';
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';
import house from './tools/check/eslint/house.mjs';

const TESTS = [
  '**/*.spec.ts',
  '**/test/**/*.ts',
  'acceptance/**/*.ts',
  'bench/**/*.ts',
  'libs/testkit/**/*.ts',
];

// Without a graph in Nx's cache its boundary rule skips itself with a warning: a fresh checkout would pass unchecked.
await createProjectGraphAsync();

/** Who may know whom, by the tag in each package.json. Inside a service the rules are in .dependency-cruiser.cjs. */
const boundaries = ({ testkit }) => {
  const tests = testkit ? ['type:testkit'] : [];
  const arrows = {
    'type:kernel': [],
    'type:contracts': [],
    // platform libs may stand on each other; that this makes no circle is dependency-cruiser's to say
    'type:platform': ['type:contracts', 'type:kernel', 'type:platform'],
    'type:directory': ['type:contracts', 'type:kernel', 'type:platform'],
    'type:testkit': ['type:contracts', 'type:kernel', 'type:platform', 'type:directory'],
    'type:service': ['type:contracts', 'type:kernel', 'type:platform', 'type:directory'],
    'type:tool': ['type:contracts', 'type:kernel', 'type:platform', 'type:directory'],
  };
  const depConstraints = Object.entries(arrows).map(([sourceTag, targets]) => ({
    sourceTag,
    onlyDependOnLibsWithTags: [...targets, ...tests],
  }));
  return {
    '@nx/enforce-module-boundaries': [
      'error',
      {
        depConstraints,
        banTransitiveDependencies: true,
        // the testkit stands on these, and their tests on the testkit: no circle of anything that runs
        ignoredCircularDependencies: ['kafka', 'postgres', 'directory', 'http'].map((library) => [
          `@trackline/${library}`,
          '@trackline/testkit',
        ]),
      },
    ],
  };
};

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.nx/**', '.trackline/**', 'coverage/**', 'docs/**'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts', '**/*.mjs', '**/*.cjs'],
    plugins: { '@nx': nx, house },
    extends: [tseslint.configs.recommended],
    rules: {
      ...boundaries({ testkit: false }),
      'house/file-name': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-extraneous-class': 'off',
    },
  },
  {
    files: ['**/*.ts'],
    languageOptions: {
      parserOptions: { project: './tsconfig.spec.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      // each of these was a lost error in someone's system
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { attributes: false, arguments: false } },
      ],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 6],
    },
  },
  // a migration is one text, and wiring is one list
  {
    files: ['**/migrations/**/*.ts', 'services/*/src/*.ts'],
    rules: { 'max-lines-per-function': ['error', { max: 120, skipBlankLines: true, skipComments: true }] },
  },
  // the domain may use what contracts say because contracts are held to the same purity
  {
    files: ['services/*/src/domain/**/*.ts', 'libs/contracts/src/**/*.ts'],
    ignores: TESTS,
    rules: { 'house/pure': 'error' },
  },
  {
    files: TESTS,
    rules: {
      ...boundaries({ testkit: true }),
      'house/whole-lane': 'error',
      'max-lines-per-function': 'off',
      'max-lines': 'off',
    },
  },
  // a command speaks on its terminal; a service has a logger
  {
    files: ['tools/**', 'bench/**', '*.mjs', '*.cjs', '.ci/**', 'services/*/src/migrate.ts'],
    rules: { 'no-console': 'off' },
  },
  { files: ['**/*.cjs'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
);
