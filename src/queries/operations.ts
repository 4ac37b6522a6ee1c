// What the reference says of the routes that read.
import type { z } from 'zod';
import type { ErrorCode } from '../http/errors.ts';
import type { Operation } from '../http/operation.ts';

export type Kind = 'organization' | 'factory' | 'gateway';

interface Words {
  readonly tag: string;
  readonly one: string;
  readonly many: string;
  readonly notFound: ErrorCode;
}

const words: Readonly<Record<Kind, Words>> = {
  organization: {
    tag: 'Organizations',
    one: 'an organization',
    many: 'organizations',
    notFound: 'ORGANIZATION_NOT_FOUND',
  },
  factory: { tag: 'Factories', one: 'a factory', many: 'factories', notFound: 'FACTORY_NOT_FOUND' },
  gateway: { tag: 'Gateways', one: 'a gateway', many: 'gateways', notFound: 'GATEWAY_NOT_FOUND' },
};

/** What the reference says of a list. */
export function listOperation(kind: Kind, item: z.ZodType): Operation {
  const { tag, many } = words[kind];
  return {
    id: `List${tag}`,
    tag,
    summary: `List ${many}`,
    description:
      'Rows and total are of one moment. Ten thousand rows deep, `cursor` is as quick as at the start, and `offset` is not.',
    requestHeaders: ['X-Min-Position', 'Prefer'],
    responseHeaders: ['Preference-Applied'],
    answer: `A page of ${many}.`,
    example: {
      data: [exampleOf(item)],
      pagination: { total: 1, limit: 20, offset: 0, hasNext: false, hasPrev: false },
    },
    errors: ['SERVICE_UNAVAILABLE', 'PROJECTION_BEHIND'],
  };
}

/** What the reference says of reading one. */
export function getOperation(kind: Kind, item: z.ZodType): Operation {
  const { tag, one, notFound } = words[kind];
  return {
    id: `Get${kind.replace(/^./, (letter) => letter.toUpperCase())}`,
    tag,
    summary: `Get ${one}`,
    answer: `The ${kind}, as far as the tables have heard of it.`,
    example: exampleOf(item),
    requestHeaders: ['X-Min-Position', 'Prefer'],
    responseHeaders: ['ETag', 'Preference-Applied'],
    errors: [notFound, 'SERVICE_UNAVAILABLE', 'PROJECTION_BEHIND'],
  };
}

/** The id in the path, with what the reference says of it. */
export function describedId<Id extends z.ZodType>(kind: Kind, id: Id, item: z.ZodType): Id {
  return id.meta({ description: `The id of the ${kind}.`, examples: [exampleOf(item)?.id] });
}

function exampleOf(item: z.ZodType): { readonly id: string } | undefined {
  return (item.meta()?.examples as readonly { readonly id: string }[] | undefined)?.[0];
}
