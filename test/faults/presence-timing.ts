/**
 * What the presence process works with here, in milliseconds. In a file of its own: the process that is killed and started again
 * need not load all that its judge is made of.
 */
export const presenceTiming = {
  tick: 50,
  refresh: 500,
  threshold: 500,
  debounce: 1_000,
  trust: 3_000,
  patience: 1_000,
};
