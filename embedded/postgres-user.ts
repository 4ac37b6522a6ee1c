import { readFileSync, statSync } from 'node:fs';

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The user to run Postgres as, which refuses to run as root. Undefined: as ourselves, we are not root. For root: the
 * owner of the cluster when there is one, else `nobody`. It needs an entry in /etc/passwd, or initdb refuses it.
 */
export function ordinaryUser(cluster: string, passwd = '/etc/passwd'): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(cluster, { throwIfNoEntry: false });
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const user = ['nobody', 'postgres', 'daemon'].map((name) => userNamed(name, passwd)).find((found) => found !== null);
  if (user) return user;
  throw new Error(
    `Postgres refuses to run as root, and ${passwd} has no ordinary user for it (nobody, postgres or daemon). ` +
      'Run the command as an ordinary user, or set DATABASE_URL to use a Postgres that runs elsewhere.',
  );
}

function userNamed(name: string, passwd: string): User | null {
  const line = readFileSync(passwd, 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid && gid && Number(uid) !== 0 ? { uid: Number(uid), gid: Number(gid) } : null;
}
