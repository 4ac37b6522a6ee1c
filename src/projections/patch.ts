/** The columns that are given at all: an event has the fields that changed, and no others. */
export function present<Value>(columns: Readonly<Record<string, Value | undefined>>): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(columns).filter((entry): entry is [string, Value] => entry[1] !== undefined),
  );
}
