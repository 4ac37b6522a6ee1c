// docker-compose.yml and the Dockerfile as the specs read them: a check without an engine, on what the files say.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const root = fileURLToPath(new URL('..', import.meta.url));

export interface ComposeService {
  readonly image: string;
  readonly build?: string;
  readonly profiles?: readonly string[];
  readonly restart: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks: readonly string[];
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

export interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, unknown>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

export function readProjectFile(name: string): string {
  return readFileSync(join(root, name), 'utf8');
}

// A doubled $ stands for itself; else a variable with its operator and what follows it.
const interpolation = /\$\$|\$\{(\w+)(?:(:?[-?+])([^}]*))?\}/g;

/** The file as Compose sees it: variables filled in after the file is parsed, $$ for $. */
export function readCompose(variables: Readonly<Record<string, string>> = {}): Compose {
  const fill = (text: string) =>
    text.replace(interpolation, (_, name: string | undefined, __, otherwise: string) =>
      name === undefined ? '$' : variables[name] || otherwise,
    );
  const filled = JSON.stringify(parseCompose(), (_, value) => (typeof value === 'string' ? fill(value) : value));
  return JSON.parse(filled) as Compose;
}

export interface ComposeVariable {
  readonly name: string;
  readonly operator: string | undefined;
  readonly otherwise: string;
}

/** Every variable that Compose fills in. */
export function composeVariables(): readonly ComposeVariable[] {
  return [...JSON.stringify(parseCompose()).matchAll(interpolation)].flatMap(([, name, operator, otherwise = '']) =>
    name === undefined ? [] : { name, operator, otherwise },
  );
}

function parseCompose(): unknown {
  return parse(readProjectFile('docker-compose.yml'));
}

export interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** The Dockerfile's instructions, stage by stage. */
export function readDockerfile(): readonly (readonly Instruction[])[] {
  const instructions = readProjectFile('Dockerfile')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', ...rest] = line.split(' ');
      return { name, text: rest.join(' ') };
    });
  const starts = instructions.flatMap(({ name }, at) => (name === 'FROM' ? [at] : []));
  return starts.map((start, at) => instructions.slice(start, starts[at + 1]));
}

/** The one instruction of that name in the image that is run; its text ends in a command in exec form. */
export function execFormOf(name: 'CMD' | 'HEALTHCHECK'): readonly string[] {
  const [found, ...more] =
    readDockerfile()
      .at(-1)
      ?.filter((instruction) => instruction.name === name) ?? [];
  if (found === undefined || more.length > 0) throw new Error(`the image has not one ${name}`);
  return JSON.parse(found.text.slice(found.text.indexOf('['))) as string[];
}

/** What the image sets in the environment. */
export function imageEnvironment(): Readonly<Record<string, string>> {
  const settings =
    readDockerfile()
      .at(-1)
      ?.filter(({ name }) => name === 'ENV') ?? [];
  return Object.fromEntries(settings.flatMap(({ text }) => text.split(' ').map((pair) => pair.split('='))));
}

/** The files and folders of the project that get into the image. */
export function copiedIntoImage(): readonly string[] {
  const copies = readDockerfile()
    .flat()
    .filter(({ name, text }) => name === 'COPY' && !text.startsWith('--from='));
  return [...new Set(copies.flatMap(({ text }) => text.split(' ').slice(0, -1)))];
}
