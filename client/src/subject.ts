import { SubscriptionFailed } from './trouble.ts';

/**
 * The part of a subject that an option stands for; `*` where it is left out.
 *
 * @throws SubscriptionFailed when it would be more than one part, or a wildcard
 */
export function tokenOf(name: string, value: string | undefined): string {
  if (value === undefined) return '*';
  if (/^[\w-]+$/.test(value)) return value;
  throw new SubscriptionFailed('OPTIONS_INVALID', `${name} must be an id: ${value}`);
}
