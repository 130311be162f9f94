import type { StoredEvent } from '../../domain/stored-event.ts';

export interface EventRow {
  id: string;
  contact_id: string;
  name: string;
  source: string;
  unique_id: string | null;
  client_id: string | null;
  occurred_at: Date;
  received_at: Date;
  properties: Record<string, unknown>;
}

export const EVENT_COLUMNS =
  'id, contact_id, name, source, unique_id, client_id, occurred_at, received_at, properties';

export const eventFromRow = (row: EventRow): StoredEvent => ({
  id: row.id,
  contactId: row.contact_id,
  name: row.name,
  source: row.source,
  uniqueId: row.unique_id,
  clientId: row.client_id,
  occurredAtMs: row.occurred_at.getTime(),
  receivedAtMs: row.received_at.getTime(),
  properties: row.properties,
});
