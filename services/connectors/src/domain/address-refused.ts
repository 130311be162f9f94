/** The host is, or resolves to, an address that is not called: private, local, reserved. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
  readonly host: string;

  constructor(host: string) {
    // Not which address it was: a sender must not learn from us what lies behind a name.
    super(`${host} is at an address that is not called: private, local or reserved.`);
    this.host = host;
  }
}
