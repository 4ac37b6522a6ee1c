// How much of the processor everything takes that a benchmark has started, and which part of it. On a machine that others use too
// that is steadier than the time that something takes.

import { readdirSync, readFileSync } from 'node:fs';

/** Seconds of processor time by who took them; undefined where only Linux would tell. */
export type CpuTimes<Part extends string> = Readonly<Record<Part, number>> | undefined;

interface Usage {
  readonly parent: number;
  /** With that of the children that have ended. */
  readonly seconds: number;
}

/**
 * That of this process and of all that descend from it, ended ones too.
 *
 * @param parts which command lines belong to which part: the first that fits, or the last one
 */
export function cpuTimes<Part extends string>(parts: readonly (readonly [Part, RegExp])[]): CpuTimes<Part> {
  if (process.platform !== 'linux') return undefined;
  const usages = new Map<number, Usage>();
  for (const entry of readdirSync('/proc')) {
    const usage = /^\d+$/.test(entry) ? usageOf(entry) : undefined;
    if (usage !== undefined) usages.set(Number(entry), usage);
  }
  const descends = (pid: number): boolean => {
    const parent = usages.get(pid)?.parent;
    return pid === process.pid || (parent !== undefined && parent !== 0 && descends(parent));
  };
  const times = Object.fromEntries(parts.map(([part]) => [part, 0])) as Record<Part, number>;
  const last = parts.at(-1)?.[0];
  for (const [pid, { seconds }] of usages) {
    if (!descends(pid)) continue;
    const command = read(`/proc/${pid}/cmdline`) ?? '';
    const part = parts.find(([, fits]) => fits.test(command))?.[0] ?? last;
    if (part !== undefined) times[part] += seconds;
  }
  return times;
}

/** What each part has taken for each of so many things that were done meanwhile, in microseconds. */
export function cpuMicrosecondsEach<Part extends string>(
  before: CpuTimes<Part>,
  after: CpuTimes<Part>,
  done: number,
): CpuTimes<Part> {
  if (before === undefined || after === undefined) return undefined;
  const each = Object.entries<number>(before).map(([part, seconds]) => [
    part,
    ((after[part as Part] - seconds) * 1e6) / done,
  ]);
  return Object.fromEntries(each) as CpuTimes<Part>;
}

// proc(5): after the name, which may hold anything, the state, the parent, and from the twelfth on ticks of 10 ms.
function usageOf(pid: string): Usage | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = stat
    .replace(/^.*\) /s, '')
    .split(' ')
    .map(Number);
  const ticks = fields.slice(11, 15).reduce((sum, each) => sum + each, 0);
  return { parent: fields[1] ?? 0, seconds: ticks / 100 };
}

/** Undefined when the process has ended since the folder was read. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
