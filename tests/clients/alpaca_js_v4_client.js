"use strict";
// The JavaScript SDK 4.x: every generated method of the routes we have, its order builders, and its five streams.
const { Ledger, until, check, hurry } = require("./ledger.js");
const { alpaca, streams } = require("./recipes/alpaca_js_v4.js");
const { capabilities } = require("@alpacahq/alpaca-trade-api").capabilities;

const { version } = require("fs")
  .readFileSync(require.resolve("@alpacahq/alpaca-trade-api").replace(/dist.*/, "package.json"), "utf8")
  .match(/"version": "(?<version>.*?)"/).groups;
const LEFT_OUT = [
  ...["trading.cryptoFunding", "trading.events", "trading.locates", "trading.tokenization", "marketData.indices"],
  ...["marketData.cryptoPerpetualFutures", "marketData.fixedIncome", "marketData.forex", "marketData.logos"],
];
const ledger = new Ledger("JavaScript SDK", version);
for (const { accessor, methods } of capabilities) {
  const [group, name] = accessor.split(".");
  if (!LEFT_OUT.includes(accessor)) ledger.watch(alpaca[group][name], methods);
}

const { trading, marketData } = alpaca;
const { orders } = trading;
const DAY = 86400000;
const place = (orderId) => ({ orderId });
const filled = (one) =>
  until(async () => {
    const found = await orders.getOrderByOrderID(place(one.id));
    return found.status === "filled" && found;
  }, "a fill");
const now = async () => new Date((await trading.clock.legacyClock()).timestamp);
const ago = async (milliseconds) => new Date((await now()).getTime() - milliseconds);

ledger.shows("account", async function account() {
  check(Number((await trading.account.getAccount()).cash) > 0, "cash");
});

ledger.shows("account configurations", async function configurations() {
  await trading.accountConfigurations.getAccountConfig();
  const change = (noShorting) =>
    trading.accountConfigurations.patchAccountConfig({ accountConfigurations: { noShorting } });
  check((await change(true)).noShorting === true, "no shorting");
  await change(false);
});

ledger.shows("assets", async function assets() {
  check((await trading.assets.getV2Assets({ status: "active" })).length > 10, "assets");
  check((await trading.assets.getV2AssetsSymbolOrAssetId({ symbolOrAssetId: "AAPL" })).tradable, "tradable");
});

ledger.shows("clock, calendar", async function clock() {
  check((await trading.clock.legacyClock()).isOpen, "open");
  const span = { start: new Date("2022-06-01"), end: new Date("2022-06-08") };
  check((await trading.calendar.legacyCalendar(span)).length === 6, "six days");
  check((await trading.clock.clock()).clocks.length, "clocks");
  check((await trading.calendar.calendar({ market: "NYSE", ...span })).calendar.length === 6, "six days, v3");
});

ledger.shows("orders: market, limit, stop", async function plain() {
  await filled(await orders.market({ symbol: "AAPL", qty: 20, side: "buy" }));
  await orders.limit({ symbol: "KO", qty: 1, side: "buy", limitPrice: 40, clientOrderId: "of-my-own" });
  await orders.stop({ symbol: "AAPL", qty: 1, side: "sell", stopPrice: 90, timeInForce: "gtc" });
  await orders.stopLimit({ symbol: "KO", qty: 1, side: "buy", stopPrice: 99, limitPrice: 99.5 });
  await orders.postOrder({
    postOrderRequest: { symbol: "WMT", qty: "1", side: "buy", type: "market", timeInForce: "day" },
  });
});

ledger.shows("orders: trailing stop", async function trailing() {
  await orders.trailingStop({ symbol: "AAPL", qty: 1, side: "sell", trailPercent: 5 });
});

ledger.shows("orders: bracket, OCO, OTO", async function bracket() {
  const legs = { takeProfit: { limitPrice: 400 }, stopLoss: { stopPrice: 60 } };
  const made = await orders.bracket({ symbol: "PEP", qty: 1, side: "buy", limitPrice: 150, ...legs });
  check(made.legs.length === 2, "two legs");
  await orders.oco({ symbol: "AAPL", qty: 1, side: "sell", ...legs });
  await orders.oto({ symbol: "PG", qty: 1, side: "buy", limitPrice: 120, stopLoss: legs.stopLoss });
});

ledger.shows("orders: fractional", async function fractional() {
  await filled(await orders.market({ symbol: "MSFT", notional: 150.5, side: "buy" }));
});

ledger.shows("orders: extended hours, opg, cls, ioc, fok", async function times() {
  await orders.limit({ symbol: "KO", qty: 1, side: "buy", limitPrice: 40, extendedHours: true });
  const one = await orders.limit({ symbol: "JNJ", qty: 1, side: "buy", limitPrice: 20, timeInForce: "ioc" });
  await until(async () => (await orders.getOrderByOrderID(place(one.id))).status === "canceled", "its end");
  await orders.market({ symbol: "JNJ", qty: 1, side: "buy", timeInForce: "cls" });
});

ledger.shows("orders: found, listed, paged", async function listed() {
  check((await orders.getOrderByClientOrderId({ clientOrderId: "of-my-own" })).symbol === "KO", "KO");
  check((await orders.getAllOrders({ status: "all", limit: 3, nested: true })).length === 3, "three");
});

ledger.shows("orders: replace, cancel", async function changed() {
  const one = await orders.getOrderByClientOrderId({ clientOrderId: "of-my-own" });
  const two = await orders.patchOrderByOrderId({ ...place(one.id), patchOrderRequest: { limitPrice: "40.5" } });
  check(two.replaces === one.id, "replaces");
  await orders.deleteOrderByOrderID(place(two.id));
});

ledger.shows("orders: short", async function short() {
  await filled(await orders.market({ symbol: "PFE", qty: 5, side: "sell" }));
  check((await trading.positions.getOpenPosition({ symbolOrAssetId: "PFE" })).side === "short", "short");
});

ledger.shows("orders: crypto", async function coins() {
  await filled(await orders.market({ symbol: "BTC/USD", qty: 0.05, side: "buy", timeInForce: "gtc" }));
});

async function chain() {
  const found = await trading.assets.getOptionsContracts({ underlyingSymbols: "AAPL", type: "call", limit: 20 });
  return found.optionContracts.map((one) => one.symbol);
}

ledger.shows("option contracts", async function contracts() {
  const [symbol] = await chain();
  check((await trading.assets.getOptionContractSymbolOrId({ symbolOrId: symbol })).symbol === symbol, "a contract");
});

ledger.shows("orders: options, multi-leg", async function optionOrders() {
  const contracts = await chain();
  await filled(await orders.market({ symbol: contracts[0], qty: 2, side: "buy" }));
});

ledger.shows("option exercise", async function exercise() {
  const [symbolOrContractId] = await chain();
  await trading.positions.optionDoNotExercise({ symbolOrContractId });
  await trading.positions.optionExercise({ symbolOrContractId });
});

ledger.shows("refusals with code and text", async function refused() {
  const refusal = await orders.market({ symbol: "UNH", qty: 10000000, side: "buy" }).then(
    () => null,
    (error) => error
  );
  check(refusal && refusal.code === 40310000 && refusal.message === "insufficient buying power", "a refusal");
});

ledger.shows("activities", async function activities() {
  const { accountActivities } = trading;
  check((await accountActivities.getAccountActivities({ pageSize: 2 })).length === 2, "two");
  check((await accountActivities.getAccountActivitiesByActivityType({ activityType: "FILL" })).length, "fills");
});

ledger.shows("portfolio history", async function history() {
  const found = await trading.portfolioHistory.getAccountPortfolioHistory({ period: "1D", timeframe: "5Min" });
  check(found.timeframe === "5Min", "5Min");
});

ledger.shows("watchlists", async function watchlists() {
  const lists = trading.watchlists;
  const made = await lists.postWatchlist({ createWatchlistRequest: { name: "growth", symbols: ["AAPL", "MSFT"] } });
  const watchlistId = made.id;
  check((await lists.getWatchlists()).length === 1, "one");
  await lists.addAssetToWatchlist({ watchlistId, addAssetToWatchlistRequest: { symbol: "KO" } });
  check((await lists.removeAssetFromWatchlist({ watchlistId, symbol: "AAPL" })).assets.length === 2, "two");
  await lists.updateWatchlistById({ watchlistId, updateWatchlistRequest: { name: "slow", symbols: ["KO"] } });
  check((await lists.getWatchlistById({ watchlistId })).name === "slow", "renamed");
  const name = "slow";
  await lists.addAssetToWatchlistByName({ name, addAssetToWatchlistRequest: { symbol: "PG" } });
  await lists.updateWatchlistByName({ name, updateWatchlistRequest: { name, symbols: ["PG"] } });
  check((await lists.getWatchlistByName({ name })).assets.length === 1, "one asset");
  await lists.deleteWatchlistByName({ name });
  const other = await lists.postWatchlist({ createWatchlistRequest: { name: "other", symbols: [] } });
  await lists.deleteWatchlistById({ watchlistId: other.id });
});

ledger.shows("corporate actions", async function corporate() {
  const span = { since: await ago(40 * DAY), until: await ago(-40 * DAY) };
  const { corporateActions } = trading;
  const found = await corporateActions.getV2CorporateActionsAnnouncements({ caTypes: "dividend,split", ...span });
  await corporateActions.getV2CorporateActionsAnnouncementsId({ id: found[0].id });
  check(await marketData.corporateActions.corporateActions({ start: span.since, end: span.until }), "actions");
});

ledger.shows("stock bars, quotes, trades", async function stocks() {
  const wanted = { symbols: "AAPL,KO", start: await ago(1800000), limit: 20 };
  check((await marketData.stocks.stockBars({ timeframe: "5Min", ...wanted })).bars.AAPL, "bars");
  check((await marketData.stocks.stockTrades(wanted)).trades.AAPL, "trades");
  check((await marketData.stocks.stockQuotes(wanted)).quotes.AAPL, "quotes");
  const normal = await marketData.getStockBars({ symbols: ["AAPL"], timeframe: "5Min", start: await ago(1800000) });
  check(normal.AAPL.length, "normalized bars");
});

ledger.shows("stock latest, snapshots", async function latest() {
  const wanted = { symbols: "AAPL,KO" };
  check((await marketData.stocks.stockLatestBars(wanted)).bars.AAPL, "bars");
  check((await marketData.stocks.stockLatestQuotes(wanted)).quotes.AAPL, "quotes");
  check((await marketData.stocks.stockLatestTrades(wanted)).trades.AAPL, "trades");
  check((await marketData.stocks.stockSnapshots(wanted)).AAPL, "snapshots");
  check(await marketData.getLatestPrice("AAPL"), "a price");
});

ledger.shows("auctions, conditions, exchanges", async function meta() {
  const start = await ago(10 * DAY);
  check((await marketData.stocks.stockAuctions({ symbols: "AAPL", start })).auctions.AAPL, "auctions");
  check(await marketData.stocks.stockMetaConditions({ ticktype: "trade", tape: "A" }), "conditions");
  check(await marketData.stocks.stockMetaExchanges(), "exchanges");
});

ledger.shows("crypto data", async function crypto() {
  const pairs = { loc: "us", symbols: "BTC/USD" };
  const wanted = { ...pairs, start: await ago(1800000), limit: 20 };
  check((await marketData.crypto.cryptoBars({ timeframe: "1Min", ...wanted })).bars, "bars");
  check((await marketData.crypto.cryptoTrades(wanted)).trades, "trades");
  check((await marketData.crypto.cryptoQuotes(wanted)).quotes, "quotes");
  check((await marketData.crypto.cryptoSnapshots(pairs)).snapshots, "snapshots");
  check((await marketData.crypto.cryptoLatestBars(pairs)).bars, "bars");
  check((await marketData.crypto.cryptoLatestQuotes(pairs)).quotes, "quotes");
  check((await marketData.crypto.cryptoLatestTrades(pairs)).trades, "trades");
  check((await marketData.crypto.cryptoLatestOrderbooks(pairs)).orderbooks, "order books");
});

ledger.shows("option data", async function options() {
  const [symbols] = await chain();
  const wanted = { symbols, start: await ago(DAY), limit: 20 };
  check((await marketData.options.optionBars({ timeframe: "1Min", ...wanted })).bars, "bars");
  check((await marketData.options.optionTrades(wanted)).trades, "trades");
  check((await marketData.options.optionChain({ underlyingSymbol: "AAPL", limit: 5 })).snapshots, "chain");
  check((await marketData.options.optionSnapshots({ symbols })).snapshots, "snapshots");
  check((await marketData.options.optionLatestQuotes({ symbols })).quotes, "quotes");
  check((await marketData.options.optionLatestTrades({ symbols })).trades, "trades");
  check(await marketData.options.optionMetaConditions({ ticktype: "trade" }), "conditions");
  check(await marketData.options.optionMetaExchanges(), "exchanges");
});

ledger.shows("news", async function news() {
  check((await marketData.news.news({ symbols: "AAPL", limit: 3 })).news.length, "news");
});

ledger.shows("screener", async function screener() {
  check((await marketData.screener.mostActives({ by: "volume", top: 3 })).mostActives.length === 3, "three");
  check((await marketData.screener.movers({ marketType: "stocks", top: 3 })).gainers, "gainers");
});

async function streamed(stream, channels, symbols) {
  const heard = new Set();
  for (const [channel, listen] of Object.entries(channels)) stream[listen](() => heard.add(channel));
  stream.onConnect(() => {
    for (const channel of Object.keys(channels)) stream[`subscribeFor${channel}`](symbols);
  });
  stream.connect();
  check(await stream.waitForAuthentication(10000), "authenticated");
  await until(() => heard.size === Object.keys(channels).length, () => `${Object.keys(channels)} (heard ${[...heard]})`);
  stream.disconnect();
}

ledger.shows("order updates", async function updates() {
  const heard = [];
  const stream = streams.updates();
  stream.onTradeUpdate((update) => heard.push(update.event));
  stream.onConnect(() => stream.subscribeTradeUpdates());
  stream.connect();
  check(await stream.waitForAuthentication(10000), "authenticated");
  await new Promise((resolve) => setTimeout(resolve, 300));
  await orders.market({ symbol: "WMT", qty: 1, side: "buy" });
  await until(() => heard.includes("fill"), () => `a fill (heard ${heard})`);
  stream.disconnect();
});

ledger.shows("stock stream", async function stockStream() {
  const channels = { Trades: "onTrade", Quotes: "onQuote", Bars: "onBar", DailyBars: "onDailyBar" };
  await streamed(streams.stocks(), channels, ["AAPL", "KO"]);
});

ledger.shows("crypto stream", async function cryptoStream() {
  const channels = { Trades: "onTrade", Quotes: "onQuote", Bars: "onBar", Orderbooks: "onOrderbook" };
  await streamed(streams.crypto(), channels, ["BTC/USD", "ETH/USD"]);
});

ledger.shows("option stream", async function optionStream() {
  await streamed(streams.options(), { Quotes: "onQuote" }, (await chain()).slice(0, 5));
});

ledger.shows("positions, closing them", async function positions() {
  await orders.deleteAllOrders();
  await until(async () => (await orders.getAllOrders({ status: "open" })).length === 0, "the cancels");
  check((await trading.positions.getAllOpenPositions()).length, "positions");
  await trading.positions.getOpenPosition({ symbolOrAssetId: "AAPL" });
  await trading.positions.deleteOpenPosition({ symbolOrAssetId: "AAPL", percentage: 50 });
  await trading.positions.deleteAllOpenPositions({ cancelOrders: true });
});

ledger.shows("news stream", async function newsStream() {
  await hurry();
  await streamed(streams.news(), { News: "onNews" }, ["*"]);
});

ledger.run();
