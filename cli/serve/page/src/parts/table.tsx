// A table of any length of which only the rows that are seen are in the document. The window scrolls; rows have one height each.
//
//   ┌ headings, which stay ┐   space of the rows above │ rows that are seen, and some around │ space of those below
import type {ComponentChildren} from 'preact';
import {useEffect, useLayoutEffect, useRef, useState} from 'preact/hooks';
import {useKeys, usePhone} from '../hooks';

export interface Column<Row> {
  key: string;
  title: ComponentChildren;
  /** In words, where the title is short. */
  hint?: string;
  width: string;
  right?: boolean;
  /** On a phone: left out, or a line of its own below the others. */
  phone?: 'none' | 'below';
  cell: (row: Row) => ComponentChildren;
  /** To sort by; numbers the largest first, words from a. */
  value?: (row: Row) => number | string;
}

/** Which of `count` rows of `height` are seen; `top` is where the first one is. */
export function useSeen(body: {current: HTMLElement | null}, count: number, height: number): [number, number] {
  const [range, set] = useState<[number, number]>([0, Math.min(count, 60)]);
  useLayoutEffect(() => {
    const look = () => {
      if (!body.current) return;
      const top = -body.current.getBoundingClientRect().top;
      const first = Math.max(0, Math.floor(top / height) - 15);
      const last = Math.min(count, Math.max(first + 15, Math.ceil((top + innerHeight) / height) + 15));
      set(old =>
        old[0] === Math.min(first, count) && old[1] === Math.max(0, last)
          ? old
          : [Math.min(first, count), Math.max(0, last)],
      );
    };
    look();
    addEventListener('scroll', look, {passive: true});
    addEventListener('resize', look);
    return () => {
      removeEventListener('scroll', look);
      removeEventListener('resize', look);
    };
  }, [count, height]);
  return range;
}

export function compare(a: number | string, b: number | string): number {
  return typeof a === 'string' || typeof b === 'string'
    ? String(a) < String(b)
      ? -1
      : String(a) > String(b)
        ? 1
        : 0
    : b - a;
}

/**
 * `rows` in the order given, or by the column `sort` (`-key`: the other way). While the mouse is over them rows keep their places
 * and new ones come last, and a word says so: nothing moves away from under a finger.
 */
export function Table<Row>({
  label,
  columns,
  rows,
  id,
  sort,
  onSort,
  chosen,
  onChoose,
  onOpen,
  mark,
  empty,
}: {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  id: (row: Row) => string;
  sort?: string;
  onSort?: (sort: string) => void;
  chosen?: string;
  onChoose?: (id: string | undefined, row?: Row) => void;
  onOpen?: (row: Row) => void;
  mark?: (row: Row) => string | undefined;
  empty: ComponentChildren;
}) {
  const phone = usePhone();
  const height = phone ? 46 : 25;
  const body = useRef<HTMLDivElement>(null);
  const order = useRef<{sort?: string; places: Map<string, number>}>({places: new Map()});
  const held = useRef(false);
  const [, again] = useState(0);

  const key = sort?.replace(/^-/, '');
  const by = columns.find(column => column.key === key && column.value);
  let sorted = rows,
    kept = false;
  if (by) {
    const way = sort!.startsWith('-') ? -1 : 1;
    const keyed = rows.map(row => ({row, value: by.value!(row), id: id(row)}));
    keyed.sort((a, b) => way * compare(a.value, b.value) || (a.id < b.id ? -1 : 1));
    sorted = keyed.map(each => each.row);
  }
  if (held.current && order.current.sort === sort) {
    const places = order.current.places;
    const still = [...sorted].sort((a, b) => (places.get(id(a)) ?? Infinity) - (places.get(id(b)) ?? Infinity) || 0);
    kept = still.some((row, i) => row !== sorted[i]);
    sorted = still;
  }
  useEffect(() => {
    order.current = {sort, places: new Map(sorted.map((row, i) => [id(row), i]))};
  });

  const [first, last] = useSeen(body, sorted.length, height);
  const shownColumns = columns.filter(column => !phone || column.phone !== 'none');
  const widths = shownColumns.filter(column => !phone || column.phone !== 'below').map(column => column.width);
  if (!widths.some(width => width.includes('fr'))) widths[widths.length - 1] = 'minmax(0, 1fr)';
  const template = widths.join(' ');
  const at = chosen === undefined ? -1 : sorted.findIndex(row => id(row) === chosen);

  const show = (place: number) => {
    const box = body.current!.getBoundingClientRect();
    const top = box.top + place * height,
      bottom = top + height;
    if (top < 110) scrollBy(0, top - 110);
    else if (bottom > innerHeight - 30) scrollBy(0, bottom - innerHeight + 30);
  };
  useKeys(event => {
    if (!onChoose || !sorted.length) return false;
    // A link or a button that is focused has its own meaning.
    if (event.key === 'Enter' && /^(A|BUTTON|SUMMARY)$/.test(document.activeElement?.tagName ?? '')) return false;
    const page = Math.max(1, Math.floor((innerHeight - 160) / height));
    const moves: Record<string, number> = {
      ArrowDown: at + 1,
      j: at + 1,
      ArrowUp: at < 0 ? 0 : at - 1,
      k: at < 0 ? 0 : at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: sorted.length - 1,
    };
    if (event.key in moves) {
      const to = Math.max(0, Math.min(sorted.length - 1, moves[event.key]));
      onChoose(id(sorted[to]), sorted[to]);
      show(to);
      return true;
    }
    if (event.key === 'Enter' && at >= 0 && onOpen) {
      onOpen(sorted[at]);
      return true;
    }
    if (event.key === 'Escape' && at >= 0) {
      onChoose(undefined);
      return true;
    }
    return false;
  });

  const rowOf = (row: Row, place: number) => {
    const its = id(row);
    return (
      <div
        key={its}
        role="row"
        aria-rowindex={place + 2}
        aria-selected={onChoose ? its === chosen : undefined}
        class={`row ${its === chosen ? 'chosen' : ''} ${mark?.(row) ?? ''}`}
        id={its === chosen ? 'chosen' : undefined}
        onClick={event => {
          if ((event.target as HTMLElement).closest('a,button')) return;
          if (its === chosen && onOpen && event.detail === 2) onOpen(row);
          else onChoose?.(its, row);
        }}
        onDblClick={() => onOpen?.(row)}
      >
        {shownColumns.map(column => (
          <div
            key={column.key}
            role="gridcell"
            class={`cell ${column.right ? 'right' : ''} ${phone && column.phone === 'below' ? 'below' : ''}`}
          >
            {column.cell(row)}
          </div>
        ))}
      </div>
    );
  };

  return (
    <div
      class="table"
      role="grid"
      aria-label={label}
      aria-rowcount={sorted.length + 1}
      aria-activedescendant={at >= first && at < last ? 'chosen' : undefined}
      tabIndex={onChoose ? 0 : undefined}
      ref={element => {
        element?.style.setProperty('--columns', template);
        element?.style.setProperty('--row', `${height}px`);
      }}
      onMouseEnter={() => {
        held.current = true;
      }}
      onMouseLeave={() => {
        held.current = false;
        again(n => n + 1);
      }}
    >
      <div class="headings" role="row" aria-rowindex={1}>
        {shownColumns
          .filter(column => !phone || column.phone !== 'below')
          .map(column => {
            const on = key === column.key;
            const up = sort?.startsWith('-') ?? false;
            return (
              <div
                key={column.key}
                role="columnheader"
                class={`cell ${column.right ? 'right' : ''}`}
                title={column.hint}
                aria-sort={
                  on && sorted.length
                    ? (typeof column.value?.(sorted[0]) === 'string') !== up
                      ? 'ascending'
                      : 'descending'
                    : undefined
                }
              >
                {column.value && onSort ? (
                  <button
                    type="button"
                    class="heading"
                    onClick={() => {
                      held.current = false;
                      onSort(on && !up ? `-${column.key}` : column.key);
                    }}
                  >
                    {column.title}
                    {on ? (up ? ' ▴' : ' ▾') : ''}
                  </button>
                ) : (
                  column.title
                )}
              </div>
            );
          })}
      </div>
      {kept && (
        <div class="kept" aria-hidden="true">
          rows keep their places while the mouse is over them
        </div>
      )}
      {sorted.length === 0 ? (
        <div class="empty">{empty}</div>
      ) : (
        <div ref={body} role="rowgroup">
          <Space height={first * height} />
          {sorted.slice(first, last).map((row, i) => rowOf(row, first + i))}
          <Space height={(sorted.length - last) * height} />
        </div>
      )}
    </div>
  );
}

export function Space({height}: {height: number}) {
  return (
    <div
      class="space"
      aria-hidden="true"
      ref={element => {
        if (element) element.style.height = `${Math.max(0, height)}px`;
      }}
    />
  );
}
