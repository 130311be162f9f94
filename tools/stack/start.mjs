/** `npm start`: from a fresh checkout to a running Trackline, and the main job in front of the reader. */
import { prepare, root } from './prepare.mjs';
import { say } from './say.mjs';

try {
  say.title('Trackline');
  await prepare();
  const { main } = await import('./dist/main.js');
  process.exit(await main({ root, argv: process.argv.slice(2), say }));
} catch (error) {
  say.fault(error);
  process.exit(1);
}
