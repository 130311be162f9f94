import type { Places } from './places.ts';
import type { Ports } from './ports.ts';
import type { Children } from './processes/children.ts';
import type { Say } from './say.ts';

/** What everything that starts something has at hand. */
export interface Surroundings {
  readonly places: Places;
  readonly ports: Ports;
  readonly children: Children;
  readonly say: Say;
}
