import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** The file's content, or undefined when it is missing or was cut short. */
export function readJson<Content>(file: string): Content | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Content;
  } catch {
    return undefined;
  }
}

/** Readers see the old content or the new, never a part. Some of these files hold keys: the owner alone reads them. */
export function writeJson(file: string, content: unknown): void {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}
