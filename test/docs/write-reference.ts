/** `npm run docs:reference`: writes docs/reference.md anew. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { referencePage } from './reference.ts';

writeFileSync(join(import.meta.dirname, '../../docs/reference.md'), referencePage());
