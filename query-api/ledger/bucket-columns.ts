/**
 * The exclusive buckets of a call, in SQL over a span `s`: the arithmetic of instrumentation/pricing/buckets.ts, so that calls
 * can be summed where they are. A test holds one against the other.
 */
import { BUCKETS, type Bucket } from "@assay/instrumentation/pricing";

const int = (column: string): string => `toInt64(s.${column})`;

/** Aliases, each of the ones before it. */
const STEPS = `
  ${int("cache_read_tokens")} AS t_read, ${int("cache_write_tokens")} AS t_write,
  least(${int("cache_write_1h_tokens")}, t_write) AS t_write_1h,
  ${int("audio_input_tokens")} AS t_audio, ${int("image_input_tokens")} AS t_image,
  ${int("input_tokens")} + if(t_read + t_write > ${int("input_tokens")}, t_read + t_write, 0) AS t_cached_total,
  t_cached_total + if(t_audio + t_image > t_cached_total, t_audio + t_image, 0) AS t_input,
  least(${int("cache_read_audio_tokens")}, t_read, t_audio) AS t_stated_both,
  t_read + t_write + t_audio + t_image - t_stated_both - t_input AS t_excess,
  greatest(least(t_excess, least(t_read, t_audio) - t_stated_both), 0) AS t_overlap,
  t_stated_both + t_overlap AS t_both,
  greatest(t_excess - t_overlap, 0) AS t_rest,
  least(t_rest, t_image) AS t_cached_image,
  t_audio - (t_rest - t_cached_image) AS t_uncached_audio,
  ${int("reasoning_tokens")} + ${int("audio_output_tokens")} + ${int("image_output_tokens")} AS t_parts`;

const COLUMNS: Record<Bucket, string> = {
  input: "t_input - (t_read + t_write + t_uncached_audio - t_both + t_image - t_cached_image)",
  cacheRead: "t_read - t_both",
  cacheWrite: "t_write - t_write_1h",
  cacheWrite1h: "t_write_1h",
  audioInput: "t_uncached_audio - t_both",
  cacheReadAudio: "t_both",
  imageInput: "t_image - t_cached_image",
  output: `if(${int("output_tokens")} >= t_parts, ${int("output_tokens")} - t_parts, ${int("output_tokens")})`,
  reasoning: int("reasoning_tokens"),
  audioOutput: int("audio_output_tokens"),
  imageOutput: int("image_output_tokens"),
  webSearches: int("web_searches"),
  fileSearches: int("file_searches"),
};

/** Columns `t_input` (all of the input, which decides the tier) and `b_…`, one for each bucket. */
export const BUCKET_COLUMNS = `${STEPS.trim()},
  ${BUCKETS.map((bucket) => `${COLUMNS[bucket]} AS b_${bucket}`).join(",\n  ")}`;
