import { createFactory } from './create-factory.ts';
import { createGateway } from './create-gateway.ts';
import { createOrganization } from './create-organization.ts';
import type { DefinedCommand } from './definition.ts';
import { moveGateway } from './move-gateway.ts';
import { restoreFactory } from './restore-factory.ts';
import { restoreGateway } from './restore-gateway.ts';
import { restoreOrganization } from './restore-organization.ts';
import { softDeleteFactory } from './soft-delete-factory.ts';
import { softDeleteGateway } from './soft-delete-gateway.ts';
import { softDeleteOrganization } from './soft-delete-organization.ts';
import { updateFactory } from './update-factory.ts';
import { updateGateway } from './update-gateway.ts';
import { updateOrganization } from './update-organization.ts';

/** Everything one may ask of the registry. */
export const commands: readonly DefinedCommand[] = [
  createOrganization,
  updateOrganization,
  softDeleteOrganization,
  restoreOrganization,
  createFactory,
  updateFactory,
  softDeleteFactory,
  restoreFactory,
  createGateway,
  updateGateway,
  moveGateway,
  softDeleteGateway,
  restoreGateway,
];
