export {
  bigintArray,
  booleanArray,
  byteaArray,
  dateArray,
  intArray,
  jsonbArray,
  momentArray,
  smallintArray,
  textArray,
} from './binary-arrays.ts';
export {
  createPool,
  Database,
  type PoolSettings,
  type PostgresLog,
  type Queryable,
  type QueryResult,
  type Statement,
  type TransactionOptions,
} from './database.ts';
export { isConnectionFault, isContention, isDataFault, isUniqueViolation } from './faults.ts';
export {
  migrate,
  pendingMigrations,
  refuseUnmigrated,
  type MigrateResult,
  type MigrateSettings,
  type Migration,
} from './migrate.ts';
export type { MigrationInterface, QueryRunner } from 'typeorm';
export { uuidArray } from './uuid-array.ts';
