import { describe, expect, it } from '@jest/globals';
import { AddressRules, isNetwork } from './address-rules.ts';

const rules = new AddressRules();

/** What a URL with this host would be looked at as; the URL parser knows the odd ways to write a number. */
const literal = (host: string): string => new URL(`http://${host}/`).hostname.replace(/^\[|\]$/g, '');

describe('an address that is not called', () => {
  it.each([
    ['this machine', '0.0.0.0'],
    ['this machine', '0.1.2.3'],
    ['loopback', '127.0.0.1'],
    ['loopback', '127.255.255.254'],
    ['private', '10.0.0.1'],
    ['private', '172.16.0.1'],
    ['private', '172.31.255.255'],
    ['private', '192.168.1.1'],
    ['shared by carriers', '100.64.0.1'],
    ['shared by carriers, and metadata of Alibaba', '100.100.100.200'],
    ['link-local', '169.254.0.1'],
    ['metadata', '169.254.169.254'],
    ['metadata of ECS', '169.254.170.2'],
    ['metadata of Azure', '168.63.129.16'],
    ['protocol assignments', '192.0.0.192'],
    ['documentation', '192.0.2.1'],
    ['documentation', '198.51.100.1'],
    ['documentation', '203.0.113.1'],
    ['6to4 relays', '192.88.99.1'],
    ['benchmarks', '198.18.0.1'],
    ['multicast', '224.0.0.1'],
    ['multicast', '239.255.255.250'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['unspecified', '::'],
    ['loopback', '::1'],
    ['mapped loopback', '::ffff:127.0.0.1'],
    ['mapped, in hex', '::ffff:7f00:1'],
    ['mapped public', '::ffff:8.8.8.8'],
    ['compatible', '::127.0.0.1'],
    ['compatible', '::7f00:1'],
    ['translated', '::ffff:0:7f00:1'],
    ['NAT64', '64:ff9b::7f00:1'],
    ['NAT64 of one network', '64:ff9b:1::1'],
    ['discard', '100::1'],
    ['Teredo', '2001:0:7f00:1::1'],
    ['ORCHID', '2001:20::1'],
    ['documentation', '2001:db8::1'],
    ['documentation', '3fff::1'],
    ['6to4', '2002:7f00:1::1'],
    ['unique local', 'fc00::1'],
    ['unique local, and metadata of EC2', 'fd00:ec2::254'],
    ['link-local', 'fe80::1'],
    ['link-local with a zone', 'fe80::1%eth0'],
    ['global with a zone', '2606:4700::1111%eth0'],
    ['site-local', 'fec0::1'],
    ['multicast', 'ff02::1'],
    ['segment routing', '5f00::1'],
    ['no address', 'localhost'],
    ['no address', ''],
    ['no address', '127.0.0.1:80'],
    ['a short form that no resolver gives', '127.1'],
  ])('%s: %s', (_, address) => expect(rules.allows(address)).toBe(false));

  it.each([
    '127.1',
    '127.0.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '017700000001',
    '127.0.0.1.',
    '0',
    '0x0',
    '①②⑦.⓪.⓪.①',
    '127。0。0。1',
    '%31%32%37.0.0.1',
    '0xa9fea9fe',
    '2852039166',
    '0251.0376.0251.0376',
    '[::]',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[0:0:0:0:0:ffff:169.254.169.254]',
    '[::ffff:a9fe:a9fe]',
    '[64:ff9b::169.254.169.254]',
    '[fe80::1]',
    '[fd00:ec2::254]',
  ])('as a URL may write it: %s', (host) => expect(rules.allows(literal(host))).toBe(false));
});

describe('an address that is called', () => {
  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.1',
    '169.253.255.255',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '192.169.0.0',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a00:1450:4001:81b::200e',
    '2001:4860:4860::8888',
  ])('%s', (address) => expect(rules.allows(address)).toBe(true));
});

describe('networks that are allowed all the same', () => {
  const own = new AddressRules(['127.0.0.2/32', '10.1.0.0/16', '::1/128', 'fd12::/16']);

  it.each(['127.0.0.2', '10.1.255.1', '::1', 'fd12::5', '1.1.1.1'])('%s may be called', (address) =>
    expect(own.allows(address)).toBe(true),
  );

  it.each(['127.0.0.1', '10.2.0.1', '::', '::ffff:127.0.0.2', '::ffff:7f00:2', 'fd13::5', '169.254.169.254'])(
    '%s may not',
    (address) => expect(own.allows(address)).toBe(false),
  );

  it.each(['10.0.0.0', '10.0.0.0/33', '::1/129', 'a/8', '10.0.0.0/8/8', '10.0.0.0/', '', '10.0.0.0/-1'])(
    '%j is no network',
    (text) => expect(isNetwork(text)).toBe(false),
  );
  it.each(['10.0.0.0/8', '0.0.0.0/0', '::/0', '::1/128'])('%j is one', (text) =>
    expect(isNetwork(text)).toBe(true),
  );
});
