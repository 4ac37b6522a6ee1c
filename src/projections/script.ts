import { actionsOf } from '../actions.ts';
import { parkedAction } from './parked-action.ts';
import { rebuildAction, rollbackAction, verifyAction } from './rebuild-action.ts';
import { statusAction } from './status-action.ts';

/** `npm run projections`: what one may do with the read model while the service runs. */
export const projectionsScript = actionsOf('projections', {
  status: statusAction,
  parked: parkedAction,
  rebuild: rebuildAction,
  rollback: rollbackAction,
  verify: verifyAction,
});
