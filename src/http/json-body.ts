// What a JSON body may hold: only what comes out of the event store and of Postgres as it went in.
import { ApiError, type ErrorDetail, errorDetail, mostDetails } from './errors.ts';

/** A parsed number and the text it was parsed from; the third argument of a JSON.parse reviver. */
interface ReviverContext {
  readonly source?: string;
}

type ParseWithSource = (
  text: string,
  reviver: (this: unknown, key: string, value: unknown, context: ReviverContext) => unknown,
) => unknown;

/** Stands in the parsed body for a number that would be stored as another one. */
class InexactNumber {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** Objects and arrays may stand in one another up to this depth, the body itself counted. */
const deepest = 128;

/**
 * Parses a JSON body.
 *
 * @throws ApiError VALIDATION_ERROR when it is no JSON in UTF-8, nested too deep, or holds what would be stored as something
 *   else: a number that a double cannot hold (12345678901234567890, 1e400) or JSON cannot write (-0), text with NUL or
 *   a lone surrogate, a key `__proto__`
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  const text = decodeUtf8(bytes);
  if (depthOf(text) > deepest) throw invalid([{ path: '', message: `is nested deeper than ${deepest}` }]);
  const body = parse(text);
  const details: ErrorDetail[] = [];
  collectUnstorable(body, [], details);
  if (details.length > 0) throw invalid(details);
  return body;
}

function parse(text: string): unknown {
  try {
    return (JSON.parse as ParseWithSource)(text, (_key, value, { source }) => {
      const isInexact = typeof value === 'number' && source !== undefined && !isExact(value, source);
      return isInexact ? new InexactNumber(source) : value;
    });
  } catch {
    // The parser's own message quotes the body, which may hold a password.
    throw invalid([{ path: '', message: 'is not JSON' }]);
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalid([{ path: '', message: 'is not text in UTF-8' }]);
  }
}

function invalid(details: readonly ErrorDetail[]): ApiError {
  return new ApiError('VALIDATION_ERROR', 'The request body cannot be taken.', details);
}

// Before parsing, because a reviver walks the value recursively and would run out of stack.
function depthOf(text: string): number {
  let depth = 0;
  let greatest = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (inString) {
      if (char === '\\') index++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '{' || char === '[') greatest = Math.max(greatest, ++depth);
    else if (char === '}' || char === ']') depth--;
  }
  return greatest;
}

function isExact(value: number, source: string): boolean {
  return String(value) === source || (Number.isFinite(value) && decimal(String(value)) === decimal(source));
}

/** The value that a JSON number's text stands for, in one spelling: significant digits and a power of ten. */
function decimal(text: string): string {
  const match = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) return text;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = withoutTrailingZeros(digits);
  const sign = text.startsWith('-') ? '-' : '';
  if (significant === '') return `${sign}0`;
  const power = Number(exponent) - fraction.length + (digits.length - significant.length);
  return `${sign}${significant}e${power}`;
}

// Not by /0+$/, which looks at a long run of zeros before another digit again from each of them.
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === '0') end--;
  return digits.slice(0, end);
}

function collectUnstorable(value: unknown, path: readonly string[], details: ErrorDetail[]): void {
  if (details.length >= mostDetails) return;
  if (typeof value === 'string') collectUnstorableText(value, path, details);
  if (typeof value !== 'object' || value === null) return;
  if (value instanceof InexactNumber) {
    const number = value.source.slice(0, 40);
    details.push(errorDetail(path, `must not be the number ${number}, which cannot be kept exactly; send it as text`));
    return;
  }
  for (const [key, inner] of Object.entries(value)) {
    if (details.length >= mostDetails) return;
    if (key === '__proto__') {
      details.push(errorDetail(path, 'must not have a key __proto__'));
      continue;
    }
    collectUnstorableText(key, path, details);
    collectUnstorable(inner, [...path, key], details);
  }
}

function collectUnstorableText(text: string, path: readonly string[], details: ErrorDetail[]): void {
  if (text.includes('\0')) details.push(errorDetail(path, 'must not contain the character NUL'));
  else if (!text.isWellFormed()) details.push(errorDetail(path, 'must not contain half of a surrogate pair'));
}
