/** Compressed text, as ConfigMaps hold it. */
import { gunzipSync, gzipSync } from 'node:zlib';

/** In base64, over UTF-8; the same text gives the same. */
export function gzipText(text: string): string {
  return gzipSync(Buffer.from(text, 'utf8'), { level: 9 }).toString('base64');
}

/** The text again; undefined where it is damaged, or larger than `mostBytes`. */
export function gunzipText(encoded: string, mostBytes: number): string | undefined {
  try {
    return gunzipSync(Buffer.from(encoded, 'base64'), { maxOutputLength: mostBytes }).toString('utf8');
  } catch {
    return undefined;
  }
}
