/** A chart over time: lines, or areas on top of one another. Its legend shows the values under the pointer. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";

export interface Series {
  name: string;
  /** Index into the palette `--c0` … `--c7`, or the name of another colour variable. */
  colour: string;
  /** null: nothing was measured; the line breaks. */
  values: (number | null)[];
}

interface Props {
  title: string;
  testId: string;
  times: number[];
  series: Series[];
  stacked?: boolean;
  format: (value: number) => string;
}

const HEIGHT = 190;

export function Chart({ title, testId, times, series, stacked = false, format }: Props) {
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
    const plot = new uPlot(plotOptions(element, series, stacked, format, setAt), data, element);
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

function plotOptions(
  element: HTMLElement,
  series: Series[],
  stacked: boolean,
  format: Props["format"],
  setAt: (i: number | null) => void,
): uPlot.Options {
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
    scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.08 : 1] } },
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
          show: (plot: uPlot, i: number) => !stacked && lonely(plot.data[i] as (number | null)[]),
          size: 5,
        },
      })),
    ],
    hooks: { setCursor: [(plot) => setAt(plot.cursor.idx ?? null)] },
  };
}

/** Points are drawn where hardly anything is: a single value between gaps has no line. */
function lonely(values: (number | null)[]): boolean {
  return values.filter((v) => v !== null).length < 12;
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
