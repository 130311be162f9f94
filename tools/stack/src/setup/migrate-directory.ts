/** Brings the schema of libs/directory up to date; the services bring theirs. Settings: DATABASE_URL. */
import { migrateDirectory } from '@trackline/directory';

const { DATABASE_URL } = process.env;
if (!DATABASE_URL) throw new Error('DATABASE_URL is not set.');
console.log(await migrateDirectory(DATABASE_URL));
