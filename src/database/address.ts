// What a connection string says that people may know, and which database it means.

/** The name of the database that a URL leads to. */
export function databaseNameOf(databaseUrl: string): string {
  const name = decodeURIComponent(parse(databaseUrl).pathname.slice(1));
  if (name !== '') return name;
  throw new Error('DATABASE_URL names no database; it is to end with one, such as /mti_wifi.');
}

/** The URL of another database on the same server. */
export function withDatabase(databaseUrl: string, name: string): string {
  const url = parse(databaseUrl);
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.href;
}

/** Where a connection string leads, without the password, and without options, in which there may be another. */
export function publicAddress(connectionString: string): string {
  // Up to the last @: a password with an @ or a # in it that is not encoded is still a password.
  const withoutPassword = connectionString.replace(
    /^([a-z+]+:\/\/)(.*)@/is,
    (_, scheme: string, credentials: string) => {
      const [user = ''] = credentials.split(':');
      return user === '' ? scheme : `${scheme}${user}@`;
    },
  );
  return withoutPassword.replace(/[?#].*$/s, '');
}

function parse(databaseUrl: string): URL {
  if (URL.canParse(databaseUrl)) return new URL(databaseUrl);
  throw new Error('DATABASE_URL is to look like postgres://user:password@localhost:5432/mti_wifi.');
}
