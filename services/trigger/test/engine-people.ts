import type { ContactView } from '../src/domain/fields.ts';

/** What the directory tells of a contact: it is somebody now, it became another, or it is gone. */
export type Word =
  | { readonly kind: 'known'; readonly contactId: string }
  | { readonly kind: 'merged'; readonly contactId: string; readonly into: string }
  | { readonly kind: 'erased'; readonly contactId: string };

/** The directory: what happens to a contact is so at once, and is heard of later, in any order, once or more. */
export class ModelDirectory {
  readonly words: Word[] = [];
  private readonly contacts: Map<string, ContactView>;
  private readonly aliases = new Map<string, string>();

  constructor(contacts: readonly ContactView[]) {
    this.contacts = new Map(contacts.map((contact) => [contact.id, contact]));
  }

  all(): ContactView[] {
    return [...this.contacts.values()];
  }

  /** Who it is now. */
  idOf(id: string): string {
    return this.aliases.get(id) ?? id;
  }

  find(id: string): ContactView | undefined {
    return this.contacts.get(this.idOf(id));
  }

  /** By the id that was asked for. */
  load(ids: readonly string[]): Map<string, ContactView> {
    return new Map(
      ids.flatMap((id) => {
        const contact = this.find(id);
        return contact ? [[id, contact] as const] : [];
      }),
    );
  }

  change(id: string, change: (contact: ContactView) => ContactView): void {
    const contact = this.find(id);
    if (contact) this.contacts.set(contact.id, change(contact));
  }

  /** Somebody gives a trace a number and an address. */
  becomeSomebody(id: string): void {
    const contact = this.find(id);
    if (!contact?.provisional) return;
    this.contacts.set(contact.id, { ...asPerson(contact), ...addressesOf(contact.id) });
    this.words.push({ kind: 'known', contactId: contact.id });
  }

  merge(fromId: string, intoId: string): void {
    const [from, into] = [this.find(fromId), this.find(intoId)];
    if (!from || !into || from.id === into.id) return;
    this.contacts.delete(from.id);
    for (const [id, other] of this.aliases) if (other === from.id) this.aliases.set(id, into.id);
    this.aliases.set(from.id, into.id);
    const stays = from.provisional ? into : asPerson(into);
    const properties = { ...from.properties, ...into.properties };
    this.contacts.set(into.id, { ...asPerson(from), ...stays, properties });
    this.words.push({ kind: 'merged', contactId: from.id, into: into.id });
  }

  erase(id: string): void {
    const contact = this.find(id);
    if (!contact) return;
    this.contacts.delete(contact.id);
    this.words.push({ kind: 'erased', contactId: contact.id });
  }
}

const addressesOf = (id: string) => ({ email: `${id}@example.com`, phone: '+34600000009' });

const asPerson = ({ provisional: _provisional, ...person }: ContactView): ContactView => person;

/** What this service has heard of contacts: an alias never points to an alias. */
export class HeardOf {
  readonly aliases = new Map<string, string>();
  readonly erased = new Set<string>();

  /** Gives whom the contact became, who may have become another before; `undefined`: they are one already. */
  merge(contactId: string, told: string): string | undefined {
    const into = this.idOf(told);
    if (into === contactId) return undefined;
    this.aliases.set(contactId, into);
    for (const [id, other] of this.aliases) if (other === contactId) this.aliases.set(id, into);
    return into;
  }

  idOf(id: string): string {
    return this.aliases.get(id) ?? id;
  }

  isErased(id: string): boolean {
    return this.erased.has(this.idOf(id));
  }

  /** Nothing is to be stored under this id any more; what was decided before is all the same. */
  isGone(id: string): boolean {
    return this.aliases.has(id) || this.erased.has(id);
  }
}
