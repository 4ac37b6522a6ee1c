import { actionsOf } from '../actions.ts';
import { auditAction } from './audit-action.ts';
import { connectorKeygenAction, keygenAction } from './keygen.ts';
import { tokenAction } from './token-action.ts';

/** `npm run credentials`: what an operator does so that connectors may read passwords, and sees who did. */
export const credentialsScript = actionsOf('credentials', {
  keygen: keygenAction,
  'connector-keygen': connectorKeygenAction,
  token: tokenAction,
  audit: auditAction,
});
