import type { Directory } from '@trackline/directory';
import type { ConversionFeedback } from '../../ports.ts';

export const directoryFeedback = (
  directory: Pick<Directory, 'feedbackTerms' | 'lastAdClicks'>,
): ConversionFeedback => ({
  terms: () => directory.feedbackTerms(),
  lastClicks: (queries) => directory.lastAdClicks(queries),
});
