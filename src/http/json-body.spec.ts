import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiError } from './errors.ts';
import { parseJsonBody } from './json-body.ts';

describe('a number in a JSON body', () => {
  it.each([
    ['0', 0],
    ['-7', -7],
    ['1.0', 1],
    ['1.50', 1.5],
    ['1e2', 100],
    ['1E+2', 100],
    ['1.5e-7', 1.5e-7],
    ['100000000000000000000000', 1e23],
    ['0.1', 0.1],
    ['0e999', 0],
    ['9007199254740992', 2 ** 53],
    ['1.7976931348623157e308', Number.MAX_VALUE],
    ['5e-324', Number.MIN_VALUE],
  ])('is taken when a double holds its value: %s', (text, number) => {
    expect(parse(`{"n":${text}}`)).toEqual({ n: number });
  });

  it.each([
    '1e400',
    '-1e400',
    '1e-400',
    '12345678901234567890',
    '9007199254740993',
    '-9007199254740993',
    '0.1000000000000000055511151231257827',
    '1.00000000000000000001',
    '-0',
    '-0.0',
  ])('is refused where it stands when another would be kept: %s', (text) => {
    const refusal = refused(`{"a":[{"n":${text}}],"b":${text}}`);
    expect(refusal.details).toEqual([
      { path: 'a.0.n', message: expect.stringContaining(`the number ${text}, which cannot be kept exactly`) },
      { path: 'b', message: expect.stringContaining(text) },
    ]);
  });

  it('is looked at once, however many digits it has', () => {
    const refusal = refused(`[0.1${'0'.repeat(1_000_000)}1]`);
    expect(refusal.details?.[0]?.message.length).toBeLessThan(200);
  });

  it('is not looked for in text', () => {
    expect(parse('{"n":"12345678901234567890"}')).toEqual({ n: '12345678901234567890' });
  });
});

describe('text in a JSON body', () => {
  it.each([
    ['NUL in a value', '{"a":{"b":["x","\\u0000"]}}', 'a.b.1', 'must not contain the character NUL'],
    ['NUL in a key', '{"a":{"b\\u0000":1}}', 'a', 'must not contain the character NUL'],
    ['a high surrogate alone', '{"a":["\\ud83d"]}', 'a.0', 'must not contain half of a surrogate pair'],
    ['a low surrogate alone', '{"a":"\\ude00x"}', 'a', 'must not contain half of a surrogate pair'],
    ['surrogates the wrong way round', '{"a":"\\ude00\\ud83d"}', 'a', 'must not contain half of a surrogate pair'],
    ['a surrogate alone in a key', '{"a":[{"\\ud83d":1}]}', 'a.0', 'must not contain half of a surrogate pair'],
    ['a key __proto__', '{"a":{"__proto__":{"b":1}}}', 'a', 'must not have a key __proto__'],
    ['an escaped key __proto__', '{"\\u005f_proto__":1}', '', 'must not have a key __proto__'],
    ['NUL as the whole body', '"\\u0000"', '', 'must not contain the character NUL'],
  ])('is refused with the path where it stands: %s', (_, body, path, message) => {
    expect(refused(body).details).toEqual([{ path, message }]);
  });

  it.each(['"😀"', '"\\ud83d\\ude00"', '"\\\\u0000"', '"\\u0001"', '"\\uffff"'])('is taken: %s', (body) => {
    expect(parse(body)).toBe(JSON.parse(body));
  });

  it('keeps keys that objects have by themselves', () => {
    const body = parse('{"constructor":1,"toString":2,"prototype":3,"hasOwnProperty":4}');
    expect(JSON.stringify(body)).toBe('{"constructor":1,"toString":2,"prototype":3,"hasOwnProperty":4}');
  });

  it('is answered in bounded space, however much is wrong and however long the way to it', () => {
    const refusal = refused(`{"${'k'.repeat(500_000)}":[${Array(50_000).fill('"\\u0000"').join()}]}`);
    expect(refusal.details?.length).toBe(100);
    expect(JSON.stringify(refusal.details).length).toBeLessThan(50_000);
  });
});

describe('the bytes of a JSON body', () => {
  it.each([
    ['a byte that never occurs', [0x22, 0xff, 0x22]],
    ['an overlong NUL', [0x22, 0xc0, 0x80, 0x22]],
    ['a surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['half a character', [0x22, 0xe6, 0xbc, 0x22]],
    ['UTF-16', [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]],
  ])('are refused when they are not UTF-8: %s', (_, bytes) => {
    expect(refusalOf(() => parseJsonBody(Uint8Array.from(bytes))).details).toEqual([
      { path: '', message: 'is not text in UTF-8' },
    ]);
  });

  it('may start with a byte order mark', () => {
    expect(parse('\ufeff{"a":1}')).toEqual({ a: 1 });
  });

  it.each([
    '',
    ' ',
    'hunter2',
    '{"password":"hunter2"',
    '{"password":"hunter2",}',
    "{'password':'hunter2'}",
    '{"password":"hunter2"} {}',
    '[01]',
    '[1.]',
    '[NaN]',
    '["hunter2\n"]',
    ']hunter2[',
  ])('are refused without being quoted when they are not JSON: %j', (body) => {
    const refusal = refused(body);
    expect(refusal.details).toEqual([{ path: '', message: 'is not JSON' }]);
    expect(refusal.message).not.toContain('hunter2');
  });
});

describe('nesting in a JSON body', () => {
  it('is taken up to 128 levels', () => {
    expect(() => parse(nested(128))).not.toThrow();
  });

  it('is refused beyond', () => {
    expect(refused(nested(129)).details).toEqual([{ path: '', message: 'is nested deeper than 128' }]);
  });

  it.each(['[', '{"a":', '[{"":'])('is refused without running out of stack: a megabyte of %s', (opening) => {
    const body = opening.repeat(Math.floor(1024 ** 2 / opening.length));
    expect(refused(body).details).toEqual([{ path: '', message: 'is nested deeper than 128' }]);
  });

  it('does not count brackets in text', () => {
    const text = '[{'.repeat(1_000);
    expect(parse(JSON.stringify({ [text]: `\\"${text}` }))).toEqual({ [text]: `\\"${text}` });
  });

  it('counts how deep, not how many', () => {
    expect(parse(`[${Array(1_000).fill('[]').join()}]`)).toHaveLength(1_000);
  });
});

describe('any JSON value that can be stored', () => {
  const text = fc.string({ unit: 'binary' }).filter((value) => value.isWellFormed() && !value.includes('\0'));
  const { storable } = fc.letrec((tie) => ({
    storable: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constant(null),
      fc.boolean(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.maxSafeInteger(),
      text,
      fc.array(tie('storable')),
      fc.dictionary(
        text.filter((key) => key !== '__proto__'),
        tie('storable'),
      ),
    ),
  }));

  it('comes out as it went in', () => {
    fc.assert(
      fc.property(storable, (value) => {
        const json = JSON.stringify(value);
        expect(JSON.stringify(parse(json))).toBe(json);
        expect(JSON.stringify(parse(JSON.stringify(value, null, 2)))).toBe(json);
      }),
      { seed: 20260102, numRuns: 300 },
    );
  });
});

function parse(text: string): unknown {
  return parseJsonBody(Buffer.from(text));
}

function refused(text: string): ApiError {
  return refusalOf(() => parse(text));
}

function refusalOf(parsing: () => unknown): ApiError {
  try {
    parsing();
  } catch (error) {
    if (error instanceof ApiError && error.code === 'VALIDATION_ERROR') return error;
    throw error;
  }
  throw new Error('the body was taken');
}

function nested(levels: number): string {
  return `${'['.repeat(levels)}${']'.repeat(levels)}`;
}
