import { describe, expect, it } from 'vitest';
import { aGateway, anOrganization, anotherOrganization } from '../../test/support/examples.ts';
import { GatewayId, OrganizationId } from '../events/ids.ts';
import { createStrangers } from './strangers.ts';

const now = { day: 0, steady: 0 };

describe('strangers', () => {
  it('are of whoever speaks for them, until it is known whose they are', () => {
    const strangers = createStrangers();
    strangers.heard({ organization: anOrganization, gateway: aGateway }, now);
    strangers.heard({ organization: anotherOrganization, gateway: aGateway }, { day: 5, steady: 5 });
    expect(strangers.ids()).toEqual([aGateway]);
    expect(strangers.met(aGateway, anOrganization)).toEqual(now);
    expect(strangers.ids()).toEqual([]);
    expect(strangers.met(aGateway, anOrganization)).toBeUndefined();
  });

  it('are forgotten when they have not been heard of for ten seconds', () => {
    const strangers = createStrangers();
    for (const number of [1, 2]) strangers.heard({ organization: anOrganization, gateway: gateway(number) }, now);
    strangers.heard({ organization: anOrganization, gateway: gateway(2) }, { day: 9_000, steady: 9_000 });
    expect(strangers.forget({ day: 10_000, steady: 10_000 })).toEqual([
      { organization: anOrganization, gateway: gateway(1) },
    ]);
    expect(strangers.ids()).toEqual([gateway(2)]);
  });

  it('are bounded in number, and leave those of other organizations their share', () => {
    const strangers = createStrangers();
    for (let number = 0; number < 60_000; number++) {
      strangers.heard({ organization: anotherOrganization, gateway: gateway(number) }, now);
    }
    expect(strangers.ids()).toHaveLength(50_000);
    strangers.heard({ organization: anOrganization, gateway: aGateway }, now);
    expect(strangers.met(aGateway, anOrganization)).toEqual(now);
  });

  it('are bounded in number, however many organizations there seem to be', () => {
    const strangers = createStrangers();
    for (let number = 0; number < 110_000; number++) {
      strangers.heard({ organization: organization(number), gateway: gateway(number) }, now);
    }
    expect(strangers.ids()).toHaveLength(100_000);
  });

  it('are told of when they turn out to be of another organization than spoke for them', () => {
    const strangers = createStrangers();
    strangers.heard({ organization: anOrganization, gateway: aGateway }, now);
    strangers.heard({ organization: anotherOrganization, gateway: aGateway }, now);
    strangers.met(aGateway, anOrganization);
    expect(strangers.forget(now)).toEqual([{ organization: anotherOrganization, gateway: aGateway }]);
    expect(strangers.forget(now)).toEqual([]);
  });
});

function gateway(number: number): GatewayId {
  return GatewayId.parse(`0194c000-0000-7000-9000-${number.toString(16).padStart(12, '0')}`);
}

function organization(number: number): OrganizationId {
  return OrganizationId.parse(`0194a000-0000-7000-9000-${number.toString(16).padStart(12, '0')}`);
}
