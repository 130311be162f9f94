/** Short enough to watch, long enough to see it wait. */
export const REMINDER_TIMEOUT_SECONDS = 2;

/** Waits for an order; the demonstration sends one, so it goes down "yes". */
export const cartRecovery = {
  name: 'Cart recovery',
  trigger: { type: 'event', eventName: 'cart.abandoned' },
  steps: [
    {
      id: 'wait-for-order',
      type: 'wait_for_event',
      config: { eventName: 'order.completed', timeoutSeconds: 3_600 },
      branches: {
        yes: [{ id: 'recovered', type: 'exit', config: { reason: 'The cart became an order' } }],
        no: [{ id: 'lost', type: 'exit', config: { reason: 'No order within the hour' } }],
      },
    },
  ],
};

/** Waits for an event that never comes, so it times out into "no". */
export const trialReminder = {
  name: 'Trial reminder',
  trigger: { type: 'event', eventName: 'trial.started' },
  steps: [
    {
      id: 'wait-for-profile',
      type: 'wait_for_event',
      config: { eventName: 'profile.completed', timeoutSeconds: REMINDER_TIMEOUT_SECONDS },
      branches: {
        yes: [{ id: 'done', type: 'exit', config: { reason: 'The profile is complete' } }],
        no: [
          {
            id: 'mark',
            type: 'update_contact',
            config: { updates: [{ field: 'needsReminder', operation: 'set', value: true }] },
          },
        ],
      },
    },
  ],
};
