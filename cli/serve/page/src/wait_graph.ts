// Who waits for whom, as leaks and why tell it.
import {shown, thousands} from './format';
import {waitWords} from './parts/waits';
import type {LeaksView, Task, Waker, WhyView} from './types';

export interface GraphNode {
  id: string;
  kind: 'task' | 'tasks' | 'object' | 'holder' | 'nothing';
  title: string;
  text: string;
  task?: number;
  bad?: boolean;
}
export interface GraphEdge {
  from: string;
  to: string;
  text: string;
  bad: boolean;
}
export interface Graph {
  nodes: Map<string, GraphNode>;
  edges: Map<string, GraphEdge>;
  left: number;
}

/** Nodes: with more a picture says nothing. */
export const most = 150;

const functionOf = (task: Task | null | undefined) =>
  shown(task?.frames?.[task.frames.length - 1]?.function || 'not known', 60);
const short = (address: string) => shown(address, 40);

export function graphOf(leaks: LeaksView | null, whys: WhyView[]): Graph {
  const graph: Graph = {nodes: new Map(), edges: new Map(), left: 0};
  const node = (made: GraphNode): boolean => {
    const had = graph.nodes.get(made.id);
    if (had) {
      if (!had.text && made.text) had.text = made.text;
      had.bad ||= made.bad;
      return true;
    }
    if (graph.nodes.size >= most) {
      ++graph.left;
      return false;
    }
    graph.nodes.set(made.id, made);
    return true;
  };
  const edge = (from: string, to: string, text: string, bad: boolean) => {
    if (!graph.nodes.has(from) || !graph.nodes.has(to)) return;
    const key = `${from} ${to}`;
    const had = graph.edges.get(key);
    if (had) had.bad ||= bad;
    else graph.edges.set(key, {from, to, text, bad});
  };
  const task = (id: number, text = '', bad = false) =>
    node({id: `t${id}`, kind: 'task', title: `task ${id}`, text, task: id, bad});
  const cycle = (steps: {taskId: number; object?: string}[]) => {
    steps.forEach(step => task(step.taskId, '', true));
    steps.forEach((step, i) =>
      edge(
        `t${step.taskId}`,
        `t${steps[(i + 1) % steps.length].taskId}`,
        step.object ? `on ${short(step.object)}` : 'waits for it',
        true,
      ),
    );
  };
  for (const [place, leak] of (leaks?.leaks ?? []).entries()) {
    const outer = leak.frames?.[leak.frames.length - 1];
    const text = shown(outer?.function || 'not known', 60);
    if (leak.cycle?.length) {
      cycle(leak.cycle);
      for (const id of leak.taskIds ?? []) {
        const had = graph.nodes.get(`t${id}`);
        if (had && !had.text) had.text = text;
      }
      const outside =
        leak.count - (leak.taskIds ?? []).filter(id => leak.cycle!.some(step => step.taskId === id)).length;
      if (outside <= 0) continue;
    }
    if (leak.verdict !== 'PROVEN' && leak.verdict !== 'LIKELY') continue;
    if (leak.cycle?.length) continue;
    const id = leak.count === 1 && leak.taskIds?.length ? `t${leak.taskIds[0]}` : `g${place}`;
    const made =
      leak.count === 1 && leak.taskIds?.length
        ? task(leak.taskIds[0], text, true)
        : node({id, kind: 'tasks', title: `${thousands(leak.count)} tasks`, text, task: leak.taskIds?.[0], bad: true});
    if (!made) continue;
    const several = /wait on (\d+) channels/.exec(leak.evidence ?? '');
    const object = `o${several ? id : (leak.wait?.object ?? id)}`;
    if (
      node({
        id: object,
        kind: 'object',
        title: several ? `${several[1]} objects` : short(leak.wait?.object || 'what they wait on'),
        text: waitWords(leak.wait),
        bad: true,
      })
    )
      edge(id, object, 'wait on', true);
    if (
      /nothing alive/.test(leak.evidence ?? '') &&
      node({id: `n${object}`, kind: 'nothing', title: 'nothing alive', text: 'points to it', bad: true})
    )
      edge(object, `n${object}`, 'reached from', true);
  }
  for (const why of whys) {
    task(why.task.id, functionOf(why.task));
    const walk = (of: Task, wakers: Waker[], depth: number) => {
      wakers.forEach((waker, i) => {
        const on = of.wait?.object ? `on ${short(of.wait.object)}` : of.wait ? waitWords(of.wait) : 'waits';
        if (waker.task) {
          task(waker.task.id, functionOf(waker.task));
          edge(`t${of.id}`, `t${waker.task.id}`, on, false);
          if (depth < 30) walk(waker.task, waker.wakers ?? [], depth + 1);
        } else {
          const words = waker.holder || waker.heldBy?.words || 'not known';
          if (node({id: `h${words}`, kind: 'holder', title: shown(words, 48), text: 'could wake it'}))
            edge(`t${of.id}`, `h${words}`, on, false);
          void i;
        }
      });
    };
    walk(why.task, why.wakers ?? [], 0);
    if (
      why.heldBy?.words &&
      !why.wakers?.length &&
      node({
        id: `h${why.heldBy.words}`,
        kind: 'holder',
        title: shown(why.heldBy.words, 48),
        text: 'holds what it waits on',
      })
    )
      edge(
        `t${why.task.id}`,
        `h${why.heldBy.words}`,
        why.task.wait?.object ? `on ${short(why.task.wait.object)}` : 'waits',
        false,
      );
    const said = shown(why.evidence || why.waits?.[0] || '', 60);
    if (
      !why.wakers?.length &&
      !why.heldBy &&
      said &&
      node({
        id: `e${why.task.id}`,
        kind: why.verdict === 'NEVER_WAKES' ? 'nothing' : 'holder',
        title: said,
        text: waitWords(why.task.wait, why.task.state),
        bad: why.verdict === 'NEVER_WAKES',
      })
    )
      edge(`t${why.task.id}`, `e${why.task.id}`, 'why', why.verdict === 'NEVER_WAKES');
    if (why.cycle?.length) cycle(why.cycle);
    if (why.verdict === 'NEVER_WAKES') graph.nodes.get(`t${why.task.id}`)!.bad = true;
  }
  return graph;
}
