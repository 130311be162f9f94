export { ok, err, type Result } from './result.ts';
export { systemClock, type Clock } from './clock.ts';
export { isUuid, uuidFromBytes, uuidv7, writeUuid } from './ids.ts';
export { Coalescer } from './coalescer.ts';
