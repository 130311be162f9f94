import type { FeedbackChannel, FeedbackTerms } from '@trackline/contracts';
import type { Queryable } from '@trackline/postgres';
import { DEFAULT_SETTINGS, type OrganizationSettings } from '../organization/organization.ts';

interface TermsRow {
  organization_id: string;
  id: string;
  phone_number_id: string;
  waba_id: string;
  dataset_id: string;
  settings: Partial<OrganizationSettings>;
}

/** Of all organisations that have such a channel: usually few, often none. One statement over an index of just these. */
export async function loadFeedbackTerms(db: Queryable): Promise<ReadonlyMap<string, FeedbackTerms>> {
  const { rows } = await db.query<TermsRow>({
    name: 'directory.feedback_terms',
    text: `SELECT c.organization_id, c.id, c.phone_number_id, c.waba_id, c.dataset_id, o.settings
             FROM directory.channel c JOIN directory.organization o ON o.id = c.organization_id
            WHERE c.conversion_feedback AND c.dataset_id IS NOT NULL ORDER BY c.id`,
    values: [],
  });
  const terms = new Map<string, { channels: FeedbackChannel[]; settings: OrganizationSettings }>();
  for (const row of rows) {
    const known = terms.get(row.organization_id) ?? {
      channels: [],
      settings: { ...DEFAULT_SETTINGS, ...row.settings },
    };
    terms.set(row.organization_id, known);
    known.channels.push({
      id: row.id,
      phoneNumberId: row.phone_number_id,
      wabaId: row.waba_id,
      datasetId: row.dataset_id,
    });
  }
  return terms;
}
