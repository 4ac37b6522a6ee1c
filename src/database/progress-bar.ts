// How far a replay is: a bar that moves on a terminal, a line now and then elsewhere.
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

export interface ProgressBarOptions {
  /** Where the log ended at the beginning. */
  readonly head: Position | undefined;
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
export function progressBar({ head, terminal, say, now = () => performance.now() }: ProgressBarOptions): ProgressBar {
  const started = now();
  let shown = terminal.isTTY ? Number.NEGATIVE_INFINITY : started;
  let last: Replayed = { events: 0, position: undefined };

  return {
    update(replayed) {
      last = replayed;
      if (now() - shown < (terminal.isTTY ? redrawMs : lineMs)) return;
      shown = now();
      show(fractionOf(replayed.position, head));
    },
    end(complete) {
      if (!terminal.isTTY || last.position === undefined) return;
      show(complete ? 1 : fractionOf(last.position, head));
      terminal.write('\n');
    },
  };

  function show(fraction: number): void {
    const line = progressLine(fraction, last.events, (now() - started) / 1_000);
    if (terminal.isTTY) terminal.write(`\r${bar(fraction)} ${line}\u001b[K`);
    else say(`Replaying: ${line}`);
  }
}

/** Positions grow with the bytes of the log, so they tell how far along it one is, though not how many events it has. */
function fractionOf(position: Position | undefined, head: Position | undefined): number {
  if (position === undefined || head === undefined || head.commit === 0n) return 0;
  return Math.min(1, Number((position.commit * 10_000n) / head.commit) / 10_000);
}

function progressLine(fraction: number, events: number, seconds: number): string {
  const rate = seconds > 0 ? Math.round(events / seconds) : 0;
  const parts = [`${Math.floor(fraction * 100)} %`, `${grouped(events)} events`, `${grouped(rate)}/s`];
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
