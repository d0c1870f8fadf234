// Answers of processes that are not there: 100,000 tasks in 1,000 groups, and one whose names are hostile.
export const crowd = 4000001,
  hostile = 4000002,
  quiet = 4000003;

export const hostileName =
  '<script>window.hacked=1</script><img src=x onerror=window.hacked=2>\u202Egnp.\u0007\u001b[31m' +
  'A'.repeat(10 * 1024);
const file = i => `/src/server/handlers/part_${i % 40}.cpp`;
const kinds = ['CHANNEL_RECEIVE', 'CHANNEL_SEND', 'TIMER', 'SOCKET_READ', 'SOCKET_WRITE', 'TASKS', 'DESCRIPTOR_READ'];
const frame = (name, i) => ({function: name, file: file(i), line: 10 + (i % 900)});

const group = i => ({
  frames: [
    frame(`io::operation_${i % 7}::next(buffer&)`, i),
    frame(`server::step_${i}(session&, std::chrono::seconds)`, i),
    frame(`server::session_${i % 100}(tcp::socket, std::shared_ptr<pool>)`, i % 100),
  ],
  kind: kinds[i % kinds.length],
  count: 1000 > i ? 1 + Math.round(99_000 * 0.004 * Math.exp(-i / 252.5)) : 0,
  age: 3 + ((i * 7919) % 9000),
});
/** 1,000 groups that have 100,000 tasks together. */
export const groups = (() => {
  const all = Array.from({length: 1000}, (_, i) => group(i));
  const missing = 100_000 - all.reduce((sum, each) => sum + each.count, 0);
  all[0].count += missing;
  return all;
})();

const wait = (kind, seconds, object = '') => ({
  kind,
  object,
  fd: kind.startsWith('SOCKET') ? 12 : null,
  capacity: kind.startsWith('CHANNEL') ? 16 : null,
  seconds,
  expiresInSeconds: kind === 'TIMER' ? 30 : null,
  peer: kind.startsWith('SOCKET') ? '10.0.0.7:41234' : '',
  localAddress: '',
  fdKind: '',
  shutDown: false,
});
const asGroup = (each, id) => ({
  count: each.count,
  state: 'BLOCKED',
  wait: wait(each.kind, each.age),
  frames: each.frames,
  oldestSeconds: each.age,
  ids: [id, id + 1, id + 2].slice(0, each.count),
  spawnedAt: frame('server::run(const options&)', 3),
  dueTasks: 0,
  busyTasks: 0,
});
const live = (pid, name, atMs, more) => ({
  schemaVersion: 1,
  pid,
  name,
  atMs,
  tasks: 0,
  running: 0,
  blocked: 0,
  ready: 0,
  osThreads: 18,
  workers: 16,
  cpus: 16,
  rssBytes: 612_000_000,
  cpuSeconds: ((atMs - 1.796e12) / 1000) * 2.5,
  uptimeSeconds: 93_784,
  endedTasks: Math.round((atMs - 1.796e12) / 3),
  failedTasks: 0,
  cancelledTasks: 2,
  groups: [],
  otherGroups: 0,
  otherTasks: 0,
  note: '',
  ...more,
});
const asLive = each => ({
  what: each.kind.toLowerCase().replace('_', ' '),
  function: each.frames.at(-1).function + (each.frames[1].function.match(/\d+/)?.[0] ?? ''),
  place: `${each.frames.at(-1).file.split('/').at(-1)}:${each.frames.at(-1).line}`,
  state: 'blocked',
  kind: each.kind.toLowerCase().replace('_', '-'),
  count: each.count,
  oldestSeconds: each.age,
  resumed: each.count % 50,
});

export const hostileProcess = {
  pid: hostile,
  ppid: 1,
  name: hostileName,
  executable: '/tmp/x',
  agent: 'ANSWERED',
  tasks: 3,
  blocked: 3,
  osThreads: 2,
  uptimeSeconds: 77,
  reason: '',
  findings: [hostileName],
  stopped: '',
  arguments: [hostileName, '--\u202Eevil'],
  directory: '/tmp/' + hostileName,
};
const hostileTask = id => ({
  id,
  parentId: id - 1,
  name: hostileName,
  labels: {[hostileName.slice(0, 300)]: hostileName},
  state: 'BLOCKED',
  wait: {...wait('CHANNEL_RECEIVE', 5, '0x5500aa'), operation: hostileName},
  frames: [{function: hostileName, file: '/src/' + hostileName, line: 3}],
  spawnedAt: {function: hostileName, file: hostileName, line: 1},
  ageSeconds: 5,
  awaited: false,
});

export const processes = () => [
  {
    pid: crowd,
    ppid: 1,
    name: 'crowd',
    executable: '/usr/bin/crowd',
    agent: 'ANSWERED',
    tasks: 100_000,
    blocked: 100_000,
    osThreads: 18,
    uptimeSeconds: 93_784,
    reason: '',
    findings: ['1,402 tasks are due: no thread runs their io_context', 'stalled: a worker has run task 8 for 9s'],
    stopped: '',
    arguments: ['--shards', '16'],
    directory: '/srv/crowd',
  },
  {
    pid: quiet,
    ppid: 1,
    name: 'quiet',
    executable: '/usr/bin/quiet',
    agent: 'DENIED',
    tasks: null,
    blocked: null,
    osThreads: 3,
    uptimeSeconds: 4000,
    reason: 'permission denied',
    findings: [],
    stopped: '',
    arguments: [],
    directory: '',
  },
  hostileProcess,
];

export function history(now) {
  const points = Array.from({length: 360}, (_, i) => {
    const atMs = now - (360 - i) * 10_000,
      tasks = Math.round(60_000 + 40_000 * Math.min(1, i / 300) + 3000 * Math.sin(i / 9));
    return {
      atMs,
      tasks,
      running: i % 9,
      blocked: tasks - (i % 9),
      ready: 0,
      osThreads: 18,
      rssBytes: 400_000_000 + tasks * 2100,
      cpuSeconds: ((atMs - 1.796e12) / 1000) * 2.5,
      endedTasks: Math.round((atMs - 1.796e12) / 3),
      failedTasks: i > 300 ? i - 300 : 0,
    };
  });
  return [
    {pid: crowd, name: 'crowd', ended: false, points},
    {pid: 3999999, name: 'gone', ended: true, points: points.slice(40, 300)},
    {pid: 3999998, name: 'brief', ended: true, points: points.slice(200, 202)},
  ];
}

/** `turned`: the groups that are listed have each other's sizes, the smallest the largest. */
export function events(pid, now, turned = false) {
  if (pid === hostile)
    return live(pid, hostileName, now, {
      tasks: 3,
      blocked: 3,
      note: hostileName,
      groups: [
        {
          what: hostileName,
          function: hostileName,
          place: hostileName,
          state: 'blocked',
          kind: 'other',
          count: 3,
          oldestSeconds: 5,
          resumed: 0,
        },
      ],
    });
  const sorted = [...groups].sort((a, b) => b.count - a.count);
  return live(pid, 'crowd', now, {
    tasks: 100_000,
    blocked: 100_000,
    groups: sorted.slice(0, 500).map((each, i) => asLive(turned ? {...each, count: sorted[499 - i].count} : each)),
    otherGroups: 500,
    otherTasks: sorted.slice(500).reduce((sum, each) => sum + each.count, 0),
  });
}

/** Writes the answer of VIEW a piece at a time; false: there is none. */
export function* view(pid, name, options) {
  const notes = pid === hostile ? [hostileName] : [];
  const doc = value => JSON.stringify({schemaVersion: 2, pid, notes, complete: true, ...value});
  if (pid === hostile) {
    const tasks = [hostileTask(1), hostileTask(2), hostileTask(3)];
    const asked = {
      vitals: {
        tasks: 3,
        findings: [hostileName],
        failures: [{type: hostileName, message: hostileName, secondsAgo: 3, count: 1, frame: tasks[0].frames[0]}],
      },
      stack: options.has('group')
        ? {groups: [{...tasks[0], count: 3, ids: [1, 2, 3], oldestSeconds: 5}], tasks: []}
        : {tasks, groups: [], shown: 3, total: 3},
      channels: {
        channels: [
          {
            address: hostileName,
            capacity: 4,
            state: 'EMPTY',
            senders: 0,
            receivers: 3,
            waiters: [{...tasks[0], count: 3, ids: [1]}],
            references: 'HELD',
            heldBy: hostileName,
          },
        ],
        shown: 3,
        total: 3,
      },
      leaks: {
        leaks: [
          {
            verdict: 'PROVEN',
            count: 3,
            wait: tasks[0].wait,
            frames: tasks[0].frames,
            evidence: hostileName,
            hint: hostileName,
            taskIds: [1, 2, 3],
            cycle: [
              {taskId: 1, object: hostileName},
              {taskId: 2, object: '0x1'},
            ],
          },
        ],
        tasks: 3,
        checked: 3,
        proven: 3,
        held: 0,
        unchecked: 0,
      },
      why: {
        task: tasks[0],
        waits: [hostileName],
        verdict: 'HELD',
        evidence: hostileName,
        wakers: [{task: null, holder: hostileName, wakers: []}],
        cycle: [],
      },
      threads: {
        threads: [
          {
            tid: 9,
            name: hostileName,
            state: 'sleeping',
            role: 'WORKER',
            frames: [{function: hostileName, module: hostileName}],
          },
        ],
        total: 1,
      },
      memory: {
        functions: [{function: hostileName, file: hostileName, memory: {frames: 1, bytes: 100}}],
        groups: [],
        mappings: [{kind: 'FILE', path: hostileName, mappings: 1, bytes: 4096, residentBytes: 4096}],
      },
      operations: {
        operations: [{address: '0x1', wait: tasks[0].wait, handler: hostileName, file: hostileName, line: 1}],
        callbacks: 1,
        contexts: [{address: '0x2', type: hostileName, outstandingWork: 1}],
      },
    }[name];
    if (asked) yield doc(asked);
    return;
  }
  if (name === 'vitals')
    yield doc({
      tasks: 100_000,
      findings: processes()[0].findings,
      notes: ['operations without a task were not counted'],
      failures: [],
    });
  if (name === 'stack' && options.has('group')) {
    let id = 1;
    const limit = Number(options.get('limit') ?? 1e9);
    yield doc({
      groups: groups.slice(0, limit).map(each => {
        const made = asGroup(each, id);
        id += each.count;
        return made;
      }),
      tasks: [],
      shown: 100_000,
      total: 100_000,
    });
  }
  if (name === 'stack' && !options.has('group')) {
    // As the CLI writes it: a task a line, with what is absent as null.
    yield '{"schemaVersion":2,"pid":4000001,"tasks":[\n';
    let id = 0;
    for (const each of groups) {
      const rest = JSON.stringify({
        name: '',
        labels: {},
        state: 'BLOCKED',
        wait: wait(each.kind, each.age, '0x7f12345678'),
        frames: each.frames,
        spawnedAt: frame('server::run(const options&)', 3),
        resumes: 4,
        thread: 0,
        ageSeconds: each.age,
        awaited: false,
        truncated: false,
        nativeFrames: [],
        spawnedAfter: null,
        ranBeforeFork: false,
        also: [],
        members: 0,
        endedMembers: 0,
        due: null,
        lookup: null,
        busy: null,
        timing: null,
        seenSeconds: null,
      }).slice(1);
      let piece = '';
      for (let i = 0; i < each.count; ++i) {
        ++id;
        piece += `${id > 1 ? ',\n' : ''}{"id":${id},"parentId":${id > 1000 ? 1 + (id % 1000) : 0},${rest}`;
      }
      yield piece;
    }
    yield '],"groups":[],"shown":100000,"total":100000,"complete":true,"notes":[],"ended":[]}\n';
  }
  if (name === 'channels') {
    yield doc({
      channels: Array.from({length: 900}, (_, i) => ({
        address: `0x7f${(i * 4096).toString(16).padStart(10, '0')}`,
        capacity: [0, 1, 16, 1024][i % 4],
        state: i % 3 ? 'EMPTY' : 'FULL',
        closed: i % 50 === 7,
        senders: i % 3 ? 0 : 2 + i,
        receivers: i % 3 ? 1 + i : 0,
        waiters: [{...asGroup(groups[i], 1 + i)}],
        oldestSeconds: i,
        references: i % 9 ? 'HELD' : 'NOTHING_ALIVE',
        heldBy: i % 9 ? 'a frame of task 5' : '',
      })),
      shown: 50_000,
      total: 100_000,
      stoppedSeconds: 0.2,
    });
  }
  if (name === 'leaks') {
    const steps = Array.from({length: 40}, (_, i) => ({taskId: 10 + i, object: `0x${(4096 * i).toString(16)}`}));
    yield doc({
      leaks: [
        {
          verdict: 'PROVEN',
          count: 40,
          wait: wait('CHANNEL_RECEIVE', 9, '0x1'),
          frames: groups[0].frames,
          evidence: 'only leaked tasks point to it',
          taskIds: [10, 11, 12],
          cycle: steps,
        },
        ...groups.slice(0, 60).map((each, i) => ({
          verdict: i < 50 ? 'PROVEN' : 'OLD',
          count: each.count,
          wait: wait(each.kind, each.age, `0xa${i}`),
          frames: each.frames,
          evidence: 'nothing alive points to it',
          hint: 'close() it',
          taskIds: [1, 2, 3],
          oldestSeconds: each.age,
          cycle: [],
        })),
      ],
      leftOut: 900,
      tasks: 100_000,
      checked: 60_000,
      proven: 40_000,
      held: 20_000,
      unchecked: 0,
      stoppedSeconds: 0.3,
      totalSeconds: 1.2,
    });
  }
  if (name === 'threads')
    yield doc({
      threads: Array.from({length: 600}, (_, i) => ({
        tid: 5000 + i,
        name: `worker ${i}`,
        state: i % 5 ? 'sleeping' : 'running',
        role: 'WORKER',
        cpuPercent: i / 7,
        frames: [{function: 'epoll_wait', module: '/lib/libc.so.6'}],
      })),
      total: 600,
    });
  if (name === 'memory') yield doc({residentBytes: 612_000_000, functions: [], groups: [], mappings: []});
  if (name === 'operations') yield doc({operations: [], callbacks: 0, ofTasks: 0, contexts: []});
}
