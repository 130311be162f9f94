import { httpClient, type Call } from './http-client.ts';
import type { Stack } from './stack.ts';
import { uniqueName } from './unique-name.ts';

export interface TestOrganization {
  readonly id: string;
  readonly key: string;
  /** Calls the stack with that key. */
  readonly call: Call;
}

/** An organisation of the test's own, made over the wire as an operator does. Default plan: enterprise, which limits nothing. */
export async function createOrganization(
  stack: Pick<Stack, 'url' | 'adminToken'>,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<TestOrganization> {
  const admin = httpClient(stack.url, { key: stack.adminToken });
  const body = { name: uniqueName('test'), plan: 'enterprise', ...settings };
  const organization = await created(admin, '/v1/admin/organizations', body);
  const { key } = await created(admin, `/v1/admin/organizations/${organization.id}/keys`, { name: 'test' });
  return { id: organization.id!, key: key!, call: httpClient(stack.url, { key: key! }) };
}

async function created(call: Call, path: string, body: unknown): Promise<{ id?: string; key?: string }> {
  const { status, json, text } = await call<{ id?: string; key?: string }>('POST', path, { body });
  if (status !== 201) throw new Error(`POST ${path} answered ${status}: ${text}`);
  return json;
}
