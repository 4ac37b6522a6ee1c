// What every benchmark needs: a thing and its rival measured by turns, and what that says in medians and spreads.

/** A median with the least and the greatest of the values it stands for. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The spread of at least one value. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return { median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, min: at(0), max: at(sorted.length - 1) };
}

/** The spread of the quotients of two series of measurements, each taken within its own round. */
export function ratioOf(dividends: readonly number[], divisors: readonly number[]): Spread {
  return spreadOf(dividends.map((dividend, round) => dividend / (divisors[round] ?? Number.NaN)));
}

/** Visits every subject once, one after the other; the other way round in every second round, so that none is first. */
export async function byTurns<T>(
  subjects: readonly T[],
  round: number,
  visit: (subject: T) => Promise<void>,
): Promise<void> {
  for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) await visit(subject);
}

/** A spread for people: `1.24 (1.10–1.31)`. */
export function spreadText({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
}

/** A number for people: whole, with its thousands set apart. */
export function wholeText(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** A Markdown table, which a terminal shows as well; every column but the first is set to the right. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(4, ...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const width = (column: number) => widths[column] ?? 0;
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(width(0)) : cell.padStart(width(column)))).join(' | ')} |`;
  const rule = head.map((_, column) => (column === 0 ? '-'.repeat(width(0) + 2) : `${'-'.repeat(width(column) + 1)}:`));
  return [line(head), `|${rule.join('|')}|`, ...rows.map(line)].join('\n');
}
