import { describe, expect, it } from 'vitest';
import { given, pastIn, recorded } from '../../test/support/cascade-specification.ts';
import {
  aFactory,
  aGateway,
  anOrganization,
  anotherFactory,
  factoryCreated,
  factoryRestored,
  factorySoftDeleted,
  gatewayCreated,
  gatewayMoved,
  gatewayRestored,
  gatewaySoftDeleted,
  organizationRestored,
  organizationSoftDeleted,
} from '../../test/support/examples.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import { EventId } from '../events/ids.ts';
import type { Parent } from '../queries/children.ts';
import { evolve, type ParentEvent, type Reaction } from './cascade.ts';
import { reactionId } from './reaction-id.ts';

const organization: Parent = { kind: 'organization', id: anOrganization };
const factory: Parent = { kind: 'factory', id: aFactory };
const factoryHere = { child: 'factory', id: aFactory, parent: organization } as const;
const gatewayHere = { child: 'gateway', id: aGateway, parent: factory } as const;

describe('a parent that is deleted', () => {
  it('takes its children along', () => {
    given()
      .when(factorySoftDeleted())
      .then({ type: 'TakeChildren', parent: factory, deletion: word(1), at: at(1) });
    given()
      .when(organizationSoftDeleted())
      .then({ type: 'TakeChildren', parent: organization, deletion: word(1), at: at(1) });
  });

  it('does so each time', () =>
    given(factorySoftDeleted(), factoryRestored())
      .when(factorySoftDeleted())
      .then({ type: 'TakeChildren', parent: factory, deletion: word(3), at: at(3) }));

  it('takes them along as well when it was itself taken', () =>
    given(organizationSoftDeleted())
      .when(factorySoftDeleted({ cause: id(1) }))
      .then({ type: 'TakeChildren', parent: factory, deletion: word(2), at: at(2) }));

  it('leaves them alone once it is known to be restored', () =>
    given(factorySoftDeleted(), factoryRestored()).whenSeenAgain(1).thenNothing());
});

describe('a parent that is restored', () => {
  it('gives back what that deletion took which it undoes', () => {
    given(factorySoftDeleted(), factoryRestored(), factorySoftDeleted())
      .when(factoryRestored())
      .then({ type: 'ReturnChildren', parent: factory, deletion: id(3), restoration: word(4), at: at(4) });
    given(organizationSoftDeleted())
      .when(organizationRestored())
      .then({ type: 'ReturnChildren', parent: organization, deletion: id(1), restoration: word(2), at: at(2) });
  });

  it('does so also when it is deleted again by now: that has a reaction of its own', () =>
    given(factorySoftDeleted(), factoryRestored(), factorySoftDeleted())
      .whenSeenAgain(2)
      .then({ type: 'ReturnChildren', parent: factory, deletion: id(1), restoration: word(2), at: at(2) }));
});

describe('a child that comes to a parent', () => {
  const comings: readonly (readonly [string, RegistryEvent])[] = [
    ['created', gatewayCreated()],
    ['restored', gatewayRestored()],
    ['moved there', gatewayMoved({ factoryId: aFactory, fromFactoryId: anotherFactory })],
  ];

  it.each(comings)('that is deleted goes with it: %s', (_, coming) =>
    given(factorySoftDeleted())
      .when(coming)
      .then({ type: 'TakeChild', bond: gatewayHere, deletion: word(1) }),
  );

  it.each(comings)('that is not deleted stays: %s', (_, coming) => {
    given().when(coming).thenNothing();
    given(factorySoftDeleted(), factoryRestored()).when(coming).thenNothing();
    given(organizationSoftDeleted()).when(coming).thenNothing();
  });

  it('that is deleted goes with it: a factory', () => {
    const reaction: Reaction = { type: 'TakeChild', bond: factoryHere, deletion: word(1) };
    given(organizationSoftDeleted()).when(factoryCreated()).then(reaction);
  });

  it('that was deleted before is given to its own children as well: a factory that is restored', () =>
    given(factorySoftDeleted(), organizationSoftDeleted())
      .when(factoryRestored())
      .then(
        { type: 'ReturnChildren', parent: factory, deletion: id(1), restoration: word(3), at: at(3) },
        { type: 'TakeChild', bond: factoryHere, deletion: word(2) },
      ));
});

describe('a child that was taken', () => {
  it('stays so while that deletion holds', () =>
    given(factorySoftDeleted())
      .when(gatewaySoftDeleted({ cause: id(1) }))
      .thenNothing());

  it('is given back when that deletion was undone before, whatever happened to the parent since', () => {
    const reaction: Reaction = { type: 'ReturnChild', bond: gatewayHere, deletion: id(1), restoration: word(2) };
    const late = gatewaySoftDeleted({ cause: id(1) });
    given(factorySoftDeleted(), factoryRestored()).when(late).then(reaction);
    given(factorySoftDeleted(), factoryRestored(), factorySoftDeleted()).when(late).then(reaction);
  });

  it('by nobody but a person stays deleted', () =>
    given(factorySoftDeleted(), factoryRestored()).when(gatewaySoftDeleted()).thenNothing());
});

describe('the past of a parent', () => {
  it('is the same in whatever order and however often it is told', () => {
    const events = recorded(factorySoftDeleted(), factoryRestored(), factorySoftDeleted(), factoryRestored());
    const past = pastIn(events, factory);
    for (const event of events) expect(evolve(past, event as ParentEvent)).toEqual(past);
    expect([...past.undone.keys()]).toEqual([id(1), id(3)]);
  });
});

describe('the id of what follows', () => {
  it('is a UUID that cause and target make up', () => {
    expect(reactionId(id(1), aGateway)).toBe(reactionId(id(1), aGateway));
    expect(reactionId(id(1), aGateway)).not.toBe(reactionId(id(2), aGateway));
    expect(reactionId(id(1), aGateway)).not.toBe(reactionId(id(1), aFactory));
  });

  it('is that of RFC 9562, and never another one: what has followed is known by it', () => {
    const dns = EventId.parse('6ba7b810-9dad-11d1-80b4-00c04fd430c8');
    expect(reactionId(dns, 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
  });
});

/** The id of the n-th event. */
function id(n: number): EventId {
  return EventId.parse(`0194e000-0000-7000-8000-${(n * 100).toString(16).padStart(12, '0')}`);
}

function word(n: number) {
  return { id: id(n), correlationId: 'a-correlation' };
}

function at(n: number) {
  const commit = BigInt(n) * 100n;
  return { commit, prepare: commit };
}
