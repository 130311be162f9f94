/* eslint-disable @nx/enforce-module-boundaries -- by its own name it would be this file again */
// What the tests get as fast-check: the same properties from the same seed in every run, another one with FC_SEED=<number>.
import fc from '../../node_modules/fast-check/lib/fast-check.js';

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env.FC_SEED ?? 20_261_120) });

export * from '../../node_modules/fast-check/lib/fast-check.js';
export default fc;
