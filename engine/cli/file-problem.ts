/** Why a file that is named on the command line can't be read, in words. */
import { errorMessage } from '../base/errors.ts';
import { UsageError } from './command.ts';

export function fileProblem(file: string, error: unknown): UsageError {
  switch (fileErrorCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new UsageError(`there is no file ${file}`);
    case 'EISDIR':
      return new UsageError(`${file} is a folder, and a file is wanted here`);
    case 'EACCES':
    case 'EPERM':
      return new UsageError(`${file} may not be read`, 'check its permissions');
    default:
      return new UsageError(`${file} can't be read: ${errorMessage(error)}`);
  }
}

/** Node's own code, such as ENOENT. */
export function fileErrorCode(error: unknown): string | undefined {
  const { code } = Object(error);
  return typeof code === 'string' ? code : undefined;
}
