// The numbers of one process: as they are, and over the last hour.
import {useMemo, useState} from 'preact/hooks';
import {bytes, thousands} from '../format';
import {usePhone} from '../hooks';
import {Chart, type Line} from '../parts/charts';
import type {LiveView, Point} from '../types';

/** Before the first answer there are dashes, so that nothing moves when it comes. */
export function Facts({live, seconds, before}: {live: LiveView | null; seconds: number; before: Point | undefined}) {
  const cpu =
    before && live && live.cpuSeconds !== undefined && before.cpuSeconds !== undefined && live.atMs > before.atMs
      ? (live.cpuSeconds - before.cpuSeconds) / ((live.atMs - before.atMs) / 1000)
      : null;
  if (!live)
    return (
      <dl class="facts" aria-busy="true">
        {['tasks', 'running', 'ready', 'blocked', 'workers', 'CPU', 'memory', 'ended', 'failed', 'cancelled'].map(
          name => (
            <div key={name}>
              <dt>{name}</dt>
              <dd class="num quiet">-</dd>
            </div>
          ),
        )}
      </dl>
    );
  const facts: [string, string, string?, boolean?][] = [
    ['tasks', thousands(live.tasks ?? 0)],
    ['running', thousands(live.running ?? 0)],
    ['ready', thousands(live.ready ?? 0)],
    ['blocked', thousands(live.blocked ?? 0)],
    ['workers', `${live.workers ?? 0} of ${live.osThreads ?? 0}`, 'threads that run tasks, of all'],
    [
      'CPU',
      cpu === null ? '-' : `${(cpu * 100).toFixed(0)} %`,
      `of one CPU, of ${live.cpus ?? '?'}; over some seconds`,
    ],
    ['memory', bytes(live.rssBytes), 'resident'],
    ['ended', thousands(live.endedTasks ?? 0), 'tasks, since it began'],
    [
      'failed',
      thousands(live.failedTasks ?? 0),
      'ended by an exception that nobody awaits',
      (live.failedTasks ?? 0) > 0,
    ],
    ['cancelled', thousands(live.cancelledTasks ?? 0), 'ended by an exception that says so'],
  ];
  return (
    <dl class="facts" aria-label={`totals, over ${seconds.toFixed(0)} s`}>
      {facts.map(([name, value, hint, bad]) => (
        <div key={name} title={hint}>
          <dt>{name}</dt>
          <dd class={`num ${bad ? 'bad' : ''}`}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Hour({points, from, to}: {points: Point[]; from: number; to: number}) {
  const {times, sets} = useMemo(() => {
    // A line breaks where nobody looked for a while; counts that only grow are drawn as rates.
    const times: number[] = [],
      tasks: (number | null)[] = [],
      blocked: (number | null)[] = [],
      running: (number | null)[] = [],
      cpu: (number | null)[] = [],
      rss: (number | null)[] = [],
      ended: (number | null)[] = [],
      failed: (number | null)[] = [];
    const gaps = points
      .slice(1)
      .map((point, i) => point.atMs - points[i].atMs)
      .sort((a, b) => a - b);
    const gap = Math.max(15_000, (gaps[Math.floor(gaps.length / 2)] ?? 0) * 3.5);
    let b = 0; // what rates are told from: at least five seconds before, or they are noise
    const put = (at: number, values: (number | null)[]) => {
      times.push(at);
      [tasks, blocked, running, cpu, rss, ended, failed].forEach((list, i) => list.push(values[i]));
    };
    points.forEach((point, i) => {
      const before = points[i - 1];
      if (before && point.atMs - before.atMs > gap) {
        put(before.atMs + 1, [null, null, null, null, null, null, null]);
        b = i;
      }
      while (b + 1 < i && point.atMs - points[b + 1].atMs >= 5000) ++b;
      const base = points[b];
      const seconds = (point.atMs - base.atMs) / 1000;
      const rate = (now: number | undefined, then: number | undefined) =>
        now === undefined || then === undefined || seconds < 1 ? null : Math.max(0, (now - then) / seconds);
      const rates = [
        rate(point.cpuSeconds, base.cpuSeconds),
        rate(point.endedTasks, base.endedTasks),
        rate(point.failedTasks, base.failedTasks),
      ];
      put(point.atMs, [
        point.tasks ?? null,
        point.blocked ?? null,
        point.running ?? null,
        rates[0],
        point.rssBytes ?? null,
        rates[1],
        rates[2],
      ]);
    });
    return {times, sets: {tasks, blocked, running, cpu, rss, ended, failed}};
  }, [points]);
  const lines = useMemo(
    () => ({
      tasks: [
        {label: 'all', color: '--blue', values: sets.tasks, fill: true},
        {label: 'blocked', color: '--amber', values: sets.blocked},
        {label: 'running', color: '--green', values: sets.running},
      ] as Line[],
      cpu: [{label: 'of one CPU', color: '--green', values: sets.cpu, fill: true}] as Line[],
      rss: [{label: 'resident', color: '--violet', values: sets.rss, fill: true}] as Line[],
      ended: [
        {label: 'ended', color: '--blue', values: sets.ended, fill: true},
        {label: 'failed', color: '--red', values: sets.failed},
      ] as Line[],
    }),
    [sets],
  );
  const short = (n: number) =>
    n >= 1e6
      ? `${(n / 1e6).toFixed(1)}M`
      : n >= 1e4
        ? `${(n / 1e3).toFixed(n >= 1e5 ? 0 : 1)}k`
        : n % 1
          ? n.toFixed(1)
          : thousands(n);
  const first = <Chart title="tasks" times={times} lines={lines.tasks} format={short} from={from} to={to} />;
  const others = (
    <>
      <Chart
        title="CPU"
        times={times}
        lines={lines.cpu}
        format={value => `${(value * 100).toFixed(value < 0.1 && value > 0 ? 1 : 0)}%`}
        from={from}
        to={to}
      />
      <Chart
        title="memory"
        times={times}
        lines={lines.rss}
        format={value => bytes(Math.round(value))}
        axis={value =>
          bytes(Math.round(value)).replace(
            /(\.\d)? /,
            (_, rest) => (rest && rest !== '.0' && value < 10 * 1048576 ? rest : '') + ' ',
          )
        }
        from={from}
        to={to}
      />
      <Chart title="tasks a second" times={times} lines={lines.ended} format={short} from={from} to={to} />
    </>
  );
  const phone = usePhone();
  const [open, setOpen] = useState(false);
  if (!phone)
    return (
      <section class="hour" aria-label="the last hour">
        {first}
        {others}
      </section>
    );
  return (
    <section class="hour" aria-label="the last hour">
      {first}
      <details onToggle={event => setOpen(event.currentTarget.open)}>
        <summary>CPU, memory, tasks that end</summary>
        {open && others}
      </details>
    </section>
  );
}
