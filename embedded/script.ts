// What the npm scripts that run servers have in common with each other.
import { existsSync } from 'node:fs';

/** Runs a script to its end; what stops it is told in one message, and makes the exit code 1. */
export async function runScript(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

/** Reads the file .env of the working directory into the environment when it is there; what is set already stays. */
export function loadEnvironmentFile(): void {
  if (existsSync('.env')) process.loadEnvFile();
}

/** Resolves when the process is told to end. Called before a start, so that an interrupt then is not lost. */
export function interruption(): Promise<unknown> {
  return new Promise((resolve) => {
    process.on('SIGINT', resolve);
    process.on('SIGTERM', resolve);
    process.on('SIGHUP', resolve);
  });
}
