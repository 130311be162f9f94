import {
  applyDecorators,
  HttpCode,
  RequestMapping,
  RequestMethod,
  SetMetadata,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import {
  Problem,
  storableIssue,
  validator,
  type Issue,
  type RouteContract,
  type Validation,
} from '@trackline/contracts';

/** Who may call a route; the guard of libs/directory reads it. */
export const AUTH_METADATA = 'trackline:auth';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Of a route made from one; health, metrics and pages have none. */
    contract?: RouteContract;
  }
}

/** Far deeper than any body that a contract allows; keeps the walk over a hostile one short. */
const MAX_BODY_DEPTH = 64;

type Check = (value: unknown) => Validation<unknown>;

/** Holds params, query, headers and body against the contract before the handler sees them. Runs after authentication. */
class ContractGuard implements CanActivate {
  private readonly checks: readonly (readonly [part: 'params' | 'query' | 'headers', check: Check])[];
  private readonly checkBody: Check | undefined;
  private readonly contract: RouteContract;

  constructor(contract: RouteContract) {
    this.contract = contract;
    this.checks = (['params', 'query', 'headers'] as const).flatMap((part) => {
      const schema = contract[part];
      return schema ? [[part, validator(schema)] as const] : [];
    });
    this.checkBody = contract.body && validator(contract.body);
  }

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    for (const [part, check] of this.checks) {
      const value = request[part];
      refuse(check(value), 'VALIDATION_FAILED', `The ${part} of the request are not right`);
      if (part === 'query') refuseIssue(storableIssue(value, '', MAX_BODY_DEPTH), part);
      // An id that nothing can have is one that does not exist.
      if (part === 'params' && storableIssue(value, ''))
        throw new Problem('NOT_FOUND', 'There is nothing at this address.');
    }
    if (this.checkBody) this.checkBodyOf(request);
    return true;
  }

  private checkBodyOf(request: FastifyRequest): void {
    if (request.body === undefined || request.body === null) {
      throw new Problem(
        'MALFORMED_REQUEST',
        'A JSON body is needed: send it with "content-type: application/json".',
      );
    }
    refuse(
      this.checkBody!(request.body),
      this.contract.invalidBody ?? 'VALIDATION_FAILED',
      'The body is not right',
    );
    if (!this.contract.bodyTextCheckedByHandler)
      refuseIssue(storableIssue(request.body, '', MAX_BODY_DEPTH), 'body');
  }
}

function refuse(
  validation: Validation<unknown>,
  code: 'VALIDATION_FAILED' | 'BAD_REQUEST' | 'MALFORMED_REQUEST',
  lead: string,
): void {
  if (validation.ok) return;
  const first = validation.issues[0];
  const where = first?.path ? ` at ${first.path}` : '';
  throw new Problem(code, first ? `${lead}${where}: ${first.message}.`.replace(/\.\.$/, '.') : `${lead}.`, {
    details: validation.issues,
  });
}

function refuseIssue(issue: Issue | undefined, part: string): void {
  if (!issue) return;
  throw new Problem(
    'VALIDATION_FAILED',
    `The ${part} cannot be stored: ${issue.path || 'it'}: ${issue.message}`,
    { details: [issue] },
  );
}

/** Binds a handler to its route contract: verb, path, who may call, validation. Errors and docs come from the same contract. */
export function Route(contract: RouteContract): MethodDecorator {
  const success = Math.min(...Object.keys(contract.responses).map(Number));
  return applyDecorators(
    RequestMapping({ path: contract.path, method: RequestMethod[contract.method] }),
    SetMetadata(AUTH_METADATA, contract.auth),
    RouteConfig({ contract }),
    UseGuards(new ContractGuard(contract)),
    HttpCode(success),
  );
}
