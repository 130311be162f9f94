import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const VERSION = 1;
const KEY_BYTES = 32;
const KEY_ID_BYTES = 4;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + KEY_ID_BYTES + IV_BYTES + TAG_BYTES;

/** What was sealed cannot be opened: its key is not among those given, or it was changed or moved to another owner. */
export class SecretUnreadable extends Error {
  override readonly name = 'SecretUnreadable';
}

interface Key {
  readonly id: Buffer;
  readonly bytes: Buffer;
}

/**
 * Seals secrets for the database by AES-256-GCM: version, the key's id, a random IV, the tag, the text. `owner` is bound in, so
 * that a sealed value that is copied to another row does not open there.
 */
export class SecretBox {
  private readonly keys: readonly Key[];

  /** Base64 of 32 bytes each, separated by commas: the first seals, all of them open, so that a key can be changed. */
  constructor(keys: string) {
    this.keys = keys.split(',').map((text) => toKey(text.trim()));
  }

  seal(text: string, owner: string): Buffer {
    const key = this.keys[0]!;
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', key.bytes, iv, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(owner));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([Buffer.of(VERSION), key.id, iv, cipher.getAuthTag(), sealed]);
  }

  /** Throws SecretUnreadable. */
  open(sealed: Buffer, owner: string): string {
    if (sealed.length < HEAD_BYTES || sealed[0] !== VERSION)
      throw new SecretUnreadable('This is nothing that was sealed here.');
    const id = sealed.subarray(1, 1 + KEY_ID_BYTES);
    const key = this.keys.find((one) => one.id.equals(id));
    if (!key) throw new SecretUnreadable('SECRETS_KEY does not hold the key that this was sealed with.');
    const ivEnd = 1 + KEY_ID_BYTES + IV_BYTES;
    const decipher = createDecipheriv('aes-256-gcm', key.bytes, sealed.subarray(1 + KEY_ID_BYTES, ivEnd), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(owner));
    decipher.setAuthTag(sealed.subarray(ivEnd, HEAD_BYTES));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(HEAD_BYTES)), decipher.final()]).toString('utf8');
    } catch (cause) {
      throw new SecretUnreadable('What was sealed has been changed, or belongs to another.', { cause });
    }
  }
}

/** What is wrong with the setting SECRETS_KEY; `undefined`: nothing. */
export function secretsKeyProblem(keys: string): string | undefined {
  const wrong = keys.split(',').some((text) => !isKey(text.trim()));
  return wrong
    ? 'a key is 32 bytes in base64 (openssl rand -base64 32), several are separated by commas'
    : undefined;
}

const isKey = (text: string): boolean =>
  /^[A-Za-z0-9+/]{43}=$/.test(text) && Buffer.from(text, 'base64').length === KEY_BYTES;

function toKey(text: string): Key {
  if (!isKey(text)) throw new Error('SECRETS_KEY: a key is 32 bytes in base64 (openssl rand -base64 32).');
  const bytes = Buffer.from(text, 'base64');
  return { bytes, id: createHash('sha256').update(bytes).digest().subarray(0, KEY_ID_BYTES) };
}
