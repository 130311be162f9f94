import { BlockList, isIP } from 'node:net';

/** Not for everybody to reach: https://www.iana.org/assignments/iana-ipv4-special-registry, and multicast. */
const REFUSED_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  // link-local, among it 169.254.169.254: what clouds tell of a machine to whoever runs on it
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  // an ordinary address in Azure, answered by the machine's host
  '168.63.129.16/32',
  '224.0.0.0/4',
  '240.0.0.0/4',
];

/** All that is given to networks of the world; what carries IPv4 inside (mapped, NAT64), is local or multicast lies outside. */
const GLOBAL_V6 = '2000::/3';

/** Inside it, and still not for everybody: https://www.iana.org/assignments/iana-ipv6-special-registry. */
const REFUSED_V6 = [
  // protocol assignments, among them Teredo, which carries IPv4 inside
  '2001::/23',
  '2001:db8::/32',
  // 6to4 carries IPv4 inside
  '2002::/16',
  '2620:4f:8000::/48',
  '3fff::/20',
];

/** Whether an address may be called. */
export class AddressRules {
  private readonly refused = listOf([...REFUSED_V4, ...REFUSED_V6]);
  private readonly global = listOf([GLOBAL_V6]);
  private readonly allowed: BlockList;

  /** `allowed`: networks that are called although the rules refuse them, for development and tests. */
  constructor(allowed: readonly string[] = []) {
    this.allowed = listOf(allowed);
  }

  /** `address` as the resolver or the URL parser gives it; what is no plain address is refused. */
  allows(address: string): boolean {
    const family = isIP(address);
    if (family === 0 || address.includes('%')) return false;
    const type = family === 4 ? 'ipv4' : 'ipv6';
    if (this.isIn(this.allowed, address, type)) return true;
    if (family === 6 && !this.global.check(address, type)) return false;
    return !this.refused.check(address, type);
  }

  /** A BlockList finds an IPv4 network for an IPv6 address that has it inside; leave is given to addresses as they are written. */
  private isIn(list: BlockList, address: string, type: 'ipv4' | 'ipv6'): boolean {
    return (type === 'ipv4' || !isMapped(address)) && list.check(address, type);
  }
}

const mapped = new BlockList();
mapped.addSubnet('::ffff:0:0', 96, 'ipv6');
const isMapped = (address: string): boolean => mapped.check(address, 'ipv6');

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address, prefix] = network.split('/');
    list.addSubnet(address!, Number(prefix), isIP(address!) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** `10.0.0.0/8`, `::1/128` */
export function isNetwork(text: string): boolean {
  const [address = '', prefix = '', more] = text.split('/');
  const family = isIP(address);
  const bits = Number(prefix);
  return more === undefined && family !== 0 && /^\d{1,3}$/.test(prefix) && bits <= (family === 4 ? 32 : 128);
}
