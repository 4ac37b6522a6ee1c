// npm run docs: writes what docs/ and client/ have of the sources. tools/docs.spec.ts fails when a file is not what this would write.
import { readFileSync, writeFileSync } from 'node:fs';
import { pino } from 'pino';
import { createApi } from '../src/api.ts';
import type { OpenApiDocument } from '../src/http/openapi.ts';
import { asyncApiText } from './asyncapi.ts';
import { clientContract } from './client-contract.ts';
import { eventReference } from './event-reference.ts';

const project = new URL('../', import.meta.url);

const help = `npm run docs

Writes the reference anew from the sources:
  docs/openapi.json   the HTTP API, from the routes and their schemas
  docs/asyncapi.yaml  what is on NATS, from the public contract and test/golden
  docs/events.md      the events, from the catalogue and test/golden
and for those who build on it, in TypeScript:
  client/src/contract.ts  what is on NATS, from the public contract

It connects to nothing. A test fails when one of the files is not what this would write.`;

if (import.meta.main) await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<void> {
  if (args.some((argument) => argument === '--help' || argument === '-h')) {
    console.log(help);
    return;
  }
  if (args.length > 0) {
    console.error(`Unknown: ${args.join(' ')}. --help explains.`);
    process.exitCode = 1;
    return;
  }
  for (const [path, text] of Object.entries(await generatedFiles())) {
    const file = new URL(path, project);
    const changed = readIfThere(file) !== text;
    if (changed) writeFileSync(file, text);
    console.log(`${path} ${changed ? 'written' : 'unchanged'}`);
  }
}

/** The files that are made of the sources, by their path in the project. */
export async function generatedFiles(): Promise<Readonly<Record<string, string>>> {
  const { version } = JSON.parse(readFileSync(new URL('package.json', project), 'utf8')) as { version: string };
  return {
    'docs/openapi.json': `${JSON.stringify(await documentOfApi(version), null, 2)}\n`,
    'docs/asyncapi.yaml': asyncApiText(version),
    'docs/events.md': eventReference(),
    'client/src/contract.ts': clientContract(),
  };
}

/** The OpenAPI document as the service serves it, of routes that nobody calls and that therefore need nothing. */
async function documentOfApi(version: string): Promise<OpenApiDocument> {
  const nothing = undefined as never;
  const { server, document } = await createApi({
    logger: pino({ level: 'silent' }),
    corsOrigins: [],
    isUnavailable: () => false,
    version,
    parts: () => [],
    readiness: nothing,
    readModelReaches: nothing,
    commands: { dependencies: nothing, idempotencyKeys: nothing, mayRead: nothing, observationsOf: nothing },
    queries: { pool: nothing, log: nothing },
  });
  await server.close();
  return document();
}

function readIfThere(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
