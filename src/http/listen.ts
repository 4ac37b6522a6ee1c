// Where the service listens, or why it cannot.

/** The service cannot listen where it was told to. The message is for people. */
export class CannotListen extends Error {
  override readonly name = 'CannotListen';
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Has a server listen.
 *
 * @param bind what makes it do so
 * @returns the URL at which it does
 * @throws CannotListen when the address is taken, is not to be had, or is none of this machine
 */
export async function listen(bind: (address: Address) => Promise<string>, address: Address): Promise<string> {
  try {
    return await bind(address);
  } catch (error) {
    const message = complaintOf(error, address);
    if (message === undefined) throw error;
    throw new CannotListen(message, { cause: error });
  }
}

function complaintOf(error: unknown, { host, port }: Address): string | undefined {
  if (!(error instanceof Error && 'code' in error)) return undefined;
  if (error.code === 'EADDRINUSE') {
    return `Something else listens on ${host}:${port}. Stop it, or choose another port: PORT=${port + 1} npm start`;
  }
  if (error.code === 'EACCES') {
    return `You may not listen on ${host}:${port} (EACCES). Choose a port above 1023: PORT=3000 npm start`;
  }
  return `The service cannot listen on ${host}:${port} (${error.code}). Correct HOST: an address of this machine, or 127.0.0.1`;
}
