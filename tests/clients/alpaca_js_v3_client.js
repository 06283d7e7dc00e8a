"use strict";
// The JavaScript SDK 3.x: every method of its client, and its five streams.
const { Ledger, until, check, hurry } = require("./ledger.js");
const alpaca = require("./recipes/alpaca_js_v3.js");

const version = require("@alpacahq/alpaca-trade-api/package.json").version;
const ledger = new Ledger("JavaScript SDK", version);
const prototype = Object.getOwnPropertyNames(Object.getPrototypeOf(alpaca)).filter((name) => name !== "constructor");
const own = Object.keys(alpaca).filter((name) => typeof alpaca[name] === "function");
ledger.watch(alpaca, [...own.filter((name) => !["httpRequest", "dataHttpRequest"].includes(name)), ...prototype]);

const BUY = { side: "buy", type: "market", time_in_force: "day" };
const SELL = { ...BUY, side: "sell" };
const order = (fields) => alpaca.createOrder({ ...BUY, ...fields });
const filled = (one) =>
  until(async () => {
    const found = await alpaca.getOrder(one.id);
    return found.status === "filled" && found;
  }, "a fill");
const now = async () => new Date((await alpaca.getClock()).timestamp);
const ago = async (minutes) => new Date((await now()).getTime() - minutes * 60000).toISOString();

async function all(pages) {
  const found = [];
  for await (const one of pages) found.push(one);
  return found;
}

ledger.shows("account", async function account() {
  check(Number((await alpaca.getAccount()).cash) > 0, "cash");
});

ledger.shows("account configurations", async function configurations() {
  await alpaca.getAccountConfigurations();
  check((await alpaca.updateAccountConfigurations({ no_shorting: true })).no_shorting, "no_shorting");
  await alpaca.updateAccountConfigurations({ no_shorting: false });
});

ledger.shows("assets", async function assets() {
  check((await alpaca.getAssets({ status: "active" })).length > 10, "assets");
  check((await alpaca.getAsset("AAPL")).tradable, "tradable");
});

ledger.shows("clock, calendar", async function clock() {
  check((await alpaca.getClock()).is_open, "open");
  check((await alpaca.getCalendar({ start: "2022-06-01", end: "2022-06-08" })).length === 6, "six days");
});

ledger.shows("orders: market, limit, stop", async function plain() {
  await filled(await order({ symbol: "AAPL", qty: 20 }));
  await order({ symbol: "KO", qty: 1, type: "limit", limit_price: 40, client_order_id: "of-my-own" });
  await alpaca.createOrder({ ...SELL, symbol: "AAPL", qty: 1, type: "stop", stop_price: 90, time_in_force: "gtc" });
  await order({ symbol: "KO", qty: 1, type: "stop_limit", stop_price: 99, limit_price: 99.5 });
});

ledger.shows("orders: trailing stop", async function trailing() {
  await alpaca.createOrder({ ...SELL, symbol: "AAPL", qty: 1, type: "trailing_stop", trail_percent: 5 });
});

ledger.shows("orders: bracket, OCO, OTO", async function bracket() {
  const legs = { take_profit: { limit_price: 400 }, stop_loss: { stop_price: 60 } };
  check((await order({ symbol: "PEP", qty: 1, order_class: "bracket", ...legs })).legs.length === 2, "two legs");
});

ledger.shows("orders: fractional", async function fractional() {
  await filled(await order({ symbol: "MSFT", notional: 150.5 }));
});

ledger.shows("orders: extended hours, opg, cls, ioc, fok", async function times() {
  await order({ symbol: "KO", qty: 1, type: "limit", limit_price: 40, extended_hours: true });
  const one = await order({ symbol: "JNJ", qty: 1, type: "limit", limit_price: 20, time_in_force: "ioc" });
  await until(async () => (await alpaca.getOrder(one.id)).status === "canceled", "its end");
  await order({ symbol: "JNJ", qty: 1, time_in_force: "cls" });
});

ledger.shows("orders: found, listed, paged", async function listed() {
  check((await alpaca.getOrderByClientId("of-my-own")).symbol === "KO", "KO");
  check((await alpaca.getOrders({ status: "all", limit: 3, nested: true })).length === 3, "three");
});

ledger.shows("orders: replace, cancel", async function changed() {
  const one = await alpaca.getOrderByClientId("of-my-own");
  const two = await alpaca.replaceOrder(one.id, { limit_price: 40.5 });
  check(two.replaces === one.id, "replaces");
  await alpaca.cancelOrder(two.id);
});

ledger.shows("orders: short", async function short() {
  await filled(await alpaca.createOrder({ ...SELL, symbol: "PFE", qty: 5 }));
  check((await alpaca.getPosition("PFE")).side === "short", "short");
});

ledger.shows("orders: crypto", async function coins() {
  await filled(await order({ symbol: "BTC/USD", qty: 0.05, time_in_force: "gtc" }));
});

ledger.shows("refusals with code and text", async function refused() {
  const refusal = await order({ symbol: "UNH", qty: 10000000 }).then(
    () => null,
    (error) => error.response.data
  );
  check(refusal && refusal.code === 40310000 && refusal.message, "a refusal");
});

ledger.shows("activities", async function activities() {
  check((await alpaca.getAccountActivities({ activityTypes: "FILL", pageSize: 2 })).length === 2, "two fills");
});

ledger.shows("portfolio history", async function history() {
  check((await alpaca.getPortfolioHistory({ period: "1D", timeframe: "5Min" })).timeframe === "5Min", "5Min");
});

ledger.shows("watchlists", async function watchlists() {
  const made = await alpaca.addWatchlist("growth", ["AAPL", "MSFT"]);
  check((await alpaca.getWatchlists()).length === 1, "one");
  check((await alpaca.addToWatchlist(made.id, "KO")).assets.length === 3, "three");
  await alpaca.deleteFromWatchlist(made.id, "AAPL");
  await alpaca.updateWatchlist(made.id, { name: "slow growth" });
  check((await alpaca.getWatchlist(made.id)).name === "slow growth", "renamed");
  await alpaca.deleteWatchlist(made.id);
});

ledger.shows("stock bars, quotes, trades", async function stocks() {
  const start = await ago(30);
  const span = { start, end: await ago(20), limit: 20 };
  const timeframe = alpaca.newTimeframe(5, alpaca.timeframeUnit.MIN);
  check((await all(alpaca.getBarsV2("AAPL", { ...span, timeframe }))).length, "bars");
  check((await all(alpaca.getTradesV2("AAPL", span))).length === 20, "trades");
  check((await all(alpaca.getQuotesV2("AAPL", span))).length === 20, "quotes");
  const two = ["AAPL", "KO"];
  check((await alpaca.getMultiBarsV2(two, { ...span, timeframe })).size === 2, "bars of two");
  check((await alpaca.getMultiTradesV2(two, span)).size, "trades of two");
  check((await alpaca.getMultiQuotesV2(two, span)).size, "quotes of two");
  check((await all(alpaca.getMultiBarsAsyncV2(two, { ...span, timeframe }))).length, "bars, one by one");
  check((await all(alpaca.getMultiTradesAsyncV2(two, span))).length, "trades, one by one");
  check((await all(alpaca.getMultiQuotesAsyncV2(two, span))).length, "quotes, one by one");
});

ledger.shows("stock latest, snapshots", async function latest() {
  for (const kind of ["Trade", "Quote", "Bar"]) {
    check(await alpaca[`getLatest${kind}`]("AAPL"), kind);
    check((await alpaca[`getLatest${kind}s`](["AAPL", "KO"])).size === 2, `${kind}s`);
  }
  check((await alpaca.getSnapshot("AAPL")).LatestTrade, "a snapshot");
  check((await alpaca.getSnapshots(["AAPL", "KO"])).length === 2, "snapshots");
});

ledger.shows("crypto data", async function crypto() {
  const start = await ago(30);
  const pairs = ["BTC/USD"];
  check((await alpaca.getCryptoBars(pairs, { start, timeframe: "1Min" })).size, "bars");
  check((await alpaca.getCryptoTrades(pairs, { start, limit: 20 })).size, "trades");
  check((await alpaca.getCryptoQuotes(pairs, { start, limit: 20 })).size, "quotes");
  for (const kind of ["Trades", "Quotes", "Bars"]) check((await alpaca[`getLatestCrypto${kind}`](pairs)).size, kind);
  check((await alpaca.getCryptoSnapshots(pairs)).size, "snapshots");
  check((await alpaca.getCryptoOrderbooks(pairs)).size, "order books");
});

async function chain() {
  return (await alpaca.getOptionChain("AAPL", { type: "call", totalLimit: 20 })).map((one) => one.Symbol);
}

ledger.shows("option data", async function options() {
  const [symbol] = await chain();
  const start = await ago(1440);
  check((await alpaca.getOptionBars([symbol], { start, timeframe: "1Min", limit: 20 })) instanceof Map, "bars");
  check((await alpaca.getOptionTrades([symbol], { start, limit: 20 })) instanceof Map, "trades");
  check((await alpaca.getOptionLatestTrades([symbol])).size, "latest trades");
  check((await alpaca.getOptionLatestQuotes([symbol])).size, "latest quotes");
  check((await alpaca.getOptionSnapshots([symbol])).length, "snapshots");
});

ledger.shows("orders: options, multi-leg", async function optionOrder() {
  await filled(await order({ symbol: (await chain())[0], qty: 1 }));
});

ledger.shows("corporate actions", async function corporate() {
  const day = (await now()).getTime();
  const date = (offset) => new Date(day + offset * 86400000).toISOString().slice(0, 10);
  // A list would be sent as "symbols[]", which no server of Alpaca's knows.
  check(await alpaca.getCorporateActions("AAPL,KO", { start: date(-40), end: date(40) }), "actions");
});

ledger.shows("news", async function news() {
  check((await alpaca.getNews({ symbols: ["AAPL"], totalLimit: 3 })).length, "news");
});

ledger.shows("order updates", async function updates() {
  const heard = [];
  const stream = alpaca.trade_ws;
  stream.onConnect(() => stream.subscribe(["trade_updates"]));
  stream.onOrderUpdate((message) => heard.push(message.event));
  stream.connect();
  await until(() => stream.currentState === "connected", "its welcome");
  await new Promise((resolve) => setTimeout(resolve, 300));
  await order({ symbol: "WMT", qty: 1 });
  await until(() => heard.includes("fill"), () => `a fill (heard ${heard})`);
  stream.disconnect();
});

async function streamed(stream, channels, symbols) {
  const heard = new Set();
  for (const [channel, listen] of Object.entries(channels)) stream[listen](() => heard.add(channel));
  stream.onConnect(() => {
    for (const channel of Object.keys(channels)) stream[`subscribeFor${channel}`](symbols);
  });
  stream.connect();
  await until(() => heard.size === Object.keys(channels).length, () => `${Object.keys(channels)} (heard ${[...heard]})`);
  for (const channel of Object.keys(channels)) stream[`unsubscribeFrom${channel}`](symbols);
  stream.disconnect();
}

ledger.shows("stock stream", async function stockStream() {
  const channels = {
    Trades: "onStockTrade",
    Quotes: "onStockQuote",
    Bars: "onStockBar",
    DailyBars: "onStockDailyBar",
  };
  await streamed(alpaca.data_stream_v2, channels, ["AAPL", "KO"]);
});

ledger.shows("crypto stream", async function cryptoStream() {
  const channels = { Trades: "onCryptoTrade", Quotes: "onCryptoQuote", Bars: "onCryptoBar" };
  await streamed(alpaca.crypto_stream_v1beta3, channels, ["BTC/USD", "ETH/USD"]);
});

ledger.shows("option stream", async function optionStream() {
  await streamed(alpaca.option_stream, { Quotes: "onOptionQuote" }, (await chain()).slice(0, 5));
});

ledger.shows("positions, closing them", async function positions() {
  await alpaca.cancelAllOrders();
  await until(async () => (await alpaca.getOrders({ status: "open" })).length === 0, "the cancels");
  check((await alpaca.getPositions()).length > 0, "positions");
  await alpaca.closePosition("AAPL");
  await alpaca.closeAllPositions();
  await alpaca.sendRequest("/account");
});

ledger.shows("news stream", async function newsStream() {
  const heard = [];
  const stream = alpaca.news_stream;
  stream.onNews((one) => heard.push(one));
  stream.onConnect(() => stream.subscribeForNews(["*"]));
  stream.connect();
  await hurry();
  await until(() => heard.length, "news");
  stream.disconnect();
});

ledger.run();
