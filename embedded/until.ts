import { setTimeout as delay } from 'node:timers/promises';

/** Asks again and again until the condition holds (true) or the time is up (false). */
export async function until(condition: () => boolean | Promise<boolean>, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  for (let pause = 5; ; pause = Math.min(pause * 1.5, 100)) {
    if (await condition()) return true;
    if (performance.now() > deadline) return false;
    await delay(pause);
  }
}
