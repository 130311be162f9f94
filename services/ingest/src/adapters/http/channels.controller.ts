import { Body, Controller, Inject, Param, Query } from '@nestjs/common';
import {
  createChannel,
  getChannel,
  listChannels,
  pageSize,
  patchChannel,
  Problem,
  removeChannel,
  type ChannelsQuery,
  type ChannelView,
  type CreateChannelBody,
  type PatchChannelBody,
} from '@trackline/contracts';
import type { Channels, Directory, ShownChannel } from '@trackline/directory';
import { Route } from '@trackline/http';
import { CHANNELS, DIRECTORY } from '../../tokens.ts';
import { orPerhapsChanged, orUnavailable } from './directory-away.ts';

/** WhatsApp numbers of organisations, for the operator. */
@Controller()
export class ChannelsController {
  constructor(
    @Inject(CHANNELS) private readonly channels: Channels,
    @Inject(DIRECTORY) private readonly directory: Directory,
  ) {}

  @Route(createChannel)
  async create(@Param('id') id: string, @Body() body: CreateChannelBody): Promise<ChannelView> {
    const made = await orPerhapsChanged(this.channels.create(id, body));
    if (!made) throw noSuchOrganization();
    return toChannelView(made);
  }

  @Route(listChannels)
  async list(
    @Param('id') id: string,
    @Query() { limit, cursor }: ChannelsQuery,
  ): Promise<{ items: ChannelView[]; nextCursor: string | null }> {
    if (!(await orUnavailable(this.directory.organizations([id]))).has(id)) throw noSuchOrganization();
    const asked = { limit: pageSize(limit), ...(cursor === undefined ? undefined : { cursor }) };
    const page = await orUnavailable(this.channels.list(id, asked));
    return { items: page.items.map(toChannelView), nextCursor: page.nextCursor };
  }

  @Route(getChannel)
  async get(@Param('id') id: string, @Param('channelId') channelId: string): Promise<ChannelView> {
    const found = await orUnavailable(this.channels.get(id, channelId));
    if (!found) throw noSuchChannel();
    return toChannelView(found);
  }

  @Route(patchChannel)
  async patch(
    @Param('id') id: string,
    @Param('channelId') channelId: string,
    @Body() body: PatchChannelBody,
  ): Promise<ChannelView> {
    const changed = await orPerhapsChanged(this.channels.update(id, channelId, body));
    if (!changed) throw noSuchChannel();
    return toChannelView(changed);
  }

  @Route(removeChannel)
  async remove(
    @Param('id') id: string,
    @Param('channelId') channelId: string,
  ): Promise<{ success: true; id: string }> {
    if (!(await orPerhapsChanged(this.channels.remove(id, channelId)))) throw noSuchChannel();
    return { success: true, id: channelId };
  }
}

const noSuchOrganization = (): Problem => new Problem('NOT_FOUND', 'There is no such organisation.');
const noSuchChannel = (): Problem => new Problem('NOT_FOUND', 'The organisation has no such channel.');

const toChannelView = (channel: ShownChannel): ChannelView => ({
  id: channel.id,
  phoneNumberId: channel.phoneNumberId,
  wabaId: channel.wabaId,
  displayPhoneNumber: channel.displayPhoneNumber ?? null,
  datasetId: channel.datasetId ?? null,
  conversionFeedback: channel.conversionFeedback,
  appSecret: channel.secrets?.appSecret ?? null,
  verifyToken: channel.secrets?.verifyToken ?? null,
  accessToken: channel.secrets?.accessToken ?? null,
  webhookPath: `/webhooks/whatsapp/${channel.id}`,
  createdAt: channel.createdAt.toISOString(),
  updatedAt: channel.updatedAt.toISOString(),
});
