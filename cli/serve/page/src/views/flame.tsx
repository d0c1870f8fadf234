// Chains of awaits, the outermost function on top and what is waited for at the end, as wide as there are tasks, or as long as they wait.
import {useMemo} from 'preact/hooks';
import {processPath} from '../api';
import {age, baseName, count, hue, shown, thousands} from '../format';
import {useAnswer, useKeys, usePhone} from '../hooks';
import {Foreign, Look, Notes, Trouble} from '../parts/basics';
import {Filter} from '../parts/filter';
import {matches} from '../parts/words';
import {waitWords} from '../parts/waits';
import {href, setOptions, useRoute} from '../route';
import {useStream} from '../stream';
import type {StackView} from '../types';
import {arrange, grow, type Node} from '../flame_boxes';
import type {FlameStack} from '../worker';

const exactUpTo = 20_000;

export function FlamePage({pid, tasks}: {pid: number; tasks: number | null}) {
  const {options} = useRoute();
  const by = options.width === 'time' ? 'seconds' : 'tasks';
  const phone = usePhone();
  const asked = useAnswer<StackView>(`${processPath(pid)}/stack?group&no-native`);
  const exact = by === 'seconds' && tasks !== null && tasks <= exactUpTo;
  const stream = useStream(exact ? `${processPath(pid)}/stack?no-native` : null, 'flame');
  const stacks = useMemo<FlameStack[] | null>(() => {
    if (exact) return stream.report?.kind === 'flame' ? stream.report.stacks : null;
    return asked.value
      ? (asked.value.groups ?? []).map(group => ({
          frames: (group.frames ?? []).map(frame => ({
            function: frame.function ?? '',
            place: frame.file ? `${baseName(frame.file)}${frame.line ? `:${frame.line}` : ''}` : '',
          })),
          what: group.busyTasks && !group.wait ? 'never rests' : waitWords(group.wait, group.state),
          count: group.count,
          seconds: group.wait ? group.count * (group.oldestSeconds ?? group.seenSeconds ?? 0) : 0,
        }))
      : null;
  }, [asked.value, stream.report, exact]);
  const root = useMemo(() => (stacks ? grow(stacks) : null), [stacks]);
  const ids = useMemo(() => {
    const all = new Map<string, Node>();
    const visit = [root];
    while (visit.length) {
      const node = visit.pop();
      if (node) {
        all.set(node.id, node);
        visit.push(...node.children);
      }
    }
    return all;
  }, [root]);
  const zoomed = (root && ids.get(options.zoom ?? '')) || root;
  const chosen = ids.get(options.at ?? '') ?? null;
  const drawn = useMemo(
    () => (root && zoomed ? arrange(zoomed, by, phone ? 350 : 800) : null),
    [root, zoomed, by, phone],
  );

  const zoom = (node: Node) => setOptions({zoom: node.parent ? node.id : undefined, at: node.id}, false);
  useKeys(event => {
    if (!drawn || !zoomed) return false;
    const at = chosen ?? zoomed;
    const beside = (way: number) => {
      const row = drawn.boxes.filter(box => box.depth === at.depth);
      const place = row.findIndex(box => box.node === at);
      return row[place + way]?.node;
    };
    const to =
      event.key === 'ArrowUp'
        ? at.parent
        : event.key === 'ArrowDown'
          ? drawn.boxes.find(box => box.node.parent === at)?.node
          : event.key === 'ArrowRight'
            ? beside(1)
            : event.key === 'ArrowLeft'
              ? beside(-1)
              : undefined;
    if (to) {
      setOptions({at: to.id});
      return true;
    }
    if (event.key.startsWith('Arrow')) return true;
    if (
      event.key === 'Enter' &&
      (document.activeElement === document.body || document.activeElement?.closest('.flame'))
    ) {
      zoom(at);
      return true;
    }
    if (event.key === 'Escape' && (options.zoom || options.at)) {
      setOptions({zoom: undefined, at: undefined}, false);
      return true;
    }
    return false;
  });

  const whole = root?.[by] ?? 0;
  const said = (node: Node) =>
    `${count(node.tasks, 'task')}${whole > 0 ? ` (${((node[by] / whole) * 100).toFixed(node[by] / whole < 0.1 ? 1 : 0)} %)` : ''}${node.seconds > 0 ? `, ${exact || by === 'tasks' ? '' : 'at most '}${by === 'tasks' && !exact ? '' : `${age(node.seconds)} waited in all`}` : ''}`.replace(
      /, $/,
      '',
    );
  const filter = options.filter;
  const lit = useMemo(
    () => new Set(filter ? [...ids.values()].filter(node => matches(filter, `${node.name} ${node.place}`)) : []),
    [filter, ids],
  );
  const litTasks = filter
    ? [...lit]
        .filter(node => {
          for (let above = node.parent; above; above = above.parent) if (lit.has(above)) return false;
          return true;
        })
        .reduce((sum, node) => sum + node.tasks, 0)
    : 0;
  const height = 21;
  const error = exact ? (stream.error ?? asked.error) : asked.error;
  const told = chosen ?? zoomed;

  return (
    <>
      <Look asked={asked}>
        <Filter placeholder="light up: function, place" />
        <span role="group" aria-label="width" class="switch">
          <button type="button" aria-pressed={by === 'tasks'} onClick={() => setOptions({width: undefined}, false)}>
            width: tasks
          </button>
          <button type="button" aria-pressed={by === 'seconds'} onClick={() => setOptions({width: 'time'}, false)}>
            time waited
          </button>
        </span>
        {zoomed && zoomed.parent && (
          <button type="button" onClick={() => setOptions({zoom: undefined}, false)} title="Esc">
            all tasks
          </button>
        )}
      </Look>
      {error && <Trouble error={error} kept={!!root} />}
      {by === 'seconds' && (
        <p class="quiet">
          {exact
            ? 'Width is the sum of how long each task has waited so far; tasks that run have none.'
            : `Width is tasks × the oldest wait of their stack, the most that it can be: of more than ${thousands(exactUpTo)} tasks each is not read.`}
        </p>
      )}
      {!root && !error && <p class="quiet">reading …{stream.tasks ? ` ${count(stream.tasks, 'task')}` : ''}</p>}
      {root && root.tasks === 0 && <p class="empty">This process has no tasks now.</p>}
      {root && drawn && root.tasks > 0 && (
        <>
          <div class="told" aria-live="polite">
            {told && (
              <>
                <b>
                  <Foreign text={told.name} most={500} />
                </b>{' '}
                <span class="place">
                  <Foreign text={told.place} />
                </span>{' '}
                <span class="num">{said(told)}</span>
                {told.parent && (
                  <>
                    {' '}
                    ·{' '}
                    <a
                      href={href({
                        pid,
                        view: 'groups',
                        options: {
                          filter: told.what === null ? shownFilter(told.name) : `kind:${told.what.replace(/ /g, '-')}`,
                        },
                      })}
                    >
                      groups
                    </a>{' '}
                    · <a href={href({pid, view: 'tree', options: {filter: shownFilter(told.name)}})}>tree</a>
                  </>
                )}
              </>
            )}
            {filter && <span class="quiet"> · lit: {count(litTasks, 'task')}</span>}
          </div>
          <div
            class="flame"
            role="group"
            aria-label={`await chains of ${count(root.tasks, 'task')}: the outermost function on top`}
            ref={element => {
              if (element) element.style.height = `${drawn.depth * height}px`;
            }}
          >
            {drawn.boxes.map(({node, left, width, depth}) => (
              <button
                type="button"
                key={node.id}
                tabIndex={-1}
                class={`box ${width < 0.012 ? 'thin' : ''} ${node.what === null ? (node.parent ? 'call' : 'root') : `wait ${hue(node.what)}`} ${node === chosen ? 'chosen' : ''} ${filter && !lit.has(node) ? 'dim' : ''} ${depth < zoomed!.depth ? 'above' : ''}`}
                title={`${shown(node.name, 600)} ${shown(node.place, 100)}\n${said(node)}`}
                onClick={() => zoom(node)}
                aria-label={`${shown(node.name, 200)}, ${said(node)}`}
                ref={element => {
                  if (element) {
                    element.style.left = `${left * 100}%`;
                    element.style.width = `${width * 100}%`;
                    element.style.top = `${depth * height}px`;
                  }
                }}
              >
                {width > 0.012 ? shown(node.name, 120) : ''}
              </button>
            ))}
          </div>
          <p class="quiet">
            {drawn.narrow > 0
              ? `${count(drawn.narrow, 'stack')} too narrow to be drawn: click on what is above them. `
              : ''}
            Outermost function on top, what is waited for in colour: <Legend root={root} />
          </p>
          <Notes notes={asked.value?.notes} />
        </>
      )}
    </>
  );
}

const shownFilter = (name: string) => name.slice(0, 120);

function Legend({root}: {root: Node}) {
  const sums = new Map<string, number>();
  const visit = [root];
  while (visit.length) {
    const node = visit.pop()!;
    if (node.what !== null) sums.set(node.what, (sums.get(node.what) ?? 0) + node.tasks);
    visit.push(...node.children);
  }
  return (
    <>
      {[...sums]
        .sort((a, b) => b[1] - a[1])
        .slice(0, 12)
        .map(([what, tasks]) => (
          <span class="key" key={what}>
            <i class={`dot ${hue(what)}`} aria-hidden="true" />
            {shown(what, 40)} <span class="num">{thousands(tasks)}</span>
          </span>
        ))
        .flatMap(each => [each, ' '])}
    </>
  );
}
