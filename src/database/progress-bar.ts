// How far something long is: a bar that moves on a terminal, a line now and then elsewhere.
import type { Position } from '../events/event-log.ts';

export interface Replayed {
  readonly events: number;
  readonly position: Position | undefined;
}

export interface ProgressBar {
  update(replayed: Replayed): void;
  /** Draws it once more, full if the replay is complete, and leaves the cursor at the start of a line. */
  end(complete: boolean): void;
}

export interface ProgressBarOptions extends Showing {
  /** Where the log ended at the beginning. */
  readonly head: Position | undefined;
  /** What one is at. */
  readonly doing?: 'Replaying' | 'Reading';
}

export interface Meter {
  /** Shows, unless it did a moment ago, which part is done and how many things that is. */
  update(fraction: number, count: number): void;
  /** Shows it once more, full if everything is done, and leaves the cursor at the start of a line. */
  end(complete?: boolean): void;
}

export interface MeterOptions extends Showing {
  /** What one is at, and with what: `Encrypting` `passwords`. */
  readonly doing: string;
  readonly what: string;
}

interface Showing {
  readonly terminal: { readonly isTTY?: boolean; readonly write: (text: string) => unknown };
  /** Takes the lines where there is no terminal. */
  readonly say: (line: string) => void;
  /** Milliseconds that pass. */
  readonly now?: () => number;
}

const barWidth = 24;
const redrawMs = 100;
const lineMs = 2_000;

/** Shows how a replay gets on: a bar that is redrawn on a terminal, a line every two seconds elsewhere. */
export function progressBar({ head, doing = 'Replaying', ...showing }: ProgressBarOptions): ProgressBar {
  const { update, end } = meter({ doing, what: 'events', ...showing });
  return { update: ({ events, position }) => update(fractionOf(position, head), events), end };
}

/** Shows how anything gets on that one can count. */
export function meter({ doing, what, terminal, say, now = () => performance.now() }: MeterOptions): Meter {
  const started = now();
  let shown = terminal.isTTY ? Number.NEGATIVE_INFINITY : started;
  let last: { readonly fraction: number; readonly count: number } | undefined;

  return {
    update(fraction, count) {
      last = { fraction, count };
      if (now() - shown < (terminal.isTTY ? redrawMs : lineMs)) return;
      shown = now();
      show(fraction, count);
    },
    end(complete = false) {
      if (!terminal.isTTY || last === undefined) return;
      show(complete ? 1 : last.fraction, last.count);
      terminal.write('\n');
    },
  };

  function show(fraction: number, count: number): void {
    const line = progressLine(fraction, `${grouped(count)} ${what}`, count, (now() - started) / 1_000);
    if (terminal.isTTY) terminal.write(`\r${bar(fraction)} ${line}\u001b[K`);
    else say(`${doing}: ${line}`);
  }
}

/** Positions grow with the bytes of the log, so they tell how far along it one is, though not how many events it has. */
function fractionOf(position: Position | undefined, head: Position | undefined): number {
  if (position === undefined || head === undefined || head.commit === 0n) return 0;
  return Math.min(1, Number((position.commit * 10_000n) / head.commit) / 10_000);
}

function progressLine(fraction: number, counted: string, count: number, seconds: number): string {
  const rate = seconds > 0 ? Math.round(count / seconds) : 0;
  const parts = [`${Math.floor(fraction * 100)} %`, counted, `${grouped(rate)}/s`];
  if (fraction > 0) parts.push(`${Math.ceil((seconds * (1 - fraction)) / fraction)} s left`);
  return parts.join(', ');
}

function bar(fraction: number): string {
  const done = Math.round(fraction * barWidth);
  return `[${'#'.repeat(done)}${'-'.repeat(barWidth - done)}]`;
}

/** A number as people write it: 12,345. */
export function grouped(number: number | bigint): string {
  return number.toLocaleString('en-US');
}
