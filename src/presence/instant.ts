/** One moment, by two clocks: that of the day, in milliseconds since 1970, and one that never goes back, in milliseconds. */
export interface Instant {
  readonly day: number;
  readonly steady: number;
}

/** This moment. */
export function instant(): Instant {
  return { day: Date.now(), steady: performance.now() };
}
