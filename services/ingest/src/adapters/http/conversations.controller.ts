import { Body, Controller, Inject } from '@nestjs/common';
import { recordConversations, type ConversationsAnswer, type ConversationsBody } from '@trackline/contracts';
import { CurrentPrincipal, type Principal } from '@trackline/directory';
import { Route } from '@trackline/http';
import type { Clock } from '@trackline/kernel';
import type { RecordConversations } from '../../pipeline/record-conversations.ts';
import { CLOCK, RECORD_CONVERSATIONS } from '../../tokens.ts';
import { orUnavailable } from './directory-away.ts';

/** Messages that were exchanged elsewhere. */
@Controller()
export class ConversationsController {
  constructor(
    @Inject(RECORD_CONVERSATIONS) private readonly record: RecordConversations,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Route(recordConversations)
  many(
    @Body() body: ConversationsBody,
    @CurrentPrincipal() { organization, asOf }: Principal,
  ): Promise<ConversationsAnswer> {
    const caller = { organizationId: organization.id, plan: organization, asOf };
    return orUnavailable(this.record({ caller, body, requestedAtMs: this.clock.now() }));
  }
}
