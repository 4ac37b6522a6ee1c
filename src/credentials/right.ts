// The connector right, whatever proves it.
import { z } from 'zod';
import { OrganizationId } from '../events/ids.ts';

/** Who may read what. */
export interface ConnectorRight {
  readonly subject: string;
  readonly organizations: '*' | readonly OrganizationId[];
}

/** A right is given for so many days at most. */
export const longestDays = 30;

/** Who has a right, in letters that are safe in a log line. */
export const ConnectorName = z.string().regex(/^[\w.:@-]{1,128}$/, 'must be 1 to 128 letters, digits or . : @ _ -');

/** All organizations, or these. */
export const Organizations = z.union([z.literal('*'), z.array(OrganizationId).min(1).max(100)]);
