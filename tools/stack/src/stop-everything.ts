import type { Children } from './processes/children.ts';
import type { Say } from './say.ts';

/** All our processes in their order, then what is not a process; says how long each took. */
export async function stopEverything(
  children: Children,
  say: Say,
  others: () => Promise<void>,
): Promise<void> {
  const startedMs = Date.now();
  if (children.any) say.title('Stopping');
  await children.stopAll(({ name }, how) => {
    if (how === 'was gone') return;
    const text = how === 'stopped' ? 'stopped' : 'did not stop in time and was killed';
    say[how === 'stopped' ? 'done' : 'notice'](name, text, Date.now() - startedMs);
  });
  await others();
}
