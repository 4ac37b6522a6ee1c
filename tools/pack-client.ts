// npm run client:pack: the client as a package of its own. npm pack would take package.json as it is, and whoever installed that
// would get all that the service needs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const project = join(import.meta.dirname, '..');

const help = `npm run client:pack -- [folder]

Makes gateway-registry-<version>.tgz, in this folder or the one that is named: the client, built to JavaScript, which others
install and import as gateway-registry/client. It needs the package nats, and nothing of what the service needs.`;

if (import.meta.main) await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<void> {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
    const [folder = '.', ...more] = positionals;
    if (values.help) console.log(help);
    else if (more.length > 0) throw new Error(`One folder is enough: ${positionals.join(' ')}. --help explains.`);
    else await packClient(resolve(folder));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

/** @throws Error with what tsc or npm has said, when one of them fails */
async function packClient(destination: string): Promise<void> {
  // Ctrl-C ends the program that runs, and with that this one: not before what it has made is removed.
  process.on('SIGINT', () => undefined);
  const folder = mkdtempSync(join(tmpdir(), 'gateway-registry-client-'));
  try {
    const tsc = join(project, 'node_modules', '.bin', 'tsc');
    await run(tsc, ['--project', join(project, 'client'), '--outDir', join(folder, 'dist')]);
    cpSync(join(project, 'client', 'README.md'), join(folder, 'README.md'));
    const manifest = manifestOf(readFileSync(join(project, 'package.json'), 'utf8'));
    writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    await run('npm', ['pack', folder, '--pack-destination', destination, '--loglevel=error']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What of the project's package.json is true of the client as well; of the packages that one it is given a connection of. */
function manifestOf(text: string) {
  const { name, version, license, type, engines, dependencies } = JSON.parse(text) as {
    readonly [field in 'name' | 'version' | 'license' | 'type']: string;
  } & { readonly [field in 'engines' | 'dependencies']: Readonly<Record<string, string>> };
  const exports = { './client': { types: './dist/index.d.ts', default: './dist/index.js' } };
  const description = 'What happens to gateways, and how to log in to them: a client of the gateway registry over NATS';
  return {
    name,
    version,
    description,
    license,
    type,
    engines,
    exports,
    peerDependencies: { nats: `^${dependencies.nats}` },
  };
}

/** Runs a program that says what goes wrong by itself. */
async function run(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`The client has not been packed: ${program} ended with ${code}.`);
}
