/**
 * What a program of ours gets of the environment that the tests run in: where to find things, and where Node keeps what it has
 * compiled. Nothing that would tell the program what to do.
 */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, NODE_COMPILE_CACHE } = process.env;
  return { PATH, HOME, NODE_COMPILE_CACHE };
}
