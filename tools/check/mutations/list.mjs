/**
 * The lies, and who has to notice. `search` must be in its file exactly once. `%s` in a test's name stands for any text.
 * A file of the lane `fault` runs real processes: there `dist` is written too.
 */
const METER = 'services/dedup-meter';
const JUDGE = `${METER}/src/adapters/redis/judge.script.ts`;
const LEDGER = `${METER}/src/adapters/postgres/migrations/ledger-functions-1763700000001.ts`;
const SETTLE = `${METER}/src/pipeline/settle-batch.ts`;

const integration = (file) => (test) => ({
  lane: 'integration',
  file: `${METER}/test/integration/${file}.int-spec.ts`,
  test,
});
const admission = integration('admission');
const faults = integration('faults');
const judge = integration('judge');
const ledger = integration('ledger');
const month = integration('month');
const instances = integration('instances');

/** With real processes: it takes a minute or two, so only a few lies are caught here as well. */
const fault = (file) => (test) => ({
  lane: 'fault',
  file: `${METER}/test/fault/${file}.fault-spec.ts`,
  test,
});
const lostReplies = fault('lost-replies-count-once')('of Redis, Postgres and Kafka');

export const MUTATIONS = [
  {
    name: 'event ids are not looked up',
    edits: [{ file: JUDGE, search: 'if known[eventAt] then', replace: 'if false then' }],
    caughtBy: admission('takes an event id that comes again for the first: a replay with its position, free'),
  },
  {
    name: 'unique ids are not looked up',
    edits: [{ file: JUDGE, search: 'elseif unique and known[uniqueAt] then', replace: 'elseif false then' }],
    caughtBy: admission('refuses the second use of a unique id'),
  },
  {
    name: 'repeats in one batch are not seen',
    edits: [
      { file: JUDGE, search: 'elseif unique and admittedUnique[unique] then', replace: 'elseif false then' },
    ],
    // In the whole service it would pass: the ledger refuses the batch, and the transport hands it over in halves.
    caughtBy: judge('sees repeats in one call: of what was admitted, not of what was refused'),
  },
  {
    name: 'the cap lets one more in',
    edits: [
      { file: JUDGE, search: 'elseif cap and total >= cap then', replace: 'elseif cap and total > cap then' },
    ],
    caughtBy: instances('hold one cap together, by both doors, over all partitions'),
  },
  {
    name: 'a share is added instead of set',
    edits: [
      {
        file: JUDGE,
        search: 'local total = tonumber(state[3]) - tonumber(state[5] or 0) + committed',
        replace: 'local total = tonumber(state[3])',
      },
    ],
    caughtBy: [faults('at "commit" counts once when it is handed over again'), lostReplies],
  },
  {
    name: 'a token is accepted twice',
    edits: [{ file: JUDGE, search: 'attempt <= storedAttempt', replace: 'attempt < storedAttempt' }],
    caughtBy: judge('answers a token of the same attempt as it must'),
  },
  {
    name: 'an older term may judge',
    edits: [
      {
        file: JUDGE,
        search: 'if term < storedTerm or (term == storedTerm and attempt <= storedAttempt) then',
        replace: 'if term == storedTerm and attempt <= storedAttempt then',
      },
    ],
    caughtBy: faults('do not spoil the count when the former wakes up late, at "judge"'),
  },
  {
    name: 'an older epoch may judge',
    edits: [{ file: JUDGE, search: "if seededEpoch > epoch then return {'behind'} end", replace: '' }],
    caughtBy: judge('answers a token of an older epoch as it must'),
  },
  {
    name: 'the replication id is not compared',
    edits: [{ file: JUDGE, search: "if state[2] ~= replid then return {'lost'} end", replace: '' }],
    caughtBy: faults('by a failover to a replica that lags behind changes no verdict and no count'),
  },
  {
    name: 'an older plan may judge',
    edits: [{ file: JUDGE, search: 'if plan < tonumber(state[4] or 0) then', replace: 'if false then' }],
    caughtBy: judge('refuses a plan that is older than one it has seen, and changes nothing'),
  },
  {
    name: 'a month is seeded without its counts',
    edits: [{ file: JUDGE, search: 'total = total + tonumber(ARGV[i + 1])', replace: 'total = 0' }],
    caughtBy: faults('by a flush changes no verdict and no count'),
  },
  {
    name: 'done is not compared',
    edits: [{ file: LEDGER, search: ' AND done < b_first[i]', replace: '' }],
    caughtBy: ledger('lets no offset be judged twice, also under the right term'),
  },
  {
    name: 'the term is not compared at the commit',
    edits: [{ file: LEDGER, search: ' AND term = b_term[i]', replace: '' }],
    caughtBy: faults('by a flush voids what was judged before it and is not committed'),
  },
  {
    name: 'a new owner does not raise the term',
    edits: [{ file: LEDGER, search: 'SET term = s.term + 1 WHERE', replace: 'SET term = s.term WHERE' }],
    caughtBy: ledger('begins before the first offset, and raises the term each time it is asked'),
  },
  {
    name: 'the end of an epoch leaves the terms',
    edits: [{ file: LEDGER, search: 'UPDATE dedup_meter.source SET term = term + 1;', replace: '' }],
    caughtBy: faults('by a flush voids what was judged before it and is not committed'),
  },
  {
    name: 'a unique id is free after 12 months',
    edits: [
      {
        file: LEDGER,
        search: "known.received_at + interval '24 months'",
        replace: "known.received_at + interval '12 months'",
      },
    ],
    caughtBy: ledger('takes a unique id once in 24 months'),
  },
  {
    name: 'resends are counted',
    edits: [
      {
        file: `${METER}/src/domain/ledger-batch.ts`,
        search: "if (outcome.kind !== 'admitted' || !event) continue;",
        replace: "if ((outcome.kind !== 'admitted' && outcome.kind !== 'replay') || !event) continue;",
      },
    ],
    caughtBy: admission('takes an event id that comes again for the first: a replay with its position, free'),
  },
  {
    name: 'usage is booked on the day it happened',
    edits: [
      {
        file: `${METER}/src/domain/ledger-batch.ts`,
        search: 'day: dayOf(receivedAtMs)',
        replace: 'day: dayOf(event.occurredAtMs)',
      },
    ],
    caughtBy: month('is the one in which the broker took the event, to the millisecond'),
  },
  {
    name: 'the month is that of the clock',
    edits: [
      {
        file: `${METER}/src/domain/month-runs.ts`,
        search: 'monthOf(message.timestampMs)',
        replace: 'monthOf(Date.now())',
      },
    ],
    caughtBy: month('is the one in which the broker took the event, to the millisecond'),
  },
  {
    name: 'verdicts are published before they are committed',
    edits: [
      {
        file: SETTLE,
        search: "const outcome = await observer.timed(topic, 'commit', () =>",
        replace: 'const commit = (): Promise<CommitOutcome> =>',
      },
      {
        file: SETTLE,
        search:
          'ledger.commit(toLedgerBatch({ sourceId, term }, decided, source.trimBelow(batch.committedOffset))),\n      );',
        replace:
          "ledger.commit(toLedgerBatch({ sourceId, term }, decided, source.trimBelow(batch.committedOffset)));\n      const outcome = { kind: 'committed', notices: raised };",
      },
      {
        file: SETTLE,
        search: 'return { decisions, notices: outcome.notices,',
        replace: 'return { commit, decisions, notices: outcome.notices,',
      },
      {
        file: `${METER}/src/pipeline/admit-batch.ts`,
        search: 'countOutcomes(decisions, (outcome, count)',
        replace:
          "if ((await settled.commit()).kind !== 'committed') throw new Unavailable('late');\n    countOutcomes(decisions, (outcome, count)",
      },
    ],
    caughtBy: faults('agree on every verdict when the second takes over at "publish"'),
  },
  {
    name: 'Redis is told identities before the commit',
    edits: [
      {
        file: SETTLE,
        search: "const outcome = await observer.timed(topic, 'commit', () =>",
        replace:
          "await judge.remember(identitiesOf(decisions, candidates));\n      const outcome = await observer.timed(topic, 'commit', () =>",
      },
    ],
    caughtBy: [faults('at "commit" counts once when it is handed over again'), lostReplies],
  },
  {
    name: 'the journal is not repeated',
    edits: [
      {
        file: `${METER}/src/pipeline/repeat-journal.ts`,
        search: 'return message ? toDecision(entry, message, door, source.name, deadLetters) : [];',
        replace: 'return [];',
      },
    ],
    caughtBy: [faults('at "publish" counts once when it is handed over again'), lostReplies],
  },
  {
    name: 'a failed publish passes for done',
    edits: [
      {
        file: `${METER}/src/pipeline/publish-decisions.ts`,
        search: "throw new Unavailable('Verdicts that stand could not be published.', { cause: error });",
        replace: 'void error;',
      },
    ],
    caughtBy: faults('leaves one verdict per position and an exact count'),
  },
  {
    name: 'Redis alone says over the cap',
    edits: [
      {
        file: SETTLE,
        search: "return verdict.kind === 'over_limit' || ",
        replace: 'return ',
      },
    ],
    caughtBy: faults('is told from an event over the cap: it gets the first answer, not a 429'),
  },
  {
    name: 'identities are joined by a dash',
    edits: [
      {
        file: 'libs/contracts/src/identity.ts',
        search: 'hash.update(`${Buffer.byteLength(part)}:`).update(part)',
        replace: "hash.update('-').update(part)",
      },
    ],
    caughtBy: {
      lane: 'unit',
      file: 'libs/contracts/src/identity.spec.ts',
      test: 'cannot be made to meet by whatever could stand between two parts',
    },
  },
  {
    name: 'the offset of the last message is committed',
    edits: [
      {
        file: 'libs/kafka/src/offset-commits.ts',
        search: 'offset: doneOffset,',
        replace: 'offset: doneOffset - 1,',
      },
    ],
    caughtBy: {
      lane: 'integration',
      file: 'libs/kafka/test/integration/batches.int-spec.ts',
      test: 'commits the offset after the last message done, off the path, and at drain',
    },
  },
  {
    name: 'timeline takes a position twice',
    edits: [
      {
        file: 'services/timeline/src/domain/source-positions.ts',
        search: 'if (offset <= (reached',
        replace: 'if (offset < (reached',
      },
    ],
    caughtBy: {
      lane: 'unit',
      file: 'services/timeline/src/domain/source-positions.spec.ts',
      test: 'has an effect once per place',
    },
  },
  {
    name: 'trigger takes a position twice',
    edits: [
      {
        file: 'services/trigger/src/domain/positions.ts',
        search: 'offset <= (positions.get(source)',
        replace: 'offset < (positions.get(source)',
      },
    ],
    caughtBy: {
      lane: 'unit',
      file: 'services/trigger/src/domain/positions.spec.ts',
      test: 'know what has taken effect',
    },
  },
];
