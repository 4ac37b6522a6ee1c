import { createServer } from 'node:net';

export interface PortWish {
  /** Set by the user: this one or none. */
  readonly fixed?: number | undefined;
  /** Used last time: taken again when free, so that a connection saved in an IDE keeps working. */
  readonly preferred?: number | undefined;
}

/** A port of 127.0.0.1 that is free now. Throws when the port that was asked for is taken. */
export async function choosePort(title: string, wish: PortWish): Promise<number> {
  if (wish.fixed !== undefined) {
    if (await isFree(wish.fixed)) return wish.fixed;
    throw new Error(
      `${title} cannot listen on 127.0.0.1:${wish.fixed}: another program uses that port. ` +
        'Stop that program, choose another port, or set none: a free one is chosen then.',
    );
  }
  if (wish.preferred !== undefined && (await isFree(wish.preferred))) return wish.preferred;
  return freePort();
}

async function isFree(port: number): Promise<boolean> {
  return (await probe(port)) !== null;
}

async function freePort(): Promise<number> {
  const port = await probe(0);
  if (port === null) throw new Error('127.0.0.1 has no free port left.');
  return port;
}

/** Listens for a moment: the port on which that worked, null when it is taken (or needs more rights than we have). */
function probe(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : null));
    });
  });
}
