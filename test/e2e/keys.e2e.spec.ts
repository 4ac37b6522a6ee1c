// A key is replaced as the README says: while the service runs, without a password that anybody misses.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encryptionKeyOf } from '../../embedded/encryption-key.ts';
import { parseKey } from '../../src/infrastructure/key-ring.ts';
import { encodedKey } from '../support/key-rings.ts';
import { dataFolder } from '../support/temporary-folder.ts';
import { runCommand, runProgram, type Service, startService } from './service.ts';

describe('npm run keys', () => {
  it('-- generate prints an entry for ENCRYPTION_KEYS, and needs no servers', async () => {
    await using folder = await dataFolder();
    const generating = runProgram('src/main.ts', ['keys', 'generate'], folder.path);
    let printed = '';
    generating.child.stdout?.on('data', (text) => (printed += text));
    expect(await generating.ended).toBe(0);
    expect(printed).toMatch(/^\d{4}-\d{2}-\d{2}-[0-9a-f]{6}:[A-Za-z0-9+/]{43}=\n$/);
    expect(generating.output()).toContain('Put it first');
    expect(generating.output()).not.toContain('started');
  });

  it('moves a registry from the key that was made for it to one that was given, while it serves', async () => {
    await using folder = await dataFolder();
    const dataDir = folder.path;
    await using first = await startService({ dataDir });
    const factory = await createFactory(first);
    const [one, two] = [await createGateway(first, factory, 'GW-1'), await createGateway(first, factory, 'GW-2')];
    await first.ask('DELETE', `/api/gateways/${two}`);
    await first.end('SIGTERM');
    const { id: made } = parseKey(encryptionKeyOf(dataDir));

    const environment = { ENCRYPTION_KEYS: `given:${encodedKey(1)}` };
    await using service = await startService({ dataDir, environment });
    await createGateway(service, factory, 'GW-3');
    const before = await runCommand(['keys', 'status'], dataDir, environment);
    expect(before).toEqual({ code: 0, output: expect.stringMatching(countsOf(['given', 1], [made, 2])) });

    const [rotated] = await Promise.all([
      runCommand(['keys', 'rotate'], dataDir, environment),
      service.ask('PUT', `/api/gateways/${one}`, { password: 'another' }),
    ]);
    expect(rotated.code).toBe(0);
    expect(rotated.output).toContain('Every password is encrypted with key given');
    expect(rotated.output).toContain(`No current password needs ${made} any more`);
    expect(rotated.output).toContain('commands that were sent with an Idempotency-Key under them are forgotten');
    await service.end('SIGTERM');

    rmSync(join(dataDir, 'encryption.key'));
    const after = await runCommand(['keys', 'status'], dataDir, environment);
    expect(after).toEqual({ code: 0, output: expect.stringMatching(countsOf(['given', 3])) });
  });

  it('names the key that is missing, and rotates what it can', async () => {
    await using folder = await dataFolder();
    const dataDir = folder.path;
    const both = { ENCRYPTION_KEYS: `one:${encodedKey(1)},two:${encodedKey(2)}` };
    await using service = await startService({ dataDir, environment: { ENCRYPTION_KEYS: `one:${encodedKey(1)}` } });
    const factory = await createFactory(service);
    const lost = await createGateway(service, factory, 'GW-1');
    await service.end('SIGTERM');
    await using next = await startService({ dataDir, environment: { ENCRYPTION_KEYS: `two:${encodedKey(2)}` } });
    await createGateway(next, factory, 'GW-2');

    const environment = { ENCRYPTION_KEYS: `three:${encodedKey(3)},two:${encodedKey(2)}` };
    const rotated = await runCommand(['keys', 'rotate'], dataDir, environment);
    expect(rotated.code).toBe(1);
    expect(rotated.output).toContain(`the password of gateway ${lost} was sealed with key one, which is not here`);
    expect(rotated.output).toContain('1 password could not be encrypted anew');

    const status = await runCommand(['keys', 'status'], dataDir, environment);
    expect(status.code).toBe(1);
    expect(status.output).toMatch(/^one +1 +NOT IN THE RING/m);
    expect(status.output).toContain(`${lost} (one)`);
    expect(status.output).toContain('Add to ENCRYPTION_KEYS what is missing: one.');
    expect(status.output).toMatch(countsOf(['three', 1], ['two', 0]));
    for (const output of [rotated.output, status.output]) expect(output).not.toMatch(/AQEB|AgIC|AwMD/);

    const impostor = { ENCRYPTION_KEYS: `three:${encodedKey(4)},${both.ENCRYPTION_KEYS}` };
    const pretended = await runCommand(['keys', 'rotate'], dataDir, impostor);
    expect(pretended.code).toBe(1);
    expect(pretended.output).toContain('1 password under key three cannot be opened');
    expect(pretended.output).toContain('Key three is here and does not open all that is under its id');
  });

  it('and the service refuse a key that has the id of another, and say what to do', async () => {
    await using folder = await dataFolder();
    const dataDir = folder.path;
    const right = { ENCRYPTION_KEYS: `new:${encodedKey(1)}` };
    const wrong = { ENCRYPTION_KEYS: `new:${encodedKey(2)}` };
    await using service = await startService({ dataDir, environment: right });
    await createGateway(service, await createFactory(service), 'GW-1');
    await service.end('SIGTERM');

    await expect(startService({ dataDir, environment: wrong })).rejects.toThrow(
      /the service ended with 1:[\s\S]*Key new opens none of the passwords that are under its id \(1 tried\)/,
    );
    for (const action of ['status', 'rotate']) {
      const { code, output } = await runCommand(['keys', action], dataDir, wrong);
      expect(code).toBe(1);
      expect(output).toContain('Key new is here and does not open all that is under its id');
      expect(output).not.toContain('missing');
    }

    await using again = await startService({ dataDir, environment: right });
    expect(await again.end('SIGTERM')).toBe(0);
  });

  it('says which actions there are', async () => {
    await using folder = await dataFolder();
    const unknown = await runCommand(['keys', 'rotat'], folder.path);
    expect(unknown).toEqual({
      code: 1,
      output: 'Unknown: rotat. There are generate, status, rotate; --help explains.',
    });
  });
});

/** Lines of `status`, one below the other. */
function countsOf(...counts: readonly (readonly [id: string, passwords: number])[]): RegExp {
  return new RegExp(counts.map(([id, passwords]) => `^${id} +${passwords} .*$`).join('\n'), 'm');
}

async function createFactory(service: Service): Promise<string> {
  const organization = await service.ask('POST', '/api/organizations', { name: 'Acme' });
  return (await service.ask('POST', '/api/factories', { organization_id: organization.body.id, name: 'Berlin' })).body
    .id;
}

async function createGateway(service: Service, factory_id: string, gateway_id: string): Promise<string> {
  const fields = { name: 'Hall 1', url: 'ws://10.0.0.1', email: 'a@acme.example', password: 'secret' };
  const { status, body } = await service.ask('POST', '/api/gateways', { factory_id, gateway_id, ...fields });
  expect(status).toBe(201);
  return body.id;
}
