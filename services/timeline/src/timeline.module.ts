import { Module, type DynamicModule } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { decodeAdmitted, decodeRefused, type AdmittedEvent } from '@trackline/contracts';
import { ApiKeyGuard, type Directory } from '@trackline/directory';
import { honestFaults } from '@trackline/http';
import type { KafkaBatchServer, Publisher } from '@trackline/kafka';
import type { Clock } from '@trackline/kernel';
import { ObservabilityModule, type Logger, type Metrics } from '@trackline/observability';
import { isConnectionFault, isContention, type Database } from '@trackline/postgres';
import {
  TIMELINE_READS,
  TimelineController,
  type TimelineReads,
} from './adapters/http/timeline.controller.ts';
import {
  METRICS,
  TIMELINE_FLOWS,
  TimelineConsumer,
  type TimelineFlows,
} from './adapters/kafka/timeline.consumer.ts';
import { REPORT_READS, ReportsController, type ReportReads } from './adapters/http/reports.controller.ts';
import { OrderRecorder } from './adapters/postgres/attribution/attribution-writes.ts';
import { conversationWriter } from './adapters/postgres/attribution/conversation-writer.ts';
import type { EditionBook } from './adapters/postgres/attribution/edition-book.ts';
import { campaignReader } from './adapters/postgres/attribution/campaign-reader.ts';
import { reportReader } from './adapters/postgres/attribution/report-reader.ts';
import { contactFactWriter, contactReader } from './adapters/postgres/contact-facts.ts';
import { effectReader, effectWriter } from './adapters/postgres/effects.ts';
import { eventReader } from './adapters/postgres/event-reader.ts';
import { admittedWriter, refusedWriter } from './adapters/postgres/judged-event-writer.ts';
import { positionReader } from './adapters/postgres/positions.ts';
import { refusalReader } from './adapters/postgres/refusal-reader.ts';
import { findReceipt } from './pipeline/find-receipt.ts';
import { KnownPositions } from './pipeline/known-positions.ts';
import { listCampaigns } from './pipeline/list-campaigns.ts';
import { listReceipts } from './pipeline/list-receipts.ts';
import { readReceipt } from './pipeline/read-receipt.ts';
import { readReport, readReportCsv } from './pipeline/read-report.ts';
import { readTimeline } from './pipeline/read-timeline.ts';
import { recordContactFacts } from './pipeline/record-contact-facts.ts';
import { recordActions, recordConversations } from './pipeline/record-conversations.ts';
import { recordEffects } from './pipeline/record-effects.ts';
import { recordJudged } from './pipeline/record-judged.ts';
import type { ContactRegister, PartitionInventory } from './ports.ts';

/** Opened and closed by whoever starts the service; the module only wires them. */
export interface TimelineParts {
  readonly adminToken: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** For consuming, and for reading: a slow question must not keep events from being put down. */
  readonly writing: Database;
  readonly reading: Database;
  readonly inventory: PartitionInventory;
  readonly directory: Directory;
  readonly consumer: KafkaBatchServer;
  readonly deadLetters: Publisher;
  readonly editions: EditionBook;
  /** Has the figures looked after at once. */
  readonly hurry: () => void;
}

function flowsOf({ writing, inventory, clock, editions }: TimelineParts): TimelineFlows {
  const positions = new KnownPositions(positionReader(writing));
  const nowMs = () => clock.now();
  const conversations = conversationWriter(writing, editions);
  return {
    recordAdmitted: recordJudged<AdmittedEvent>({
      decode: decodeAdmitted,
      // A resend: its first admission is on the timeline already.
      hasEffect: (event) => event.replayOf === undefined,
      positions,
      writer: admittedWriter(writing, inventory, new OrderRecorder(editions)),
      clock,
    }),
    recordRefused: recordJudged({
      decode: decodeRefused,
      hasEffect: () => true,
      positions,
      writer: refusedWriter(writing, inventory),
      clock,
    }),
    recordEffects: recordEffects(effectWriter(writing, inventory, editions), nowMs),
    recordContactFacts: recordContactFacts(contactFactWriter(writing, editions), nowMs),
    recordConversations: recordConversations(conversations, nowMs),
    recordActions: recordActions(conversations, nowMs),
  };
}

function readsOf({ reading, directory, clock }: TimelineParts): TimelineReads {
  const register: ContactRegister = {
    has: async (organizationId, contactId) =>
      (await directory.contacts([{ organizationId, contactId }])).has(contactId),
  };
  const sources = {
    contacts: contactReader(reading),
    effects: effectReader(reading),
    events: eventReader(reading),
    refusals: refusalReader(reading),
    attributions: reportReader(reading),
    campaigns: campaignReader(reading),
    clock,
  };
  const receipt = readReceipt(sources);
  return {
    readReceipt: receipt,
    findReceipt: findReceipt(receipt),
    listReceipts: listReceipts(sources),
    readTimeline: readTimeline({ ...sources, register }),
    clock,
  };
}

function reportsOf({ reading, clock, hurry }: TimelineParts): ReportReads {
  const campaigns = campaignReader(reading);
  const sources = { reports: reportReader(reading), campaigns, hurry };
  return {
    readReport: readReport(sources),
    readReportCsv: readReportCsv(sources),
    listCampaigns: listCampaigns(campaigns),
    clock,
  };
}

const honest = honestFaults(
  { isIt: isConnectionFault, told: 'The database is not there now. Try again.' },
  {
    isIt: isContention,
    told: 'That took too long. Try again, or ask for less time with "from" and "to".',
  },
);

@Module({})
export class TimelineModule {
  static with(parts: TimelineParts): DynamicModule {
    const { adminToken, directory, logger, metrics, reading, consumer, deadLetters } = parts;
    return {
      module: TimelineModule,
      imports: [
        ObservabilityModule.forService({
          service: 'timeline',
          metrics,
          logger,
          checks: {
            postgres: () => reading.isReady(),
            kafka: () => consumer.isReady(),
            deadLetters: () => deadLetters.isReady(),
          },
        }),
      ],
      controllers: [TimelineController, ReportsController, TimelineConsumer],
      providers: [
        { provide: METRICS, useValue: metrics },
        { provide: TIMELINE_FLOWS, useValue: flowsOf(parts) },
        { provide: TIMELINE_READS, useValue: readsOf(parts) },
        { provide: REPORT_READS, useValue: reportsOf(parts) },
        { provide: APP_GUARD, useValue: honest.guard(new ApiKeyGuard({ directory, adminToken })) },
        { provide: APP_INTERCEPTOR, useValue: honest.interceptor },
      ],
    };
  }
}
