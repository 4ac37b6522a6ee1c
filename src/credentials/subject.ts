/** Where connectors ask for passwords; also the audience of their tokens, and a part of what seals the answers. */
export const credentialsSubject = 'mti.svc.v1.gateway.credentials';
