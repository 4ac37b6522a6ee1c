import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** One violation of each rule: the file that must not, and what it must not import. */
const violations: Readonly<Record<string, readonly [file: string, text: string]>> = {
  'domain-is-pure': ['src/domain/pure.ts', "import { readFileSync } from 'node:fs';\nexport const it = readFileSync;"],
  'domain-takes-types-of-events': [
    'src/domain/types.ts',
    "import { it } from '../events/it.ts';\nexport const same = it;",
  ],
  'events-stand-alone': ['src/events/alone.ts', "import type { It } from '../http/it.ts';\nexport type Same = It;"],
  'resources-know-events-only': ['src/resources/a.ts', "import { it } from '../http/it.ts';\nexport const same = it;"],
  'queries-do-not-write': ['src/queries/a.ts', "import { it } from '../commands/it.ts';\nexport const same = it;"],
  'projections-do-not-decide': [
    'src/projections/a.ts',
    "import type { It } from '../domain/it.ts';\nexport type Same = It;",
  ],
  'commands-do-not-read-tables': [
    'src/commands/a.ts',
    "import { it } from '../queries/it.ts';\nexport const same = it;",
  ],
  'processes-react': ['src/processes/a.ts', "import { it } from '../http/it.ts';\nexport const same = it;"],
  'processes-are-not-called': ['src/queries/c.ts', "import { it } from '../processes/it.ts';\nexport const same = it;"],
  'publishing-hears-events-only': [
    'src/publishing/a.ts',
    "import { it } from '../queries/it.ts';\nexport const same = it;",
  ],
  'credentials-come-from-the-log': [
    'src/credentials/a.ts',
    "import { it } from '../queries/it.ts';\nexport const same = it;",
  ],
  'presence-decides-and-notes': [
    'src/presence/a.ts',
    "import { it } from '../queries/it.ts';\nexport const same = it;",
  ],
  'http-is-plumbing': ['src/http/a.ts', "import { it } from '../commands/it.ts';\nexport const same = it;"],
  'one-adapter-for-the-event-store': [
    'src/commands/b.ts',
    "import { START } from '@eventstore/db-client';\nexport const same = START;",
  ],
  'one-adapter-for-nats': ['src/publishing/b.ts', "import { connect } from 'nats';\nexport const same = connect;"],
  'one-adapter-for-postgres': ['src/queries/b.ts', "import { sql } from 'slonik';\nexport const same = sql;"],
  'sessions-of-postgres-have-owners': ['src/commands/c.ts', "import pg from 'pg';\nexport const same = pg;"],
  'service-without-embedded': ['src/app.ts', "export const same = () => import('../embedded/it.ts');"],
  'main-loads-embedded-when-asked': ['src/main.ts', "import { it } from '../embedded/it.ts';\nexport const same = it;"],
  'embedded-without-service': ['embedded/a.ts', "import { it } from '../src/events/it.ts';\nexport const same = it;"],
  'examples-are-outsiders': ['examples/a.ts', "import { it } from '../src/events/it.ts';\nexport const same = it;"],
  'examples-are-not-needed': ['src/http/g.ts', "import { it } from '../../examples/it.ts';\nexport const same = it;"],
  'client-stands-alone': [
    'client/src/a.ts',
    "import type { It } from '../../src/events/it.ts';\nexport type Same = It;",
  ],
  'client-is-for-others': ['src/http/f.ts', "import { it } from '../../client/src/it.ts';\nexport const same = it;"],
  'no-cycles': ['src/http/b.ts', "import { c } from './c.ts';\nexport const b = () => c;"],
  'not-resolvable': ['src/http/e.ts', "import { it } from './nowhere.ts';\nexport const same = it;"],
};

it('finds a violation of each import rule', async () => {
  await using folder = await temporaryFolder();
  const innocent = 'export const it = 1;\nexport type It = 1;';
  const places = ['events', 'domain', 'commands', 'queries', 'processes', 'http'].map((place) => `src/${place}/it.ts`);
  const files = [
    ...[...places, 'embedded/it.ts', 'client/src/it.ts', 'examples/it.ts'].map((file) => [file, innocent] as const),
    ['src/http/c.ts', "import { b } from './b.ts';\nexport const c = () => b;"] as const,
    ...Object.values(violations),
  ];
  for (const [file, text] of files) {
    mkdirSync(dirname(join(folder.path, file)), { recursive: true });
    writeFileSync(join(folder.path, file), text);
  }
  symlinkSync(join(root, 'node_modules'), join(folder.path, 'node_modules'));

  const found = cruise(folder.path);

  expect(Object.keys(violations).sort()).toEqual(found.rules.toSorted());
  for (const [rule, [file]] of Object.entries(violations)) {
    expect(found.violations).toContainEqual({ rule, file });
  }
});

interface Report {
  readonly summary: {
    readonly violations: readonly { readonly rule: { readonly name: string }; readonly from: string }[];
    readonly ruleSetUsed: { readonly forbidden: readonly { readonly name: string }[] };
  };
}

/** The rules there are, and which of them a tree violates in which file. */
function cruise(folder: string) {
  const cli = join(root, 'node_modules/.bin/depcruise');
  const options = [
    '--config',
    join(root, '.dependency-cruiser.mjs'),
    '--output-type',
    'json',
    'src',
    'embedded',
    'examples',
    'client',
  ];
  const output = execFileSync(cli, options, { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 24, stdio: 'pipe' });
  const { summary } = JSON.parse(output) as Report;
  return {
    rules: summary.ruleSetUsed.forbidden.map(({ name }) => name),
    violations: summary.violations.map(({ rule, from }) => ({ rule: rule.name, file: from })),
  };
}
