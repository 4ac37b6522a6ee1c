// What the processes that are measured tell and are told.

export type Ask = 'count' | 'stop';

export type Told = 'ready' | 'stopped' | { readonly count: number } | { readonly error: string };

/** Does what the parent asks, and ends with it. */
export function obey({ count, stop }: { readonly count?: () => number; readonly stop: () => Promise<void> }): void {
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit());
  process.on('message', (ask: Ask) => {
    if (ask === 'count') tell({ count: count?.() ?? 0 });
    else stop().then(() => tell('stopped'), fail);
  });
  tell('ready');
}

function fail(error: unknown): void {
  tell({ error: String(error) });
}

function tell(told: Told): void {
  process.send?.(told);
}
