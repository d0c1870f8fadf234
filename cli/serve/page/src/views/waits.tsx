// Who waits for whom: cycles that `leaks` has found, in red, and the ways that `why` tells of the tasks that were added.
import {graphlib, layout} from '@dagrejs/dagre';
import {useEffect, useMemo, useState} from 'preact/hooks';
import {ApiError, get, processPath, withQuery} from '../api';
import {count, shown, thousands} from '../format';
import {useAnswer} from '../hooks';
import {Look, Trouble} from '../parts/basics';
import {go, href, setOptions, useRoute} from '../route';
import type {LeaksView, WhyView} from '../types';
import {graphOf, most} from '../wait_graph';

/** What `why` says of several tasks, one after the other: each is a look. */
function useWhys(pid: number, ids: string[]) {
  const [known, set] = useState<Map<string, WhyView | ApiError>>(new Map());
  const wanted = ids.join(',');
  useEffect(() => {
    const abort = new AbortController();
    void (async () => {
      for (const id of wanted.split(',').filter(Boolean)) {
        if (known.has(id)) continue;
        let said: WhyView | ApiError;
        try {
          said = (await get<WhyView>(withQuery(`${processPath(pid)}/why`, {task: id}), abort.signal)).value;
        } catch (error) {
          if (abort.signal.aborted) return;
          said = error instanceof ApiError ? error : new ApiError(0, '', '', String(error), '');
        }
        set(old => new Map(old).set(id, said));
      }
    })();
    return () => abort.abort();
  }, [pid, wanted]);
  return known;
}

const width = 224,
  height = 40;

export function WaitsPage({pid}: {pid: number}) {
  const {options} = useRoute();
  const asked = useAnswer<LeaksView>(`${processPath(pid)}/leaks?top=100`);
  const ids = (options.tasks ?? '')
    .split(',')
    .filter(id => /^\d{1,20}$/.test(id))
    .slice(0, 20);
  const known = useWhys(pid, ids);
  const whys = ids.map(id => known.get(id)).filter((each): each is WhyView => !!each && !(each instanceof ApiError));
  const failed = ids.flatMap(id => {
    const said = known.get(id);
    return said instanceof ApiError ? [`task ${id}: ${said.fact}`] : [];
  });
  const graph = useMemo(
    () => graphOf(asked.value, whys),
    [asked.value, whys.length, whys.map(why => why.task.id).join()],
  );
  const drawn = useMemo(() => {
    const g = new graphlib.Graph({multigraph: false});
    g.setGraph({rankdir: 'LR', nodesep: 14, ranksep: 150, marginx: 8, marginy: 8});
    g.setDefaultEdgeLabel(() => ({}));
    for (const each of graph.nodes.values()) g.setNode(each.id, {width, height});
    for (const each of graph.edges.values()) g.setEdge(each.from, each.to, {});
    layout(g);
    return g;
  }, [graph]);
  const size = drawn.graph() as {width?: number; height?: number};
  const cycles = new Set(
    (asked.value?.leaks ?? [])
      .filter(leak => leak.cycle?.length)
      .map(leak =>
        leak
          .cycle!.map(step => step.taskId)
          .sort((a, b) => a - b)
          .join(),
      ),
  ).size;
  return (
    <>
      <Look asked={asked} stopped={asked.value?.stoppedSeconds ?? 0}>
        <form
          class="jump"
          onSubmit={event => {
            event.preventDefault();
            const form = event.currentTarget;
            const id = String(new FormData(form).get('add') ?? '');
            if (/^\d+$/.test(id)) {
              setOptions({tasks: [...new Set([...ids, id])].join(',')}, false);
              form.reset();
            }
          }}
        >
          <input
            name="add"
            inputMode="numeric"
            pattern="[0-9]+"
            placeholder="add task …"
            aria-label="add a task, by its number"
          />
        </form>
        {ids.length > 0 && (
          <button type="button" onClick={() => setOptions({tasks: undefined}, false)}>
            without {count(ids.length, 'added task')}
          </button>
        )}
      </Look>
      <p class="quiet">
        An arrow leads from who waits to who could end that. This is made of what one look at <b>leaks</b> has found:{' '}
        {count(cycles, 'cycle')} of tasks that wait for each other, in red, and groups that nothing alive can wake; and
        of <b>why</b> for tasks that were added{ids.length ? ` (${ids.join(', ')})` : ''}: who holds what they wait on.
        Other tasks are not in it.
      </p>
      {asked.error && <Trouble error={asked.error} kept={!!asked.value} />}
      {failed.map(text => (
        <p class="bad" key={text}>
          {shown(text)}
        </p>
      ))}
      {!asked.value && asked.busy && (
        <p class="quiet">looking … the target is stopped for some milliseconds, to be copied</p>
      )}
      {asked.value && graph.nodes.size === 0 && (
        <p class="empty good">
          No task is proven to be leaked, and none wait for each other. Add a task to see who could wake it.
        </p>
      )}
      {graph.nodes.size > 0 && (
        <div class="graph" tabIndex={0} role="group" aria-label="who waits for whom">
          <svg
            width={size.width}
            height={size.height}
            role="img"
            aria-label={[...graph.edges.values()]
              .slice(0, 100)
              .map(each => `${graph.nodes.get(each.from)!.title} ${each.text} ${graph.nodes.get(each.to)!.title}`)
              .join('; ')}
          >
            <defs>
              {['', ' bad'].map(kind => (
                <marker
                  key={kind}
                  id={kind ? 'arrow-bad' : 'arrow'}
                  viewBox="0 0 8 8"
                  refX="8"
                  refY="4"
                  markerWidth="7"
                  markerHeight="7"
                  orient="auto"
                >
                  <path d="M0 0L8 4L0 8z" class={`arrow${kind}`} />
                </marker>
              ))}
            </defs>
            {[...graph.edges.values()].map(each => {
              const points = (drawn.edge(each.from, each.to) as {points: {x: number; y: number}[]}).points;
              const middle = points[Math.floor(points.length / 2)];
              return (
                <g key={`${each.from} ${each.to}`} class={`edge ${each.bad ? 'bad' : ''}`}>
                  <path
                    d={`M${points.map(point => `${point.x.toFixed(1)} ${point.y.toFixed(1)}`).join('L')}`}
                    marker-end={`url(#arrow${each.bad ? '-bad' : ''})`}
                  />
                  <text x={middle.x} y={middle.y - 4} text-anchor="middle">
                    {each.text}
                  </text>
                </g>
              );
            })}
            {[...graph.nodes.values()].map(each => {
              const place = drawn.node(each.id) as {x: number; y: number};
              const open = () => {
                if (each.task !== undefined) go(href({pid, view: 'task', options: {task: each.task}}));
              };
              return (
                <g
                  key={each.id}
                  class={`vertex ${each.kind} ${each.bad ? 'bad' : ''}`}
                  transform={`translate(${place.x - width / 2} ${place.y - height / 2})`}
                  tabIndex={each.task !== undefined ? 0 : undefined}
                  role={each.task !== undefined ? 'link' : undefined}
                  onClick={open}
                  onKeyDown={event => {
                    if (event.key === 'Enter') {
                      event.preventDefault();
                      event.stopPropagation();
                      open();
                    }
                  }}
                >
                  <title>
                    {each.title} {each.text}
                  </title>
                  <rect width={width} height={height} rx={each.kind === 'object' || each.kind === 'nothing' ? 12 : 3} />
                  <text x="8" y="16" class="title" aria-hidden="true">
                    {cut(each.title, 28)}
                  </text>
                  <text x="8" y="32" class="text" aria-hidden="true">
                    {cut(each.text, 30)}
                  </text>
                </g>
              );
            })}
          </svg>
        </div>
      )}
      {graph.left > 0 && (
        <p class="quiet">
          {thousands(graph.left)} more are not drawn: at most {most} are.
        </p>
      )}
    </>
  );
}

const cut = (text: string, length: number) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
