import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { readJson, writeJson } from './json-file.ts';
import type { Places } from './places.ts';

/** ADMIN_TOKEN of the environment, else one of our own that stays the same from start to start. */
export function adminTokenOf(places: Places, env: NodeJS.ProcessEnv = process.env): string {
  if (env.ADMIN_TOKEN) return env.ADMIN_TOKEN;
  const file = join(places.home, 'admin-token.json');
  const kept = readJson<{ adminToken: string }>(file);
  if (kept) return kept.adminToken;
  const adminToken = `tl_admin_${randomBytes(24).toString('base64url')}`;
  writeJson(file, { adminToken });
  return adminToken;
}
