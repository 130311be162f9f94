import { Fault } from '../fault.ts';
import { readJson, writeJson } from '../json-file.ts';
import type { Answer, Caller, Request } from './caller.ts';
import { cartRecovery, trialReminder } from './workflows.ts';

/** What a start seeds once and later starts find again. */
export interface Demonstration {
  readonly organizationId: string;
  readonly apiKey: string;
  readonly cartRecoveryId: string;
  readonly trialReminderId: string;
}

/** An organisation with a key and two workflows: the one of an earlier start, as long as it still is there. */
export async function seed(
  call: Caller,
  adminToken: string,
  file: string,
): Promise<Demonstration & { found: boolean }> {
  const kept = readJson<Demonstration>(file);
  if (kept && (await stillThere(call, kept))) return { ...kept, found: true };
  const made = await make(call, adminToken);
  writeJson(file, made);
  return { ...made, found: false };
}

async function stillThere(
  call: Caller,
  { apiKey, cartRecoveryId, trialReminderId }: Demonstration,
): Promise<boolean> {
  const answers = await Promise.all(
    [cartRecoveryId, trialReminderId].map((id) =>
      call({ method: 'GET', path: `/v1/workflows/${id}`, key: apiKey }),
    ),
  );
  return answers.every(({ status, json }) => status === 200 && json?.status === 'enabled');
}

async function make(call: Caller, adminToken: string): Promise<Demonstration> {
  const post = (path: string, key: string, body: unknown) =>
    created(call, { method: 'POST', path, key, body });
  const organization = await post('/v1/admin/organizations', adminToken, {
    name: 'Demonstration',
    plan: 'growth',
  });
  const organizationId = organization.json.id as string;
  const key = await post(`/v1/admin/organizations/${organizationId}/keys`, adminToken, { name: 'npm start' });
  const apiKey = key.json.key as string;
  const recovery = await post('/v1/workflows?enable=true', apiKey, cartRecovery);
  const reminder = await post('/v1/workflows?enable=true', apiKey, trialReminder);
  return {
    organizationId,
    apiKey,
    cartRecoveryId: recovery.json.id as string,
    trialReminderId: reminder.json.id as string,
  };
}

async function created(call: Caller, request: Request): Promise<Answer> {
  const answer = await call(request);
  if (answer.status === 201) return answer;
  throw new Fault(
    `The demonstration could not be seeded: ${request.method} ${request.path} answered ${answer.status}\n${answer.text}`,
  );
}
