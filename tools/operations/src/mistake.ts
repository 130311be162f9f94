/** Something that whoever gave the command can put right: told in a sentence, without a stack. */
export class Mistake extends Error {}

/** Names what could not be reached or did not answer, with the innermost reason. */
export async function reach<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Mistake) throw error;
    throw new Mistake(`${what}: ${reasonOf(error)}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  let reason = error;
  while (reason instanceof Error && reason.cause instanceof Error) reason = reason.cause;
  return reason instanceof Error ? reason.message || reason.name : String(reason);
}
