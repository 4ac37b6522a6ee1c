import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../test/support/temporary-folder.ts';
import { isInstalled, markInstalled } from './installed.mjs';

const platform = { platform: 'linux', arch: 'x64' };

const fastify = { version: '5.0.0', integrity: 'sha512-f' };
const vitest = { version: '5.0.0', integrity: 'sha512-v', dev: true };
const natsServer = { version: '2.0.0', integrity: 'sha512-n', optional: true, os: ['linux'], cpu: ['x64'] };
const pinnedNode = { version: '24.0.0', integrity: 'sha512-p', optional: true, os: 'linux', cpu: 'x64' };
const forMac = { version: '1.0.0', integrity: 'sha512-m', optional: true, os: ['darwin'], cpu: ['x64'] };
const watcher = { version: '1.0.0', integrity: 'sha512-w', dev: true, optional: true, os: ['!win32'], libc: ['musl'] };

const locked = { fastify, vitest, natsServer, pinnedNode, forMac, watcher };
const complete = { fastify, vitest, natsServer, pinnedNode };

describe('the dependencies are taken for installed', () => {
  it('after npm ci or npm install by hand, without what other platforms need', async () => {
    expect(await verdict({ present: complete })).toBe(true);
  });

  it('when development packages were left out on purpose', async () => {
    expect(await verdict({ present: { fastify, natsServer, pinnedNode } })).toBe(true);
  });

  it('when optional packages were left out on purpose', async () => {
    expect(await verdict({ present: { fastify, vitest } })).toBe(true);
  });

  it('when we have installed them, whatever the registry could not give', async () => {
    expect(await verdict({ present: { fastify, pinnedNode }, marked: true })).toBe(true);
  });
});

describe('the dependencies are installed anew', () => {
  it('when there is no node_modules', async () => {
    await using project = await projectWith({});
    rmSync(join(project.path, 'node_modules'), { recursive: true });
    expect(isInstalled(project.path, platform)).toBe(false);
  });

  it('when an install was interrupted', async () => {
    expect(await verdict({})).toBe(false);
  });

  it('when a package is missing', async () => {
    expect(await verdict({ present: { vitest, natsServer, pinnedNode } })).toBe(false);
  });

  it('when a package has another version, or another content', async () => {
    expect(await verdict({ present: { ...complete, fastify: { ...fastify, version: '4.0.0' } } })).toBe(false);
    expect(await verdict({ present: { ...complete, fastify: { ...fastify, integrity: 'sha512-x' } } })).toBe(false);
  });

  it('when an old Node has skipped an optional package', async () => {
    expect(await verdict({ present: { fastify, vitest, pinnedNode } })).toBe(false);
  });

  it('when the lock file has changed since we installed', async () => {
    await using project = await projectWith({ present: complete, marked: true });
    writeLock(project.path, { ...locked, fastify: { ...fastify, version: '6.0.0' } });
    expect(isInstalled(project.path, platform)).toBe(false);
  });
});

interface Given {
  readonly present?: object;
  readonly marked?: boolean;
}

async function verdict(given: Given): Promise<boolean> {
  await using project = await projectWith(given);
  return isInstalled(project.path, platform);
}

async function projectWith({ present, marked = false }: Given) {
  const project = await temporaryFolder();
  mkdirSync(join(project.path, 'node_modules'));
  writeLock(project.path, locked);
  if (present) {
    writeFileSync(
      join(project.path, 'node_modules', '.package-lock.json'),
      JSON.stringify({ packages: keyed(present) }),
    );
  }
  if (marked) markInstalled(project.path);
  return project;
}

function writeLock(project: string, packages: object): void {
  writeFileSync(join(project, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...keyed(packages) } }));
}

function keyed(packages: object): object {
  return Object.fromEntries(Object.entries(packages).map(([name, entry]) => [`node_modules/${name}`, entry]));
}
