import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createIdempotencyKeys, type KeyOwner } from './idempotency.ts';

const secret = Buffer.from('a secret');
const anotherSecret = Buffer.from('another secret');
const keys = createIdempotencyKeys([secret]);
const owner: KeyOwner = { actor: 'dana', command: 'UpdateGateway', resource: '0194c000-0000-7000-8000-000000000001' };
const input = { body: { name: 'x', password: 'hunter2' }, query: {} };

describe('a command with an idempotency key', () => {
  it('is recognized, whatever the order of the fields', () => {
    const reordered = { query: {}, body: { password: 'hunter2', name: 'x' } };
    const { commandId } = keys.recognize(owner, 'a key', input);
    const again = keys.recognize(owner, 'a key', reordered);
    expect([again.isOfKey(commandId), again.isSame(commandId), again.commandId]).toEqual([true, true, commandId]);
  });

  it('is told from one with another body', () =>
    fc.assert(
      fc.property(fc.json(), fc.json(), (one, other) => {
        fc.pre(JSON.stringify(JSON.parse(one)) !== JSON.stringify(JSON.parse(other)));
        const { commandId } = keys.recognize(owner, 'a key', [one]);
        const again = keys.recognize(owner, 'a key', [other]);
        expect([again.isOfKey(commandId), again.isSame(commandId)]).toEqual([true, false]);
      }),
    ));

  it.each([
    ['another key', owner, 'another key'],
    ['another caller', { ...owner, actor: 'kim' }, 'a key'],
    ['another command', { ...owner, command: 'MoveGateway' }, 'a key'],
    ['another resource', { ...owner, resource: '0194c000-0000-7000-8000-000000000002' }, 'a key'],
    ['a new resource', { ...owner, resource: undefined }, 'a key'],
  ])('has nothing in common with %s', (_, anotherOwner, key) => {
    const { commandId } = keys.recognize(owner, 'a key', input);
    const other = keys.recognize(anotherOwner, key, input);
    expect([other.isOfKey(commandId), other.isSame(commandId)]).toEqual([false, false]);
  });

  it('is none of the commands without a key', () => {
    const { isOfKey } = keys.recognize(owner, 'a key', input);
    expect(isOfKey('0194d000-0000-7000-8000-000000000001')).toBe(false);
  });

  it('is still recognized under a secret that is no longer the newest', () => {
    const { commandId } = keys.recognize(owner, 'a key', input);
    const rotated = createIdempotencyKeys([anotherSecret, secret]).recognize(owner, 'a key', input);
    expect([rotated.isSame(commandId), rotated.commandId === commandId]).toEqual([true, false]);
  });

  it('says nothing of its key and body to whoever does not have the secret', () => {
    const { commandId } = keys.recognize(owner, 'a key', input);
    const other = createIdempotencyKeys([anotherSecret]).recognize(owner, 'a key', input);
    expect(commandId).toMatch(/^[\w-]{22}\.[\w-]{22}$/);
    expect([other.isOfKey(commandId), other.isSame(commandId)]).toEqual([false, false]);
  });

  it('cannot be made without a secret', () => {
    expect(() => createIdempotencyKeys([])).toThrow('there is no secret to recognize commands by');
  });
});

describe('the id of what a command with a key makes', () => {
  const creating = { ...owner, command: 'CreateGateway', resource: undefined };

  it('is always the same UUID of version 8', () => {
    const [id] = keys.idsFor(creating, 'a key');
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(keys.idsFor(creating, 'a key')).toEqual([id]);
  });

  it('is another one for another key, caller or command', () => {
    const ids = [
      keys.idsFor(creating, 'a key'),
      keys.idsFor(creating, 'another key'),
      keys.idsFor({ ...creating, actor: 'kim' }, 'a key'),
      keys.idsFor({ ...creating, command: 'CreateFactory' }, 'a key'),
    ];
    expect(new Set(ids.flat()).size).toBe(4);
  });

  it('is the one of the newest secret, and those that it would have had before are known', () => {
    const rotated = createIdempotencyKeys([anotherSecret, secret]).idsFor(creating, 'a key');
    const [before] = keys.idsFor(creating, 'a key');
    const [after] = createIdempotencyKeys([anotherSecret]).idsFor(creating, 'a key');
    expect(rotated).toEqual([after, before]);
  });
});
