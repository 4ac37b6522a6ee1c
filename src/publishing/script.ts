import { actionsOf } from '../actions.ts';
import { parkedAction } from './parked-action.ts';
import { rebuildStateAction } from './rebuild-state-action.ts';

/** `npm run publishing`: what one may do with what others hear. */
export const publishingScript = actionsOf('publishing', {
  'rebuild-state': rebuildStateAction,
  parked: parkedAction,
});
