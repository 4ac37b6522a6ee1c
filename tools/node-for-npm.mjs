import { constants, copyFileSync, linkSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { runNpm } from './run-npm.mjs';

/** What the pickiest package of ours asks for. */
const oldestForNpm = 22;

/**
 * The path of a Node that is recent enough to run npm ci, and that npm ci, which empties node_modules, does not delete
 * while it runs. What has to be made for that is made in the workshop folder. `running` is the Node that runs this.
 *
 * @param {string} project
 * @param {string} workshop
 * @param {{ execPath: string, version: string, versions: { node: string }, platform: string, arch: string }} running
 */
export async function nodeForNpm(project, workshop, running = process) {
  const node = realpathSync(running.execPath);
  if (Number(running.versions.node.split('.')[0]) < oldestForNpm) return fetchPinned(project, workshop, running);
  const modules = join(realpathSync(project), 'node_modules') + sep;
  return node.startsWith(modules) ? keep(node, workshop) : node;
}

function keep(node, workshop) {
  const kept = join(workshop, 'node');
  try {
    linkSync(node, kept);
  } catch {
    // Another file system.
    copyFileSync(node, kept, constants.COPYFILE_FICLONE);
  }
  return kept;
}

async function fetchPinned(project, workshop, { platform, arch, execPath, version }) {
  const name = `node-${platform}-${arch}`;
  const lock = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8'));
  const { optional: _, ...entry } = lock.packages[`node_modules/${name}`] ?? {};
  if (!entry.version) {
    throw new Error(
      `npm has no Node for ${platform}-${arch} that this project could fetch by itself, and this one, ${version}, is ` +
        'too old. Install Node 24 or later, then try again.',
    );
  }
  const folder = join(workshop, 'pinned');
  const dependencies = { [name]: entry.version };
  const packages = { '': { dependencies }, [`node_modules/${name}`]: entry };
  mkdirSync(folder);
  writeJson(join(folder, 'package.json'), { private: true, dependencies });
  writeJson(join(folder, 'package-lock.json'), { lockfileVersion: lock.lockfileVersion, requires: true, packages });
  copyIfThere(join(project, '.npmrc'), join(folder, '.npmrc'));
  await runNpm(execPath, folder, ['ci', '--ignore-scripts']);
  return join(folder, 'node_modules', name, 'bin', 'node');
}

function writeJson(file, value) {
  writeFileSync(file, JSON.stringify(value));
}

function copyIfThere(from, to) {
  try {
    copyFileSync(from, to);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}
