/** Type-checks one package with its tests: `node tools/check/typecheck.mjs libs/kafka`. Nx runs it for the affected ones. */
import { join } from 'node:path';
import ts from 'typescript';

const root = join(import.meta.dirname, '../..');
const [project] = process.argv.slice(2);
if (!project) throw new Error('Name the directory of a package.');

const { config } = ts.readConfigFile(join(root, 'tsconfig.spec.json'), ts.sys.readFile);
const { fileNames, options } = ts.parseJsonConfigFileContent(
  { ...config, include: [`${project}/src/**/*.ts`, `${project}/test/**/*.ts`] },
  ts.sys,
  root,
);
const program = ts.createProgram(fileNames, options);
const own = program.getSourceFiles().filter((file) => fileNames.includes(file.fileName));
const found = own.flatMap((file) => [
  ...program.getSyntacticDiagnostics(file),
  ...program.getSemanticDiagnostics(file),
]);
if (found.length > 0) {
  const host = {
    getCurrentDirectory: () => root,
    getCanonicalFileName: (name) => name,
    getNewLine: () => '\n',
  };
  console.error(ts.formatDiagnostics(found, host));
  process.exitCode = 1;
}
