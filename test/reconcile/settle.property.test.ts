import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject, KubeObject } from '../../engine/kube/object.ts';
import { app, configMap, isEmpty, World, watchOf } from './kit.ts';

const WATCH = watchOf(
  `vars:
  names: spec.names
manifests:
- file: config.yaml.hbs
- file: extra.yaml.hbs
  when: spec.extra
- file: copy.yaml.hbs
  forEach: vars.names
  key: item
- file: web.yaml.hbs
  ignoreFields: [{path: spec.replicas, when: spec.extra}]
status:
  names: $count(spec.names)`,
  {
    'config.yaml.hbs': configMap('config', 'text: "{{spec.text}}"'),
    'extra.yaml.hbs': configMap('extra', 'hash: "{{sha256 rendered.config.data}}"'),
    'copy.yaml.hbs': configMap('copy-{{item}}', 'text: {{spec.text}}\nopt: "{{optional spec.opt}}"'),
    'web.yaml.hbs':
      'apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  replicas: {{spec.size}}\n  list: {{spec.names}}\n',
  },
);

const name = fc.constantFrom('a', 'b', 'c', 'd');
const spec: fc.Arbitrary<JsonObject> = fc.record(
  {
    text: fc.string({ minLength: 1 }),
    extra: fc.boolean(),
    names: fc.uniqueArray(name),
    size: fc.integer({ min: 0, max: 9 }),
    opt: fc.string({ minLength: 1 }),
  },
  { requiredKeys: ['text', 'extra', 'names', 'size'] },
);

type Deed =
  | { readonly do: 'spec'; readonly spec: JsonObject }
  | { readonly do: 'delete'; readonly pick: number }
  | { readonly do: 'edit'; readonly pick: number; readonly manager: string };

const deed: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({ do: fc.constant('spec' as const), spec }),
  fc.record({ do: fc.constant('delete' as const), pick: fc.nat() }),
  fc.record({ do: fc.constant('edit' as const), pick: fc.nat(), manager: fc.constantFrom('x', 'y', 'z') }),
);

function carryOut(world: World, what: Deed): void {
  const objects = [...world.objects.values()];
  if (what.do === 'spec') {
    world.setSpec(what.spec);
    return;
  }
  const object = objects[what.pick % Math.max(1, objects.length)];
  if (object === undefined) return;
  const { name: victim, namespace } = object.metadata;
  if (what.do === 'delete') {
    world.remove(object.kind, victim, namespace);
    return;
  }
  const [field] = Object.keys((object.data ?? object.spec ?? {}) as object);
  if (field === undefined) return;
  world.edit(object, what.manager, { [object.data === undefined ? 'spec' : 'data']: { [field]: 'edited' } });
}

/** What the author described of each object, without what differs by history. */
function content(world: World): Json {
  const shown = (object: KubeObject): Json => [
    object.kind,
    object.metadata.name,
    (object.data ?? object.spec) as Json,
  ];
  return [...world.objects.values()]
    .map(shown)
    .sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}

describe('whatever happens', () => {
  it('a settled world is planned empty, also by an engine without memory, and is the one a fresh start gives', async () => {
    await fc.assert(
      fc.asyncProperty(spec, fc.array(deed, { maxLength: 8 }), async (first, deeds) => {
        const world = new World(app(first));
        await world.settle(WATCH);
        for (const what of deeds) {
          carryOut(world, what);
          if (what.do !== 'spec' || Object.keys(what.spec).length % 2 === 0) await world.settle(WATCH);
          world.now += 600_000;
        }
        await world.settle(WATCH);
        world.memory = new World(world.resource).memory;
        expect(isEmpty(await world.plan(WATCH))).toBe(true);
        const wanted = world.resource.spec as JsonObject;
        const fresh = new World(app(wanted));
        await fresh.settle(WATCH);
        if (wanted.extra === false) expect(content(world)).toEqual(content(fresh));
        else expect(world.names('ConfigMap').sort()).toEqual(fresh.names('ConfigMap').sort());
      }),
      { numRuns: 60 },
    );
  });
});
