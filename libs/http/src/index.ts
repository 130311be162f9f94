export { createHttpApp, listen, type HttpApp, type HttpAppSettings } from './app.ts';
export { Answer } from './answer.ts';
export { honestFaults, type HonestFaults, type PassingFault } from './honest-faults.ts';
export { Route, AUTH_METADATA } from './route.ts';
export { BODY_LIMIT_BYTES, parseJsonBody, RequestBodyFault } from './body.ts';
