import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import {
  PROTOCOLS,
  type Frame,
  type Moment,
  type ProtocolName,
  type Splitter,
} from './fault-proxy-frames.ts';
import { noteStrike } from './fleet/strikes-file.ts';
import type { Random } from './random.ts';

export type { Moment, ProtocolName } from './fault-proxy-frames.ts';

/** What a network may do to a connection between two healthy parties. Commands always arrive; replies may not. */
export interface NetworkFaults {
  /** How often a reply is lost: the connection is cut after the command was carried out, before its answer is passed on. 0 to 1. */
  cutReplyRatio?: number;
  /** How often a reply is held back, 0 to 1, and for how long. */
  delayReplyRatio?: number;
  delayMs?: number;
  /** Only replies to these are lost or held back; left out: all. Needs a protocol. */
  moments?: readonly Moment[];
  /** New connections are refused and open ones cut: the party is away. */
  away?: boolean;
  /** Connections stay open and nothing passes, in neither direction, until other faults are set. */
  hang?: boolean;
}

/** What really happened: a fault test that cannot show its fault fails. */
export interface FaultCounts {
  connections: number;
  repliesCut: number;
  repliesDelayed: number;
  strikes: number;
}

export interface StrikeOrder {
  readonly moment: Moment;
  /** `before`: the command is dropped, it was never carried out. `after`: it was carried out, and the reply is dropped. */
  readonly when: 'before' | 'after';
  /** Only commands that hold this text: the name of a topic, of an organisation. */
  readonly containing?: string;
  /** Lets so many of them pass first. */
  readonly skip?: number;
  /** Happens at that very moment, while nothing passes; the connection is cut when it is done. */
  readonly then?: () => void | Promise<void>;
  /** Afterwards the command or the reply is passed on after all, late, and the connection lives: for processes that were only asleep. */
  readonly passes?: boolean;
}

/** Waits for its moment, strikes once. */
export interface Strike {
  hasStruck(): boolean;
  /** Resolves once it has struck and what was to happen then is done. */
  readonly struck: Promise<void>;
  cancel(): void;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

interface ArmedStrike {
  readonly order: StrikeOrder;
  toSkip: number;
  hit(): Promise<void>;
}

/**
 * A TCP proxy in front of Redis, Postgres or a broker (on a listener that is advertised as the proxy's address). Loopback only.
 * With a protocol it tells questions and answers apart, and can strike between them. A target that is a function is asked at
 * each new connection: an address that moves from one server to another.
 */
export class FaultProxy {
  readonly counts: FaultCounts = { connections: 0, repliesCut: 0, repliesDelayed: 0, strikes: 0 };
  readonly random: Random;
  readonly protocol: ProtocolName | undefined;
  faults: NetworkFaults = {};
  private readonly target: () => Address;
  private readonly links = new Set<Link>();
  private readonly server: Server;
  private armed: ArmedStrike[] = [];

  constructor(target: Address | (() => Address), random: Random, protocol?: ProtocolName) {
    this.target = typeof target === 'function' ? target : () => target;
    this.random = random;
    this.protocol = protocol;
    this.server = createServer((client) => this.accept(client));
  }

  async listen(port = 0): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }

  /** From now on; connections that are open feel it too. */
  set(faults: NetworkFaults): void {
    if (faults.away && !this.faults.away) noteStrike('party away');
    if (faults.hang && !this.faults.hang) noteStrike('party hangs');
    this.faults = faults;
    if (faults.away) this.cutAll();
    for (const link of this.links) link.hang(faults.hang === true);
  }

  strike(order: StrikeOrder): Strike {
    if (!this.protocol) throw new Error('A proxy without a protocol sees no moments to strike at.');
    let hasStruck = false;
    let settle: () => void = () => undefined;
    const struck = new Promise<void>((resolve) => (settle = resolve));
    const armed: ArmedStrike = {
      order,
      toSkip: order.skip ?? 0,
      hit: async () => {
        hasStruck = true;
        this.counts.strikes += 1;
        noteStrike(`${order.when} ${order.moment}`);
        await order.then?.();
        settle();
      },
    };
    this.armed.push(armed);
    const cancel = () => void (this.armed = this.armed.filter((one) => one !== armed));
    return { hasStruck: () => hasStruck, struck, cancel };
  }

  cutAll(): void {
    for (const link of this.links) link.cut();
  }

  async close(): Promise<void> {
    this.armed = [];
    this.faults = { ...this.faults, away: true };
    this.cutAll();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** The strike that was waiting for this question, taken off the list. */
  struckBy({ moment, bytes }: Frame): ArmedStrike | undefined {
    if (moment === undefined) return undefined;
    for (const armed of this.armed) {
      const { order } = armed;
      if (order.moment !== moment) continue;
      if (order.containing !== undefined && !bytes.includes(order.containing)) continue;
      if (armed.toSkip > 0) armed.toSkip -= 1;
      else {
        this.armed = this.armed.filter((one) => one !== armed);
        return armed;
      }
    }
    return undefined;
  }

  private accept(client: Socket): void {
    if (this.faults.away) return void client.destroy();
    this.counts.connections += 1;
    const link = new Link(this, client, connect({ ...this.target(), noDelay: true }));
    this.links.add(link);
    client.on('close', () => this.links.delete(link));
    if (this.faults.hang) link.hang(true);
  }
}

/** One connection through the proxy. */
class Link {
  private readonly proxy: FaultProxy;
  private readonly client: Socket;
  private readonly upstream: Socket;
  private readonly questions: Splitter | undefined;
  private readonly answers: Splitter | undefined;
  /** Questions whose answer somebody is interested in. */
  private readonly awaited = new Map<number, { strike?: ArmedStrike | undefined; moment: Moment }>();
  /** Frames of an answer that is being struck. */
  private readonly withheld: Buffer[] = [];
  private readonly backlog: (() => void)[] = [];
  private isStruck = false;
  private isHolding = false;
  private deliverAtMs = 0;
  /** In order: what comes behind a reply that is held back waits for it. */
  private readonly held: Buffer[] = [];

  constructor(proxy: FaultProxy, client: Socket, upstream: Socket) {
    this.proxy = proxy;
    this.client = client;
    this.upstream = upstream;
    const protocol = proxy.protocol && PROTOCOLS[proxy.protocol];
    this.questions = protocol?.questions();
    this.answers = protocol?.answers();
    client.setNoDelay(true);
    for (const socket of [client, upstream]) {
      socket.on('error', () => {});
      socket.on('close', () => this.cut());
    }
    client.on('data', (chunk: Buffer) => this.ask(chunk));
    client.on('end', () => upstream.end());
    upstream.on('data', (chunk: Buffer) => this.answer(chunk));
    upstream.on('end', () => client.end());
  }

  cut(): void {
    this.client.destroy();
    this.upstream.destroy();
  }

  hang(isHanging: boolean): void {
    for (const socket of [this.client, this.upstream]) {
      if (isHanging) socket.pause();
      else socket.resume();
    }
  }

  private ask(chunk: Buffer): void {
    if (!this.questions) return this.inTurn(() => this.upstream.write(chunk));
    for (const frame of this.questions(chunk)) this.inTurn(() => this.askFrame(frame));
  }

  private askFrame(frame: Frame): void {
    const passOn = () => void this.upstream.write(frame.bytes);
    // A question of several frames is one moment.
    if (frame.moment === undefined || this.awaited.has(frame.exchange)) return passOn();
    const strike = this.proxy.struckBy(frame);
    const isBefore = strike?.order.when === 'before';
    this.awaited.set(frame.exchange, { strike: isBefore ? undefined : strike, moment: frame.moment });
    if (strike && isBefore) return this.hit(strike, passOn);
    passOn();
  }

  private answer(chunk: Buffer): void {
    if (!this.answers) return this.inTurn(() => this.pass(chunk));
    for (const frame of this.answers(chunk)) this.inTurn(() => this.answerFrame(frame));
  }

  private answerFrame({ bytes, exchange, isLast }: Frame): void {
    const awaited = this.awaited.get(exchange);
    if (isLast) this.awaited.delete(exchange);
    if (awaited?.strike) {
      this.withheld.push(bytes);
      if (isLast)
        this.hit(awaited.strike, () => this.withheld.splice(0).forEach((one) => this.pass(one, false)));
      return;
    }
    const { moments } = this.proxy.faults;
    this.pass(bytes, isLast && (!moments || (awaited !== undefined && moments.includes(awaited.moment))));
  }

  private inTurn(work: () => void): void {
    if (this.isStruck) return;
    if (this.isHolding) this.backlog.push(work);
    else work();
  }

  /** While it lasts nothing passes: whoever looked at the wire would see the other party fall silent. */
  private hit(strike: ArmedStrike, passOn: () => void): void {
    if (!strike.order.passes) {
      this.isStruck = true;
      return void strike.hit().finally(() => this.cut());
    }
    this.isHolding = true;
    void strike.hit().finally(() => {
      this.isHolding = false;
      passOn();
      for (const work of this.backlog.splice(0)) this.inTurn(work);
    });
  }

  private pass(bytes: Buffer, isAtRisk = true): void {
    const { cutReplyRatio = 0, delayReplyRatio = 0, delayMs = 0 } = this.proxy.faults;
    const { random, counts } = this.proxy;
    if (isAtRisk && cutReplyRatio > 0 && random() < cutReplyRatio) {
      counts.repliesCut += 1;
      noteStrike('reply cut');
      this.isStruck = true;
      return this.cut();
    }
    const nowMs = performance.now();
    if (isAtRisk && delayReplyRatio > 0 && random() < delayReplyRatio) {
      counts.repliesDelayed += 1;
      noteStrike('reply delayed');
      this.deliverAtMs = Math.max(this.deliverAtMs, nowMs + delayMs);
    }
    if (this.held.length === 0 && this.deliverAtMs <= nowMs) return void this.client.write(bytes);
    this.held.push(bytes);
    setTimeout(
      () => {
        const next = this.held.shift()!;
        if (!this.client.destroyed) this.client.write(next);
      },
      Math.ceil(this.deliverAtMs - nowMs),
    ).unref();
  }
}
