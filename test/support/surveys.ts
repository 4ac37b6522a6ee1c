import { GatewayId } from '../../src/events/ids.ts';
import type { Standing, Survey } from '../../src/keys/survey.ts';

/** As many gateways as there are standings, in their order. */
export function aSurveyOf(...standings: readonly Standing[]): Survey {
  return new Map(
    standings.map((standing, number) => [
      GatewayId.parse(`0194c000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`),
      standing,
    ]),
  );
}
