import { Body, Controller, Inject, Param, Query } from '@nestjs/common';
import {
  createKey,
  createOrganization,
  getOrganization,
  listKeys,
  listOrganizations,
  pageSize,
  patchOrganization,
  Problem,
  revokeKey,
  type CreatedKey,
  type CreateKeyBody,
  type CreateOrganizationBody,
  type KeyView,
  type OrganizationView,
  type PageQuery,
  type PatchOrganizationBody,
} from '@trackline/contracts';
import type { ApiKey, Directory, Organization } from '@trackline/directory';
import { Route } from '@trackline/http';
import { readExpiry } from '../../domain/key-expiry.ts';
import { DIRECTORY } from '../../tokens.ts';
import { orPerhapsChanged, orUnavailable } from './directory-away.ts';

interface ListOf<Item> {
  readonly items: Item[];
  readonly nextCursor: string | null;
}

/** What the operator does: organisations and their keys. */
@Controller()
export class AdminController {
  constructor(@Inject(DIRECTORY) private readonly directory: Directory) {}

  @Route(createOrganization)
  async create(@Body() body: CreateOrganizationBody): Promise<OrganizationView> {
    return toOrganizationView(await orPerhapsChanged(this.directory.createOrganization(body)));
  }

  @Route(listOrganizations)
  async list(@Query() { limit, cursor }: PageQuery): Promise<ListOf<OrganizationView>> {
    const page = await orUnavailable(this.directory.listOrganizations(pageOf(limit, cursor)));
    return { items: page.items.map(toOrganizationView), nextCursor: page.nextCursor };
  }

  @Route(getOrganization)
  async get(@Param('id') id: string): Promise<OrganizationView> {
    return toOrganizationView(await this.find(id));
  }

  @Route(patchOrganization)
  async patch(@Param('id') id: string, @Body() body: PatchOrganizationBody): Promise<OrganizationView> {
    const changed = await orPerhapsChanged(this.directory.updateOrganization(id, body));
    if (!changed) throw noSuchOrganization();
    return toOrganizationView(changed);
  }

  @Route(createKey)
  async createKey(@Param('id') id: string, @Body() body: CreateKeyBody): Promise<CreatedKey> {
    const { name, scopes } = body;
    const expiresAt = readExpiry(body.expiresAt);
    const made = await orPerhapsChanged(
      this.directory.createKey(id, { name, expiresAt, ...(scopes === undefined ? undefined : { scopes }) }),
    );
    if (!made) throw noSuchOrganization();
    return { ...toKeyView(made.apiKey), key: made.key };
  }

  @Route(listKeys)
  async listKeys(@Param('id') id: string, @Query() { limit, cursor }: PageQuery): Promise<ListOf<KeyView>> {
    await this.find(id);
    const page = await orUnavailable(this.directory.listKeys(id, pageOf(limit, cursor)));
    return { items: page.items.map(toKeyView), nextCursor: page.nextCursor };
  }

  @Route(revokeKey)
  async revokeKey(
    @Param('id') id: string,
    @Param('keyId') keyId: string,
  ): Promise<{ success: true; id: string }> {
    if (!(await orPerhapsChanged(this.directory.revokeKey(id, keyId)))) {
      throw new Problem('NOT_FOUND', 'There is no such key.');
    }
    return { success: true, id: keyId };
  }

  private async find(id: string): Promise<Organization> {
    const found = (await orUnavailable(this.directory.organizations([id]))).get(id);
    if (!found) throw noSuchOrganization();
    return found;
  }
}

const noSuchOrganization = (): Problem => new Problem('NOT_FOUND', 'There is no such organisation.');

const pageOf = (limit: string | undefined, cursor: string | undefined) => ({
  limit: pageSize(limit),
  ...(cursor === undefined ? undefined : { cursor }),
});

const toOrganizationView = ({
  version: _version,
  settings,
  createdAt,
  updatedAt,
  ...organization
}: Organization): OrganizationView => ({
  ...organization,
  settings: {
    ...settings,
    orderEventNames: [...settings.orderEventNames],
    leadEventNames: [...settings.leadEventNames],
  },
  createdAt: createdAt.toISOString(),
  updatedAt: updatedAt.toISOString(),
});

const toKeyView = ({
  organizationId: _organizationId,
  scopes,
  createdAt,
  expiresAt,
  revokedAt,
  ...key
}: ApiKey): KeyView => ({
  ...key,
  scopes: [...scopes],
  createdAt: createdAt.toISOString(),
  expiresAt: expiresAt?.toISOString() ?? null,
  revokedAt: revokedAt?.toISOString() ?? null,
});
