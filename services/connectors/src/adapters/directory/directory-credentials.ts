import type { AnyRequestedAction, ConversionRequest } from '@trackline/contracts';
import { CONNECTOR_KINDS, type Channels, type ConnectorKind, type Connectors } from '@trackline/directory';
import type { Credentials, CredentialSource, FoundCredentials } from '../../ports.ts';

type Asked = Pick<AnyRequestedAction, 'organizationId' | 'kind' | 'request'>;

const isConnectorKind = (kind: string): kind is ConnectorKind =>
  (CONNECTOR_KINDS as readonly string[]).includes(kind);

/** Of connectors, which an organisation has one of each kind of; of conversions, those of the channel that they name. */
export const directoryCredentials = (
  connectors: Pick<Connectors, 'credentials'>,
  channels: Pick<Channels, 'feedbackCredentials'>,
): CredentialSource => ({
  async of(wanted) {
    const [ofConnectors, ofChannels] = await Promise.all([
      fromConnectors(connectors, wanted),
      fromChannels(channels, wanted),
    ]);
    return wanted.map((one) => (one.kind === 'conversion' ? ofChannels(one) : ofConnectors(one)));
  },
});

async function fromConnectors(
  connectors: Pick<Connectors, 'credentials'>,
  wanted: readonly Asked[],
): Promise<(one: Asked) => FoundCredentials> {
  const asked = new Map(
    wanted.flatMap(({ organizationId, kind }) =>
      isConnectorKind(kind) ? [[`${organizationId}/${kind}`, { organizationId, kind }] as const] : [],
    ),
  );
  const found = await connectors.credentials([...asked.values()]);
  return ({ organizationId, kind }) => {
    const one = found.get(`${organizationId}/${kind}`);
    if (!one || 'unreadable' in one) return one;
    return { kind, ...one.credentials } as Credentials;
  };
}

const channelOf = ({ request }: Asked): string => (request as ConversionRequest).channelId;

async function fromChannels(
  channels: Pick<Channels, 'feedbackCredentials'>,
  wanted: readonly Asked[],
): Promise<(one: Asked) => FoundCredentials> {
  const conversions = wanted.filter(({ kind }) => kind === 'conversion');
  const found = await channels.feedbackCredentials(
    conversions.map((one) => ({ organizationId: one.organizationId, channelId: channelOf(one) })),
  );
  return (one) => {
    const credentials = found.get(channelOf(one));
    if (!credentials || 'unreadable' in credentials) return credentials;
    return { kind: 'conversion', ...credentials };
  };
}
