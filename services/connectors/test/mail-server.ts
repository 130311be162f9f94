import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and body as they came. */
  readonly text: string;
}

/** A real SMTP server that keeps what it got. */
export class MailServer {
  readonly mails: Mail[] = [];
  private readonly server: SMTPServer;
  /** Replies that the next mails get in the place of an acceptance. */
  private readonly refusals: { code: number; message: string }[] = [];

  private constructor(options: SMTPServerOptions) {
    this.server = new SMTPServer({
      disabledCommands: ['STARTTLS'],
      logger: false,
      ...options,
      onData: (stream, { envelope }, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          const refusal = this.refusals.shift();
          if (refusal) return done(Object.assign(new Error(refusal.message), { responseCode: refusal.code }));
          this.mails.push({
            from: envelope.mailFrom ? envelope.mailFrom.address : '',
            to: envelope.rcptTo.map(({ address }) => address),
            text: Buffer.concat(chunks).toString(),
          });
          return done();
        });
      },
    });
    // Clients that go away in the midst of it are theirs to report.
    this.server.on('error', () => undefined);
  }

  static async open(options: SMTPServerOptions = { authOptional: true }): Promise<MailServer> {
    const mails = new MailServer(options);
    await new Promise<void>((resolve) => mails.server.listen(0, '127.0.0.1', resolve));
    return mails;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.server.address() as AddressInfo).port}`;
  }

  refuseNext(code: number, message: string): void {
    this.refusals.push({ code, message });
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.server.close(resolve));
  }
}
