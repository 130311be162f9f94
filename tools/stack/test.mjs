/** `npm test`: every lane on a stack of its own; `npm test -- unit`, `npm test -- integration libs/postgres` for a part. */
import { prepare, root } from './prepare.mjs';
import { say } from './say.mjs';

try {
  say.title('Trackline tests');
  await prepare();
} catch (error) {
  say.fault(error);
  say.plain('\n0 passed, 1 failed');
  process.exit(1);
}
const { test } = await import('./dist/test-run.js');
process.exit(await test({ root, argv: process.argv.slice(2), say }));
