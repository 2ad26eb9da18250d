/** Why something is not written, as its client is told. */
import { systemCode } from '../../errors.js';
import { BodyError } from '../../http/body-source.js';
import { errorReply } from '../../http/error-reply.js';
import type { Reply } from '../../http/reply.js';
import { TokenError } from '../../tokens/token.js';

/** A reply that is no success. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  /** Field lines, each ended by CRLF. */
  readonly fields: string;

  constructor(status: number, message: string, fields = '') {
    super(message);
    this.status = status;
    this.fields = fields;
  }

  get reply(): Reply {
    return errorReply(this.status, this.message, { fields: this.fields });
  }
}

const RETRY = 'Retry-After: 1\r\n';

/** What an error means for the client; undefined: a defect, or a disk that fails. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (error instanceof BodyError) return new Refusal(error.status, error.message);
  if (error instanceof TokenError) {
    return error.code === 'timeout'
      ? new Refusal(423, 'Others are using this file. Please try again.', RETRY)
      : new Refusal(503, 'The file could not be kept from others while it was written.', RETRY);
  }
  switch (systemCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new Refusal(507, 'The disk is full.');
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new Refusal(403, 'The server itself may not write here.');
    // Somebody who needs no tokens, such as an editor, or a directory that was removed while the body came.
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EISDIR':
    case 'ENOTEMPTY':
    case 'EEXIST':
      return new Refusal(409, 'What this needs has been removed, or made, meanwhile.');
    case 'ENAMETOOLONG':
      return new Refusal(414, 'The name is longer than the file system takes.');
    case 'EXDEV':
      return new Refusal(409, 'This lies on another file system than the rest of the site.');
    case 'EMFILE':
    case 'ENFILE':
    case 'ENOMEM':
      return new Refusal(503, '', RETRY);
    default:
      return undefined;
  }
}
