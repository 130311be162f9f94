import { bytesOf, type IncomingMessage } from './message.ts';

/** What one fetch brought of one partition. */
export interface Chunk {
  readonly messages: IncomingMessage[];
  /** Offset to go on from after it: behind the last message, and behind records that nobody sees (transaction markers). */
  readonly nextOffset: number;
}

export interface Taken {
  messages: IncomingMessage[];
  /** What may be committed once all of these are done. */
  nextOffset: number;
}

/** Fetched and not yet handed over, in order. Neighbouring chunks are merged on the way out, so that a backlog goes in full batches. */
export class PartitionBuffer {
  #chunks: Chunk[] = [];
  /** Messages of the first chunk that have been taken. */
  #taken = 0;
  #messages = 0;
  #bytes = 0;

  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(chunk: Chunk): void {
    if (chunk.messages.length === 0) throw new Error('An empty chunk: use skipTo');
    this.#chunks.push(chunk);
    this.#messages += chunk.messages.length;
    for (const message of chunk.messages) this.#bytes += bytesOf(message);
  }

  /** Records without a message lie between the last chunk and this offset. False when nothing is buffered. */
  skipTo(nextOffset: number): boolean {
    const last = this.#chunks.pop();
    if (last === undefined) return false;
    this.#chunks.push({ messages: last.messages, nextOffset });
    return true;
  }

  take(maxMessages: number): Taken | undefined {
    const first = this.#chunks[0];
    if (first === undefined) return undefined;
    let messages: IncomingMessage[];
    let nextOffset: number;
    const available = first.messages.length - this.#taken;
    if (available > maxMessages) {
      messages = first.messages.slice(this.#taken, this.#taken + maxMessages);
      this.#taken += maxMessages;
      nextOffset = messages[maxMessages - 1]!.offset + 1;
    } else {
      messages = this.#taken === 0 ? first.messages : first.messages.slice(this.#taken);
      nextOffset = first.nextOffset;
      this.#chunks.shift();
      this.#taken = 0;
      while (messages.length < maxMessages && this.#chunks.length > 0) {
        const more = this.#chunks[0]!;
        const room = maxMessages - messages.length;
        if (more.messages.length > room) {
          messages = messages.concat(more.messages.slice(0, room));
          this.#taken = room;
          nextOffset = more.messages[room - 1]!.offset + 1;
        } else {
          messages = messages.concat(more.messages);
          nextOffset = more.nextOffset;
          this.#chunks.shift();
        }
      }
    }
    this.#messages -= messages.length;
    for (const message of messages) this.#bytes -= bytesOf(message);
    return { messages, nextOffset };
  }

  clear(): void {
    this.#chunks = [];
    this.#taken = 0;
    this.#messages = 0;
    this.#bytes = 0;
  }
}
