import type { Identified, IdentifiedAs, Links, People } from '../ports.ts';

export interface IdentifyParts {
  readonly people: Pick<People, 'identify'>;
  readonly links: Pick<Links, 'takeIdentified'>;
  readonly onFault: (error: unknown, identified?: Identified) => void;
  /** How long to wait when there was nothing to do: other instances identify, too. */
  readonly idleMs: number;
  /** Resolves early when the signal is raised, or when this instance learnt of somebody (`onIdentified`). */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

const MAX_AT_ONCE = 100;

/**
 * Makes provisional contacts aliases of whom they turned out to be: take → identify → forget. That they did was written down with
 * the link that told it, so it is done whatever happens in between; an instance that dies leaves it to the next. Runs until the signal is raised.
 */
export async function identifyProvisionals(parts: IdentifyParts, signal: AbortSignal): Promise<void> {
  const { people, links, onFault, idleMs, pause } = parts;
  while (!signal.aborted) {
    let hadFault = false;
    const identify = async (identified: Identified): Promise<IdentifiedAs | undefined> => {
      try {
        return { personId: (await people.identify(identified)) ?? null };
      } catch (error) {
        hadFault = true;
        onFault(error, identified);
        return undefined;
      }
    };
    let taken = 0;
    try {
      taken = await links.takeIdentified(MAX_AT_ONCE, identify);
    } catch (error) {
      hadFault = true;
      onFault(error);
    }
    if (taken < MAX_AT_ONCE || hadFault) await pause(idleMs, signal);
  }
}
