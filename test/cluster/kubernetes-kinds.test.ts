import { readFile, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { connect } from './cluster-support.ts';
import { builtInKinds, kindsText } from './kubernetes-kinds.ts';

const FILE = new URL('../../schemas/kubernetes-kinds.json', import.meta.url);

/** `LIBRETTO_UPDATE=kinds npm run test:cluster -- kubernetes-kinds` takes what the control plane says. */
it('the kinds that checks without a cluster know are those of the API server', async () => {
  const served = kindsText(await builtInKinds(await connect()));
  if (process.env['LIBRETTO_UPDATE'] === 'kinds') await writeFile(FILE, served);
  expect(await readFile(FILE, 'utf8')).toBe(served);
});
