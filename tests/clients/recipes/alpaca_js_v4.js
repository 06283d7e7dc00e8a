"use strict";
const { Alpaca } = require("@alpacahq/alpaca-trade-api"); // 4.x

const rest = process.env.EXCHANGE_REST || "http://127.0.0.1:8900";
const web = rest.replace("http", "ws");
const ours = (address) => String(address).replace(/^https:\/\/(paper-api|api|data)\.alpaca\.markets/, rest);

// 4.x has no address to set: every request goes through this fetch.
const alpaca = new Alpaca({
  keyId: process.env.EXCHANGE_KEY,
  secret: process.env.EXCHANGE_SECRET,
  paper: true,
  fetchApi: (address, init) => fetch(ours(address), init),
});

// Streams do take an address.
const streams = {
  updates: () => alpaca.trading.stream({ url: `${web}/stream` }),
  stocks: () => alpaca.marketData.stockStream({ url: `${web}/v2/iex` }),
  crypto: () => alpaca.marketData.cryptoStream({ url: `${web}/v1beta3/crypto/us` }),
  options: () => alpaca.marketData.optionStream({ url: `${web}/v1beta1/indicative` }),
  news: () => alpaca.marketData.newsStream({ url: `${web}/v1beta1/news` }),
};

module.exports = { alpaca, streams };
