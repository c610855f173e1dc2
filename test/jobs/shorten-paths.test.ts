import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pathShortener, shortenDocument } from '../../src-core/jobs/shorten-paths.ts';

const shorten = pathShortener({
  folders: [
    { folder: '/data/acme/run 7/checkpoint-1000', role: 'checkpoint' },
    { folder: '/data/acme/run 7/llama-hf', role: 'output' },
    { folder: '/scratch/other', role: 'output', alias: '/mnt/disk2/other' },
    { folder: '/home/anna', role: 'home' },
  ],
  user: 'anna',
});

describe('paths in a text', () => {
  test.each([
    ['/data/acme/run 7/checkpoint-1000/shards/model/x.pt', '<checkpoint>/shards/model/x.pt'],
    [
      "shardloom consolidate '/data/acme/run 7/checkpoint-1000' '/data/acme/run 7/llama-hf' --force",
      "shardloom consolidate '<checkpoint>' '<output>' --force",
    ],
    ['/data/acme/run 7/checkpoint-1000-hf', '<checkpoint>-hf'],
    ["ENOENT: mkdir '/data/acme/run 7'", "ENOENT: mkdir '<checkpoint>/..'"],
    ['/data/acme/run 7/other/config.json', '<checkpoint>/../other/config.json'],
    ['/data is full', '<checkpoint>/../../.. is full'],
    ['/mnt/disk2/other/model.safetensors', '<output 2>/model.safetensors'],
    ['/home/anna/.config/Shardloom', '<home>/.config/Shardloom'],
    ['anna@host: Anna’s annatto anna-models', '<user>@host: <user>’s annatto <user>-models'],
    ['at run (/opt/Shardloom/resources/main.js:10:5)', 'at run (<elsewhere>/main.js:10:5)'],
    ['at run (file:///opt/Shardloom/resources/main.js:10:5)', 'at run (<elsewhere>/main.js:10:5)'],
    ['file:///data/acme/run%207/checkpoint-1000/config.json', '<checkpoint>/config.json'],
  ])('%s', (text, expected) => {
    expect(shorten(text)).toBe(expected);
  });

  test.each(['301 MB/s and/or 3/4', 'https://example.com/a/b', 'archive/data/0', 'model.layers.0.mlp.up_proj.weight'])(
    '%s stays',
    (text) => {
      expect(shorten(text)).toBe(text);
    },
  );

  test('of Windows, in any case and as JSON has them', () => {
    const ofWindows = pathShortener({
      folders: [
        { folder: 'D:\\runs\\checkpoint-1', role: 'checkpoint' },
        { folder: 'C:\\Users\\Anna', role: 'home' },
        { folder: 'C:\\Program Files\\Shardloom', role: 'app' },
      ],
      user: 'Anna',
    });
    expect(ofWindows('d:\\Runs\\Checkpoint-1\\shards')).toBe('<checkpoint>\\shards');
    expect(ofWindows(JSON.stringify({ file: 'C:\\Users\\Anna\\x.log' }))).toBe('{"file":"<home>\\\\x.log"}');
    expect(ofWindows('file:///D:/runs/checkpoint-1/config.json')).toBe('<checkpoint>/config.json');
    expect(ofWindows('at file:///C:/Program%20Files/Shardloom/main.js:1')).toBe('at <app>/main.js:1');
    expect(ofWindows('at E:\\tools\\node\\main.js:1')).toBe('at <elsewhere>/main.js:1');
  });

  test('a folder with quotes, as shells are given it', () => {
    const quoted = pathShortener({ folders: [{ folder: "/data/anna's/run", role: 'checkpoint' }] });
    expect(quoted(`shardloom inspect '/data/anna'\\''s/run'`)).toBe("shardloom inspect '<checkpoint>'");
    expect(quoted("shardloom inspect '/data/anna''s/run'")).toBe("shardloom inspect '<checkpoint>'");
  });

  test('the root of a disk is no folder to hide', () => {
    expect(pathShortener({ folders: [{ folder: '/', role: 'checkpoint' }] })('/etc')).toBe('/etc');
  });
});

const step = fc.string({
  unit: fc.constantFrom(...'abcXYZ019-_. ’é模+$()[]^|\'"'.split('')),
  minLength: 1,
  maxLength: 8,
});
const folder = fc.array(step, { minLength: 2, maxLength: 5 }).map((steps) => `/${steps.join('/')}`);
const user = fc.string({ unit: fc.constantFrom(...'annabelé'.split('')), minLength: 3, maxLength: 9 });
const world = fc.record({ checkpoint: folder, output: folder, home: folder, user }).chain((names) => {
  const { checkpoint, output, home, user: name } = names;
  const mention = fc.constantFrom(
    checkpoint,
    output,
    home,
    `${checkpoint}/shards/x.pt`,
    `${output}-2`,
    JSON.stringify(checkpoint),
    `/home/${name}/x`,
    `${name} `,
    ` ${name}`,
  );
  const text = fc
    .array(fc.oneof(mention, fc.string({ unit: 'grapheme', maxLength: 10 }), step), { maxLength: 12 })
    .map((words) => words.join(' '));
  return text.map((said) => ({ ...names, said }));
});

/** What was written, without what was put in its place. */
const withoutPlaceholders = (text: string): string => text.replace(/<[a-z]+(?: \d+)?>/g, '\n');

describe('whatever is written and wherever folders lie', () => {
  const made = ({ checkpoint, output, home, user: name }: Record<'checkpoint' | 'output' | 'home' | 'user', string>) =>
    pathShortener({
      folders: [
        { folder: checkpoint, role: 'checkpoint' },
        { folder: output, role: 'output' },
        { folder: home, role: 'home' },
      ],
      user: name,
    });

  test('no beginning of a path and no name of the user is left', () => {
    fc.assert(
      fc.property(world, (names) => {
        const left = withoutPlaceholders(made(names)(names.said)).toLowerCase();
        for (const private_ of [names.checkpoint, names.output, names.home]) {
          const without = private_.replace(/\/+$/, '').toLowerCase();
          expect(left).not.toContain(without);
        }
        expect(left.split(/[^\p{L}\p{N}]+/u)).not.toContain(names.user.toLowerCase());
      }),
      { numRuns: 500 },
    );
  });

  test('shortening twice changes nothing more', () => {
    fc.assert(
      fc.property(world, (names) => {
        const once = made(names)(names.said);
        expect(made(names)(once)).toBe(once);
      }),
      { numRuns: 500 },
    );
  });

  test('documents keep their form', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(shortenDocument(value, (text) => text)).toEqual(value);
      }),
    );
    expect(shortenDocument({ '/home/anna/x': ['/home/anna/y', 1, null] }, shorten)).toEqual({
      '<home>/x': ['<home>/y', 1, null],
    });
  });
});
