import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dotNetRegex } from './dotnet-regex.ts';

type Examples = readonly [pattern: string, matching: readonly string[], others: readonly string[]][];

const everywhere: Examples = [
  ['rder', ['order-1'], ['Rder']],
  ['^order|-1$', ['order-2', 'x-1', 'x-1\n'], ['x-1\n\n', 'x-1\r', 'a\norder']],
  ['\\Ab|b\\Z', ['bx', 'xb', 'xb\n'], ['xbx', 'x\nbx', 'xb\n\n']],
  ['b\\z', ['xb'], ['xb\n']],
  ['^a.b$', ['a\rb', 'a\u2028b', 'aéb'], ['a\nb', 'ab']],
  ['^*a|b$+|(?=c)*c', ['xa', 'xb', 'c'], ['bd']],
  ['^(?:a{2}|b{1,}?|c{1,2})$', ['aa', 'b', 'bb', 'c', 'cc'], ['a', 'ccc']],
  ['^a{,2}$', ['a{,2}'], ['aa']],
  ['^{a}{b]}$', ['{a}{b]}'], ['']],
  ['^(a)(b(?:c))$', ['abc'], ['ab']],
  ['(?<=a)b(?=c)|(?<!a)x(?!c)', ['abc', 'xb'], ['bc', 'axb', 'xc']],
];

const ignoringCase: Examples = [
  ['(?i)ORDER', ['order', 'OrDeR'], ['ordr']],
  ['(?i)straẞe', ['STRAßE'], ['STRASSE']],
  ['(?i)^[k-s]σ$', ['KΣ', '\u212aσ', 'Sσ'], ['ſσ', 'kς', 'tσ']],
  ['(?i)^[^k]$', ['a'], ['k', 'K', '\u212a']],
  ['(?i)^\\w\\xe4$', ['sÄ', 'ſä'], ['sa']],
];

const escapes: Examples = [
  ['^\\d\\D$', ['1a', '٣a'], ['11', '²a']],
  ['^\\w\\W$', ['é-', '_ ', '\u0301-', '٣\u200d'], ['²-', '-a', '\u0903-', 'éé']],
  ['^\\s\\S$', [' a', '\x85a', '\u2028a', '\u3000a', '\va'], ['\u200ba', '\ufeffa', '  ']],
  ['^\\t\\r\\n\\v\\f\\x41\\u00e9$', ['\t\r\n\v\fAé'], ['trnvfAé']],
  ['^\\.\\-\\/\\#\\ \\{\\}\\"é', [`.-/# {}"é`], [`x-/# {}"é`]],
];

const classes: Examples = [
  ['^[\\w-]$', ['é', '-'], ['.']],
  ['^[\\d-x]$', ['1', '-', 'x'], ['e']],
  ['^[a\\-c]$', ['a', '-', 'c'], ['b']],
  ['^[+--]$', ['+', ',', '-'], ['.']],
  ['^[]a]$', [']', 'a'], ['b']],
  ['^[^]a]$', ['b', '\n'], [']', 'a']],
  ['^[()[{}/|&&!!.^$\\]\\\\]$', ['(', ')', '[', '{', '}', '/', '|', '&', '!', '.', '^', '$', ']', '\\'], ['a', '-']],
  ['^[\\b-\\n]$', ['\b', '\t', '\n'], ['b', '-', 'n', '\v']],
  ['^[\\s\\S]$', ['\n', 'a'], ['']],
];

const surrogates: Examples = [
  ['^..$', ['😀', 'ab'], ['a', '😀a']],
  ['^😀$', ['😀'], ['😁']],
  ['^😀+$', ['😀', '😀\ude00'], ['😀😀']],
  ['^[😀]{2}$', ['😀', '\ude00\ud83d'], ['😁']],
  ['^[a-\uffff]{2}$', ['😀', 'é\uffff'], ['A😀']],
  ['^\\ud83d\\W$', ['😀', '😁'], ['\u{1f300}']],
];

describe('A regular expression of .NET', () => {
  it.each([...everywhere, ...ignoringCase, ...escapes, ...surrogates])('%j matches %j and not %j', expectMatches);

  it.each(classes)('with a class: %j matches %j and not %j', expectMatches);

  it('made of any escaped text matches exactly what contains it', () =>
    fc.assert(
      fc.property(texts, texts, texts, (before, text, after) => {
        const matches = dotNetRegex(regexEscape(text));
        expect(matches(before + text + after)).toBe(true);
        expect(matches(before + after)).toBe((before + after).includes(text));
      }),
    ));

  it('of letters, digits, alternatives, classes and quantifiers means the same in JavaScript', () =>
    fc.assert(
      fc.property(
        plainPatterns,
        fc.string({ unit: fc.constantFrom(...'abcABC12') }),
        (pattern, text) => dotNetRegex(pattern)(text) === new RegExp(pattern).test(text),
      ),
      { numRuns: 1000 },
    ));

  it.each([
    ['(?x) a', '(?x'],
    ['(?m)a', '(?m'],
    ['a(?i)b', '(?i'],
    ['a(?i-s+x: b)', '(?i'],
    ['(?>a)b', '(?>'],
    ['(?(a)b|c)', '(?('],
    ['(?<a>x)', '(?<a'],
    ["(?'a'y)", "(?'"],
    ['a(?#why)', '(?#'],
    ['\\Ga', '\\G'],
    ['(a)\\1', '\\1'],
    ['\\012', '\\0'],
    ['\\a\\e', '\\a'],
    ['\\cA', '\\c'],
    ['(a)\\k<a>', '\\k'],
    ['a\\<a>', '\\<'],
    ["a\\'a'", "\\'"],
    ['a\\b', '\\b'],
    ['a\\B', '\\B'],
    ['\\p{Lu}', '\\p{Lu}'],
    ['[\\P{IsGreek}]', '\\P{IsGreek}'],
    ['[[:alpha:]]', '[:'],
    ['[a-z-[aeiou]]', '-['],
    ['[-[a]]', '-['],
    ['[a-\\d]', '\\d'],
    ['[\\B]', '\\B'],
    ['\\é', '\\é'],
    ['\\_', '\\_'],
    ['\\x4', '\\x'],
    ['\\u004', '\\u'],
    ['a{1,2147483648}', '{1,2147483648}'],
  ])('like %j is refused for what is not known', (pattern, construct) =>
    expect(() => dotNetRegex(pattern)).toThrow(
      new Error(`The embedded event store does not know ${construct} of .NET's regular expressions.`),
    ),
  );

  it.each(['(', ')', '[a', '[]', '*', 'a**', 'a|*', '(*a)', '{2}', 'a{2}{3}', 'a{3,2}', '(?i)*', '[z-a]'])(
    'is not what %j is',
    (pattern) => expect(() => dotNetRegex(pattern)).toThrow(SyntaxError),
  );
});

function expectMatches(pattern: string, matching: readonly string[], others: readonly string[]): void {
  const matches = dotNetRegex(pattern);
  expect(matching.filter((text) => !matches(text))).toEqual([]);
  expect(others.filter(matches)).toEqual([]);
}

/** As .NET does. */
function regexEscape(text: string): string {
  const letters: Readonly<Record<string, string>> = { '\t': 't', '\n': 'n', '\f': 'f', '\r': 'r' };
  return text.replace(/[\t\n\f\r #$()*+.?[\\^{|]/g, (character) => `\\${letters[character] ?? character}`);
}

const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom(..."\t\n\f\r #$()*+.?[\\^{|}]<'-,1a") }),
);

const character = fc.constantFrom(...'abcABC12');
const { pattern: plainPatterns } = fc.letrec<{ pattern: string; atom: string; sequence: string }>((tie) => ({
  pattern: fc.array(tie('sequence'), { minLength: 1, maxLength: 3 }).map((sequences) => sequences.join('|')),
  sequence: fc
    .array(fc.tuple(tie('atom'), fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,}', '{0,2}', '*?', '{1,2}?')), {
      maxLength: 4,
    })
    .map((atoms) => atoms.flat().join('')),
  atom: fc.oneof(
    { maxDepth: 2 },
    character,
    fc
      .tuple(fc.constantFrom('[', '[^'), fc.string({ unit: character, minLength: 1 }))
      .map((parts) => `${parts.join('')}]`),
    fc.constantFrom('[a-c]', '[^A-C]', '[0-9b]', '.'),
    tie('pattern').map((pattern) => `(${pattern})`),
  ),
}));
