// The page's own functions, without a browser. node --test
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {dirname, join} from 'node:path';
import {require, root} from './browser.mjs';
import {hostileName} from './canned.mjs';

const built = require('esbuild').buildSync({
  stdin: {
    contents: `
    export {shown, age, thousands, bytes, literally} from './format';
    export {splitter, readTasks} from './worker';
    export {matches} from './parts/words';
    export {childrenOf, linesOf} from './tree_lines';
    export {grow, arrange} from './flame_boxes';
    export {momentIn, recordedLive} from './replay';
    export {addressed, replayed} from './api';
    export {graphOf} from './wait_graph';`,
    resolveDir: join(root, 'cli/serve/page/src'),
    loader: 'ts',
  },
  bundle: true,
  write: false,
  format: 'esm',
  nodePaths: [dirname(dirname(require.resolve('esbuild/package.json')))],
  logLevel: 'warning',
});
// A browser's.
globalThis.sessionStorage = {getItem: () => null, setItem() {}};
const parts = await import(`data:text/javascript;base64,${Buffer.from(built.outputFiles[0].text).toString('base64')}`);

test('text that cannot be seen, or turns what stands beside it, is written in words', () => {
  const said = parts.shown(hostileName, 20_000);
  assert.match(said, /‹U\+202E›/);
  assert.match(said, /‹U\+0007›‹U\+001B›/);
  assert.doesNotMatch(said, /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/);
  assert.equal(parts.shown('plain ü 漢字 😀'), 'plain ü 漢字 😀');
  assert.equal(parts.shown('a\ud800b'), 'a‹U+D800›b');
  assert.equal(parts.shown(hostileName, 50).length < 200, true);
});

test('ages and numbers read as the command line has them', () => {
  assert.deepEqual([0.4, 4, 214.5, 3723, 90000, null].map(parts.age), ['<1s', '4s', '3m34s', '1h02m', '1d01h', '-']);
  assert.equal(parts.thousands(1234567), '1,234,567');
  assert.deepEqual([512, 1536, 4608000].map(parts.bytes), ['512 B', '1.5 KiB', '4.4 MiB']);
});

test('a function as a regular expression is found as it stands', () => {
  const name = 'lab::worker(std::shared_ptr<pool>)::{lambda(auto:1 [3])#1}^$|?+*.';
  assert.match(name, new RegExp(`^${parts.literally(name)}$`));
});

test('an answer that comes in pieces of any length is read as one that comes at once', () => {
  const document = {
    schemaVersion: 2,
    'not "tasks":[': '"tasks":[{',
    tasks: [
      {id: 1, name: 'a "quoted" \\ ] } name', frames: [{function: '{[', line: 1}]},
      {id: 2, labels: {'\\"': '\\'}},
      {id: 3, name: 'ü漢\ud83d\ude00'},
    ],
    groups: [{tasks: [{id: 9}]}],
    total: 3,
    notes: ['a ] note', '\\'],
  };
  for (const text of [JSON.stringify(document), JSON.stringify(document, null, 2)]) {
    for (let length = 1; length < 40; ++length) {
      const tasks = [];
      const split = parts.splitter(task => tasks.push(task));
      for (let at = 0; at < text.length; at += length) split.push(text.slice(at, at + length));
      assert.deepEqual(tasks, document.tasks);
      assert.deepEqual(split.rest(), {...document, tasks: []});
    }
  }
});

const answerOf = (text, cancelled = () => {}) => {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  return new Response(
    new ReadableStream(
      {
        pull(to) {
          if (at >= bytes.length) return to.close();
          to.enqueue(bytes.slice(at, (at += 1000)));
        },
        cancel: cancelled,
      },
      {highWaterMark: 0},
    ),
    {headers: {Age: '2.5'}},
  );
};
const tasksOf = n =>
  Array.from({length: n}, (_, i) => ({
    id: i + 1,
    parentId: i > 0 ? 1 : 0,
    frames: [{function: 'f()', file: '/a/b.cpp', line: 3}],
  }));

test('of more tasks than a page can show the first are read, and it says so', async () => {
  let cancelled = false;
  const answer = answerOf(JSON.stringify({tasks: tasksOf(1000), complete: true}), () => (cancelled = true));
  const report = await parts.readTasks(answer, 'tree', 100, () => {});
  assert.equal(report.columns.ids.length, 100);
  assert.equal(report.complete, false);
  assert.match(report.notes[0], /more than 100 tasks/);
  assert.ok(cancelled);
});

test('an answer that is cut is an error, not fewer tasks', async () => {
  const text = JSON.stringify({tasks: tasksOf(1000), complete: true});
  const report = await parts.readTasks(answerOf(text.slice(0, 30_000)), 'tree', 5000, () => {});
  assert.equal(report.kind, 'error');
  assert.match(report.fact, /cut after \d+ tasks/);
});

test('each task of an answer is a row, below the one that spawned it', async () => {
  const report = await parts.readTasks(
    answerOf(JSON.stringify({tasks: tasksOf(50), notes: ['x']})),
    'tree',
    5000,
    () => {},
  );
  assert.deepEqual([...report.columns.parents], [-1, ...Array(49).fill(0)]);
  assert.deepEqual([report.notes, report.complete], [['x'], true]);
});

test('an answer without tasks is read too', () => {
  const split = parts.splitter(() => assert.fail());
  split.push('{"tasks":[],"notes":["x"]}');
  assert.deepEqual(split.rest(), {tasks: [], notes: ['x']});
});

const columnsOf = tasks => ({
  ids: Float64Array.from(tasks, task => task.id),
  parents: Int32Array.from(tasks, task => tasks.findIndex(other => other.id === task.parent)),
  labels: Uint32Array.from(tasks, task => task.label),
  inner: new Uint32Array(tasks.length),
  whats: new Uint32Array(tasks.length),
  details: new Uint32Array(tasks.length),
  ages: new Float32Array(tasks.length),
  awaited: new Uint8Array(tasks.length),
  strings: ['', 'a', 'b'],
});

test('children that read alike are one line until it is opened, and no task is lost', () => {
  const columns = columnsOf([
    {id: 1, parent: 0, label: 1},
    ...Array.from({length: 9}, (_, i) => ({id: 10 + i, parent: 1, label: 2})),
    {id: 30, parent: 1, label: 1},
    {id: 31, parent: 30, label: 1},
    {id: 40, parent: 99, label: 1},
  ]);
  const children = parts.childrenOf(columns);
  const closed = parts.linesOf(columns, children, new Set(), null);
  assert.deepEqual(
    closed.map(line => line.key),
    ['1', '40'],
  );
  const open = parts.linesOf(columns, children, new Set(['1']), null);
  assert.deepEqual(
    open.map(line => [line.key, line.depth, line.crowd?.length]),
    [
      ['1', 0, undefined],
      ['c10', 1, 9],
      ['30', 1, undefined],
      ['40', 0, undefined],
    ],
  );
  const all = parts.linesOf(columns, children, new Set(['1', 'c10', '30']), null);
  assert.equal(all.filter(line => !line.crowd).length, columns.ids.length);
});

test('a chain of tasks as deep as there are tasks does not end the page', () => {
  const n = 20_000;
  const columns = columnsOf([]);
  columns.ids = Float64Array.from({length: n}, (_, i) => i + 1);
  columns.parents = Int32Array.from({length: n}, (_, i) => i - 1);
  for (const name of ['labels', 'inner', 'whats', 'details', 'awaited']) columns[name] = new Uint32Array(n);
  const lines = parts.linesOf(
    columns,
    parts.childrenOf(columns),
    new Set(Array.from({length: n}, (_, i) => String(i + 1))),
    null,
  );
  assert.equal(lines.length, n);
});

test('a box is as wide as its tasks, its children are within it, and there are never more than are asked for', () => {
  const stacks = Array.from({length: 1000}, (_, i) => ({
    frames: [
      {function: `f${i}`, place: ''},
      {function: `g${i % 100}`, place: ''},
    ],
    what: 'timer',
    count: 1 + (i % 7),
    seconds: i,
  }));
  const root = parts.grow(stacks);
  assert.equal(
    root.tasks,
    stacks.reduce((sum, stack) => sum + stack.count, 0),
  );
  const {boxes, narrow} = parts.arrange(root, 'tasks', 300);
  assert.ok(boxes.length <= 300);
  assert.ok(narrow > 0);
  const of = new Map(boxes.map(box => [box.node, box]));
  for (const box of boxes) {
    assert.ok(Math.abs(box.width - box.node.tasks / root.tasks) < 1e-9);
    const above = of.get(box.node.parent);
    if (above) assert.ok(box.left >= above.left - 1e-9 && box.left + box.width <= above.left + above.width + 1e-9);
  }
  assert.deepEqual(
    parts.grow(stacks).children.map(node => node.id),
    root.children.map(node => node.id),
  );
});

test('tasks that wait for each other are a cycle, once, however many groups name it', () => {
  const cycle = [
    {taskId: 15, object: '0xa'},
    {taskId: 16, object: '0xb'},
  ];
  const leak = id => ({
    verdict: 'PROVEN',
    count: 1,
    taskIds: [id],
    frames: [{function: 'pass_on()'}],
    evidence: 'only leaked tasks point to it',
    cycle,
  });
  const graph = parts.graphOf({leaks: [leak(15), {...leak(16), cycle: [...cycle].reverse()}]}, []);
  assert.deepEqual([...graph.nodes.keys()], ['t15', 't16']);
  assert.deepEqual(
    [...graph.edges.values()].map(edge => [edge.from, edge.to, edge.bad]),
    [
      ['t15', 't16', true],
      ['t16', 't15', true],
    ],
  );
});

test('a filter is words that all have to be there, but for those that must not', () => {
  assert.equal(parts.matches('WORKER lab', 'lab::worker()'), true);
  assert.equal(parts.matches('worker -lab', 'lab::worker()'), false);
  assert.equal(parts.matches('', 'x'), true);
});

test('of a recording it is said which moment of it is shown', () => {
  const notes = ['the last 812 bytes are cut off', 'a, b 4131, 2026-01-31 12:30:05, snapshot 3 of 12'];
  assert.deepEqual(parts.momentIn(notes), {name: 'a, b', pid: '4131', at: '2026-01-31 12:30:05', number: 3, of: 12});
  assert.equal(parts.momentIn(['2 snapshots, from 2026-01-31 12:30:05 to 2026-01-31 12:30:06']), null);
});

test('every path about processes asks the recording, and no other path does', () => {
  assert.equal(parts.addressed('/api/v1/processes/1/stack?group'), '/api/v1/processes/1/stack?group');
  Object.assign(parts.replayed, {id: 'ab', at: '3'});
  assert.equal(parts.addressed('/api/v1/processes/1/stack?group'), '/api/v1/processes/1/stack?group&replay=ab&at=3');
  assert.equal(parts.addressed('/api/v1/processes'), '/api/v1/processes?replay=ab&at=3');
  assert.equal(parts.addressed('/metrics'), '/metrics');
  Object.assign(parts.replayed, {id: null, at: ''});
});

test('groups of a recording are as the events of a process have them', () => {
  const frames = [
    {function: 'next()', file: '/src/lab.cpp', line: 9},
    {function: 'worker()', file: '/src/lab.cpp', line: 86},
  ];
  const live = parts.recordedLive(
    'lab',
    {pid: 1, tasks: 4},
    {
      groups: [
        {count: 3, state: 'BLOCKED', wait: {kind: 'CHANNEL_RECEIVE'}, frames, oldestSeconds: 3},
        {count: 1, state: 'RUNNING', frames: []},
      ],
    },
  );
  assert.equal(live.tasks, 4);
  assert.deepEqual(live.groups, [
    {
      what: 'channel receive',
      function: 'worker()',
      place: 'lab.cpp:86',
      state: 'blocked',
      kind: 'channel-receive',
      count: 3,
      oldestSeconds: 3,
      resumed: null,
    },
    {
      what: 'running',
      function: '',
      place: '',
      state: 'running',
      kind: '',
      count: 1,
      oldestSeconds: undefined,
      resumed: null,
    },
  ]);
});
