/** Base64 of text, as Secrets hold it. */

/** Standard alphabet with padding, over UTF-8. */
export function base64Encode(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
