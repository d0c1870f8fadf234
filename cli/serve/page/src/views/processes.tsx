// Every process of this host whose tasks can be looked at, with the last hour of each.
import {useEffect, useRef, useState} from 'preact/hooks';
import {createPortal} from '../portal';
import {ApiError, follow, get, replayed} from '../api';
import {age, clock, count, shown, thousands, words} from '../format';
import {useNow, useSeenPage} from '../hooks';
import {Filter} from '../parts/filter';
import {matches} from '../parts/words';
import {Foreign, Trouble} from '../parts/basics';
import {Spark} from '../parts/charts';
import {Table, type Column} from '../parts/table';
import {go, href, setOptions, useRoute} from '../route';
import type {HistoryView, ListView, Process} from '../types';

export const hour = 3600_000;
type Row = Process & {ended?: boolean; points: [number, number][]; lastAt?: number};

/** The last hour, as the server has it, and what was seen since. */
class Hours {
  gap = 35_000;
  of = new Map<number, {name: string; ended: boolean; points: [number, number][]}>();
  fill(history: HistoryView) {
    this.gap = Math.max(3500, (history.intervalSeconds ?? 10) * 3500);
    for (const its of history.processes ?? []) {
      const old = (its.points ?? []).map(point => [point.atMs, point.tasks ?? 0] as [number, number]);
      const last = old.length ? old[old.length - 1][0] : 0;
      const newer = (this.of.get(its.pid)?.points ?? []).filter(([at]) => at > last);
      this.of.set(its.pid, {name: its.name, ended: !!its.ended, points: [...old, ...newer]});
    }
  }
  add(list: ListView, now: number) {
    const live = new Set<number>();
    for (const process of list.processes ?? []) {
      live.add(process.pid);
      let its = this.of.get(process.pid);
      if (!its) this.of.set(process.pid, (its = {name: process.name, ended: false, points: []}));
      its.ended = false;
      if (process.tasks !== null && process.tasks !== undefined) its.points.push([now, process.tasks]);
      while (its.points.length && its.points[0][0] < now - hour) its.points.shift();
    }
    for (const [pid, its] of this.of) if (!live.has(pid)) its.ended = true;
  }
}

export function ProcessesPage() {
  const {options, replay} = useRoute();
  const [told, setTold] = useState<string[]>([]);
  const [list, setList] = useState<{value: ListView; at: number} | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const hours = useRef(new Hours());
  const [, again] = useState(0);
  const now = useNow(2000);
  const looked = useSeenPage();

  useEffect(() => {
    document.title = 'tasks';
    if (!looked) return;
    const abort = new AbortController();
    const heard = (value: ListView, at: number) => {
      hours.current.add(value, at);
      setList({value, at});
      setError(null);
    };
    get<ListView>('/api/v1/processes', abort.signal).then(
      ({value, takenAt, notes}) => {
        heard(value, takenAt);
        setTold(notes);
      },
      failed => {
        if (!abort.signal.aborted) setError(failed);
      },
    );
    if (replayed.id !== null) return () => abort.abort();
    const history = () =>
      get<HistoryView>('/api/v1/history', abort.signal).then(
        ({value}) => {
          hours.current.fill(value);
          again(n => n + 1);
        },
        () => {
          /* lines begin now then */
        },
      );
    void history();
    const timer = setInterval(history, 300_000);
    const stop = follow(
      '/api/v1/events',
      (name, data) => {
        if (name === 'processes') heard(data as ListView, Date.now());
      },
      failed => {
        setError(failed);
        return failed.status !== 401;
      },
    );
    return () => {
      abort.abort();
      clearInterval(timer);
      stop();
    };
  }, [looked]);

  const live = list?.value.processes ?? [];
  const rows: Row[] = live.map(process => ({...process, points: hours.current.of.get(process.pid)?.points ?? []}));
  // Of those that have ended the last ten that had lived for a minute; a host that builds or tests has hundreds.
  let endedLeft = 0;
  if (list) {
    const ended: (Row & {lastAt: number})[] = [];
    for (const [pid, {name, ended: is, points}] of hours.current.of)
      if (is && points.length) ended.push({pid, name, ended: true, points, lastAt: points[points.length - 1][0]});
    ended.sort((a, b) => b.lastAt - a.lastAt);
    const told =
      options.ended === 'all' ? ended : ended.filter(row => row.lastAt - row.points[0][0] >= 60_000).slice(0, 10);
    rows.push(...told);
    endedLeft = ended.length - told.length;
  }
  const filtered = rows.filter(row =>
    matches(
      options.filter,
      `${row.pid} ${row.name} ${(row.arguments ?? []).join(' ')} ${row.directory ?? ''} ${(row.findings ?? []).join(' ')}`,
    ),
  );
  const wrong = live.filter(process => process.findings?.length).length;

  const all: Column<Row>[] = [
    {
      key: 'pid',
      title: 'PID',
      width: '5.5rem',
      right: true,
      value: row => -row.pid,
      cell: row => (
        <a href={href({pid: row.pid})} class="num">
          {row.pid}
        </a>
      ),
    },
    {
      key: 'name',
      title: 'program',
      width: 'minmax(9rem, 2fr)',
      value: row => row.name.toLowerCase(),
      cell: row => (
        <>
          {row.findings?.length ? (
            <b class="bad" title="something is wrong">
              !{' '}
            </b>
          ) : null}
          <b>
            <Foreign text={row.name} most={80} />
          </b>{' '}
          <span class="quiet">
            <Foreign text={(row.arguments ?? []).join(' ')} most={160} />
          </span>
        </>
      ),
    },
    {
      key: 'tasks',
      title: 'tasks',
      width: '6rem',
      right: true,
      value: row => row.tasks ?? -1,
      cell: row =>
        row.ended ? (
          <span class="num" title="when it was last seen">
            {thousands(row.points[row.points.length - 1][1])}
          </span>
        ) : (
          <span class="num">{row.tasks === null || row.tasks === undefined ? '-' : thousands(row.tasks)}</span>
        ),
    },
    {
      key: 'hour',
      title: 'last hour',
      width: '126px',
      phone: 'none',
      cell: row => (
        <Spark points={row.points} from={now - hour} to={now} gap={hours.current.gap} words={sparkWords(row)} />
      ),
    },
    {
      key: 'blocked',
      title: 'blocked',
      width: '6rem',
      right: true,
      phone: 'none',
      value: row => row.blocked ?? -1,
      cell: row => (
        <span class="num">{row.blocked === null || row.blocked === undefined ? '-' : thousands(row.blocked)}</span>
      ),
    },
    {
      key: 'threads',
      title: 'threads',
      width: '4.8rem',
      right: true,
      phone: 'none',
      value: row => row.osThreads ?? -1,
      cell: row => <span class="num">{row.osThreads ?? '-'}</span>,
    },
    {
      key: 'uptime',
      title: 'uptime',
      width: '5rem',
      right: true,
      value: row => row.uptimeSeconds ?? -1,
      cell: row =>
        row.ended ? (
          <time class="num quiet" title={row.lastAt ? `last seen ${clock(row.lastAt)}` : ''}>
            ended
          </time>
        ) : (
          <time
            class="num"
            title={
              !replay && list && row.uptimeSeconds !== undefined
                ? `since ${clock(list.at - row.uptimeSeconds * 1000)}`
                : undefined
            }
          >
            {age(row.uptimeSeconds)}
          </time>
        ),
    },
    {
      key: 'findings',
      title: 'findings',
      width: 'minmax(8rem, 3fr)',
      phone: 'below',
      value: row => -(row.findings?.length ?? 0),
      cell: row => <State row={row} now={now} />,
    },
  ];

  const columns = all.filter(column => !replay || column.key !== 'hour');

  return (
    <main>
      {createPortal(
        'crumbs',
        <span class="quiet">
          {list ? `${count(live.length, 'process', 'processes')}${wrong ? `, ${wrong} with findings` : ''}` : ''}
        </span>,
      )}
      {error && <Trouble error={error} kept={!!list} />}
      {replay && told.length > 0 && (
        <p class="quiet told">
          <Foreign text={told.join('; ')} most={600} />
        </p>
      )}
      <div class="tools">
        <Filter placeholder="filter: name, PID, argument" />
        {endedLeft > 0 && (
          <button type="button" onClick={() => setOptions({ended: 'all'}, false)}>
            and {endedLeft} more that have ended
          </button>
        )}
        {options.ended === 'all' && (
          <button type="button" onClick={() => setOptions({ended: undefined}, false)}>
            fewer that have ended
          </button>
        )}
        {filtered.length !== rows.length && (
          <span class="quiet">
            {filtered.length} of {rows.length}
          </span>
        )}
      </div>
      {(list || !error) && (
        <Table
          label="processes"
          columns={columns}
          rows={filtered}
          id={row => String(row.pid)}
          sort={options.sort}
          onSort={sort => setOptions({sort})}
          chosen={options.row}
          onChoose={row => setOptions({row})}
          onOpen={row => go(href({pid: row.pid}))}
          mark={row => (row.findings?.length ? 'wrong' : row.ended ? 'gone' : undefined)}
          empty={
            !list ? (
              <p class="quiet">reading …</p>
            ) : rows.length ? (
              <p>
                No process has that.{' '}
                <button type="button" onClick={() => setOptions({filter: undefined})}>
                  show all
                </button>
              </p>
            ) : (
              <None />
            )
          }
        />
      )}
    </main>
  );
}

function sparkWords(row: Row): string {
  if (!row.points.length) return 'no tasks were counted in the last hour';
  let least = Infinity,
    most = 0;
  for (const [, value] of row.points) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return `${thousands(least)} to ${thousands(most)} tasks in the last hour, ${thousands(row.points[row.points.length - 1][1])} at last`;
}

function State({row, now}: {row: Row; now: number}) {
  if (row.ended)
    return (
      <span class="quiet">
        ended
        {row.lastAt ? (
          <>
            , last seen <time title={clock(row.lastAt)}>{age((now - row.lastAt) / 1000)} ago</time>
          </>
        ) : (
          ''
        )}
      </span>
    );
  const findings = row.findings ?? [];
  if (findings.length)
    return (
      <span class="bad" title={findings.map(text => shown(text, 600)).join('\n')}>
        <Foreign text={findings[0]} most={200} />
        {findings.length > 1 ? ` (and ${findings.length - 1} more)` : ''}
      </span>
    );
  const aside = [
    row.stopped,
    row.agent !== 'ANSWERED' && row.reason !== row.stopped ? row.reason || words(row.agent) : '',
  ]
    .filter(Boolean)
    .join('; ');
  return (
    <span class="quiet">
      <Foreign text={aside || row.directory} most={200} />
    </span>
  );
}

const None = () => (
  <>
    <p>
      <b>No process whose tasks can be looked at.</b>
    </p>
    <ul>
      <li>
        One of its own says what its tasks do once <code>tasks::asio</code> is linked to it: README.md, Quick start.
      </li>
      <li>
        Without that: <code>tasks stack -p PID --no-hook</code> finds tasks by symbols and debug information.
      </li>
      <li>
        Those of other users are listed where <code>tasks serve</code> runs as root.
      </li>
    </ul>
    <p class="quiet">This list is live: a process that begins appears here.</p>
  </>
);
