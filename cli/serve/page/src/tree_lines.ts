// Which lines a tree of tasks has, with some of its branches open.
import type {TreeColumns} from './worker';

/** Children of each task, by place in the columns: those of `i` are list[from[i]] … list[from[i + 1] - 1]; the last are roots. */
export interface Children {
  from: Int32Array;
  list: Int32Array;
}

export function childrenOf(columns: TreeColumns): Children {
  const n = columns.ids.length;
  const from = new Int32Array(n + 2),
    list = new Int32Array(n);
  const of = (i: number) => (columns.parents[i] < 0 ? n : columns.parents[i]);
  for (let i = 0; i < n; ++i) ++from[of(i) + 1];
  for (let i = 0; i <= n; ++i) from[i + 1] += from[i];
  const at = from.slice();
  for (let i = 0; i < n; ++i) list[at[of(i)]++] = i;
  return {from, list};
}

export interface Line {
  key: string;
  depth: number;
  task: number;
  crowd: number[] | null;
  open: boolean;
  hasChildren: boolean;
}

/** The lines that are seen with `open` opened. `pass`: tasks to show, with those above them; null: all. */
export function linesOf(
  columns: TreeColumns,
  children: Children,
  open: Set<string>,
  pass: Uint8Array | null,
  most = 200_000,
): Line[] {
  const n = columns.ids.length;
  const lines: Line[] = [];
  // A list of its own instead of calls: chains of tasks may be deeper than a stack.
  type Item = number | number[];
  const itemsOf = (parent: number): Item[] => {
    const crowds = new Map<string, number[]>();
    const order: Item[] = [];
    for (let k = children.from[parent]; k < children.from[parent + 1]; ++k) {
      const i = children.list[k];
      if (pass && !pass[i]) continue;
      if (children.from[i] !== children.from[i + 1]) {
        order.push(i);
        continue;
      }
      const alike = `${columns.labels[i]},${columns.inner[i]},${columns.whats[i]}`;
      const crowd = crowds.get(alike);
      if (crowd) crowd.push(i);
      else {
        const made = [i];
        crowds.set(alike, made);
        order.push(made);
      }
    }
    return order.flatMap(item => (typeof item === 'number' || item.length > 3 ? [item] : item));
  };
  const rest: {items: Item[]; at: number; depth: number}[] = [{items: itemsOf(n), at: 0, depth: 0}];
  while (rest.length && lines.length < most) {
    const level = rest[rest.length - 1];
    if (level.at === level.items.length) {
      rest.pop();
      continue;
    }
    const item = level.items[level.at++];
    const depth = level.depth;
    if (typeof item !== 'number') {
      const key = `c${columns.ids[item[0]]}`;
      const isOpen = open.has(key);
      lines.push({key, depth, task: item[0], crowd: item, open: isOpen, hasChildren: true});
      if (isOpen)
        for (const i of item)
          lines.push({
            key: String(columns.ids[i]),
            depth: depth + 1,
            task: i,
            crowd: null,
            open: false,
            hasChildren: false,
          });
      continue;
    }
    const key = String(columns.ids[item]);
    const hasChildren = children.from[item] !== children.from[item + 1];
    const isOpen = hasChildren && (pass !== null || open.has(key));
    lines.push({key, depth, task: item, crowd: null, open: isOpen, hasChildren});
    if (isOpen) rest.push({items: itemsOf(item), at: 0, depth: depth + 1});
  }
  return lines;
}
