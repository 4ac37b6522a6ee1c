// Once for all integration tests: one Postgres in a temporary folder. Each test makes a database of its own in it.
import type { TestProject } from 'vitest/node';
import { startPostgres } from '../../embedded/postgres.ts';
import { dataFolder } from './temporary-folder.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Of a superuser, and of a database that nobody uses. */
    readonly postgresUrl: string;
  }
}

const running = new AsyncDisposableStack();

export async function setup(project: TestProject): Promise<void> {
  const folder = running.use(await dataFolder());
  const postgres = await startPostgres(folder.path, {}, { durable: false });
  running.defer(() => postgres.stop());
  project.provide('postgresUrl', postgres.url);
}

export async function teardown(): Promise<void> {
  await running.disposeAsync();
}
