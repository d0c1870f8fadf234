// One process: what it is, its numbers, what is wrong with it, and the view that was chosen.
import {useEffect, useRef, useState} from 'preact/hooks';
import {ApiError, follow, get, processPath, replayed, withQuery} from '../api';
import {age, clock, shown} from '../format';
import {useAnswer, useKeys, useNow, useSeenPage} from '../hooks';
import {Foreign, Trouble} from '../parts/basics';
import {Save} from '../parts/save';
import {createPortal} from '../portal';
import {momentIn, recordedLive, type Moment} from '../replay';
import {go, href, useRoute} from '../route';
import type {HistoryView, LiveView, Point, StackView, VitalsView} from '../types';
import {ChannelsPage} from './channels';
import {Findings} from './findings';
import {FlamePage} from './flame';
import {GroupsPage} from './groups';
import {LeaksPage} from './leaks';
import {MemoryPage} from './memory';
import {OperationsPage} from './operations';
import {TaskPage} from './task';
import {ThreadsPage} from './threads';
import {Facts, Hour} from './totals';
import {TreePage} from './tree';
import {WaitsPage} from './waits';

const hour = 3600_000;
const views: [string, string, string][] = [
  ['groups', 'groups', 'tasks of one stack together, live'],
  ['flame', 'flame', 'chains of awaits, as wide as tasks'],
  ['tree', 'tree', 'who spawned whom'],
  ['channels', 'channels', 'queues, and who waits at them'],
  ['waits', 'waits', 'who waits for whom'],
  ['leaks', 'leaks', 'what will never wake'],
  ['threads', 'threads', 'OS threads and what they run'],
  ['memory', 'memory', 'which coroutines own the memory'],
  ['operations', 'operations', 'what pends without a task'],
  ['task', 'task', 'what one task waits for'],
];

export interface Seen {
  live: LiveView | null;
  seconds: number;
  at: number;
  ended: ApiError | null;
  error: ApiError | null;
}

/** The process as it was recorded, or nothing where it lives. */
function useRecorded(pid: number): {seen: Seen; moment: Moment | null; vitals: VitalsView | null} | null {
  const {replay} = useRoute();
  const [state, set] = useState<{seen: Seen; moment: Moment | null; vitals: VitalsView | null}>({
    seen: {live: null, seconds: 0, at: 0, ended: null, error: null},
    moment: null,
    vitals: null,
  });
  useEffect(() => {
    if (!replay) return;
    const abort = new AbortController();
    Promise.all([
      get<VitalsView>(`${processPath(pid)}/vitals`, abort.signal),
      get<StackView>(withQuery(`${processPath(pid)}/stack`, {group: true, 'no-native': true}), abort.signal),
    ]).then(
      ([vitals, stack]) => {
        const moment = momentIn(vitals.notes);
        const live = recordedLive(moment?.name ?? '', vitals.value, stack.value);
        set({seen: {live, seconds: 0, at: 0, ended: null, error: null}, moment, vitals: vitals.value});
      },
      error => {
        if (!abort.signal.aborted) set(old => ({...old, seen: {...old.seen, error}}));
      },
    );
    return () => abort.abort();
  }, [pid, replay]);
  return replay ? state : null;
}

/** The process as its events tell it, and the last hour. */
function useLive(pid: number): Seen & {points: Point[]} {
  const [seen, set] = useState<Seen>({live: null, seconds: 0, at: 0, ended: null, error: null});
  const [points, setPoints] = useState<Point[]>([]);
  const last = useRef<LiveView | null>(null);
  const looked = useSeenPage();
  useEffect(() => {
    if (!looked || replayed.id !== null) return;
    const abort = new AbortController();
    // The server may leave out others; it need not.
    get<HistoryView>(`/api/v1/history?pid=${pid}`, abort.signal).then(
      ({value}) => {
        const its = (value.processes ?? []).filter(each => each.pid === pid).flatMap(each => each.points ?? []);
        setPoints(newer => {
          const to = its.length ? its[its.length - 1].atMs : 0;
          return [...its, ...newer.filter(point => point.atMs > to)];
        });
      },
      () => {
        /* it begins now then */
      },
    );
    const stop = follow(
      `${processPath(pid)}/events`,
      (name, data) => {
        if (name === 'live') {
          const live = data as LiveView;
          const before = last.current;
          last.current = live;
          set({live, seconds: before ? (live.atMs - before.atMs) / 1000 : 0, at: Date.now(), ended: null, error: null});
          const {groups: _, ...point} = live;
          setPoints(old => {
            const from = live.atMs - hour;
            let i = 0;
            while (i < old.length && old[i].atMs < from) ++i;
            return [...old.slice(i), point];
          });
        } else if (name === 'ended') {
          const {error} = data as {error?: Record<string, string>};
          set(old => ({
            ...old,
            ended: new ApiError(
              404,
              error?.code ?? '',
              error?.subject ?? `pid ${pid}`,
              error?.fact ?? 'it has ended',
              error?.nextStep ?? '',
            ),
          }));
          stop();
        }
      },
      error => {
        set(old => (error.status === 404 && old.live ? {...old, ended: error} : {...old, error}));
        return error.status !== 401 && error.status !== 404;
      },
    );
    return () => {
      abort.abort();
      stop();
    };
  }, [pid, looked]);
  return {...seen, points};
}

export function ProcessPage({pid}: {pid: number}) {
  const {replay, view, options} = useRoute();
  const living = useLive(pid);
  const recorded = useRecorded(pid);
  const seen = recorded ? recorded.seen : living;
  const {live, ended, error} = seen;
  const vitals = useAnswer<VitalsView>(ended || replay ? null : `${processPath(pid)}/vitals`, 10_000);
  const kept = useRef<VitalsView | null>(null);
  if (vitals.value) kept.current = vitals.value;
  if (recorded?.vitals) kept.current = recorded.vitals;
  const moment = recorded?.moment ?? null;
  const showMoment = (number: number) => {
    if (replay && moment && number >= 1 && number <= moment.of)
      go(href({replay: `${replay.split('@')[0]}@${number}`, pid, view, options}));
  };
  const now = useNow();
  const name = live?.name ?? '';
  useEffect(() => {
    document.title = name ? `${shown(name, 60)} ${pid} — tasks` : `${pid} — tasks`;
  }, [name, pid]);

  useKeys(event => {
    if (/^[1-9]$/.test(event.key)) {
      go(href({pid, view: views[Number(event.key) - 1][0]}));
      return true;
    }
    if (event.key === 'Escape') {
      go(href({}));
      return true;
    }
    if (moment && (event.key === '<' || event.key === '>')) {
      showMoment(moment.number + (event.key === '<' ? -1 : 1));
      return true;
    }
    return false;
  });

  const to = live && ended ? live.atMs : now;
  const points = living.points;
  const since = live ? (points.findLast(point => point.atMs <= live.atMs - 4000) ?? points[0]) : undefined;
  const page = () => {
    switch (view) {
      case 'flame':
        return <FlamePage pid={pid} tasks={live?.tasks ?? null} />;
      case 'tree':
        return <TreePage pid={pid} />;
      case 'channels':
        return <ChannelsPage pid={pid} />;
      case 'waits':
        return <WaitsPage pid={pid} />;
      case 'leaks':
        return <LeaksPage pid={pid} />;
      case 'threads':
        return <ThreadsPage pid={pid} />;
      case 'memory':
        return <MemoryPage pid={pid} />;
      case 'operations':
        return <OperationsPage pid={pid} />;
      case 'task':
        return <TaskPage pid={pid} />;
      default:
        return (
          <>
            {!replay && <Hour points={points} from={to - hour} to={to} />}
            <GroupsPage pid={pid} seen={seen} />
          </>
        );
    }
  };
  return (
    <main>
      {createPortal(
        'crumbs',
        <>
          <span class="quiet">›</span>{' '}
          <b>
            <Foreign text={name} most={60} />
          </b>{' '}
          <span class="num">{pid}</span>{' '}
          {live?.uptimeSeconds !== undefined && (
            <span class="quiet">
              up{' '}
              <time title={replay ? undefined : `since ${clock(live.atMs - live.uptimeSeconds * 1000)}`}>
                {age(live.uptimeSeconds)}
              </time>
            </span>
          )}
        </>,
      )}
      {moment && (
        <p class="look moment">
          <span>
            recorded at {moment.at}, snapshot {moment.number} of {moment.of}
          </span>
          <button type="button" disabled={moment.number <= 1} onClick={() => showMoment(moment.number - 1)} title="(<)">
            before
          </button>
          <button
            type="button"
            disabled={moment.number >= moment.of}
            onClick={() => showMoment(moment.number + 1)}
            title="(>)"
          >
            after
          </button>
        </p>
      )}
      {ended && (
        <div class="banner wrong" role="alert">
          <b>{shown(ended.message)}</b>
          {live && (
            <>
              ; what is shown is of <time title={clock(live.atMs)}>{age((now - live.atMs) / 1000)} ago</time>, the last
              that was seen.
            </>
          )}{' '}
          <a href="#/">other processes</a>
        </div>
      )}
      {error && !ended && <Trouble error={error} kept={!!live} />}
      {(live || !error) && (
        <div class={ended ? 'stale' : ''}>
          <Facts live={live} seconds={seen.seconds} before={since} />
        </div>
      )}
      {(live?.note || live?.reason) && (
        <p class="note">
          <Foreign text={[live.reason, live.note].filter(Boolean).join('; ')} most={600} />
        </p>
      )}
      {kept.current && <Findings pid={pid} vitals={kept.current} />}
      <nav class="tabs" aria-label="views">
        {views.map(
          ([key, title, hint], i) =>
            (key !== 'task' || view === 'task') && (
              <a
                key={key}
                href={href({pid, view: key, options: key === 'task' ? {task: options.task} : {}})}
                aria-current={view === key ? 'page' : undefined}
                title={`${hint}${i < 9 ? ` (${i + 1})` : ''}`}
              >
                {title}
              </a>
            ),
        )}
        <span class="fill" />
        <form
          class="jump"
          onSubmit={event => {
            event.preventDefault();
            const id = new FormData(event.currentTarget).get('task');
            if (id && /^\d+$/.test(String(id))) go(href({pid, view: 'task', options: {task: String(id)}}));
          }}
        >
          <input
            name="task"
            inputMode="numeric"
            pattern="[0-9]+"
            placeholder="task …"
            aria-label="task: its number"
            title="why does this task wait?"
          />
        </form>
        {!replay && <Save pid={pid} />}
      </nav>
      {(live || !error) && page()}
    </main>
  );
}
