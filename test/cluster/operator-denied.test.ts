/**
 * Playbooks without a right that they need: each can do what its own account may and nothing more, says which right is
 * missing and how to give it, goes on by itself when it comes, and holds up no other playbook.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject, KubeObject } from '../../engine/kube/object.ts';
import { PROBLEMS_ANNOTATION } from '../../engine/operator/report.ts';
import { parseYaml } from '../../engine/playbook/yaml.ts';
import {
  type Bench,
  boxFiles,
  CONFIG_MAP,
  condition,
  DEPLOYMENT,
  dataOf,
  eventually,
  get,
  isReady,
  putBox,
  putPlaybook,
} from './operator-kit.ts';
import {
  applyRbac,
  applyRbacOf,
  audited,
  createNamespace,
  denials,
  type Stage,
  startAsItself,
  startStage,
} from './rights-kit.ts';

const ROLE = { group: 'rbac.authorization.k8s.io', version: 'v1', kind: 'Role' };
const SECRET = { group: '', version: 'v1', kind: 'Secret' };

let stage: Stage;

beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.close());

/** An engine in a namespace of its own, which it works in as well, and two playbooks with a kind each. */
interface Site {
  readonly box: Bench;
  readonly other: Bench;
}

let sites = 0;

async function site(
  files: (at: Bench) => Record<string, string> = boxFiles,
  { rights = true }: { readonly rights?: boolean } = {},
): Promise<Site> {
  const { admin } = stage;
  sites += 1;
  const namespace = `site-${sites}`;
  await createNamespace(admin, namespace);
  const at = (name: string): Bench => ({
    cluster: admin,
    namespace,
    box: { group: `${name}.${namespace}.example.com`, version: 'v1', kind: 'Box' },
  });
  const [box, other] = [at('box'), at('other')];
  await applyRbac(admin, '--engine', '--impersonate', '--namespace', namespace);
  await giveRights(other, 'other', boxFiles(other));
  if (rights) await giveRights(box, 'box', files(box));
  await putPlaybook(box, 'box', files(box));
  await putPlaybook(other, 'other', boxFiles(other));
  const operator = await startAsItself(stage, { namespace, watchNamespaces: [namespace] });
  await operator.ready;
  return { box, other };
}

function giveRights(at: Bench, name: string, files: Record<string, string>): Promise<readonly JsonObject[]> {
  const { namespace } = at;
  return applyRbacOf(stage.admin, name, files, '--namespace', namespace, '--watch-namespaces', namespace);
}

/** Takes resources out of every rule of a playbook's Role. */
async function revoke(at: Bench, name: string, resources: readonly string[]): Promise<void> {
  const ref = { ...ROLE, namespace: at.namespace, name: `libretto-${name}` };
  const role = await stage.admin.client.get(ref);
  const rules = (role?.['rules'] ?? []) as readonly { readonly resources: readonly string[] }[]; // as: a Role's rules
  const left = rules
    .map((rule) => ({ ...rule, resources: rule.resources.filter((one) => !resources.includes(one)) }))
    .filter((rule) => rule.resources.length > 0);
  await stage.admin.client.mergePatch(ref, { rules: left }, { fieldManager: 'test' });
}

function problemsOn(
  at: Bench,
  name: string,
  holds: (text: string) => boolean,
): Promise<KubeObject | undefined> {
  return eventually(at, CONFIG_MAP, name, (map) =>
    holds(map?.metadata.annotations?.[PROBLEMS_ANNOTATION] ?? ''),
  );
}

/** Another playbook does not even notice. */
async function goesOn({ other }: Site, text: string): Promise<void> {
  await putBox(other, 'one', { size: 1, text });
  await eventually(other, CONFIG_MAP, 'one-config', (map) => dataOf(map)['text'] === text);
}

function blocked(box: KubeObject | undefined): boolean {
  return condition(box, 'Ready')?.['reason'] === 'Forbidden';
}

describe('a playbook whose account has no right', () => {
  it('says so on its ConfigMap, with the way out, and begins by itself once it has them', async () => {
    const here = await site(boxFiles, { rights: false });
    await goesOn(here, 'first');
    await putBox(here.box, 'mine', { size: 1, text: 'hello' });
    const { namespace } = here.box;
    await problemsOn(here.box, 'box', (text) =>
      [
        'RightsMissing',
        `User "system:serviceaccount:${namespace}:libretto-box" cannot watch resource "boxes"`,
        `libretto rbac box --namespace ${namespace} --watch-namespaces ${namespace} | kubectl apply -f -`,
      ].every((part) => text.includes(part)),
    );
    expect((await get(here.box, here.box.box, 'mine'))?.status).toBeUndefined();
    await goesOn(here, 'second');
    await giveRights(here.box, 'box', boxFiles(here.box));
    await eventually(here.box, here.box.box, 'mine', isReady);
    await problemsOn(here.box, 'box', (text) => text === '');
  }, 240_000);
});

describe('a playbook that reaches further than its rights', () => {
  const secretive = (at: Bench): Record<string, string> =>
    boxFiles(at, {
      'watches.yaml': boxFiles(at)['watches.yaml']?.replace('manifests: [', 'manifests: [secret.yaml.hbs, '),
      'secret.yaml.hbs':
        'apiVersion: v1\nkind: Secret\nmetadata: {name: "{{metadata.name}}-key"}\nstringData: {key: "{{spec.text}}"}\n',
    });

  it('is denied by its own account, though the engine and another playbook may, and the others go on', async () => {
    const here = await site();
    await putBox(here.box, 'mine', { size: 1, text: 'hello' });
    await eventually(here.box, here.box.box, 'mine', isReady);
    await giveRights(here.other, 'other', secretive(here.other));
    await putPlaybook(here.other, 'other', secretive(here.other));
    await putBox(here.other, 'one', { size: 1, text: 'known' });
    await eventually(here.other, SECRET, 'one-key', (secret) => secret !== undefined);

    await putPlaybook(here.box, 'box', secretive(here.box));
    const box = await eventually(here.box, here.box.box, 'mine', blocked);
    const message = String(condition(box, 'Ready')?.['message']);
    expect(message).toMatch(/libretto-box" cannot (?:list|watch) resource "secrets".*\| kubectl apply -f -/);
    expect(await get(here.box, SECRET, 'mine-key')).toBeUndefined();
    await problemsOn(here.box, 'box', (text) => text.includes('RightsMissing') && text.includes('secrets'));
    await goesOn(here, 'third');
    const { namespace } = here.box;
    const denied = (await denials(stage)).filter((line) => line.includes(`/${namespace}/`));
    expect(denied.length).toBeGreaterThan(0);
    const secrets = new RegExp(
      `^libretto as libretto-box: (?:list|watch) /api/v1/namespaces/${namespace}/secrets$`,
    );
    for (const line of denied) expect(line).toMatch(secrets);

    await giveRights(here.box, 'box', secretive(here.box));
    await eventually(here.box, here.box.box, 'mine', isReady);
    expect(await get(here.box, SECRET, 'mine-key')).toBeDefined();
  }, 240_000);
});

describe('a right that is revoked', () => {
  it('stops what needs it alone, and all goes on when it is given again', async () => {
    const here = await site();
    await putBox(here.box, 'mine', { size: 1, text: 'hello' });
    await eventually(here.box, here.box.box, 'mine', isReady);
    await revoke(here.box, 'box', ['deployments']);
    const deployment = { ...DEPLOYMENT, namespace: here.box.namespace, name: 'mine' };
    await stage.admin.client.delete(deployment, { propagation: 'Background' });
    const box = await eventually(here.box, here.box.box, 'mine', blocked);
    expect(condition(box, 'Ready')?.['message']).toMatch(
      /libretto-box" cannot (?:create|list) resource "deployments".*libretto rbac box /,
    );
    await putBox(here.box, 'mine', { size: 1, text: 'changed' });
    await eventually(here.box, CONFIG_MAP, 'mine-config', (map) => dataOf(map)['text'] === 'changed');
    await goesOn(here, 'meanwhile');
    await giveRights(here.box, 'box', boxFiles(here.box));
    await eventually(here.box, here.box.box, 'mine', isReady);
    expect(await stage.admin.client.get(deployment)).toBeDefined();
  }, 240_000);

  it('on runs is told on the resource, and the run begins when it is given again', async () => {
    const acting = (at: Bench): Record<string, string> =>
      boxFiles(at, {
        'watches.yaml': `- group: ${at.box.group}
  version: v1
  kind: Box
  manifests: [config.yaml.hbs]
  status: {greeted: {initial: '"no"'}}
  health: {Ready: 'status.greeted = "yes"'}
  actions:
    greet:
      on: {create: true}
      steps: [{name: say, set: {greeted: '"yes"'}}]
`,
        'deployment.yaml.hbs': undefined,
      });
    const here = await site(acting);
    await revoke(here.box, 'box', ['actionruns/status']);
    await putBox(here.box, 'mine', { size: 1, text: 'hello' });
    const box = await eventually(here.box, here.box.box, 'mine', blocked);
    expect(condition(box, 'Ready')?.['message']).toMatch(
      /libretto-box" cannot update resource "actionruns\/status".*libretto rbac box /,
    );
    await goesOn(here, 'meanwhile');
    await giveRights(here.box, 'box', acting(here.box));
    await eventually(here.box, here.box.box, 'mine', isReady);
  }, 240_000);
});

describe('a kind whose playbook is gone', () => {
  it('is torn down as the account that kept it', async () => {
    const files = (at: Bench): Record<string, string> =>
      boxFiles(at, {
        'watches.yaml': boxFiles(at)['watches.yaml']?.replace(
          'config.yaml.hbs,',
          '{file: config.yaml.hbs, onDelete: Orphan},',
        ),
      });
    const here = await site(files);
    await putBox(here.box, 'mine', { size: 1, text: 'hello' });
    await eventually(here.box, here.box.box, 'mine', isReady);
    const ref = { ...here.box.box, namespace: here.box.namespace, name: 'mine' };
    expect((await stage.admin.client.get(ref))?.metadata.finalizers).toHaveLength(1);
    await stage.admin.client.delete({ ...CONFIG_MAP, namespace: here.box.namespace, name: 'box' }, {});
    await eventually(here.box, CONFIG_MAP, 'libretto-inventory', (map) =>
      Object.values(dataOf(map)).some((text) => String(text).endsWith('# kept by box')),
    );
    await stage.admin.client.delete(ref, {});
    await eventually(here.box, here.box.box, 'mine', (box) => box === undefined);
    expect(await get(here.box, CONFIG_MAP, 'mine-config')).toBeDefined();
    const line = `/${here.box.namespace}/`;
    expect((await denials(stage)).filter((one) => one.includes(line))).toEqual([]);
  }, 240_000);
});

describe("a playbook from another namespace than the engine's", () => {
  it('acts as an account of that namespace, there alone, and brings no definitions', async () => {
    const { admin } = stage;
    const at = (namespace: string): Bench => ({
      cluster: admin,
      namespace,
      box: { group: 'guest.example.com', version: 'v1', kind: 'Box' },
    });
    const [home, guest] = [at('home'), at('guest')];
    for (const { namespace } of [home, guest]) await createNamespace(admin, namespace);
    const where = ['--namespace', home.namespace, '--playbook-namespace', guest.namespace];
    await applyRbac(admin, '--engine', '--impersonate', ...where);
    await giveRights(guest, 'box', boxFiles(guest));
    await putPlaybook(guest, 'box', boxFiles(guest));
    const playbookNamespaces = [home.namespace, guest.namespace];
    await startAsItself(stage, { namespace: home.namespace, playbookNamespaces });
    await problemsOn(guest, 'box', (text) => text.includes('CrdNotInstalled'));
    const [crd] = parseYaml({ file: 'crd.yaml', text: boxFiles(guest)['crd.yaml'] ?? '' }).documents;
    await admin.client.create(crd?.value as JsonObject, { fieldManager: 'test' }); // as: it came out of YAML
    await putBox(home, 'mine', { size: 1, text: 'hello' });
    await putBox(guest, 'mine', { size: 1, text: 'hello' });
    await eventually(guest, guest.box, 'mine', isReady);
    expect((await get(home, home.box, 'mine'))?.status).toBeUndefined();
    const seen = (await audited(stage)).filter(({ what }) => what.includes('guest.example.com/v1/'));
    expect(seen.filter(({ who }) => who.includes(' as ')).length).toBeGreaterThan(0);
    for (const { what, denied } of seen.filter(({ who }) => who.includes(' as '))) {
      expect(what).toContain('/namespaces/guest/');
      expect(denied).toBe(false);
    }
  }, 240_000);
});
