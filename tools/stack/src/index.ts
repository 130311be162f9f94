export { createGateway, type GatewaySettings } from './gateway/server.ts';
export { Upstreams } from './gateway/upstreams.ts';
