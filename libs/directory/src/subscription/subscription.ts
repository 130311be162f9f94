export const TOPIC_CHANNELS = ['email', 'sms', 'whatsapp'] as const;
export type TopicChannel = (typeof TOPIC_CHANNELS)[number];

/** A topic that a contact wants to hear of, and on which channels. */
export interface Subscription {
  readonly topicId: string;
  readonly channels: readonly TopicChannel[];
  readonly since: Date;
}

/** What a contact has said of a topic: on all channels (`null`), or on one of them, which goes before. */
export type Choices = ReadonlyMap<TopicChannel | null, boolean>;

/** What is to be said of a topic; without a channel it is said of all. */
export interface Choice {
  readonly channel: TopicChannel | null;
  readonly subscribed: boolean;
}

export const NO_CHOICES: Choices = new Map();

export const channelsOf = (choices: Choices): TopicChannel[] =>
  TOPIC_CHANNELS.filter((channel) => choices.get(channel) ?? choices.get(null) ?? false);

/** The choices after this one, in the fewest words; the same object when it changes nothing. */
export function withChoice(choices: Choices, { channel, subscribed }: Choice): Choices {
  const after = new Map(channel === null ? [] : choices);
  const isImplied = channel === null ? !subscribed : (choices.get(null) ?? false) === subscribed;
  if (isImplied) after.delete(channel);
  else after.set(channel, subscribed);
  const isSame = after.size === choices.size && [...after].every(([of, is]) => choices.get(of) === is);
  return isSame ? choices : after;
}
