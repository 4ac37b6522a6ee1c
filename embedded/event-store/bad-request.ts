import { status } from '@grpc/grpc-js';

/** A request that is refused as it stands: in a batch with BadRequest, as a call of its own with `code`. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest';
  readonly code: status;

  constructor(message: string, code = status.UNKNOWN) {
    super(message);
    this.code = code;
  }
}
