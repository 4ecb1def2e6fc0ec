/** The architecture, as rules with a name and a reason each; checked by `npm run test:architecture`. */

const FOLDERS = [
  'cli',
  'kube',
  'playbook',
  'reconcile',
  'controller',
  'operator',
  'cluster',
  'console',
  'embedded',
  'base',
];

/** Which folders each folder may import, beside itself. */
const MAY_IMPORT = {
  base: [],
  kube: ['base'],
  playbook: ['kube', 'base'],
  reconcile: ['playbook', 'kube', 'base'],
  cluster: ['kube', 'base'],
  embedded: ['base'],
  controller: ['reconcile', 'playbook', 'cluster', 'kube', 'base'],
  operator: ['controller', 'reconcile', 'playbook', 'cluster', 'kube', 'base'],
  console: ['controller', 'reconcile', 'playbook', 'cluster', 'kube', 'base'],
  cli: ['operator', 'console', 'controller', 'reconcile', 'playbook', 'cluster', 'embedded', 'kube', 'base'],
};

const layerRules = FOLDERS.map((folder) => ({
  name: `layer-${folder}`,
  comment: `engine/${folder} may import ${MAY_IMPORT[folder].join(', ') || 'nothing else of the engine'}`,
  severity: 'error',
  from: { path: `^engine/${folder}/` },
  to: { path: '^engine/', pathNot: `^engine/(${[folder, ...MAY_IMPORT[folder]].join('|')})/` },
}));

/** A library has one owning module (or folder, where the concept needs several files). */
const OWNERS = {
  jsonata: '^engine/playbook/expression',
  re2js: '^engine/playbook/expression-regex\\.ts$',
  handlebars: '^engine/playbook/template',
  '@kubernetes/client-node': '^engine/cluster/kubeconfig\\.ts$',
  undici: '^engine/cluster/',
  '@peculiar/x509': '^engine/base/certificates\\.ts$',
  'reflect-metadata': '^engine/base/certificates\\.ts$',
  pino: '^engine/base/logger\\.ts$',
  'prom-client': '^engine/base/metrics\\.ts$',
  chokidar: '^engine/operator/',
  ajv: '^engine/playbook/',
  croner: '^engine/playbook/',
};

const ownerRules = Object.entries(OWNERS).map(([library, owner]) => ({
  name: `owner-of-${library.replace(/[^a-z]+/g, '-').replace(/^-/, '')}`,
  comment: `${library} is wrapped in one place, so that it can be replaced there`,
  severity: 'error',
  from: { path: '^engine/', pathNot: owner },
  to: { path: `node_modules/${library.replace('/', '\\/')}/` },
}));

export default {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'A cycle, type imports included, means two concepts are one or a third is missing',
      severity: 'error',
      from: { path: '^engine/' },
      to: { circular: true },
    },
    {
      name: 'pure-core',
      comment: 'kube, playbook and reconcile decide; they touch neither disk, network nor process',
      severity: 'error',
      from: { path: '^engine/(kube|playbook|reconcile)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'main-only-cli',
      comment: 'main hands argv to the command line and knows nothing else',
      severity: 'error',
      from: { path: '^engine/main\\.ts$' },
      to: { path: '^engine/', pathNot: '^engine/(cli|base)/' },
    },
    {
      name: 'teardown-needs-no-playbook',
      comment: 'A resource must be deletable when its playbook is gone',
      severity: 'error',
      from: { path: '^engine/reconcile/teardown\\.ts$' },
      to: { path: '^engine/playbook/' },
    },
    {
      name: 'image-builder',
      comment:
        'deploy/ makes the image of the engine: it takes tools from embedded, and the engine knows nothing of it',
      severity: 'error',
      from: { path: '^deploy/' },
      to: { path: '^engine/', pathNot: '^engine/(embedded|base)/' },
    },
    {
      name: 'engine-without-deploy',
      comment: 'What makes the image is not in the image',
      severity: 'error',
      from: { path: '^engine/' },
      to: { path: '^(deploy|test)/' },
    },
    ...layerRules,
    ...ownerRules,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
    },
  },
};
