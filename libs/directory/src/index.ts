export { Directory, type AsOf, type DirectorySettings } from './directory.ts';
export { migrateDirectory, pendingDirectoryMigrations } from './migrate-directory.ts';
export type { Reading, Revision } from './cache/revision-reader.ts';
export type { Page, PageRequest } from './page.ts';

export {
  DEFAULT_SETTINGS,
  limitsOf,
  type NewOrganization,
  type Organization,
  type OrganizationPatch,
  type OrganizationSettings,
} from './organization/organization.ts';
export { SCOPES, type ApiKey, type NewApiKey, type Scope } from './organization/api-key.ts';
export type { Authenticated, Authentication } from './organization/cached-organizations.ts';

export {
  Channels,
  type ChannelsSettings,
  type FeedbackCredentials,
  type FoundFeedbackCredentials,
  type ShownChannel,
} from './channel/channels.ts';
export type {
  Channel as WhatsappChannel,
  ChannelPatch,
  ChannelSecrets,
  NewChannel,
} from './channel/channel.ts';
export type { OpenedChannel } from './channel/opened-channels.ts';

export { purgeAdClicks, type AdClick } from './feedback/ad-clicks.ts';

export type { Contact } from './contact/contact.ts';
export type { ContactInput } from './contact/contact-input.ts';
export type { ContactRef } from './contact/contact.reader.ts';
export type { ContactRequest, ContactResolution, NotFound } from './contact/contact-request.ts';
export type { ContactFilter } from './contact/find-contacts.ts';
export type {
  Conflicting,
  CreateOutcome,
  Invalid,
  PatchOutcome,
  UpsertOutcome,
} from './contact/change-contacts.ts';
export type { EraseOutcome, MergeOutcome } from './contact/erase-and-merge.ts';
export {
  MAX_EMAIL_CHARACTERS,
  MAX_EXTERNAL_ID_CHARACTERS,
  normalizeEmail,
  normalizePhone,
  normalizeWaId,
  type IdentifierField,
} from './contact/identifier.ts';
export type { IdentifyOutcome, WhatsappUser } from './contact/identify.ts';
export { UpdatedContacts, type ContactChangeRequest, type RefusedUpdate } from './contact/update-contacts.ts';
export {
  applyUpdates,
  UPDATE_OPERATIONS,
  type ContactUpdate,
  type RefusedOperation,
  type UpdateOperation,
} from './contact/updates.ts';

export { TOPIC_CHANNELS, type Subscription, type TopicChannel } from './subscription/subscription.ts';
export {
  isTopicId,
  MAX_TOPIC_CHARACTERS,
  type SubscriptionOutcome,
  type SubscriptionRequest,
} from './subscription/change-subscriptions.ts';
export { Connectors, type FoundCredentials, type StoredConnector } from './connector/connectors.ts';
export {
  CONNECTOR_KINDS,
  type ConnectorKind,
  type Credentials,
  type EmailCredentials,
  type ShownConnector,
  type WebhookCredentials,
  type WhatsappCredentials,
} from './connector/connector.ts';
export { SecretUnreadable, secretsKeyProblem } from './connector/secret-box.ts';

export {
  ApiKeyGuard,
  AUTH_METADATA,
  type ApiKeyGuardSettings,
  type AuthenticatedRequest,
  type Principal,
} from './nest/api-key.guard.ts';
export { CurrentOrganization, CurrentPrincipal } from './nest/current-organization.ts';
