export * from './dependencies.ts';
export * from './eventually.ts';
export * from './http-client.ts';
export * from './service-processes.ts';
export * from './stack.ts';
export * from './test-database.ts';
export * from './unique-name.ts';
