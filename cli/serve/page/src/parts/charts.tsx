// Numbers over time: a line in a row of a table, and a chart with axes (uPlot).
import {useEffect, useRef, useState} from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import {clock} from '../format';
import {theme} from '../theme';
import {useSignal} from '../signal';

/** The last hour of one number, over `from` to `to` (ms). A gap of more than `gap` ms is one. */
export function Spark({
  points,
  from,
  to,
  gap,
  words,
}: {
  points: [number, number][];
  from: number;
  to: number;
  gap: number;
  words: string;
}) {
  const width = 120,
    height = 18;
  if (points.length < 2)
    return (
      <svg class="spark" width={width} height={height} role="img" aria-label={words}>
        <title>{words}</title>
      </svg>
    );
  let most = 1;
  for (const [, value] of points) most = Math.max(most, value);
  // At most one point each half pixel, the highest of its time.
  const seen = new Map<number, [number, number]>();
  for (const [at, value] of points) {
    const x = Math.round(((at - from) / (to - from)) * width * 2) / 2;
    const had = seen.get(x);
    if (!had || had[1] < value) seen.set(x, [at, value]);
  }
  let path = '',
    before = -Infinity;
  for (const [x, [at, value]] of [...seen].sort((a, b) => a[0] - b[0])) {
    path += `${at - before > gap ? 'M' : 'L'}${x} ${(height - 1.5 - (value / most) * (height - 3)).toFixed(1)}`;
    before = at;
  }
  return (
    <svg class="spark" width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={words}>
      <title>{words}</title>
      <path d={path} />
    </svg>
  );
}

export interface Line {
  label: string;
  color: string;
  values: (number | null)[];
  fill?: boolean;
}

const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Several lines over one hour; what they are at the mouse, or now, stands in the heading. */
export function Chart({
  title,
  times,
  lines,
  format,
  axis: axisFormat = format,
  from,
  to,
}: {
  title: string;
  times: number[];
  lines: Line[];
  format: (value: number) => string;
  axis?: (value: number) => string;
  from: number;
  to: number;
}) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const bounds = useRef({from, to});
  bounds.current = {from, to};
  const [at, setAt] = useState<number | null>(null);
  const shade = useSignal(theme);
  const formatter = useRef(axisFormat);
  formatter.current = axisFormat;

  useEffect(() => {
    const element = box.current!;
    const axis = {
      stroke: color('--quiet'),
      grid: {stroke: color('--line'), width: 1},
      ticks: {show: false},
      font: '10px system-ui, sans-serif',
    };
    const made = new uPlot(
      {
        width: Math.max(120, element.clientWidth),
        height: 112,
        legend: {show: false},
        padding: [6, 14, 0, 0],
        cursor: {sync: {key: 'hour'}, drag: {x: false, y: false}, points: {size: 5}, y: false},
        scales: {
          x: {range: () => [bounds.current.from / 1000, bounds.current.to / 1000]},
          y: {range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1]},
        },
        axes: [
          {...axis, size: 20, space: 60, values: (_, splits) => splits.map(s => clock(s * 1000).slice(11, 16))},
          {...axis, size: 48, space: 24, values: (_, splits) => splits.map(value => formatter.current(value))},
        ],
        series: [
          {},
          ...lines.map(line => ({
            stroke: color(line.color),
            width: 1.25,
            fill: line.fill ? `color-mix(in srgb, ${color(line.color)} 12%, transparent)` : undefined,
            points: {show: false},
            spanGaps: false,
          })),
        ],
        hooks: {setCursor: [self => setAt(self.cursor.idx ?? null)]},
      },
      [[], ...lines.map(() => [])] as unknown as uPlot.AlignedData,
      element,
    );
    plot.current = made;
    const size = new ResizeObserver(() => made.setSize({width: Math.max(120, element.clientWidth), height: 112}));
    size.observe(element);
    return () => {
      size.disconnect();
      made.destroy();
    };
  }, [shade, lines.length]);
  useEffect(() => {
    plot.current?.setData([times.map(ms => ms / 1000), ...lines.map(line => line.values)] as uPlot.AlignedData);
  }, [times, lines, shade]);

  const last = times.length - 1;
  const where = at !== null && at <= last ? at : last;
  const value = (line: Line) => {
    const v = line.values[where];
    return v === null || v === undefined ? '-' : format(v);
  };
  return (
    <figure
      class="chart"
      aria-label={`${title} over the last hour; now ${lines.map(line => `${line.label} ${last >= 0 ? value(line) : 'not known'}`).join(', ')}`}
    >
      <figcaption>
        <b>{title}</b>{' '}
        {lines.map(line => (
          <span key={line.label} class="key">
            <i class={`swatch ${line.color.slice(2)}`} aria-hidden="true" />
            {line.label} <span class="num">{last < 0 ? '-' : value(line)}</span>
          </span>
        ))}
        <span class="when num">{at !== null && where >= 0 && where <= last ? clock(times[where]).slice(11) : ''}</span>
      </figcaption>
      <div ref={box} class="plot" />
    </figure>
  );
}
