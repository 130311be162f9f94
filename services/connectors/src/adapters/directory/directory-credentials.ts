import { CONNECTOR_KINDS, type ConnectorKind, type Connectors } from '@trackline/directory';
import type { Credentials, CredentialSource } from '../../ports.ts';

const isConnectorKind = (kind: string): kind is ConnectorKind =>
  (CONNECTOR_KINDS as readonly string[]).includes(kind);

export const directoryCredentials = (connectors: Pick<Connectors, 'credentials'>): CredentialSource => ({
  async of(wanted) {
    const asked = new Map(
      wanted.flatMap(({ organizationId, kind }) =>
        isConnectorKind(kind) ? [[`${organizationId}/${kind}`, { organizationId, kind }] as const] : [],
      ),
    );
    const found = await connectors.credentials([...asked.values()]);
    return wanted.map(({ organizationId, kind }) => {
      const one = found.get(`${organizationId}/${kind}`);
      if (!one || 'unreadable' in one) return one;
      return { kind, ...one.credentials } as Credentials;
    });
  },
});
