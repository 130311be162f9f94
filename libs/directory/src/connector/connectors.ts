import { Problem } from '@trackline/contracts';
import { systemClock, type Clock } from '@trackline/kernel';
import type { Database } from '@trackline/postgres';
import {
  credentialIssues,
  rotated,
  toCredentials,
  toShown,
  type ConnectorKind,
  type Credentials,
  type ShownConnector,
} from './connector.ts';
import {
  loadConnectors,
  lockConnector,
  putConnector,
  removeConnector,
  type ConnectorRow,
} from './connector.store.ts';
import { SecretBox, SecretUnreadable } from './secret-box.ts';

export interface ConnectorsSettings {
  /** Without it nothing can be stored, and what was stored cannot be read. */
  readonly secretsKey?: string | undefined;
  readonly clock?: Clock;
}

/** `unreadable`: they are there, and SECRETS_KEY does not open them. */
export type FoundCredentials<Kind extends ConnectorKind = ConnectorKind> =
  { readonly credentials: Credentials[Kind] } | { readonly unreadable: string };

export interface StoredConnector {
  readonly kind: ConnectorKind;
  readonly shown: ShownConnector;
  readonly updatedAt: Date;
}

const ownerOf = (organizationId: string, kind: ConnectorKind): string => `${organizationId}/${kind}`;

/** Credentials that organisations gave us for what is sent in their name: sealed in the database, masked when shown. */
export class Connectors {
  private readonly database: Database;
  private readonly box: SecretBox | undefined;
  private readonly clock: Clock;

  constructor(database: Database, { secretsKey, clock = systemClock }: ConnectorsSettings = {}) {
    this.database = database;
    this.box = secretsKey ? new SecretBox(secretsKey) : undefined;
    this.clock = clock;
  }

  /** Opened, by `<organisation>/<kind>`; what is missing was not given. Read each time: a change holds for the next call. */
  async credentials(
    refs: readonly { readonly organizationId: string; readonly kind: ConnectorKind }[],
  ): Promise<Map<string, FoundCredentials>> {
    if (refs.length === 0) return new Map();
    const rows = await loadConnectors(
      this.database,
      refs.map((ref) => ref.organizationId),
      refs.map((ref) => ref.kind),
    );
    return new Map(rows.map((row) => [ownerOf(row.organization_id, row.kind), this.tryOpen(row)]));
  }

  async shown(organizationId: string, kind: ConnectorKind): Promise<StoredConnector | undefined> {
    const [row] = await loadConnectors(this.database, [organizationId], [kind]);
    return row && toStored(row);
  }

  /** Throws `Problem`: VALIDATION_FAILED, and UNAVAILABLE when secrets cannot be kept here. */
  async put(
    organizationId: string,
    kind: Exclude<ConnectorKind, 'webhook'>,
    given: Partial<Record<string, unknown>>,
  ): Promise<StoredConnector> {
    const issues = credentialIssues(kind, given);
    if (issues.length > 0) throw new Problem('VALIDATION_FAILED', issues[0]!.message, { details: issues });
    const row = this.seal(organizationId, kind, toCredentials(kind, given));
    await putConnector(this.database, row);
    return toStored(row);
  }

  /** Makes a new secret for webhooks and gives it, this once. The one before goes on signing beside it for a day. */
  async rotateWebhookSecret(organizationId: string): Promise<string> {
    this.neededBox();
    return this.database.transaction(async (tx) => {
      const before = await lockConnector(tx, organizationId, 'webhook');
      const known = before && this.tryOpen(before);
      const credentials = rotated(
        known && 'credentials' in known ? (known.credentials as Credentials['webhook']) : undefined,
        this.clock.now(),
      );
      await putConnector(tx, this.seal(organizationId, 'webhook', credentials));
      return credentials.secret;
    });
  }

  /** `false`: there was nothing. */
  remove(organizationId: string, kind: ConnectorKind): Promise<boolean> {
    return removeConnector(this.database, organizationId, kind);
  }

  private seal<Kind extends ConnectorKind>(
    organizationId: string,
    kind: Kind,
    credentials: Credentials[Kind],
  ): ConnectorRow {
    return {
      organization_id: organizationId,
      kind,
      shown: toShown(kind, credentials),
      sealed: this.neededBox().seal(JSON.stringify(credentials), ownerOf(organizationId, kind)),
      updated_at: new Date(this.clock.now()),
    };
  }

  private neededBox(): SecretBox {
    if (this.box) return this.box;
    throw new Problem(
      'UNAVAILABLE',
      'This installation keeps no secrets: its operator has to set SECRETS_KEY (32 bytes in base64) first.',
    );
  }

  private tryOpen({ organization_id, kind, sealed }: ConnectorRow): FoundCredentials {
    if (!this.box) return { unreadable: 'SECRETS_KEY is not set.' };
    try {
      const text = this.box.open(sealed, ownerOf(organization_id, kind));
      return { credentials: JSON.parse(text) as Credentials[ConnectorKind] };
    } catch (error) {
      if (error instanceof SecretUnreadable) return { unreadable: error.message };
      throw error;
    }
  }
}

const toStored = ({ kind, shown, updated_at }: ConnectorRow): StoredConnector => ({
  kind,
  shown,
  updatedAt: updated_at,
});
