// The three kinds of aggregates: how their streams are named, decided on, and shown to the world.
import type { z } from 'zod';
import type { Decider } from '../domain/decision.ts';
import { type Factory, type FactoryCommand, factoryDecider, factoryStream } from '../domain/factory.ts';
import { type Gateway, type GatewayCommand, gatewayDecider, gatewayStream } from '../domain/gateway.ts';
import {
  type Organization,
  type OrganizationCommand,
  organizationDecider,
  organizationStream,
} from '../domain/organization.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import type { Recorded } from '../events/codec.ts';
import type { FactoryEvent } from '../events/factory.ts';
import type { GatewayEvent } from '../events/gateway.ts';
import { FactoryId, GatewayId, OrganizationId } from '../events/ids.ts';
import type { OrganizationEvent } from '../events/organization.ts';
import { FactoryResource, foldFactory } from '../resources/factory.ts';
import { AnsweredGateway, foldGateway, type RecordedGateway } from '../resources/gateway.ts';
import { foldOrganization, OrganizationResource } from '../resources/organization.ts';

export interface Aggregate<Id extends string, Command, State, Event extends RegistryEvent, Resource> {
  /** The category of its streams. */
  readonly category: 'organization' | 'factory' | 'gateway';
  readonly id: z.core.$ZodType<Id>;
  readonly stream: (id: Id) => string;
  readonly decider: Decider<Command, State, Event>;
  /** What commands answer with. */
  readonly answer: z.ZodType;
  readonly fold: (resource: Resource | undefined, event: Recorded<Event>) => Resource | undefined;
}

export const organizations: Aggregate<
  OrganizationId,
  OrganizationCommand,
  Organization,
  OrganizationEvent,
  OrganizationResource
> = {
  category: 'organization',
  id: OrganizationId,
  stream: organizationStream,
  decider: organizationDecider,
  answer: OrganizationResource,
  fold: foldOrganization,
};

export const factories: Aggregate<FactoryId, FactoryCommand, Factory, FactoryEvent, FactoryResource> = {
  category: 'factory',
  id: FactoryId,
  stream: factoryStream,
  decider: factoryDecider,
  answer: FactoryResource,
  fold: foldFactory,
};

export const gateways: Aggregate<GatewayId, GatewayCommand, Gateway, GatewayEvent, RecordedGateway> = {
  category: 'gateway',
  id: GatewayId,
  stream: gatewayStream,
  decider: gatewayDecider,
  answer: AnsweredGateway,
  fold: foldGateway,
};
