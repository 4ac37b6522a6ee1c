// What the reference says of the routes that read.
import type { z } from 'zod';
import { ApiError, type ErrorCode } from '../http/errors.ts';
import type { Operation } from '../http/operation.ts';
import type { HistoryEvent } from './history.ts';
import type { Kind } from './life.ts';

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
  const observed = kind === 'gateway' ? ', without what was merely observed of it (`status`, `last_seen_at`)' : '';
  return {
    id: `Get${nameOf(kind)}`,
    tag,
    summary: `Get ${one}`,
    description:
      `With \`as_of\` or \`revision\`: the ${kind} as it was then. That comes from the log${observed}; ` +
      'neither tables nor `X-Min-Position` matter to it.',
    answer: `The ${kind}, as far as the tables have heard of it, or as it was.`,
    example: exampleOf(item),
    requestHeaders: ['If-None-Match', 'X-Min-Position', 'Prefer'],
    responseHeaders: ['ETag', 'Preference-Applied'],
    errors: [notFound, 'SERVICE_UNAVAILABLE', 'PROJECTION_BEHIND'],
    errorsInItsWords: {
      [notFound]: {
        when: `There is no such ${kind}, or it is deleted; or that was so then.`,
        message: `There is no such ${kind}, or it is deleted.`,
      },
    },
  };
}

/** What the reference says of a history. */
export function historyOperation(kind: Kind, item: z.ZodType): Operation {
  const { tag, one, notFound } = words[kind];
  const name = { before: exampleOf(item)?.name ?? null, after: 'Another name' };
  const event: HistoryEvent = {
    revision: 1,
    event_id: '0197e8b4-9d07-7f52-a1c8-3b6e5d20f417',
    type: `${nameOf(kind)}Updated`,
    occurred_at: '2026-03-02T09:30:00.000Z',
    actor: 'anonymous',
    correlation_id: '0197e8b4-9cf1-7a08-9e63-c2d41f7b850a',
    causation_id: '0197e8b4-9cf4-7d93-8b15-60e7a9c3d2f8',
    changes: { name },
  };
  return {
    id: `Get${nameOf(kind)}History`,
    tag,
    summary: `Get the history of ${one}`,
    description:
      'All that ever happened to it, newest first, deleted or not; of a gateway, not when it came or went. It comes from the log, so that it has what a command ' +
      'has just done.',
    answer: 'A page of its events.',
    example: { data: [event], pagination: { total: 2, limit: 1, hasNext: true, nextBefore: 1 } },
    errors: [notFound, 'SERVICE_UNAVAILABLE'],
    errorsInItsWords: {
      [notFound]: { when: `${neverWas(kind)} One that is deleted has a history.`, message: neverWas(kind) },
    },
  };
}

/** What is answered when there is none. */
export function notFound(kind: Kind, message = `There is no such ${kind}, or it is deleted.`): ApiError {
  return new ApiError(words[kind].notFound, message);
}

/** Of what never was, it is said without doubt. */
export function neverWas(kind: Kind): string {
  return `There is no such ${kind}.`;
}

/** The id in the path, with what the reference says of it. */
export function describedId<Id extends z.ZodType>(kind: Kind, id: Id, item: z.ZodType): Id {
  return id.meta({ description: `The id of the ${kind}.`, examples: [exampleOf(item)?.id] });
}

/** `gateway` → `Gateway`. */
function nameOf(kind: Kind): string {
  return kind.replace(/^./, (letter) => letter.toUpperCase());
}

function exampleOf(item: z.ZodType): Example | undefined {
  return (item.meta()?.examples as readonly Example[] | undefined)?.[0];
}

interface Example {
  readonly id: string;
  readonly name: string;
}
