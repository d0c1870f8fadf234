// Who spawned whom. Children that read alike are one line, until it is opened; only lines that are seen are in the document.
import {useEffect, useMemo, useRef, useState} from 'preact/hooks';
import {processPath} from '../api';
import {age, clock, count, thousands} from '../format';
import {useKeys, usePhone} from '../hooks';
import {Ago, Dot, Notes, Trouble} from '../parts/basics';
import {Filter} from '../parts/filter';
import {matches} from '../parts/words';
import {Space, useSeen} from '../parts/table';
import {go, href, setOptions, useRoute} from '../route';
import {useStream} from '../stream';
import {childrenOf, linesOf, type Line} from '../tree_lines';
import type {TreeColumns} from '../worker';

export function TreePage({pid}: {pid: number}) {
  const {options, replay} = useRoute();
  const stream = useStream(`${processPath(pid)}/stack?no-native`, 'tree');
  const report = stream.report?.kind === 'tree' ? stream.report : null;
  const columns = report?.columns ?? null;
  const children = useMemo(() => (columns ? childrenOf(columns) : null), [columns]);
  const [open, setOpen] = useState<Set<string> | null>(null);
  const phone = usePhone();
  const height = phone ? 40 : 23;

  useEffect(() => {
    // Of few tasks everything is open, of many the first floor.
    if (!columns || !children || open) return;
    const first = new Set<string>();
    const n = columns.ids.length;
    if (n <= 2000)
      for (let i = 0; i < n; ++i) if (children.from[i] !== children.from[i + 1]) first.add(String(columns.ids[i]));
    // This is done after the paint: who has opened something by then keeps it.
    setOpen(old => old ?? first);
  }, [columns, children, open]);

  const pass = useMemo(() => {
    const filter = options.filter?.trim();
    if (!filter || !columns) return null;
    const text = (...numbers: number[]) => numbers.map(i => columns.strings[i].replace('\u0000', ' ')).join(' ');
    const seen = new Map<string, boolean>();
    const marks = new Uint8Array(columns.ids.length);
    const id = /^#?(\d+)$/.exec(filter);
    for (let i = 0; i < marks.length; ++i) {
      let yes: boolean;
      if (id) yes = columns.ids[i] === Number(id[1]);
      else {
        const key = `${columns.labels[i]},${columns.inner[i]},${columns.whats[i]},${columns.details[i]}`;
        const known = seen.get(key);
        yes = known ?? matches(filter, text(columns.labels[i], columns.inner[i], columns.whats[i], columns.details[i]));
        if (known === undefined) seen.set(key, yes);
      }
      if (yes)
        for (let above = i; above >= 0 && marks[above] !== 2; above = columns.parents[above]) {
          if (marks[above] === 1 && above !== i) break;
          marks[above] = 1;
        }
    }
    return marks;
  }, [columns, options.filter]);

  const lines = useMemo(
    () => (columns && children && open ? linesOf(columns, children, open, pass) : []),
    [columns, children, open, pass],
  );
  const body = useRef<HTMLDivElement>(null);
  const [first, last] = useSeen(body, lines.length, height);
  const at = lines.findIndex(line => line.key === options.at);
  const toggle = (line: Line, to = !line.open) =>
    setOpen(old => {
      const next = new Set(old);
      if (to) next.add(line.key);
      else next.delete(line.key);
      return next;
    });
  const choose = (place: number) => {
    const to = Math.max(0, Math.min(lines.length - 1, place));
    if (!lines[to]) return;
    setOptions({at: lines[to].key});
    const top = body.current!.getBoundingClientRect().top + to * height;
    if (top < 110) scrollBy(0, top - 110);
    else if (top + height > innerHeight - 30) scrollBy(0, top + height - innerHeight + 30);
  };
  useKeys(event => {
    if (!lines.length) return false;
    const line = lines[at];
    const page = Math.max(1, Math.floor((innerHeight - 160) / height));
    const moves: Record<string, number> = {
      ArrowDown: at + 1,
      j: at + 1,
      ArrowUp: at - 1,
      k: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: lines.length - 1,
    };
    if (event.key in moves) {
      choose(moves[event.key]);
      return true;
    }
    if (!line) return false;
    if (event.key === 'ArrowRight') {
      if (line.hasChildren && !line.open) toggle(line, true);
      else if (line.open) choose(at + 1);
      return true;
    }
    if (event.key === 'ArrowLeft') {
      if (line.open && pass === null) toggle(line, false);
      else
        for (let up = at - 1; up >= 0; --up)
          if (lines[up].depth < line.depth) {
            choose(up);
            break;
          }
      return true;
    }
    if (event.key === 'Enter' && !/^(A|BUTTON)$/.test(document.activeElement?.tagName ?? '')) {
      if (line.crowd) toggle(line);
      else go(href({pid, view: 'task', options: {task: columns!.ids[line.task]}}));
      return true;
    }
    if (event.key === 'Escape') {
      setOptions({at: undefined});
      return true;
    }
    return false;
  });

  const openAll = (yes: boolean) => {
    if (!columns || !children) return;
    const all = new Set<string>();
    if (yes)
      for (let i = 0; i < columns.ids.length; ++i)
        if (children.from[i] !== children.from[i + 1]) all.add(String(columns.ids[i]));
    setOpen(all);
  };
  const total = columns?.ids.length ?? 0;
  return (
    <>
      <div class="look">
        <span class="quiet" aria-live="polite">
          {report ? (
            <>
              {count(total, 'task')}
              {report.complete ? '' : ', not all'}
              {replay ? (
                ', as it was recorded'
              ) : (
                <>
                  , looked <Ago at={report.takenAt} />
                </>
              )}
            </>
          ) : stream.busy ? (
            `reading … ${stream.tasks ? count(stream.tasks, 'task') : ''}`
          ) : (
            ''
          )}
        </span>
        {!replay && (
          <button type="button" data-key="r" onClick={stream.again} disabled={stream.busy} title="look again (r)">
            {stream.busy ? 'looking …' : 'look again'}
          </button>
        )}
        <Filter placeholder="filter: function, place, wait, number" />
        {pass === null && (
          <>
            <button type="button" onClick={() => openAll(true)}>
              open all
            </button>
            <button type="button" onClick={() => openAll(false)}>
              close all
            </button>
          </>
        )}
        {columns && <span class="quiet">{count(lines.length, 'line')}</span>}
      </div>
      {stream.error && <Trouble error={stream.error} kept={!!report} />}
      {columns && total === 0 && <p class="empty">This process has no tasks now.</p>}
      {columns && total > 0 && lines.length === 0 && open && (
        <p class="empty">
          No task has that.{' '}
          <button type="button" onClick={() => setOptions({filter: undefined})}>
            show all
          </button>
        </p>
      )}
      <div
        class="tree"
        role="tree"
        aria-label="tasks by who spawned them"
        tabIndex={0}
        aria-activedescendant={at >= first && at < last ? 'chosen' : undefined}
        ref={body}
      >
        <Space height={first * height} />
        {columns &&
          report &&
          lines
            .slice(first, last)
            .map(line => (
              <TreeLine
                key={line.key + (line.crowd ? 'c' : '')}
                line={line}
                columns={columns}
                takenAt={report.takenAt}
                pid={pid}
                height={height}
                chosen={line.key === options.at}
                toggle={() => toggle(line)}
                choose={() => setOptions({at: line.key})}
              />
            ))}
        <Space height={Math.max(0, lines.length - last) * height} />
      </div>
      {lines.length >= 200_000 && (
        <p class="quiet">More than {thousands(200_000)} lines: the rest is not listed. A filter finds it.</p>
      )}
      <Notes notes={report?.notes} />
    </>
  );
}

function TreeLine({
  line,
  columns,
  takenAt,
  pid,
  height,
  chosen,
  toggle,
  choose,
}: {
  line: Line;
  columns: TreeColumns;
  takenAt: number;
  pid: number;
  height: number;
  chosen: boolean;
  toggle: () => void;
  choose: () => void;
}) {
  const i = line.task;
  const [label, place] = columns.strings[columns.labels[i]].split('\u0000');
  const [inner, innerPlace] = columns.strings[columns.inner[i]].split('\u0000');
  const what = columns.strings[columns.whats[i]];
  const members = line.crowd ?? [i];
  let oldest = -1;
  for (const member of members) oldest = Math.max(oldest, columns.ages[member]);
  return (
    <div
      role="treeitem"
      aria-level={line.depth + 1}
      aria-expanded={line.hasChildren ? line.open : undefined}
      aria-selected={chosen}
      class={`node ${chosen ? 'chosen' : ''}`}
      id={chosen ? 'chosen' : undefined}
      onClick={event => {
        if (!(event.target as HTMLElement).closest('a,button')) choose();
      }}
      ref={element => {
        if (element) {
          element.style.height = `${height}px`;
          element.style.paddingLeft = `${Math.min(line.depth, 40) * 16 + 4}px`;
        }
      }}
    >
      <span class="first">
        {line.hasChildren ? (
          <button type="button" class="twist" tabIndex={-1} aria-label={line.open ? 'close' : 'open'} onClick={toggle}>
            {line.open ? '▾' : '▸'}
          </button>
        ) : (
          <span class="twist" />
        )}
        {line.crowd ? (
          <b class="num">{thousands(line.crowd.length)} ×</b>
        ) : (
          <a href={href({pid, view: 'task', options: {task: columns.ids[i]}})} class="num" title="what it waits for">
            {columns.ids[i]}
          </a>
        )}{' '}
        <bdi class="foreign">{label}</bdi> <bdi class="place foreign">{place}</bdi>
        {inner && (
          <>
            {' '}
            <span class="quiet">›</span> <bdi class="foreign">{inner}</bdi>{' '}
            <bdi class="place foreign">{innerPlace}</bdi>
          </>
        )}
      </span>{' '}
      <span class="state">
        <Dot what={what} />
        <bdi class="foreign">{what}</bdi>
        {oldest >= 0 && (
          <>
            ,{' '}
            <time class="num" title={`since ${clock(takenAt - oldest * 1000)}`}>
              {line.crowd ? 'oldest ' : ''}
              {age(oldest)}
            </time>
          </>
        )}
        {!line.crowd && columns.details[i] ? (
          <span class="quiet">
            , <bdi class="foreign">{columns.strings[columns.details[i]]}</bdi>
          </span>
        ) : null}
        {columns.awaited[i] ? <span class="quiet"> awaited</span> : null}
      </span>
    </div>
  );
}
