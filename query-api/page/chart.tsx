/** A chart over time: lines, with intervals around one, or areas on top of one another. Its legend shows the values under the pointer. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";

export interface Series {
  name: string;
  /** Index into the palette `--c0` … `--c7`, or the name of another colour variable. */
  colour: string;
  /** null: nothing was measured; the line breaks. */
  values: (number | null)[];
}

/** How sure the values are: a bar at each time that has an interval, so that none is made up between two of them. */
export interface Intervals {
  name: string;
  colour: string;
  low: (number | null)[];
  high: (number | null)[];
}

interface Props {
  title: string;
  testId: string;
  times: number[];
  series: Series[];
  intervals?: Intervals;
  stacked?: boolean;
  format: (value: number) => string;
}

const HEIGHT = 190;

export function Chart(props: Props) {
  const { title, testId, times, series, intervals, stacked = false, format } = props;
  const holder = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<number | null>(null);
  const [dark, setDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  const data = useMemo(() => plotData(times, series, stacked), [times, series, stacked]);
  useEffect(() => {
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const follow = (): void => setDark(scheme.matches);
    scheme.addEventListener("change", follow);
    return () => scheme.removeEventListener("change", follow);
  }, []);
  useEffect(() => {
    const element = holder.current!;
    const plot = new uPlot(plotOptions(element, props, setAt), data, element);
    const resize = new ResizeObserver(() =>
      plot.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.destroy();
    };
  }, [data, dark]);
  return (
    <section class="card chart" data-testid={testId} aria-label={title}>
      <h2>
        {title}
        <span class="muted">
          {at !== null && times[at]
            ? new Date(times[at] * 1000).toLocaleString("en-GB", {
                dateStyle: "medium",
                timeStyle: "short",
              })
            : ""}
        </span>
      </h2>
      <div ref={holder} class="plot" />
      <ul class="legend">
        {series.map((s) => (
          <li key={s.name}>
            <i style={{ background: `var(${s.colour})` }} /> {s.name}
            {at !== null && <b>{s.values[at] == null ? "–" : format(s.values[at])}</b>}
          </li>
        ))}
        {intervals && (
          <li>
            <i class="interval" style={{ background: `var(${intervals.colour})` }} />{" "}
            {intervals.name}
            {at !== null && <b>{intervalText(intervals, at, format)}</b>}
          </li>
        )}
      </ul>
    </section>
  );
}

/** Stacked: each series holds the sum of itself and those after it, so that the largest area is painted first. */
function plotData(times: number[], series: Series[], stacked: boolean): uPlot.AlignedData {
  if (!stacked) return [times, ...series.map((s) => s.values)];
  const sums = times.map(() => 0);
  const columns = series
    .toReversed()
    .map((s) => s.values.map((v, i) => (sums[i] = sums[i]! + (v ?? 0))));
  return [times, ...columns.toReversed()];
}

function intervalText({ low, high }: Intervals, at: number, format: Props["format"]): string {
  const [from, to] = [low[at], high[at]];
  return from == null || to == null ? "–" : `${format(from)} to ${format(to)}`;
}

function plotOptions(
  element: HTMLElement,
  { times, series, intervals, stacked = false, format }: Props,
  setAt: (i: number | null) => void,
): uPlot.Options {
  const highest = Math.max(0, ...(intervals?.high ?? []).map((value) => value ?? 0));
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--muted"),
    font: "11px system-ui, sans-serif",
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    padding: [8, 8, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { show: !stacked } },
    scales: { y: { range: (_plot, _min, max) => [0, (Math.max(max, highest) || 1) * 1.08] } },
    axes: [
      { ...axis, grid: { show: false }, size: 28, space: 70, values: timeLabels },
      {
        ...axis,
        grid: { stroke: colour("--line"), width: 1 },
        size: 58,
        space: 36,
        values: (_plot, ticks) => ticks.map(format),
      },
    ],
    series: [
      {},
      ...series.map((s) => ({
        label: s.name,
        stroke: colour(s.colour),
        width: stacked ? 1 : 1.75,
        ...(stacked && { fill: colour(s.colour) }),
        spanGaps: false,
        points: {
          show: !stacked,
          size: 5,
          fill: colour(s.colour),
          filter: (plot: uPlot, i: number) => lonely(plot.data[i] as (number | null)[]),
        },
      })),
    ],
    hooks: {
      setCursor: [(plot) => setAt(plot.cursor.idx ?? null)],
      drawAxes: [
        (plot) => intervals && drawIntervals(plot, times, intervals, colour(intervals.colour)),
      ],
    },
  };
}

const INTERVAL_OPACITY = 0.25;
/** Of the distance between two times. */
const INTERVAL_WIDTH = 0.7;

/** Under the lines. */
function drawIntervals(plot: uPlot, times: number[], { low, high }: Intervals, fill: string): void {
  const x = (time: number): number => plot.valToPos(time, "x", true);
  const y = (value: number): number => plot.valToPos(value, "y", true);
  const [first = 0, second = first] = times;
  const width = Math.max(2, Math.min(40, (x(second) - x(first)) * INTERVAL_WIDTH));
  const { ctx } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
  ctx.clip();
  ctx.globalAlpha = INTERVAL_OPACITY;
  ctx.fillStyle = fill;
  times.forEach((time, i) => {
    const [from, to] = [low[i], high[i]];
    if (from == null || to == null) return;
    ctx.fillRect(x(time) - width / 2, y(to), width, Math.max(2, y(from) - y(to)));
  });
  ctx.restore();
}

/** A value between two gaps has no line: a point is drawn for it. */
function lonely(values: (number | null)[]): number[] {
  return values.flatMap((value, i) =>
    value != null && values[i - 1] == null && values[i + 1] == null ? [i] : [],
  );
}

function timeLabels(
  _plot: uPlot,
  ticks: number[],
  _axis: number,
  _space: number,
  increment: number,
): string[] {
  const days = increment >= 86_400;
  return ticks.map((tick) => {
    const date = new Date(tick * 1000);
    const midnight = date.getHours() === 0 && date.getMinutes() === 0;
    if (days || midnight)
      return date.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
    return date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  });
}
