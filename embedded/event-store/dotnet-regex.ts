// .NET's regular expressions in JavaScript: the language of EventStoreDB's filters. Only whether a text matches is asked,
// so that no group needs to capture. What is rare or has no translation is refused by name: nothing is ever matched
// differently. In both, a text is UTF-16 units as long as JavaScript's expression has no flag. It lacks the Unicode
// classes then, and it ignores case by rules of its own, so both are written out as the units that they stand for.

/** As JavaScript's `v` flag has them. */
const sets: Readonly<Record<string, string>> = {
  '\\d': '\\p{Nd}',
  '\\D': '\\P{Nd}',
  '\\w': '[\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}]',
  '\\W': '[^\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}]',
  '\\s': '[\\t-\\r\\x85\\p{Z}]',
  '\\S': '[^\\t-\\r\\x85\\p{Z}]',
};
/** Places are groups: .NET lets them have a quantifier. */
const places: Readonly<Record<string, string>> = {
  '^': '(?:^)',
  $: '(?:(?=\\n?$))',
  '\\A': '(?:^)',
  '\\z': '(?:$)',
  '\\Z': '(?:(?=\\n?$))',
};
const unitToken = /\\x[\dA-Fa-f]{2}|\\u[\dA-Fa-f]{4}|\\[btnvfr]|\\[ -&(-/:;=-@[-^`{-~]|[^\\]/y;
const unknownToken = /\\[pP]\{[^}]*\}|\(\?<?[^)]?|\[:|-\[|\\.?/sy;

const rangesOfSets = new Map<string, string>();
let unitsByLowerCase: Map<string, number[]> | undefined;

/**
 * The test whether some part of a text matches. Throws a SyntaxError for what is no regular expression, and another Error
 * for what is not known here.
 */
export function dotNetRegex(pattern: string): (text: string) => boolean {
  const ignoresCase = pattern.startsWith('(?i)');
  let at = ignoresCase ? 4 : 0;
  let translated = '';
  while (at < pattern.length) translated += element();
  const expression = new RegExp(translated);
  return (text) => expression.test(text);

  function element(): string {
    if (take(/\((?!\?)/y)) return '(?:';
    if (take(/\[/y)) return `[${take(/\^/y) ?? ''}${members()}]`;
    if (take(/\./y)) return '[^\\n]';
    const place = take(/[$^]|\\[AzZ]/y);
    if (place) return places[place] ?? '';
    const same = take(/\(\?:|\(\?<?[=!]|[)|*+?]|\{\d+(?:,\d*)?\}/y);
    if (same && /\d{10}/.test(same)) refuse(same); // only what fits into 32 bits is valid in .NET
    if (same) return same;
    if (pattern.startsWith('(?', at)) refuse();
    return take(/\\b/y) ? refuse('\\b') : `[${set() ?? units(unit())}]`;
  }

  function members(): string {
    let all = '';
    do {
      if (pattern.startsWith('[:', at) || pattern.startsWith('-[', at)) refuse();
      all += set() ?? range();
    } while (!take(/\]/y));
    return all;
  }

  function range(): string {
    if (take(/\\-/y)) return '\\-'; // begins no range
    const first = unit();
    return units(first, take(/-(?![\][])/y) ? unit() : first);
  }

  function set(): string | undefined {
    const token = take(/\\[dDwWsS]/y);
    return token && rangesOf(sets[token] ?? '');
  }

  function unit(): number {
    const token = take(unitToken) ?? refuse();
    if (token.length > 2) return Number.parseInt(token.slice(2), 16);
    if (/\\[btnvfr]/.test(token)) return 8 + 'btnvfr'.indexOf(token.slice(1));
    return token.charCodeAt(token.length - 1);
  }

  function units(first: number, last = first): string {
    let all = `${escaped(first)}-${escaped(last)}`;
    for (let unit = first; ignoresCase && unit <= last; unit += 1) all += alike(unit).map(escaped).join('');
    return all;
  }

  function take(token: RegExp): string | undefined {
    token.lastIndex = at;
    const found = token.exec(pattern)?.[0];
    at += found?.length ?? 0;
    return found;
  }

  function refuse(construct = take(unknownToken)): never {
    if (!construct) throw new SyntaxError('The regular expression ends too early.');
    throw new Error(`The embedded event store does not know ${construct} of .NET's regular expressions.`);
  }
}

/** The units of a set, for inside a class. */
function rangesOf(set: string): string {
  const known = rangesOfSets.get(set);
  if (known !== undefined) return known;
  const expression = new RegExp(set, 'v');
  const isIn = (unit: number) => unit <= 0xffff && expression.test(String.fromCharCode(unit));
  let ranges = '';
  for (let unit = 0; unit <= 0xffff; unit += 1) {
    if (!isIn(unit)) continue;
    const first = unit;
    while (isIn(unit + 1)) unit += 1;
    ranges += `${escaped(first)}-${escaped(unit)}`;
  }
  rangesOfSets.set(set, ranges);
  return ranges;
}

/** The units that .NET takes for the same when it ignores case: those with the same lower case. */
function alike(unit: number): readonly number[] {
  const lowerCase = (unit: number) => String.fromCharCode(unit).toLowerCase();
  unitsByLowerCase ??= Map.groupBy(Array(0x1_0000).keys(), lowerCase);
  return unitsByLowerCase.get(lowerCase(unit)) ?? [];
}

function escaped(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}
