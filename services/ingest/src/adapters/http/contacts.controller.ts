import { Body, Controller, Inject, Param, Query } from '@nestjs/common';
import {
  CreateContactBody,
  createContact,
  eraseContact,
  findContacts,
  getContact,
  mergeContact,
  pageSize,
  patchContact,
  Problem,
  upsertContacts,
  validator,
  type ContactBatchAnswer,
  type ContactBatchBody,
  type ContactParams,
  type ContactView,
  type ErasedContact,
  type FindContactsQuery,
  subscribeTopic,
  unsubscribeTopic,
  type MergeContactBody,
  type PatchContactBody,
  type TopicParams,
  type TopicQuery,
} from '@trackline/contracts';
import {
  CurrentOrganization,
  isTopicId,
  type Directory,
  type Organization,
  type UpsertOutcome,
} from '@trackline/directory';
import { Route } from '@trackline/http';
import { CONTACTS_CHANGED, DIRECTORY } from '../../tokens.ts';
import { orPerhapsChanged, orUnavailable } from './directory-away.ts';
import {
  invalidContact,
  noSuchContact,
  takenIdentifier,
  toBatchAnswer,
  toContactView,
} from './contact-views.ts';

const checkContact = validator(CreateContactBody);

/** The people that events are about. `:contact` is an id, an email or an external id. */
@Controller()
export class ContactsController {
  constructor(
    @Inject(DIRECTORY) private readonly directory: Directory,
    /** Told after each change, so that it is published at once and not at the next look. */
    @Inject(CONTACTS_CHANGED) private readonly changed: () => void,
  ) {}

  @Route(createContact)
  async create(
    @CurrentOrganization() { id }: Organization,
    @Body() body: CreateContactBody,
  ): Promise<ContactView> {
    const result = await this.change(this.directory.createContact(id, body));
    if (result.outcome === 'invalid') throw invalidContact(result.issues);
    if (result.outcome === 'conflict') throw takenIdentifier(result);
    return toContactView(result.contact);
  }

  @Route(upsertContacts)
  async upsert(
    @CurrentOrganization() { id }: Organization,
    @Body() { contacts }: ContactBatchBody,
  ): Promise<ContactBatchAnswer> {
    const checked = contacts.map((contact) => checkContact(contact));
    const good = checked.flatMap((item) => (item.ok ? [item.value] : []));
    const outcomes = good.length === 0 ? [] : await this.change(this.directory.upsertContacts(id, good));
    let next = 0;
    return toBatchAnswer(
      checked.map((item): UpsertOutcome =>
        item.ok ? outcomes[next++]! : { outcome: 'invalid', issues: item.issues },
      ),
    );
  }

  @Route(findContacts)
  async find(
    @CurrentOrganization() { id }: Organization,
    @Query() { limit, ...filter }: FindContactsQuery,
  ): Promise<{ items: ContactView[]; nextCursor: string | null }> {
    const page = await orUnavailable(this.directory.findContacts(id, { ...filter, limit: pageSize(limit) }));
    return { items: page.items.map((contact) => toContactView(contact)), nextCursor: page.nextCursor };
  }

  @Route(getContact)
  async get(
    @CurrentOrganization() { id }: Organization,
    @Param() { contact }: ContactParams,
  ): Promise<ContactView> {
    return orUnavailable(this.withTopics(id, contact));
  }

  @Route(patchContact)
  async patch(
    @CurrentOrganization() { id }: Organization,
    @Param() { contact }: ContactParams,
    @Body() body: PatchContactBody,
  ): Promise<ContactView> {
    const result = await this.change(this.directory.patchContact(id, contact, body));
    if (result.outcome === 'not_found') throw noSuchContact();
    if (result.outcome === 'invalid') throw invalidContact(result.issues);
    if (result.outcome === 'conflict') throw takenIdentifier(result);
    return toContactView(result.contact);
  }

  @Route(eraseContact)
  async erase(
    @CurrentOrganization() { id }: Organization,
    @Param() { contact }: ContactParams,
  ): Promise<ErasedContact> {
    const result = await this.change(this.directory.deleteContact(id, contact));
    if (result.outcome === 'not_found') throw noSuchContact();
    return { success: true, id: result.contactId, status: 'erasing' };
  }

  @Route(mergeContact)
  async merge(
    @CurrentOrganization() { id }: Organization,
    @Param() { contact }: ContactParams,
    @Body() { into }: MergeContactBody,
  ): Promise<ContactView> {
    const result = await this.change(this.directory.mergeContacts(id, contact, into));
    if (result.outcome === 'same') throw new Problem('CONFLICT', 'A contact cannot be merged into itself.');
    if (result.outcome === 'merged') return toContactView(result.contact);
    throw result.which === 'contact'
      ? noSuchContact()
      : new Problem('NOT_FOUND', 'There is no contact to merge into.');
  }

  @Route(subscribeTopic)
  subscribe(
    @CurrentOrganization() { id }: Organization,
    @Param() params: TopicParams,
    @Query() query: TopicQuery,
  ): Promise<ContactView> {
    return this.choose(id, params, query, true);
  }

  @Route(unsubscribeTopic)
  unsubscribe(
    @CurrentOrganization() { id }: Organization,
    @Param() params: TopicParams,
    @Query() query: TopicQuery,
  ): Promise<ContactView> {
    return this.choose(id, params, query, false);
  }

  private async choose(
    organizationId: string,
    { contact, topicId }: TopicParams,
    { channel }: TopicQuery,
    subscribed: boolean,
  ): Promise<ContactView> {
    if (!isTopicId(topicId)) throw new Problem('VALIDATION_FAILED', 'The topic id holds what no text can.');
    const found = await orUnavailable(this.directory.getContact(organizationId, contact));
    if (!found) throw noSuchContact();
    const request = { organizationId, contactId: found.id, topicId, channel: channel ?? null, subscribed };
    const [outcome] = await this.change(this.directory.changeSubscriptions([request]));
    if (outcome === 'not_found') throw noSuchContact();
    return orUnavailable(this.withTopics(organizationId, found.id));
  }

  private async withTopics(organizationId: string, key: string): Promise<ContactView> {
    const found = await this.directory.getContact(organizationId, key);
    if (!found) throw noSuchContact();
    const topics = await this.directory.subscriptions({ organizationId, contactId: found.id });
    return toContactView(found, topics);
  }

  private async change<Result>(asked: Promise<Result>): Promise<Result> {
    const result = await orPerhapsChanged(asked);
    this.changed();
    return result;
  }
}
