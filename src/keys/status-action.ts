import type { Action } from '../actions.ts';
import { grouped } from '../database/progress-bar.ts';
import { createEncryption } from '../infrastructure/encryption.ts';
import { adviceOn } from './advice.ts';
import { surveyWithProgress } from './progress.ts';
import { countByKey, renderCounts } from './standings.ts';

/** More gateways are not named one by one. */
const mostNamed = 10;

export const statusAction: Action = {
  takes: '',
  help: `Counts the passwords of all gateways, deleted ones included, by the key that they are encrypted with, and tries to open
each. Ends with 1 when there are some that no key here opens, and says what to do about them.`,
  servers: ['eventStore'],
  run: async ({ context, openLog }) => {
    await using log = openLog();
    const ring = await context.encryptionKeys();
    const survey = await surveyWithProgress(context, log, createEncryption(ring));
    console.log(renderCounts(countByKey(survey, ring)));
    const closed = [...survey].filter(([, { opens }]) => !opens);
    if (closed.length === 0) return;
    const named = closed.slice(0, mostNamed).map(([id, { keyId }]) => `  ${id} (${keyId ?? 'no encrypted password'})`);
    const more = closed.length > mostNamed ? [`  and ${grouped(closed.length - mostNamed)} more`] : [];
    throw new Error(
      ['These gateways have passwords that cannot be opened:', ...named, ...more, ...adviceOn(survey, ring)].join('\n'),
    );
  },
};
