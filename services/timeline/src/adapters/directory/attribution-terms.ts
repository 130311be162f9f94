import { DEFAULT_SETTINGS, type Directory } from '@trackline/directory';
import { fromOrganizationSettings } from '../../domain/attribution.ts';
import type { AttributionTerms } from '../../ports.ts';

export const attributionTerms = (directory: Directory): AttributionTerms => ({
  async of(organizationIds) {
    const found = await directory.organizations(organizationIds);
    return new Map(
      organizationIds.map((id) => [
        id,
        fromOrganizationSettings(found.get(id)?.settings ?? DEFAULT_SETTINGS),
      ]),
    );
  },
});
