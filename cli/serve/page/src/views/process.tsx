// One process: what it is, its numbers, what is wrong with it, and the view that was chosen.
import {useEffect, useMemo, useRef, useState} from 'preact/hooks';
import {ApiError, ask, follow, get, processPath} from '../api';
import {age, bytes, clock, shown, thousands} from '../format';
import {useAnswer, useKeys, useNow, usePhone} from '../hooks';
import {Foreign, FrameLine, Trouble} from '../parts/basics';
import {Chart, type Line} from '../parts/charts';
import {createPortal} from '../portal';
import {go, href, useRoute} from '../route';
import type {HistoryView, LiveView, Point, VitalsView} from '../types';
import {ChannelsPage} from './channels';
import {FlamePage} from './flame';
import {GroupsPage} from './groups';
import {LeaksPage} from './leaks';
import {MemoryPage} from './memory';
import {OperationsPage} from './operations';
import {TaskPage} from './task';
import {ThreadsPage} from './threads';
import {TreePage} from './tree';
import {WaitsPage} from './waits';

const hour = 3600_000;
const views: [string, string, string][] = [
  ['groups', 'groups', 'tasks of one stack together, live'], ['flame', 'flame', 'chains of awaits, as wide as tasks'], ['tree', 'tree', 'who spawned whom'],
  ['channels', 'channels', 'queues, and who waits at them'], ['waits', 'waits', 'who waits for whom'], ['leaks', 'leaks', 'what will never wake'], ['threads', 'threads', 'OS threads and what they run'],
  ['memory', 'memory', 'which coroutines own the memory'], ['operations', 'operations', 'what pends without a task'], ['task', 'task', 'what one task waits for'],
];

export interface Seen { live: LiveView | null; seconds: number; at: number; ended: ApiError | null; error: ApiError | null }

/** The process as its events tell it, and the last hour. */
function useLive(pid: number): Seen & {points: Point[]} {
  const [seen, set] = useState<Seen>({live: null, seconds: 0, at: 0, ended: null, error: null});
  const [points, setPoints] = useState<Point[]>([]);
  const last = useRef<LiveView | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    // The server may leave out others; it need not.
    get<HistoryView>(`/api/v1/history?pid=${pid}`, abort.signal).then(({value}) => {
      const its = (value.processes ?? []).filter(each => each.pid === pid).flatMap(each => each.points ?? []);
      setPoints(newer => { const to = its.length ? its[its.length - 1].atMs : 0; return [...its, ...newer.filter(point => point.atMs > to)]; });
    }, () => { /* it begins now then */ });
    const stop = follow(`${processPath(pid)}/events`, (name, data) => {
      if (name === 'live') {
        const live = data as LiveView;
        const before = last.current;
        last.current = live;
        set({live, seconds: before ? (live.atMs - before.atMs) / 1000 : 0, at: Date.now(), ended: null, error: null});
        const {groups: _, ...point} = live;
        setPoints(old => { const from = live.atMs - hour; let i = 0; while (i < old.length && old[i].atMs < from) ++i; return [...old.slice(i), point]; });
      } else if (name === 'ended') {
        const {error} = data as {error?: Record<string, string>};
        set(old => ({...old, ended: new ApiError(404, error?.code ?? '', error?.subject ?? `pid ${pid}`, error?.fact ?? 'it has ended', error?.nextStep ?? '')}));
        stop();
      }
    }, error => {
      set(old => (error.status === 404 && old.live ? {...old, ended: error} : {...old, error}));
      return error.status === 429 || error.status === 403;
    });
    return () => { abort.abort(); stop(); };
  }, [pid]);
  return {...seen, points};
}

/** Before the first answer there are dashes, so that nothing moves when it comes. */
function Facts({live, seconds, before}: {live: LiveView | null; seconds: number; before: Point | undefined}) {
  const cpu = before && live && live.cpuSeconds !== undefined && before.cpuSeconds !== undefined && live.atMs > before.atMs
    ? (live.cpuSeconds - before.cpuSeconds) / ((live.atMs - before.atMs) / 1000) : null;
  if (!live) return <dl class="facts" aria-busy="true">{['tasks', 'running', 'ready', 'blocked', 'workers', 'CPU', 'memory', 'ended', 'failed', 'cancelled'].map(name => <div key={name}><dt>{name}</dt><dd class="num quiet">-</dd></div>)}</dl>;
  const facts: [string, string, string?, boolean?][] = [
    ['tasks', thousands(live.tasks ?? 0)], ['running', thousands(live.running ?? 0)], ['ready', thousands(live.ready ?? 0)], ['blocked', thousands(live.blocked ?? 0)],
    ['workers', `${live.workers ?? 0} of ${live.osThreads ?? 0}`, 'threads that run tasks, of all'], ['CPU', cpu === null ? '-' : `${(cpu * 100).toFixed(0)} %`, `of one CPU, of ${live.cpus ?? '?'}; over some seconds`],
    ['memory', bytes(live.rssBytes), 'resident'], ['ended', thousands(live.endedTasks ?? 0), 'tasks, since it began'],
    ['failed', thousands(live.failedTasks ?? 0), 'ended by an exception that nobody awaits', (live.failedTasks ?? 0) > 0], ['cancelled', thousands(live.cancelledTasks ?? 0), 'ended by an exception that says so'],
  ];
  return <dl class="facts" aria-label={`totals, over ${seconds.toFixed(0)} s`}>{facts.map(([name, value, hint, bad]) => <div key={name} title={hint}><dt>{name}</dt><dd class={`num ${bad ? 'bad' : ''}`}>{value}</dd></div>)}</dl>;
}

function Hour({points, from, to}: {points: Point[]; from: number; to: number}) {
  const {times, sets} = useMemo(() => {
    // A line breaks where nobody looked for a while; counts that only grow are drawn as rates.
    const times: number[] = [], tasks: (number | null)[] = [], blocked: (number | null)[] = [], running: (number | null)[] = [], cpu: (number | null)[] = [], rss: (number | null)[] = [], ended: (number | null)[] = [], failed: (number | null)[] = [];
    const gaps = points.slice(1).map((point, i) => point.atMs - points[i].atMs).sort((a, b) => a - b);
    const gap = Math.max(15_000, (gaps[Math.floor(gaps.length / 2)] ?? 0) * 3.5);
    let b = 0;  // what rates are told from: at least five seconds before, or they are noise
    const put = (at: number, values: (number | null)[]) => { times.push(at); [tasks, blocked, running, cpu, rss, ended, failed].forEach((list, i) => list.push(values[i])); };
    points.forEach((point, i) => {
      const before = points[i - 1];
      if (before && point.atMs - before.atMs > gap) { put(before.atMs + 1, [null, null, null, null, null, null, null]); b = i; }
      while (b + 1 < i && point.atMs - points[b + 1].atMs >= 5000) ++b;
      const base = points[b];
      const seconds = (point.atMs - base.atMs) / 1000;
      const rate = (now: number | undefined, then: number | undefined) => (now === undefined || then === undefined || seconds < 1 ? null : Math.max(0, (now - then) / seconds));
      const rates = [rate(point.cpuSeconds, base.cpuSeconds), rate(point.endedTasks, base.endedTasks), rate(point.failedTasks, base.failedTasks)];
      put(point.atMs, [point.tasks ?? null, point.blocked ?? null, point.running ?? null, rates[0], point.rssBytes ?? null, rates[1], rates[2]]);
    });
    return {times, sets: {tasks, blocked, running, cpu, rss, ended, failed}};
  }, [points]);
  const lines = useMemo(() => ({
    tasks: [{label: 'all', color: '--blue', values: sets.tasks, fill: true}, {label: 'blocked', color: '--amber', values: sets.blocked}, {label: 'running', color: '--green', values: sets.running}] as Line[],
    cpu: [{label: 'of one CPU', color: '--green', values: sets.cpu, fill: true}] as Line[],
    rss: [{label: 'resident', color: '--violet', values: sets.rss, fill: true}] as Line[],
    ended: [{label: 'ended', color: '--blue', values: sets.ended, fill: true}, {label: 'failed', color: '--red', values: sets.failed}] as Line[],
  }), [sets]);
  const short = (n: number) => (n >= 1e6 ? `${(n / 1e6).toFixed(1)}M` : n >= 1e4 ? `${(n / 1e3).toFixed(n >= 1e5 ? 0 : 1)}k` : n % 1 ? n.toFixed(1) : String(n));
  const first = <Chart title="tasks" times={times} lines={lines.tasks} format={short} from={from} to={to} />;
  const others = <>
    <Chart title="CPU" times={times} lines={lines.cpu} format={value => `${(value * 100).toFixed(value < 0.1 && value > 0 ? 1 : 0)}%`} from={from} to={to} />
    <Chart title="memory" times={times} lines={lines.rss} format={value => bytes(Math.round(value))} axis={value => bytes(Math.round(value)).replace(/(\.\d)? /, (_, rest) => (rest && rest !== '.0' && value < 10 * 1048576 ? rest : '') + ' ')} from={from} to={to} />
    <Chart title="tasks a second" times={times} lines={lines.ended} format={short} from={from} to={to} />
  </>;
  const phone = usePhone();
  const [open, setOpen] = useState(false);
  if (!phone) return <section class="hour" aria-label="the last hour">{first}{others}</section>;
  return <section class="hour" aria-label="the last hour">{first}<details onToggle={event => setOpen(event.currentTarget.open)}><summary>CPU, memory, tasks that end</summary>{open && others}</details></section>;
}

function Findings({vitals}: {vitals: VitalsView}) {
  const failures = vitals.failures ?? [];
  const findings = vitals.findings ?? [], notes = vitals.notes ?? [];
  if (!findings.length && !notes.length && !failures.length) return null;
  return <section class="findings" aria-label="findings">
    {findings.length > 0 && <ul class="wrong" role="alert">{findings.slice(0, 20).map((text, i) => <li key={i}><b>!</b> <Foreign text={text} most={800} /></li>)}</ul>}
    {notes.length > 0 && <ul class="notes">{notes.slice(0, 20).map((text, i) => <li key={i}><Foreign text={text} most={800} /></li>)}</ul>}
    {failures.length > 0 && <details><summary>{failures.length === 1 ? 'one kind of task was' : `${failures.length} kinds of tasks were`} ended by exceptions</summary>
      <ul class="failures">{failures.slice(0, 16).map((each, i) => <li key={i}><span class="num">{thousands(each.count ?? 1)} ×</span> <b><Foreign text={each.type} /></b> <Foreign text={each.message} most={400} /> <span class="quiet">{age(each.secondsAgo)} ago</span>
        <br /><FrameLine frame={each.frame} /> {each.spawnedAt && <span class="quiet">spawned at <FrameLine frame={each.spawnedAt} /></span>}</li>)}</ul></details>}
  </section>;
}

function Save({pid}: {pid: number}) {
  const [state, set] = useState<{busy: boolean; error: ApiError | null}>({busy: false, error: null});
  const save = async () => {
    set({busy: true, error: null});
    try {
      const response = await ask(`${processPath(pid)}/recording`);
      const said = /filename="?([^";]+)"?/.exec(response.headers.get('Content-Disposition') ?? '')?.[1];
      const link = document.createElement('a');
      link.href = URL.createObjectURL(await response.blob());
      link.download = said ?? `tasks-${pid}.tasks`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      set({busy: false, error: null});
    } catch (error) {
      set({busy: false, error: error instanceof ApiError ? error : new ApiError(0, '', '', String(error), '')});
    }
  };
  return <><button type="button" data-key="s" onClick={save} disabled={state.busy} title="a recording of this moment: every view can be asked of it with --from FILE (s)">{state.busy ? 'saving …' : 'save'}</button>
    {state.error && <span class="bad" role="alert"> not saved: {shown(state.error.message)}</span>}</>;
}

export function ProcessPage({pid}: {pid: number}) {
  const {view, options} = useRoute();
  const seen = useLive(pid);
  const {live, ended, error} = seen;
  const vitals = useAnswer<VitalsView>(ended ? null : `${processPath(pid)}/vitals`, 10_000);
  const kept = useRef<VitalsView | null>(null);
  if (vitals.value) kept.current = vitals.value;
  const now = useNow();
  const name = live?.name ?? '';
  useEffect(() => { document.title = name ? `${shown(name, 60)} ${pid} — tasks` : `${pid} — tasks`; }, [name, pid]);

  useKeys(event => {
    if (/^[1-9]$/.test(event.key)) { go(href({pid, view: views[Number(event.key) - 1][0]})); return true; }
    if (event.key === 'Escape') { go(href({})); return true; }
    return false;
  });

  const to = live && ended ? live.atMs : now;
  const points = seen.points;
  const since = live ? points.findLast(point => point.atMs <= live.atMs - 4000) ?? points[0] : undefined;
  const page = () => {
    switch (view) {
      case 'flame': return <FlamePage pid={pid} tasks={live?.tasks ?? null} />;
      case 'tree': return <TreePage pid={pid} />;
      case 'channels': return <ChannelsPage pid={pid} />;
      case 'waits': return <WaitsPage pid={pid} />;
      case 'leaks': return <LeaksPage pid={pid} />;
      case 'threads': return <ThreadsPage pid={pid} />;
      case 'memory': return <MemoryPage pid={pid} />;
      case 'operations': return <OperationsPage pid={pid} />;
      case 'task': return <TaskPage pid={pid} />;
      default: return <><Hour points={points} from={to - hour} to={to} /><GroupsPage pid={pid} seen={seen} /></>;
    }
  };
  return <main>
    {createPortal('crumbs', <><span class="quiet">›</span> <b><Foreign text={name} most={60} /></b> <span class="num">{pid}</span> {live?.uptimeSeconds !== undefined && <span class="quiet">up <time title={`since ${clock(live.atMs - live.uptimeSeconds * 1000)}`}>{age(live.uptimeSeconds)}</time></span>}</>)}
    {ended && <div class="banner wrong" role="alert"><b>{shown(ended.message)}</b>{live && <>; what is shown is of <time title={clock(live.atMs)}>{age((now - live.atMs) / 1000)} ago</time>, the last that was seen.</>} <a href="#/">other processes</a></div>}
    {error && !ended && <Trouble error={error} kept={!!live} />}
    {(live || !error) && <div class={ended ? 'stale' : ''}><Facts live={live} seconds={seen.seconds} before={since} /></div>}
    {live?.note && <p class="note"><Foreign text={live.note} most={600} /></p>}
    {kept.current && <Findings vitals={kept.current} />}
    <nav class="tabs" aria-label="views">
      {views.map(([key, title, hint], i) => (key !== 'task' || view === 'task') && <a key={key} href={href({pid, view: key, options: key === 'task' ? {task: options.task} : {}})} aria-current={view === key ? 'page' : undefined} title={`${hint}${i < 9 ? ` (${i + 1})` : ''}`}>{title}</a>)}
      <span class="fill" />
      <form class="jump" onSubmit={event => { event.preventDefault(); const id = new FormData(event.currentTarget).get('task'); if (id && /^\d+$/.test(String(id))) go(href({pid, view: 'task', options: {task: String(id)}})); }}>
        <input name="task" inputMode="numeric" pattern="[0-9]+" placeholder="task …" aria-label="task: its number" title="why does this task wait?" /></form>
      <Save pid={pid} />
    </nav>
    {(live || !error) && page()}
  </main>;
}
