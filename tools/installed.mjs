// Whether node_modules is what package-lock.json asks for. Plain JavaScript for Node 20, without dependencies: it runs
// before there are any.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** After an install of ours: holds the hash of the lock file. `npm ci` removes it together with the rest. */
const markerOf = (project) => join(project, 'node_modules', '.installed-from');

/**
 * True when nothing needs to be installed.
 *
 * @param {string} project
 * @param {{ platform: string, arch: string }} platform
 */
export function isInstalled(project, platform = process) {
  const lockText = readFileSync(join(project, 'package-lock.json'), 'utf8');
  if (readIfThere(markerOf(project))?.trim() === hashOf(lockText)) return true;
  // npm writes this list last: an install that was interrupted leaves none, and one by hand leaves a true one.
  const listText = readIfThere(join(project, 'node_modules', '.package-lock.json'));
  if (listText === null) return false;
  return holdsAll(JSON.parse(lockText).packages, JSON.parse(listText).packages ?? {}, platform);
}

/** Notes that this lock file is installed. */
export function markInstalled(project) {
  const marker = markerOf(project);
  mkdirSync(dirname(marker), { recursive: true });
  writeFileSync(marker, `${hashOf(readFileSync(join(project, 'package-lock.json'), 'utf8'))}\n`);
}

/**
 * Whoever installed without the development or the optional packages meant it. But some optional packages without the
 * others is what an install by an old Node leaves, which skips what asks for a newer one.
 */
function holdsAll(wanted, present, platform) {
  const isKept = (key) => key in present;
  const entries = Object.entries(wanted).filter(([key, entry]) => key !== '' && !entry.link && fits(entry, platform));
  const withDevelopment = entries.some(([key, entry]) => entry.dev && isKept(key));
  const withOptional = entries.some(([key, entry]) => isChoice(entry) && isKept(key));
  return entries.every(([key, entry]) => {
    if (isKept(key)) return present[key].version === entry.version && present[key].integrity === entry.integrity;
    if (entry.dev) return !withDevelopment || entry.optional;
    if (isChoice(entry)) return !withOptional;
    return entry.optional || entry.peer || entry.devOptional;
  });
}

/** One of our optional dependencies, for this platform. What says which C library it needs is left to npm. */
function isChoice(entry) {
  return Boolean(entry.optional && !entry.dev && !entry.peer && entry.os && entry.cpu && !entry.libc);
}

function fits({ os, cpu }, { platform, arch }) {
  return allows(os, platform) && allows(cpu, arch);
}

function allows(list, value) {
  if (list === undefined) return true;
  const names = [list].flat();
  if (names.includes(`!${value}`)) return false;
  return names.includes(value) || names.every((name) => name.startsWith('!'));
}

function hashOf(text) {
  return createHash('sha256').update(text).digest('hex');
}

function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : null;
}
