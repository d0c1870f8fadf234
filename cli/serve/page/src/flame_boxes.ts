// Chains of awaits as boxes: how wide each is, and where.
import type {FlameStack} from './worker';

export interface Node {
  id: string;
  name: string;
  place: string;
  what: string | null;
  tasks: number;
  seconds: number;
  children: Node[];
  parent: Node | null;
  depth: number;
}

const hash = (before: string, text: string) => {
  let value = parseInt(before, 36) || 0x811c9dc5;
  for (let i = 0; i < text.length; ++i) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return value.toString(36);
};

/** One node for each chain of functions from the outermost on; ids are the same in each look. */
export function grow(stacks: FlameStack[]): Node {
  const root: Node = {
    id: '0',
    name: 'all tasks',
    place: '',
    what: null,
    tasks: 0,
    seconds: 0,
    children: [],
    parent: null,
    depth: 0,
  };
  const found = new Map<Node, Map<string, Node>>([[root, new Map()]]);
  for (const stack of stacks) {
    let node = root;
    const step = (key: string, name: string, place: string, what: string | null) => {
      const of = found.get(node)!;
      let next = of.get(key);
      if (!next) {
        next = {
          id: hash(node.id, key),
          name,
          place,
          what,
          tasks: 0,
          seconds: 0,
          children: [],
          parent: node,
          depth: node.depth + 1,
        };
        of.set(key, next);
        found.set(next, new Map());
        node.children.push(next);
      }
      next.tasks += stack.count;
      next.seconds += stack.seconds;
      node = next;
    };
    root.tasks += stack.count;
    root.seconds += stack.seconds;
    for (let i = Math.min(stack.frames.length, 200) - 1; i >= 0; --i)
      step(
        `f${stack.frames[i].function}\u0000${stack.frames[i].place}`,
        stack.frames[i].function || 'not known',
        stack.frames[i].place,
        null,
      );
    step(`w${stack.what}`, stack.what, '', stack.what);
  }
  return root;
}

interface Box {
  node: Node;
  left: number;
  width: number;
  depth: number;
}

/** At most `most` boxes, the widest; `narrow`: how many waits are in none of their own. */
export function arrange(
  zoomed: Node,
  by: 'tasks' | 'seconds',
  most: number,
): {boxes: Box[]; depth: number; narrow: number} {
  for (let least = 0.0008; ; least *= 1.5) {
    const boxes: Box[] = [];
    for (let above: Node | null = zoomed; above; above = above.parent)
      boxes.unshift({node: above, left: 0, width: 1, depth: above.depth});
    let leaves = 0;
    const list = [boxes[boxes.length - 1]];
    for (let k = 0; k < list.length && boxes.length <= most; ++k) {
      const box = list[k];
      let left = box.left;
      if (!(box.node[by] > 0)) continue;
      if (box.node.what !== null) ++leaves;
      for (const child of [...box.node.children].sort((a, b) => b[by] - a[by] || (a.id < b.id ? -1 : 1))) {
        const width = (child[by] / box.node[by]) * box.width;
        if (width < least) break;
        const made = {node: child, left, width, depth: child.depth};
        boxes.push(made);
        list.push(made);
        left += width;
      }
    }
    if (boxes.length <= most)
      return {
        boxes,
        depth: boxes.reduce((deepest, box) => Math.max(deepest, box.depth), 0) + 1,
        narrow: leavesOf(zoomed, by) - leaves,
      };
  }
}

function leavesOf(node: Node, by: 'tasks' | 'seconds'): number {
  let all = 0;
  const visit = [node];
  while (visit.length) {
    const next = visit.pop()!;
    if (next.what !== null && next[by] > 0) ++all;
    visit.push(...next.children);
  }
  return all;
}
