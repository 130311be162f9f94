import { httpClient, stackFromEnv, uniqueName, type Answer, type Call } from '@trackline/testkit';

/** An organisation of the running stack, made for one test, with all that a test asks for over the wire. */
export interface Tenant {
  readonly id: string;
  readonly key: string;
  /** Through the one address, with the organisation's key. */
  readonly call: Call;
  track(event: Record<string, unknown>, headers?: Record<string, string>): Promise<Answer<Tracked>>;
  contact(fields?: Record<string, unknown>): Promise<{ readonly id: string; readonly email: string }>;
  /** All pages of a contact's timeline, newest first. */
  timeline(contactId: string): Promise<TimelineItem[]>;
  used(): Promise<number>;
  /** The workflow, enabled. */
  workflow(definition: Record<string, unknown>): Promise<string>;
  executions(workflowId: string): Promise<Execution[]>;
  execution(id: string): Promise<Execution>;
}

export interface Tracked {
  readonly success: boolean;
  readonly status?: string;
  readonly contactCreated: boolean;
  readonly workflowsTriggered: number;
  readonly executionsResumed: number;
  readonly eventId: string;
  readonly error?: string;
  readonly code?: string;
}

export interface TimelineItem {
  readonly id: string;
  readonly name: string;
  readonly properties: Record<string, unknown>;
  readonly uniqueId?: string;
}

export interface Execution {
  readonly id: string;
  readonly status: string;
  readonly contactId: string;
  readonly steps: readonly {
    readonly id: string;
    readonly status: string;
    readonly branch?: string;
    readonly detail?: Readonly<Record<string, unknown>>;
  }[];
}

/** `custom` without a limit and without a request rate, unless the test is about those. */
export async function anOrganization(
  plan: Record<string, unknown> = { plan: 'custom', monthlyLimit: 1_000_000 },
): Promise<Tenant> {
  const stack = stackFromEnv();
  const admin = httpClient(stack.url, { key: stack.adminToken });
  const made = await admin('POST', '/v1/admin/organizations', { body: { name: uniqueName('org'), ...plan } });
  expectStatus(made, 201);
  const id = made.json.id as string;
  const keyed = await admin('POST', `/v1/admin/organizations/${id}/keys`, { body: { name: 'acceptance' } });
  expectStatus(keyed, 201);
  const key = keyed.json.key as string;
  return tenant(id, key, httpClient(stack.url, { key }));
}

function tenant(id: string, key: string, call: Call): Tenant {
  return {
    id,
    key,
    call,
    track: (event, headers) => call('POST', '/v1/events', { body: event, ...(headers && { headers }) }),
    async contact(fields = {}) {
      const email = `${uniqueName('person')}@example.com`;
      const made = await call('POST', '/v1/contacts', { body: { email, ...fields } });
      expectStatus(made, 201);
      return { id: made.json.id, email };
    },
    timeline: (contactId) => allPages<TimelineItem>(call, `/v1/contacts/${contactId}/events?limit=200`),
    async used() {
      const usage = await call('GET', '/v1/usage');
      expectStatus(usage, 200);
      return usage.json.used;
    },
    async workflow(definition) {
      const made = await call('POST', '/v1/workflows?enable=true', { body: definition });
      expectStatus(made, 201);
      return made.json.id;
    },
    executions: (workflowId) => allPages(call, `/v1/workflows/${workflowId}/executions?limit=200`),
    async execution(executionId) {
      const answer = await call<Execution>('GET', `/v1/executions/${executionId}`);
      expectStatus(answer, 200);
      return answer.json;
    },
  };
}

export async function allPages<Item>(call: Call, path: string): Promise<Item[]> {
  const items: Item[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: Answer<{ items: Item[]; nextCursor: string | null }> = await call(
      'GET',
      cursor === '' ? path : `${path}&cursor=${cursor}`,
    );
    expectStatus(page, 200);
    items.push(...page.json.items);
    cursor = page.json.nextCursor;
  }
  return items;
}

function expectStatus(answer: Answer<unknown>, status: number): void {
  if (answer.status !== status)
    throw new Error(`Expected ${status}, the answer is ${answer.status}: ${answer.text}`);
}
