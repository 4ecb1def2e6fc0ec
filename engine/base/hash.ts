/** Hashes, as pure functions of their text. */
import { createHmac, hash } from 'node:crypto';

/** SHA-256 in lower-case hex, over UTF-8. */
export function sha256(text: string): string {
  return hash('sha256', text, 'hex');
}

/** HMAC-SHA-256 in lower-case hex, over UTF-8. */
export function hmacSha256(key: string, text: string): string {
  return createHmac('sha256', key).update(text, 'utf8').digest('hex');
}
