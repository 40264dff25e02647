-- What each `price_id` on a span stands for. Rows are only ever added: an id never changes its numbers.

CREATE TABLE IF NOT EXISTS price_book {{on_cluster}}
(
    price_id    String,
    provider    SimpleAggregateFunction(anyLast, String),
    model       SimpleAggregateFunction(anyLast, String),
    valid_from  SimpleAggregateFunction(anyLast, String),      -- YYYY-MM-DD; empty: from the beginning
    rates       SimpleAggregateFunction(anyLast, String),      -- JSON: by tier, pico-USD per token of each kind
    per_request SimpleAggregateFunction(anyLast, Decimal(38, 12)), -- USD per call, beside the tokens
    books       SimpleAggregateFunction(groupUniqArrayArray, Array(String)) -- ids of the price books that have it
)
ENGINE = {{AggregatingMergeTree}}
ORDER BY price_id
SETTINGS {{durable}};
