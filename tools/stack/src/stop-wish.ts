import type { Say } from './say.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** npm passes a Ctrl-C on to us that the terminal has sent us already: signals this close are one wish. */
const ONE_WISH_MS = 500;

/** Settles at the first wish to stop. Further ones change nothing: an impatient second Ctrl-C must not leave half of the processes behind. */
export function stopWish(say: Say): Promise<NodeJS.Signals> {
  let wishedMs: number | undefined;
  return new Promise((settle) => {
    for (const name of SIGNALS) {
      process.on(name, () => {
        if (wishedMs === undefined) settle(name);
        else if (Date.now() - wishedMs > ONE_WISH_MS)
          say.detail('stopping already; everything gets the time to finish');
        wishedMs ??= Date.now();
      });
    }
  });
}
