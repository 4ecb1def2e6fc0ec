/** Unpredictable text. Asked for by whoever builds the parts; what decides gets it as data. */
import { randomBytes } from 'node:crypto';

/** `bytes` bytes from the system's generator, in lower-case hex. */
export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}
