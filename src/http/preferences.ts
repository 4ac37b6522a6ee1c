// The header Prefer (RFC 7240): what the client would like, and may not count on.

/** What is honoured of it. */
export interface Preferences {
  /** Not to wait for what goes on after the answer; with `wait`, not any longer. */
  readonly respondAsync: boolean;
  /** For how many seconds to wait at most; undefined when the client does not say. */
  readonly wait: number | undefined;
}

/** In seconds. What waits longer than this keeps a connection for something that will hardly come. */
export const longestWait = 30;

/**
 * The preferences of a request. What is not known, or makes no sense, is as if it were not there; of what stands twice
 * the first counts.
 */
export function preferencesOf(header: string | readonly string[] | undefined): Preferences {
  const given = new Map<string, string>();
  for (const text of splitOutsideQuotes([header ?? []].flat().join(','), ',')) {
    const [name, value] = parsePreference(text) ?? [];
    if (name !== undefined && value !== undefined && !given.has(name)) given.set(name, value);
  }
  const wait = given.get('wait') ?? '';
  return {
    respondAsync: given.get('respond-async') === '',
    wait: /^\d+$/.test(wait) ? Math.min(Number(wait), longestWait) : undefined,
  };
}

/** What of it is honoured, as the header Preference-Applied says it; undefined when nothing is. */
export function preferenceApplied({ respondAsync, wait }: Preferences): string | undefined {
  const applied = [...(respondAsync ? ['respond-async'] : []), ...(wait === undefined ? [] : [`wait=${wait}`])];
  return applied.length === 0 ? undefined : applied.join(', ');
}

// A name, and a value that may be missing, empty or in quotes; parameters after a semicolon, of which none is known.
function parsePreference(text: string): readonly [name: string, value: string] | undefined {
  const [preference = ''] = splitOutsideQuotes(text, ';');
  const equals = preference.indexOf('=');
  const name = (equals < 0 ? preference : preference.slice(0, equals)).trim().toLowerCase();
  const value = equals < 0 ? '' : unquoted(preference.slice(equals + 1).trim());
  return isToken(name) && value !== undefined ? [name, value] : undefined;
}

function unquoted(word: string): string | undefined {
  if (word === '' || isToken(word)) return word;
  const [, quoted] = /^"((?:[^"\\]|\\.)*)"$/s.exec(word) ?? [];
  return quoted?.replace(/\\(.)/gs, '$1');
}

function isToken(text: string): boolean {
  return /^[!#$%&'*+.^`|~\w-]+$/.test(text);
}

function splitOutsideQuotes(text: string, separator: ',' | ';'): readonly string[] {
  return text.match(separator === ',' ? /(?:"(?:[^"\\]|\\.)*"?|[^",])+/gs : /(?:"(?:[^"\\]|\\.)*"?|[^";])+/gs) ?? [];
}
