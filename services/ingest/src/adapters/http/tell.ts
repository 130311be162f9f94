import type { FastifyReply } from 'fastify';
import { Problem } from '@trackline/contracts';
import { Answer } from '@trackline/http';
import type { Decision } from '../../domain/decision.ts';

/** A decision as the answer to the request at hand. */
export function tell(decision: Decision, reply: FastifyReply): unknown {
  if (decision.kind === 'answered') {
    return new Answer(decision.status, decision.body, decision.headers).on(reply);
  }
  const { kind: _kind, code, message, ...options } = decision;
  throw new Problem(code, message, options);
}
