export { references } from './references.ts';
