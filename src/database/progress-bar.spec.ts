import { describe, expect, it } from 'vitest';
import { progressBar } from './progress-bar.ts';

const head = at(1_000n);

describe('on a terminal', () => {
  it('a bar is drawn over itself, with events, pace and what remains', () => {
    const { bar, written, pass } = started({ isTTY: true });
    pass(2_000);
    bar.update({ events: 12_000, position: at(250n) });
    pass(1_000);
    bar.update({ events: 30_000, position: at(1_000n) });
    bar.end(true);
    expect(written).toEqual([
      '\r[######------------------] 25 %, 12,000 events, 6,000/s, 6 s left\u001b[K',
      '\r[########################] 100 %, 30,000 events, 10,000/s, 0 s left\u001b[K',
      '\r[########################] 100 %, 30,000 events, 10,000/s, 0 s left\u001b[K',
      '\n',
    ]);
  });

  it('it is not drawn more often than one can see', () => {
    const { bar, written, pass } = started({ isTTY: true });
    for (let event = 1; event <= 100; event++) {
      pass(10);
      bar.update({ events: event, position: at(BigInt(event)) });
    }
    expect(written.length).toBeLessThanOrEqual(11);
  });

  it('it stays where it is when the replay breaks off', () => {
    const { bar, written } = started({ isTTY: true });
    bar.update({ events: 1, position: at(500n) });
    bar.end(false);
    expect(written.at(-2)).toContain('50 %');
  });

  it('nothing is drawn when there is nothing to replay', () => {
    const { bar, written } = started({ isTTY: true });
    bar.end(true);
    expect(written).toEqual([]);
  });

  it('it ends at the full length when the log has grown meanwhile', () => {
    const { bar, written } = started({ isTTY: true });
    bar.update({ events: 1, position: at(1_500n) });
    expect(written[0]).toContain('100 %');
  });
});

describe('elsewhere', () => {
  it('a line is said every two seconds, and none for a short replay', () => {
    const { bar, written, said, pass } = started({});
    for (let second = 1; second <= 5; second++) {
      pass(1_000);
      bar.update({ events: second * 1_000, position: at(BigInt(second) * 200n) });
    }
    bar.end(true);
    expect(written).toEqual([]);
    expect(said).toEqual([
      'Replaying: 40 %, 2,000 events, 1,000/s, 3 s left',
      'Replaying: 80 %, 4,000 events, 1,000/s, 1 s left',
    ]);
  });
});

function started({ isTTY = false }) {
  const written: string[] = [];
  const said: string[] = [];
  let clock = 0;
  const bar = progressBar({
    head,
    terminal: { isTTY, write: (text) => written.push(text) },
    say: (line) => said.push(line),
    now: () => clock,
  });
  return {
    bar,
    written,
    said,
    pass: (milliseconds: number) => {
      clock += milliseconds;
    },
  };
}

function at(commit: bigint) {
  return { commit, prepare: commit };
}
