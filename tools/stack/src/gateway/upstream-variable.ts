/** `dedup-meter` → `UPSTREAM_DEDUP_METER` */
export const upstreamVariable = (service: string): string =>
  `UPSTREAM_${service.toUpperCase().replaceAll('-', '_')}`;
