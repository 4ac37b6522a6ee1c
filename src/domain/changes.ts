import type { Json } from '../events/json.ts';

type Fields = Readonly<Record<string, Json | undefined>>;

/**
 * The wanted fields that differ from the present ones. JSON objects are equal whatever the order of their keys,
 * as they are in a jsonb column.
 */
export function changedFields<Wanted extends object>(wanted: Wanted, present: Required<Wanted>): Partial<Wanted> {
  const changed = Object.entries(wanted as Fields).filter(
    ([field, value]) => value !== undefined && !sameJson(value, (present as Fields)[field]),
  );
  return Object.fromEntries(changed) as Partial<Wanted>;
}

/** Whether two values are the same JSON; objects whatever the order of their keys, arrays in their order. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (isArray(a) || isArray(b)) {
    return isArray(a) && isArray(b) && a.length === b.length && a.every((item, index) => sameJson(item, b[index]));
  }
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key], b[key]))
  );
}

// Array.isArray does not narrow a readonly array out of a union.
function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
