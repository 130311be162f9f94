export interface Contact {
  readonly id: string;
  readonly organizationId: string;
  /** Trimmed, lower case. */
  readonly email?: string;
  /** E.164. */
  readonly phone?: string;
  readonly externalId?: string;
  readonly firstName?: string;
  readonly lastName?: string;
  readonly properties: Readonly<Record<string, unknown>>;
  /** Only evidence of somebody, no person yet; absent on everybody else. */
  readonly provisional?: true;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The contact as a person. */
export const asPerson = ({ provisional: _provisional, ...person }: Contact): Contact => person;

export const contactKeyOf = (organizationId: string, contactId: string): string =>
  `${organizationId}${contactId}`;
