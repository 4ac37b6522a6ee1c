// .NET's regular expressions in JavaScript: the language of EventStoreDB's filters. Only whether a text matches is asked,
// so that no group needs to capture. What has no translation is refused by name: nothing is ever matched differently.
// For .NET a text is UTF-16 code units, for JavaScript's `v` flag code points: in pattern and text each surrogate becomes
// a private code point of its own. Case is settled here as well, for the `i` flag also folds what .NET keeps apart.

const word = String.raw`\p{L}\p{Mn}\p{Nd}\p{Pc}`;
const boundaryWord = String.raw`${word}\u200c\u200d`;

const sets: Readonly<Record<string, string>> = {
  '\\d': '\\p{Nd}',
  '\\D': '\\P{Nd}',
  '\\w': `[${word}]`,
  '\\W': `[^${word}]`,
  '\\s': '[\\t-\\r\\x85\\p{Z}]',
  '\\S': '[^\\t-\\r\\x85\\p{Z}]',
};
const places: Readonly<Record<string, string>> = {
  '\\A': '^',
  '\\z': '$',
  '\\Z': '(?=\\n?$)',
  '\\b': `(?<=[${boundaryWord}])(?![${boundaryWord}])|(?<![${boundaryWord}])(?=[${boundaryWord}])`,
  '\\B': `(?<=[${boundaryWord}])(?=[${boundaryWord}])|(?<![${boundaryWord}])(?![${boundaryWord}])`,
};
const controls: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, e: 27 };
const categories = /^(?:L[lmotu]?|M[cen]?|N[dlo]?|Z[lps]?|C[cfn]?|P[cdefios]?|S[ckmo]?)$/;

const character = RegExp(
  String.raw`\\(?:x[\dA-Fa-f]{2}|u[\dA-Fa-f]{4}|c[@-_a-z]|[0-7]{1,3}|[abefnrtv]|[^${boundaryWord}])|[^\\]`,
  'vy',
);
const name = String.raw`(?!0+[>'])(?:\d+|(?!\d)[${boundaryWord}]+)`;
const namedGroup = RegExp(String.raw`\?(?:<${name}>|'${name}')`, 'vy');
const refused = RegExp(
  String.raw`\(\?(?:[>\(#]|[<'][${boundaryWord}]*-)|\\(?:G|[1-9]|k[<']|<[${boundaryWord}]+>|'[${boundaryWord}]+')`,
  'vy',
);

/**
 * The test whether some part of a text matches. Throws a SyntaxError for what is no regular expression, and another Error
 * for what is one in .NET only.
 */
export function dotNetRegex(pattern: string): (text: string) => boolean {
  const expression = new RegExp(new Translator(codePointPerUnit(pattern)).translate(), 'v');
  return (text) => expression.test(codePointPerUnit(text));
}

class Translator {
  readonly #pattern: string;
  readonly #groups: { readonly end: string; readonly outerOptions: ReadonlySet<string> }[] = [];
  #at = 0;
  #options: ReadonlySet<string> = new Set();

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  translate(): string {
    let translated = '';
    while (this.#at < this.#pattern.length) translated += this.#element();
    return translated;
  }

  #element(): string {
    const construct = this.#take(refused);
    if (construct) refuse(construct);
    if (this.#take(/\(/y)) return this.#group();
    if (this.#take(/\)/y)) return this.#endOfGroup();
    if (this.#take(/\[/y)) return this.#class();
    const place = this.#take(/[$^]|\\[AzZbB]/y);
    if (place) return `(?:${this.#place(place)})`;
    if (this.#take(/\./y)) return this.#options.has('s') ? '[^]' : '[^\\n]';
    const repetition = this.#take(/\{\d+(?:,\d*)?\}/y);
    if (repetition && /\d{10}/.test(repetition)) refuse(repetition); // only what fits into 32 bits is valid in .NET
    return repetition ?? this.#take(/[|*+?]/y) ?? this.#set() ?? this.#literal();
  }

  /** Lookarounds and places get a group around them: unlike JavaScript, .NET lets them have a quantifier. */
  #group(): string {
    const outerOptions = this.#options;
    const options = this.#take(/\?[imnsx+-]+[:)]/iy);
    if (options) this.#switchOptions(options.toLowerCase());
    if (options?.endsWith(')')) return '(?=)'; // not nothing, which would let a quantifier reach what comes before
    const lookaround = this.#take(/\?<?[=!]/y);
    if (!options && !lookaround) this.#take(/\?:/y) ?? this.#take(namedGroup);
    this.#groups.push({ end: lookaround ? '))' : ')', outerOptions });
    return lookaround ? `(?:(${lookaround}` : '(?:';
  }

  #endOfGroup(): string {
    const group = this.#groups.pop() ?? fail('Too many )');
    this.#options = group.outerOptions;
    return group.end;
  }

  #switchOptions(flags: string): void {
    const options = new Set(this.#options);
    let on = true;
    for (const flag of flags) {
      if (flag === '+' || flag === '-') on = flag === '+';
      else if (on) options.add(flag);
      else options.delete(flag);
    }
    if (options.has('x')) refuse('(?x)');
    this.#options = options;
  }

  #place(place: string): string {
    const anyLine = this.#options.has('m');
    if (place === '^') return anyLine ? '(?<=^|\\n)' : '^';
    if (place === '$') return anyLine ? '(?=\\n|$)' : '(?=\\n?$)';
    return places[place] ?? fail(place);
  }

  #class(): string {
    const negation = this.#take(/\^/y) ?? '';
    let members = '';
    for (let first = true; first || !this.#take(/\]/y); first = false) {
      if (!first && this.#take(/-\[/y)) {
        const difference = `[[${negation}${members}]--${this.#class()}]`;
        return this.#take(/\]/y) ? difference : fail('A subtraction is not the last in its class');
      }
      members += this.#set() ?? this.#range();
    }
    return `[${negation}${members}]`;
  }

  #range(): string {
    if (this.#take(/\[:/y)) refuse('[:');
    if (this.#take(/\\-/y)) return this.#members(0x2d, 0x2d); // begins no range
    const first = this.#character();
    const last = this.#take(/-(?![\][])/y) ? this.#character() : first;
    return last < first ? fail('A range in reverse order') : this.#members(first, last);
  }

  #set(): string | undefined {
    const shorthand = this.#take(/\\[dDwWsS]/y);
    if (shorthand) return sets[shorthand];
    const property = this.#take(/\\[pP]\{[\w-]*\}/y);
    if (!property) return undefined;
    const category = property.slice(3, -1);
    if (/^(?:Is.*|C[os])$/.test(category)) refuse(property);
    if (!categories.test(category)) fail(`Unknown property ${category}`);
    return this.#options.has('i') ? property.replace(/L[ltu]/, 'LC') : property;
  }

  #literal(): string {
    const unit = this.#character();
    return this.#options.has('i') ? `[${this.#members(unit, unit)}]` : escaped(unit);
  }

  /** For inside a class; surrogates apart, as their private code points are elsewhere. */
  #members(first: number, last: number): string {
    let members = '';
    for (const [from, to] of [[0, 0xd7ff] as const, [0xd800, 0xdfff] as const, [0xe000, 0xffff] as const]) {
      const [start, end] = [Math.max(first, from), Math.min(last, to)];
      if (start <= end) members += `${escaped(start)}-${escaped(end)}`;
    }
    if (!this.#options.has('i')) return members;
    for (let unit = first; unit <= last; unit++)
      for (const other of alike(unit)) if (other < first || other > last) members += escaped(other);
    return members;
  }

  #character(): number {
    const token = this.#take(character) ?? fail('An unknown escape, or no end');
    const [start, kind = '', ...rest] = token;
    if (start !== '\\') return unitOf(token);
    if (kind === 'x' || kind === 'u') return Number.parseInt(rest.join(''), 16);
    if (kind === 'c') return rest.join('').toUpperCase().charCodeAt(0) - 0x40;
    if (/[0-7]/.test(kind)) return Number.parseInt(token.slice(1), 8) & 0xff;
    return controls[kind] ?? unitOf(kind);
  }

  #take(token: RegExp): string | undefined {
    token.lastIndex = this.#at;
    const found = token.exec(this.#pattern)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }
}

const privatePlane = 0x10_0000;

function codePointPerUnit(text: string): string {
  return text.replace(/[\ud800-\udfff]/g, (unit) => String.fromCodePoint(privatePlane + unit.charCodeAt(0)));
}

function unitOf(character: string): number {
  return (character.codePointAt(0) ?? 0) % privatePlane;
}

function escaped(unit: number): string {
  return `\\u{${(unit >= 0xd800 && unit <= 0xdfff ? privatePlane + unit : unit).toString(16)}}`;
}

let unitsByLowerCase: Map<string, number[]> | undefined;

/** The units that .NET takes for the same when it ignores case: those with the same lower case. */
function alike(unit: number): readonly number[] {
  const lowerCase = (unit: number) => String.fromCharCode(unit).toLowerCase();
  unitsByLowerCase ??= Map.groupBy(Array(0x1_0000).keys(), lowerCase);
  return unitsByLowerCase.get(lowerCase(unit)) ?? [];
}

function refuse(construct: string): never {
  throw new Error(`The embedded event store does not know ${construct} of .NET's regular expressions.`);
}

function fail(fault: string): never {
  throw new SyntaxError(fault);
}
