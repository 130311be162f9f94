/** `node tools/stack/with-infrastructure.mjs [--durable] <command…>`: runs a command on Kafka, Postgres and Redis of its own. */
import { prepare, root } from './prepare.mjs';
import { say } from './say.mjs';

try {
  await prepare();
  const { withInfrastructure } = await import('./dist/with-infrastructure.js');
  process.exit(await withInfrastructure({ root, argv: process.argv.slice(2), say }));
} catch (error) {
  say.fault(error);
  process.exit(1);
}
