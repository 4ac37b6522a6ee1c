// Entity tags: what ETag says of an answer, and If-Match and If-None-Match compare with it (RFC 9110, 8.8.3 and 13.1).

export interface EntityTag {
  /** Whether it stands for what is equivalent, rather than the same byte for byte. */
  readonly weak: boolean;
  /** What stands between the quotes. */
  readonly opaque: string;
}

/** What If-Match and If-None-Match may say: some tags, or `*` for whatever there is. */
export type EntityTags = '*' | readonly [EntityTag, ...EntityTag[]];

/**
 * The tag of a resource: the revision of its stream and, where something is observed of it that its stream does not tell, a
 * mark that is another one whenever that is.
 *
 * @param observed digits, or two groups of digits with `-` between them
 */
export function entityTagOf(revision: bigint, observed?: string): EntityTag {
  return { weak: false, opaque: observed === undefined ? `${revision}` : `${revision}.${observed}` };
}

/** A tag as headers have it. */
export function formatEntityTag({ weak, opaque }: EntityTag): string {
  return `${weak ? 'W/' : ''}"${opaque}"`;
}

/** What an If-Match or If-None-Match says; undefined when it is malformed, or has no tag at all. */
export function parseEntityTags(header: string): EntityTags | undefined {
  if (header.trim() === '*') return '*';
  const tags: EntityTag[] = [];
  // A tag may have a comma in it. Of a list of several headers, elements may be empty.
  const element = /[ \t]*(?:(W\/)?"([!\x23-\x7e\x80-\xff]*)"[ \t]*)?(?:,|$)/y;
  while (element.lastIndex < header.length) {
    const match = element.exec(header);
    if (match === null) return undefined;
    const [, weak, opaque] = match;
    if (opaque !== undefined) tags.push({ weak: weak !== undefined, opaque });
  }
  const [first, ...others] = tags;
  return first && [first, ...others];
}

/** Whether one of the tags stands for the same bytes as `current`: what If-Match asks. */
export function matchesStrongly(tags: EntityTags, current: EntityTag): boolean {
  return tags === '*' || tags.some(({ weak, opaque }) => !weak && !current.weak && opaque === current.opaque);
}

/** Whether one of the tags stands for the same as `current`, or for its equivalent: what If-None-Match asks. */
export function matchesWeakly(tags: EntityTags, current: EntityTag): boolean {
  return tags === '*' || tags.some(({ opaque }) => opaque === current.opaque);
}

/** The revision that a tag names, whatever was observed; undefined for a weak one and for one that is not ours. */
export function revisionOf({ weak, opaque }: EntityTag): bigint | undefined {
  const [, revision] = /^(0|[1-9]\d{0,18})(?:\.\d+(?:-\d+)?)?$/.exec(opaque) ?? [];
  return weak || revision === undefined ? undefined : BigInt(revision);
}
