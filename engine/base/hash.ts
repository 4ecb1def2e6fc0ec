/** Hashes, as pure functions of their text. */
import { createHash, createHmac } from 'node:crypto';

/** SHA-256 in lower-case hex, over UTF-8. */
export function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** HMAC-SHA-256 in lower-case hex, over UTF-8. */
export function hmacSha256(key: string, text: string): string {
  return createHmac('sha256', key).update(text, 'utf8').digest('hex');
}
