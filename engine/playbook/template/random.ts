/** Random text out of a seed: the same seed and purpose give the same text; without the seed it cannot be told. */
import { hmacSha256 } from '../../base/hash.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** Bytes from here on would make the first letters more likely than the others. */
const FAIR_BYTES = 256 - (256 % ALPHABET.length);

/** `length` letters and digits, each equally likely. HMAC-SHA-256 in counter mode (NIST SP 800-108). */
export function randomText(given: { seed: string; purpose: string; length: number }): string {
  let text = '';
  for (let block = 0; text.length < given.length; block++) {
    const digest = hmacSha256(given.seed, `${given.purpose}/${block}`);
    for (const [pair] of digest.matchAll(/../g)) {
      const byte = Number.parseInt(pair, 16);
      if (byte < FAIR_BYTES) text += ALPHABET.charAt(byte % ALPHABET.length);
    }
  }
  return text.slice(0, given.length);
}
