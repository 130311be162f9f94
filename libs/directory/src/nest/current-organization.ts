import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { AuthenticatedRequest, Principal } from './api-key.guard.ts';

const principalOf = (context: ExecutionContext): Principal => {
  const { principal } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (!principal) throw new Error('No principal: the route takes no key, or ApiKeyGuard is not in use.');
  return principal;
};

/** The organisation whose key the request carries. */
export const CurrentOrganization = createParamDecorator(
  (_: unknown, context: ExecutionContext) => principalOf(context).organization,
);

/** The key with its scopes, the organisation, and what was read to authenticate. */
export const CurrentPrincipal = createParamDecorator((_: unknown, context: ExecutionContext) =>
  principalOf(context),
);
