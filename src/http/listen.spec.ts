import { expect, it } from 'vitest';
import { CannotListen, listen } from './listen.ts';

const address = { host: 'registry.example', port: 80 };

it('tells where the server listens', async () => {
  expect(await listen(async ({ port }) => `http://127.0.0.1:${port}`, address)).toBe('http://127.0.0.1:80');
});

it.each([
  ['EADDRINUSE', 'Something else listens on registry.example:80. Stop it, or choose another port: PORT=81 npm start'],
  ['EACCES', 'You may not listen on registry.example:80 (EACCES). Choose a port above 1023'],
  ['ENOTFOUND', 'The service cannot listen on registry.example:80 (ENOTFOUND). Correct HOST'],
  ['EADDRNOTAVAIL', 'The service cannot listen on registry.example:80 (EADDRNOTAVAIL). Correct HOST'],
])('says of %s what it is about and what to do', async (code, expected) => {
  const failure = await listen(refusing(Object.assign(new Error('no'), { code })), address).catch((error) => error);

  expect(failure).toBeInstanceOf(CannotListen);
  expect(failure.message).toContain(expected);
});

it('leaves a defect as it is', async () => {
  const defect = new TypeError('a defect');
  await expect(listen(refusing(defect), address)).rejects.toBe(defect);
});

function refusing(error: Error) {
  return () => Promise.reject(error);
}
