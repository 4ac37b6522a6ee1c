// The service: answers on NATS for as long as it runs, and says in the log what it has refused.
import type { Logger } from 'pino';
import { type Loop, startLoop } from '../infrastructure/lifecycle.ts';
import { type AnswerDependencies, createAnswering, type Outcome, steadyClock, unavailable } from './answer.ts';
import { refusalAnswer } from './protocol.ts';
import { createRateLimit } from './rate-limit.ts';
import type { AnswerRequest, RequestBus } from './requests.ts';
import { credentialsSubject } from './subject.ts';

export interface CredentialServiceOptions extends AnswerDependencies {
  readonly bus: RequestBus;
  /** Of the registry: `nats micro info` shows it. */
  readonly version: string;
  readonly logger: Logger;
}

/** How long NATS may take to be there, in milliseconds. */
const patience = 5_000;

/** What comes while so many requests are being answered is told to come again: a slow store must not pile them up. */
const mostAtOnce = 64;

/** Refusals that are told in the log, one by one; beyond it they are counted. */
const refusalsPerMinute = 20;

/** Starts to answer requests for passwords. Any number of processes may: each request is answered by one of them. */
export function startCredentialService(options: CredentialServiceOptions): Loop {
  const { bus, version, logger } = options;
  const answer = bounded(told(options));
  const service = {
    name: 'gateway-credentials',
    version,
    description: 'Tells connectors the passwords of gateways, sealed to their keys.',
    endpoint: 'credentials',
    subject: credentialsSubject,
  };
  return startLoop({
    name: 'credentials',
    logger,
    run: async (signal, alive) => {
      await bus.connected(patience, signal);
      if (!signal.aborted) await bus.serve(service, answer, signal, alive);
    },
  });
}

function bounded(answer: AnswerRequest): AnswerRequest {
  let underway = 0;
  return async (body) => {
    if (underway >= mostAtOnce) return refusalAnswer(unavailable);
    underway += 1;
    try {
      return await answer(body);
    } finally {
      underway -= 1;
    }
  };
}

/** Answers, and tells the log: what was answered quietly, as the audit has it; what was refused aloud, but not without end. */
function told(options: CredentialServiceOptions): AnswerRequest {
  const { logger, steady = steadyClock } = options;
  const answer = createAnswering(options);
  const warnings = createRateLimit(refusalsPerMinute);
  let untold = 0;

  return async (body) => {
    const outcome = await answer(body);
    if (outcome.status === 'answered') {
      logger.debug(outcome.asked, 'told a connector the password of a gateway');
      return { body: JSON.stringify(outcome.answer) };
    }
    tell(outcome);
    return refusalAnswer(outcome.refusal);
  };

  function tell({ refusal, asked, cause }: Extract<Outcome, { status: 'refused' }>): void {
    if (warnings.take('', steady()) > 0) {
      untold += 1;
      return;
    }
    const { code, message } = refusal;
    const failed = cause !== undefined && code !== 'SERVICE_UNAVAILABLE';
    logger[failed ? 'error' : 'warn'](
      { ...asked, code, ...(cause !== undefined && { err: cause }), ...(untold > 0 && { untold }) },
      `refused to tell a password: ${message}`,
    );
    untold = 0;
  }
}
