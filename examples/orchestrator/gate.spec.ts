import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createGate } from './gate.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a gate', () => {
  it('lets in as many as it has places for, and the others in their order as places become free', () => {
    const { enter, inside } = visited(2);
    const [leaveA] = ['a', 'b', 'c', 'd'].map(enter);
    expect(inside).toEqual(['a', 'b']);
    leaveA?.();
    expect(inside).toEqual(['a', 'b', 'c']);
  });

  it('counts one who leaves twice once', () => {
    const { enter, inside } = visited(1);
    const leave = enter('a');
    leave();
    leave();
    enter('b');
    enter('c');
    expect(inside).toEqual(['a', 'b']);
  });

  it('forgets one who leaves the queue', () => {
    const { enter, inside } = visited(1);
    const leaveA = enter('a');
    const leaveB = enter('b');
    enter('c');
    leaveB();
    expect(inside).toEqual(['a']);
    leaveA();
    expect(inside).toEqual(['a', 'c']);
  });

  it('lets nobody in during a pause, and then those who have waited', () => {
    const { gate, enter, inside } = visited(2);
    enter('a')();
    gate.pause(1_000);
    enter('b');
    vi.advanceTimersByTime(999);
    expect(inside).toEqual(['a']);
    vi.advanceTimersByTime(1);
    expect(inside).toEqual(['a', 'b']);
  });

  it('keeps to the longer one of two pauses', () => {
    const { gate, enter, inside } = visited(1);
    gate.pause(1_000);
    gate.pause(100);
    enter('a');
    vi.advanceTimersByTime(999);
    expect(inside).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(inside).toEqual(['a']);
  });

  it('opens again by a timer that is early by the clock', () => {
    vi.useRealTimers();
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    const { gate, enter, inside } = visited(1);
    gate.pause(1_000);
    enter('a');
    vi.advanceTimersByTime(1_000);
    expect(inside).toEqual(['a']);
  });

  it('lets in who comes out of another one that leaves as it enters', () => {
    const gate = createGate(1);
    const entered: string[] = [];
    const leave = gate.enter(() => entered.push('a'));
    gate.enter(() => {
      entered.push('b');
      gate.enter(() => entered.push('c'));
    });
    leave();
    expect(entered).toEqual(['a', 'b']);
  });
});

function visited(places: number) {
  const gate = createGate(places);
  const inside: string[] = [];
  return { gate, inside, enter: (name: string) => gate.enter(() => inside.push(name)) };
}
