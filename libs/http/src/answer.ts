import type { FastifyReply } from 'fastify';

/** An answer that is more than 200 and a body. Handlers give it to their reply with `send`. */
export class Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
    this.status = status;
    this.body = body;
    this.headers = headers;
  }

  /** Sets status and headers on a passthrough reply and gives the body, so that a handler can `return answer.on(reply)`. */
  on(reply: FastifyReply): unknown {
    void reply.status(this.status).headers(this.headers);
    return this.body;
  }
}
