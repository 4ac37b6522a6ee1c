import { actionsOf } from '../actions.ts';
import { generateAction } from './generate.ts';
import { rotateAction } from './rotate-action.ts';
import { statusAction } from './status-action.ts';

/** `npm run keys`: what one may do with the keys that passwords are encrypted with. */
export const keysScript = actionsOf('keys', {
  generate: generateAction,
  status: statusAction,
  rotate: rotateAction,
});
