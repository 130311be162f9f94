import { Receiver } from './receiver.ts';

/** What one call has told, as far as it was right. */
export interface ToldEvent {
  readonly event_name: string;
  readonly event_time: number;
  readonly event_id: string;
  readonly user_data: { readonly ctwa_clid: string; readonly whatsapp_business_account_id: string };
  readonly custom_data?: { readonly currency: string; readonly value: number };
}

export interface ConversionsApiSettings {
  readonly version: string;
  readonly datasetId: string;
  readonly accessToken: string;
  readonly wabaId: string;
}

const WEEK_SECONDS = 7 * 86_400;

/**
 * A stand-in for Meta's Conversions API that refuses what the documentation does not allow, with the Graph API's errors: see
 * src/domain/conversion.ts for where that is.
 */
export class ConversionsApi {
  readonly told: ToldEvent[] = [];
  readonly receiver: Receiver;
  private readonly settings: ConversionsApiSettings;
  private faults: (readonly [status: number, body: object, headers?: Record<string, string>])[] = [];

  private constructor(receiver: Receiver, settings: ConversionsApiSettings) {
    this.receiver = receiver;
    this.settings = settings;
    receiver.answer(({ method, path, headers, body }, response) => {
      const answer = (status: number, json: object, more: Record<string, string> = {}): void =>
        void response
          .writeHead(status, { 'content-type': 'application/json', ...more })
          .end(JSON.stringify(json));
      const fault = this.faults.shift();
      if (fault) return answer(...fault);
      const { version, datasetId, accessToken } = this.settings;
      if (headers.authorization !== `Bearer ${accessToken}`) {
        // As Meta does: it repeats what it was given.
        const given = String(headers.authorization).replace('Bearer ', '');
        return answer(400, graphError(190, `Malformed access token ${given}`));
      }
      if (method !== 'POST' || path !== `/${version}/${datasetId}/events`)
        return answer(400, graphError(100, 'Unsupported post request', 33));
      const events = (JSON.parse(body) as { data?: unknown }).data;
      const wrong =
        Array.isArray(events) && events.length === 1 ? this.wrongIn(events[0]) : 'data must be one event';
      if (wrong !== undefined) return answer(400, graphError(100, `Invalid parameter: ${wrong}`, 2804003));
      this.told.push(...(events as ToldEvent[]));
      answer(200, { events_received: 1, messages: [], fbtrace_id: 'AbC' });
    });
  }

  /** `port`: where those who are to call it look for it already; else any free one. */
  static async open(settings: ConversionsApiSettings, port?: number): Promise<ConversionsApi> {
    return new ConversionsApi(await Receiver.open('127.0.0.1', port), settings);
  }

  /** The next calls are answered so, whatever they tell. */
  failWith(...faults: (readonly [status: number, body: object, headers?: Record<string, string>])[]): void {
    this.faults = [...faults];
  }

  private wrongIn(event: unknown): string | undefined {
    const { user_data, custom_data, ...rest } = event as Record<string, unknown>;
    const user = (user_data ?? {}) as Record<string, unknown>;
    const custom = (custom_data ?? {}) as Record<string, unknown>;
    const ageSeconds = Date.now() / 1_000 - Number(rest.event_time);
    const rules: Readonly<Record<string, boolean>> = {
      event_name: ['Purchase', 'LeadSubmitted'].includes(String(rest.event_name)),
      event_time: Number.isInteger(rest.event_time) && ageSeconds <= WEEK_SECONDS && ageSeconds >= -1,
      action_source: rest.action_source === 'business_messaging',
      messaging_channel: rest.messaging_channel === 'whatsapp',
      event_id: typeof rest.event_id === 'string' && rest.event_id !== '',
      ctwa_clid: typeof user.ctwa_clid === 'string' && user.ctwa_clid !== '',
      whatsapp_business_account_id: user.whatsapp_business_account_id === this.settings.wabaId,
      custom_data:
        rest.event_name !== 'Purchase' ||
        (typeof custom.value === 'number' && custom.value >= 0 && /^[A-Z]{3}$/.test(String(custom.currency))),
    };
    return Object.entries(rules).find(([, isRight]) => !isRight)?.[0];
  }
}

export const graphError = (code: number, message: string, subcode?: number): object => ({
  error: {
    message: `(#${code}) ${message}`,
    type: 'OAuthException',
    code,
    ...(subcode !== undefined && { error_subcode: subcode }),
    fbtrace_id: 'AbC',
  },
});
