// Tasks of one stack that wait for the same, together: live, sorted, filtered; of the chosen one its stacks.
import {useMemo} from 'preact/hooks';
import {processPath, withQuery} from '../api';
import {age, count, literally, option, shown, thousands, words} from '../format';
import {useAnswer} from '../hooks';
import {Age, Dot, Foreign, FrameLine, Frames, Look, Notes, TaskLinks, Trouble} from '../parts/basics';
import {Filter} from '../parts/filter';
import {matches} from '../parts/words';
import {Table, type Column} from '../parts/table';
import {waitDetails, waitWords} from '../parts/waits';
import {href, setOptions, useRoute} from '../route';
import type {LiveGroup, StackView} from '../types';
import type {Seen} from './process';

/** A short name for a group, that is in the URL. */
export function keyOf(group: {what: string; function: string; place?: string}): string {
  let hash = 0x811c9dc5;
  for (const c of `${group.what}\u0000${group.function}\u0000${group.place ?? ''}`)
    hash = Math.imul(hash ^ c.codePointAt(0)!, 0x01000193) >>> 0;
  return hash.toString(36);
}

export function seconds(text: string): number {
  let total = 0;
  for (const [, number, unit] of text.matchAll(/([\d.]+)(ms|[smhd]?)/g))
    total += Number(number) * ({ms: 0.001, s: 1, m: 60, h: 3600, d: 86400}[unit || 's'] ?? 1);
  return total;
}

function passes(filter: string | undefined, group: LiveGroup): boolean {
  if (!filter) return true;
  const rest: string[] = [];
  for (const word of filter.split(/\s+/)) {
    const [, name, value] = /^(kind|state|older):(.*)$/i.exec(word) ?? [];
    if (!name) rest.push(word);
    else if (!value) continue;
    else if (name === 'older') {
      if (!((group.oldestSeconds ?? -1) >= seconds(value))) return false;
    } else if (!words(name === 'kind' ? group.kind || group.what : group.state).includes(words(value))) return false;
  }
  return matches(rest.join(' '), `${group.what} ${group.function} ${group.place ?? ''}`);
}

type Row = LiveGroup & {key: string};

export function GroupsPage({pid, seen}: {pid: number; seen: Seen}) {
  const {options} = useRoute();
  const {live} = seen;
  const all = useMemo(() => {
    const rows = new Map<string, Row>();
    for (const group of live?.groups ?? []) {
      const key = keyOf(group);
      const had = rows.get(key);
      if (had)
        rows.set(key, {
          ...had,
          count: had.count + group.count,
          oldestSeconds: Math.max(had.oldestSeconds ?? 0, group.oldestSeconds ?? 0),
          resumed: (had.resumed ?? 0) + (group.resumed ?? 0),
        });
      else rows.set(key, {...group, key});
    }
    return [...rows.values()];
  }, [live]);
  const rows = useMemo(() => all.filter(row => passes(options.filter, row)), [all, options.filter]);
  const total = rows.reduce((sum, row) => sum + row.count, 0);
  const chosen = all.find(row => row.key === options.group);

  const columns: Column<Row>[] = [
    {
      key: 'count',
      title: 'tasks',
      width: '6rem',
      right: true,
      value: row => row.count,
      cell: row => <span class="num">{thousands(row.count)}</span>,
    },
    {
      key: 'oldest',
      title: 'oldest',
      hint: 'the longest wait of one',
      width: '5.2rem',
      right: true,
      value: row => row.oldestSeconds ?? -1,
      cell: row => <Age seconds={row.oldestSeconds} at={live?.atMs} />,
    },
    {
      key: 'rate',
      title: '/s',
      hint: 'how often they are resumed a second',
      width: '4.6rem',
      right: true,
      phone: 'none',
      value: row => row.resumed ?? -1,
      cell: row => (
        <span class="num quiet">
          {row.resumed === null || row.resumed === undefined || seen.seconds <= 0
            ? '-'
            : rate(row.resumed / seen.seconds)}
        </span>
      ),
    },
    {
      key: 'what',
      title: 'waits for',
      width: '11rem',
      value: row => row.what,
      cell: row => (
        <>
          <Dot what={row.kind || row.what} />
          <Foreign text={row.what} most={60} />
        </>
      ),
    },
    {
      key: 'function',
      title: 'function',
      hint: 'the outermost of the stack',
      width: 'minmax(8rem, 3fr)',
      phone: 'below',
      value: row => row.function,
      cell: row => <Foreign text={row.function || 'not known'} most={300} />,
    },
    {
      key: 'place',
      title: 'place',
      width: 'minmax(8rem, 1fr)',
      phone: 'none',
      value: row => row.place ?? '',
      cell: row => (
        <span class="place">
          <Foreign text={row.place} most={60} />
        </span>
      ),
    },
  ];
  const rest = live?.otherGroups
    ? `${count(live.otherGroups, 'smaller group')} of ${count(live.otherTasks ?? 0, 'task')} are not listed here`
    : '';
  return (
    <>
      <div class="tools">
        <Filter placeholder="filter: function, place, kind:timer, older:5m" />
        <span class="quiet" aria-live="off">
          {rows.length === all.length ? count(all.length, 'group') : `${rows.length} of ${count(all.length, 'group')}`},{' '}
          {count(total, 'task')}
          {rest && `; ${rest}`}
        </span>
      </div>
      <div class={`split ${options.group ? 'open' : ''}`}>
        <Table
          label="groups"
          columns={columns}
          rows={rows}
          id={row => row.key}
          sort={options.sort ?? 'count'}
          onSort={sort => setOptions({sort})}
          chosen={options.group}
          onChoose={(group, row) => setOptions({group}, !row || !!options.group)}
          empty={
            !live ? (
              <p class="quiet">reading …</p>
            ) : all.length ? (
              <p>
                No group has that.{' '}
                <button type="button" onClick={() => setOptions({filter: undefined})}>
                  show all
                </button>
              </p>
            ) : (
              <p>
                This process has no tasks now. What pends without one is in{' '}
                <a href={href({pid, view: 'operations'})}>operations</a>.
              </p>
            )
          }
        />
        {options.group && (
          <aside class="detail" aria-label="the chosen group">
            <button type="button" class="close" onClick={() => setOptions({group: undefined})} title="Esc">
              close
            </button>
            {chosen ? (
              <GroupDetail pid={pid} group={chosen} />
            ) : live ? (
              <p>None of its tasks is there any more, or it is none of the largest {all.length}.</p>
            ) : (
              <p class="quiet">reading …</p>
            )}
          </aside>
        )}
      </div>
    </>
  );
}

const rate = (n: number) => (n >= 1000 ? thousands(n) : n >= 10 ? n.toFixed(0) : n === 0 ? '0' : n.toFixed(1));

/** Its stacks: asked for when it is chosen, and again when it is asked for. */
function GroupDetail({pid, group}: {pid: number; group: LiveGroup}) {
  const isWait = words(group.state) === 'blocked';
  const asked = useAnswer<StackView>(
    withQuery(`${processPath(pid)}/stack`, {
      group: true,
      limit: 50,
      'no-native': true,
      state: option(group.state) || undefined,
      kind: isWait ? option(group.kind) || undefined : undefined,
      function: group.function ? literally(group.function) : undefined,
    }),
  );
  const stacks = (asked.value?.groups ?? []).filter(each => {
    const outer = each.frames?.[each.frames.length - 1];
    return (
      !group.place ||
      !outer?.file ||
      `${outer.file.slice(outer.file.lastIndexOf('/') + 1)}:${outer.line}` === group.place
    );
  });
  return (
    <>
      <h2>
        <Dot what={group.kind || group.what} />
        <span class="num">{thousands(group.count)}</span> × <Foreign text={group.what} most={60} />
        {group.oldestSeconds !== null && group.oldestSeconds !== undefined && (
          <span class="quiet">, oldest {age(group.oldestSeconds)}</span>
        )}
      </h2>
      <Look asked={asked} />
      {asked.error && <Trouble error={asked.error} kept={!!asked.value} />}
      {asked.value && !stacks.length && (
        <p class="quiet">When its stacks were looked for, none of its tasks was there.</p>
      )}
      {stacks.slice(0, 20).map((each, i) => (
        <section class="stack" key={i}>
          <h3>
            <span class="num">{thousands(each.count)}</span> × {shown(waitWords(each.wait, each.state))}{' '}
            <span class="quiet">{waitDetails(each.wait)}</span>{' '}
            <Age seconds={each.oldestSeconds ?? each.seenSeconds} at={asked.takenAt} />
          </h3>
          <Frames frames={each.frames} />
          {(each.spawnedAt || each.spawnedAfter) && (
            <p class="spawned">
              spawned {each.spawnedAt ? 'at' : 'after'} <FrameLine frame={each.spawnedAt ?? each.spawnedAfter} />
            </p>
          )}
          {each.due && (
            <p class="bad">
              due: <Foreign text={each.due.over} />; <Foreign text={each.due.reason} />
            </p>
          )}
          <p>
            <TaskLinks pid={pid} ids={each.ids} of={each.count} />
          </p>
        </section>
      ))}
      <Notes notes={asked.value?.notes} />
      <p class="quiet">
        <a href={href({pid, view: 'flame', options: {filter: group.function.slice(0, 120)}})}>in the flame graph</a> ·{' '}
        <a href={href({pid, view: 'tree', options: {filter: group.function.slice(0, 120)}})}>in the tree</a>
      </p>
    </>
  );
}
