// A NATS address as people write it, taken apart: the client library ignores the user in a URL, and what it puts into
// its log lines and errors must hold no password.

export interface NatsAddress {
  /** `host:port`, fit for log lines. */
  readonly servers: readonly string[];
  readonly tls: boolean;
  readonly credentials: { readonly user: string; readonly pass: string } | { readonly token: string } | undefined;
}

/**
 * Reads one or more addresses, separated by commas: `nats://[user:password@ or token@]host[:port]`, or `tls://…`.
 * The first that names a user, or a token, names it for all.
 *
 * @throws Error when it is no such address; the message does not repeat it, as it may hold a password
 */
export function readNatsAddress(text: string): NatsAddress {
  const urls = text.split(',').map((part) => readUrl(part.trim()));
  const named = urls.find(({ username }) => username !== '');
  return {
    servers: urls.map(({ hostname, port }) => `${hostname}:${port || '4222'}`),
    tls: urls.some(({ protocol }) => protocol === 'tls:'),
    credentials: named && readCredentials(named),
  };
}

function readUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !['nats:', 'tls:'].includes(url.protocol) || url.hostname === '') throw malformed();
  return url;
}

function readCredentials({ username, password }: URL): NonNullable<NatsAddress['credentials']> {
  try {
    const user = decodeURIComponent(username);
    return password === '' ? { token: user } : { user, pass: decodeURIComponent(password) };
  } catch {
    throw malformed();
  }
}

function malformed(): Error {
  return new Error('NATS_URL is not a NATS address such as nats://localhost:4222 or nats://user:password@host:4222');
}
